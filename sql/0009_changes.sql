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

-- row_changed(KIND, COLUMN): KIND:VALUE of the row as it is, and as it was.
create function tandem.row_changed() returns trigger language plpgsql as $$
begin
	if tg_op <> 'DELETE' then
		perform tandem.tell(tg_argv[0] || ':' || (to_jsonb(new) ->> tg_argv[1]));
	end if;
	if tg_op <> 'INSERT' then
		perform tandem.tell(tg_argv[0] || ':' || (to_jsonb(old) ->> tg_argv[1]));
	end if;
	return null;
end $$;

-- key_changed(KIND, COLUMN, OWNER): KIND:OWNER:VALUE of the row as it was, and as it is; without OWNER it is
-- the tenant. COLUMN can be two with a / between, and so is VALUE then.
create function tandem.key_changed() returns trigger language plpgsql as $$
declare
	rows jsonb[] := case tg_op when 'INSERT' then array[to_jsonb(new)] when 'DELETE' then array[to_jsonb(old)]
	    else array[to_jsonb(old), to_jsonb(new)] end;
	r jsonb;
begin
	foreach r in array rows loop
		perform tandem.tell(concat_ws(':', tg_argv[0], r ->> coalesce(tg_argv[2], 'tenant_id'),
		    (select string_agg(r ->> c, '/' order by n)
		    from unnest(string_to_array(tg_argv[1], '/')) with ordinality as u (c, n))));
	end loop;
	return null;
end $$;

-- Its number, and the dids that lead to it by its name, are told only when they lead elsewhere now.
create function tandem.subscriber_changed() returns trigger language plpgsql as $$
declare
	renamed boolean := tg_op = 'UPDATE'
	    and (old.tenant_id, old.username) <> (new.tenant_id, new.username);
	renumbered boolean := old.number is distinct from new.number;
begin
	if tg_op = 'DELETE' or renamed then
		perform tandem.tell(format('subscriber_gone:%s:%s', old.tenant_id, old.username));
	end if;
	if tg_op <> 'DELETE' then
		perform tandem.tell('subscriber:' || new.subscriber_id);
	end if;
	if renumbered and old.number is not null then
		perform tandem.tell(format('did:%s:%s', old.tenant_id, old.number));
	end if;
	if (renumbered or renamed) and new.number is not null then
		perform tandem.tell(format('did:%s:%s', new.tenant_id, new.number));
	end if;
	if renamed then
		perform tandem.tell(format('did:%s:%s', d.tenant_id, d.number))
		    from tandem.did d where d.tenant_id = new.tenant_id
		    and d.subscriber_id = new.subscriber_id;
	end if;
	return null;
end $$;

create function tandem.member_changed() returns trigger language plpgsql as $$
begin
	perform tandem.tell(format('group:%s:%s', g.tenant_id, g.name)) from tandem.hunt_group g
	    where g.hunt_group_id in (old.hunt_group_id, new.hunt_group_id);
	return null;
end $$;

create trigger changed after insert or update or delete on tandem.tenant
	for each row execute function tandem.row_changed('tenant', 'tenant_id');
create trigger changed after insert or update or delete on tandem.domain
	for each row execute function tandem.row_changed('domain', 'domain');
create trigger changed after insert or update or delete on tandem.gateway
	for each row execute function tandem.row_changed('gateway', 'gateway_id');
create trigger changed after insert or update or delete on tandem.route
	for each row execute function tandem.key_changed('route', 'prefix');
create trigger changed after insert or update or delete on tandem.did
	for each row execute function tandem.key_changed('did', 'number');

create trigger changed after insert or update or delete on tandem.subscriber
	for each row execute function tandem.subscriber_changed();
-- A service's row comes and goes with its subscriber, who has been told already.
create trigger changed after update on tandem.subscriber_service
	for each row execute function tandem.row_changed('subscriber', 'subscriber_id');
create trigger changed after insert or update or delete on tandem.reg_delegate
	for each row execute function tandem.row_changed('subscriber', 'subscriber_id');

create trigger changed after insert or update or delete on tandem.hunt_group
	for each row execute function tandem.key_changed('group', 'name');
create trigger changed_number after insert or update or delete on tandem.hunt_group
	for each row execute function tandem.key_changed('did', 'number');
create trigger changed after insert or update or delete on tandem.hunt_group_member
	for each row execute function tandem.member_changed();

insert into tandem.schema_version (version, name) values (9, 'changes');
