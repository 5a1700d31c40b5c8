-- What changed, told to the stores at the commit: channel tandem_changed, one line each.
--
--     tenant:ID  domain:NAME  subscriber:ID  subscriber_gone:TENANT:USERNAME  gateway:ID
--     route:TENANT:PREFIX  did:TENANT:NUMBER  group:TENANT:NAME
--
-- It says which row to read again, not what is in it; a row that is not there any more is gone. When
-- a key changed both keys are told. did:TENANT:NUMBER means that what a number reaches may have
-- changed, whether it is a subscriber's own, a group's or a did.

create function tandem.tell(what text) returns void language sql as $$
	select pg_notify('tandem_changed', what)
$$;

create function tandem.tenant_changed() returns trigger language plpgsql as $$
begin
	perform tandem.tell('tenant:' || coalesce(new.tenant_id, old.tenant_id));
	if tg_op = 'UPDATE' and old.tenant_id <> new.tenant_id then
		perform tandem.tell('tenant:' || old.tenant_id);
	end if;
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.tenant
	for each row execute function tandem.tenant_changed();

create function tandem.domain_changed() returns trigger language plpgsql as $$
begin
	perform tandem.tell('domain:' || coalesce(new.domain, old.domain));
	if tg_op = 'UPDATE' and old.domain <> new.domain then
		perform tandem.tell('domain:' || old.domain);
	end if;
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.domain
	for each row execute function tandem.domain_changed();

create function tandem.subscriber_changed() returns trigger language plpgsql as $$
begin
	if tg_op <> 'INSERT' and (tg_op = 'DELETE' or old.username <> new.username
	    or old.tenant_id <> new.tenant_id) then
		perform tandem.tell(format('subscriber_gone:%s:%s', old.tenant_id, old.username));
	end if;
	if tg_op <> 'DELETE' then
		perform tandem.tell('subscriber:' || new.subscriber_id);
	end if;
	if tg_op <> 'INSERT' and old.number is not null
	    and (tg_op = 'DELETE' or old.number is distinct from new.number) then
		perform tandem.tell(format('did:%s:%s', old.tenant_id, old.number));
	end if;
	if tg_op <> 'DELETE' and new.number is not null
	    and (tg_op = 'INSERT' or old.number is distinct from new.number
	    or old.username <> new.username) then
		perform tandem.tell(format('did:%s:%s', new.tenant_id, new.number));
	end if;
	if tg_op = 'UPDATE' and old.username <> new.username then
		perform tandem.tell(format('did:%s:%s', d.tenant_id, d.number))
		    from tandem.did d where d.tenant_id = new.tenant_id
		    and d.subscriber_id = new.subscriber_id;
	end if;
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.subscriber
	for each row execute function tandem.subscriber_changed();

-- A service's row goes with its subscriber: that delete has been told already.
create function tandem.subscriber_part_changed() returns trigger language plpgsql as $$
begin
	perform tandem.tell('subscriber:' || coalesce(new.subscriber_id, old.subscriber_id));
	return null;
end $$;
create trigger changed after update on tandem.subscriber_service
	for each row execute function tandem.subscriber_part_changed();
create trigger changed after insert or update or delete on tandem.reg_delegate
	for each row execute function tandem.subscriber_part_changed();

create function tandem.gateway_changed() returns trigger language plpgsql as $$
begin
	perform tandem.tell('gateway:' || coalesce(new.gateway_id, old.gateway_id));
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.gateway
	for each row execute function tandem.gateway_changed();

create function tandem.route_changed() returns trigger language plpgsql as $$
begin
	if tg_op <> 'INSERT' then
		perform tandem.tell(format('route:%s:%s', old.tenant_id, old.prefix));
	end if;
	if tg_op <> 'DELETE' then
		perform tandem.tell(format('route:%s:%s', new.tenant_id, new.prefix));
	end if;
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.route
	for each row execute function tandem.route_changed();

create function tandem.did_changed() returns trigger language plpgsql as $$
begin
	if tg_op <> 'INSERT' then
		perform tandem.tell(format('did:%s:%s', old.tenant_id, old.number));
	end if;
	if tg_op <> 'DELETE' then
		perform tandem.tell(format('did:%s:%s', new.tenant_id, new.number));
	end if;
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.did
	for each row execute function tandem.did_changed();

create function tandem.group_changed() returns trigger language plpgsql as $$
begin
	if tg_op <> 'INSERT' then
		perform tandem.tell(format('group:%s:%s', old.tenant_id, old.name));
		perform tandem.tell(format('did:%s:%s', old.tenant_id, old.number));
	end if;
	if tg_op <> 'DELETE' then
		perform tandem.tell(format('group:%s:%s', new.tenant_id, new.name));
		perform tandem.tell(format('did:%s:%s', new.tenant_id, new.number));
	end if;
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.hunt_group
	for each row execute function tandem.group_changed();

create function tandem.group_member_changed() returns trigger language plpgsql as $$
begin
	perform tandem.tell(format('group:%s:%s', g.tenant_id, g.name)) from tandem.hunt_group g
	    where g.hunt_group_id in (old.hunt_group_id, new.hunt_group_id);
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.hunt_group_member
	for each row execute function tandem.group_member_changed();

insert into tandem.schema_version (version, name) values (9, 'changes');
