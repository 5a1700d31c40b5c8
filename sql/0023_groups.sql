-- Hunt groups: what changes is told at once, what would go in a circle is refused where it is set, and a
-- member logs in and out by a service code.

-- A number is reached with and without its +, as the calls read it.
create function tandem.destination_group(dest text, of_tenant int) returns int
language sql stable strict as $$
	select x.hunt_group_id
	from tandem.destination_user(dest, of_tenant) u,
	    lateral (select g.hunt_group_id, g.number from tandem.hunt_group g where g.tenant_id = of_tenant
	        union all select d.hunt_group_id, d.number from tandem.did d
	        where d.tenant_id = of_tenant and d.hunt_group_id is not null) x
	where x.number in (u, '+' || u, ltrim(u, '+')) limit 1
$$;

-- Where overflow leads, from group to group.
create function tandem.overflow_leads_on() returns trigger language plpgsql as $$
declare
	theirs text := lower(substring(new.overflow from '^[Ss][Ii][Pp][Ss]?:[^@]+@([^;:?]+)'));
	wrong text;
begin
	wrong := case
	    when tandem.destination_group(new.overflow, new.tenant_id) = new.hunt_group_id
	        then 'self:the calls of a group cannot overflow to itself'
	    when tandem.is_emergency(tandem.destination_user(new.overflow, new.tenant_id))
	        then 'emergency:calls cannot overflow to an emergency number'
	    when exists (select from tandem.domain d
	        where d.domain = theirs and d.tenant_id <> new.tenant_id)
	        then 'tenant:calls cannot overflow into another tenant'
	    when exists (with recursive way (id) as (
	            select tandem.destination_group(new.overflow, new.tenant_id)
	            union select tandem.destination_group(g.overflow, g.tenant_id)
	            from way join tandem.hunt_group g on g.hunt_group_id = way.id)
	        select from way where way.id = new.hunt_group_id)
	        then 'circle:this overflow leads back to the group'
	    end;
	if wrong is not null then
		raise exception using errcode = 'check_violation',
		    constraint = 'hunt_group_overflow_' || split_part(wrong, ':', 1),
		    message = format('overflow: %s (%s)', split_part(wrong, ':', 2), new.overflow);
	end if;
	return null;
end $$;
create trigger overflow_leads_on after insert or update of overflow, number on tandem.hunt_group
	for each row when (new.overflow is not null) execute function tandem.overflow_leads_on();

-- A group that follows its members' forwards contains itself when one of them forwards always to it.
create function tandem.contains_itself() returns trigger language plpgsql as $$
declare
	me jsonb := to_jsonb(new);
	who text;
begin
	select s.username || ' forwards always to group ' || g.name into who
	from tandem.hunt_group g
	join tandem.hunt_group_member m using (tenant_id, hunt_group_id)
	join tandem.subscriber s using (tenant_id, subscriber_id)
	join tandem.subscriber_service v using (tenant_id, subscriber_id)
	where g.tenant_id = new.tenant_id and g.features = 'follow'
	and (me ->> 'hunt_group_id' is null or g.hunt_group_id = (me ->> 'hunt_group_id')::int)
	and (me ->> 'subscriber_id' is null or s.subscriber_id = (me ->> 'subscriber_id')::bigint)
	and tandem.destination_group(v.cfu, v.tenant_id) = g.hunt_group_id limit 1;
	if found then
		raise exception using errcode = 'check_violation', constraint = 'hunt_group_in_itself',
		    message = format('a group cannot contain itself: member %s, which follows its members',
		        who);
	end if;
	return null;
end $$;
create trigger contains_itself after update of features, number on tandem.hunt_group
	for each row execute function tandem.contains_itself();
create trigger contains_itself after insert or update of hunt_group_id, subscriber_id on tandem.hunt_group_member
	for each row execute function tandem.contains_itself();
create trigger contains_itself after update of cfu on tandem.subscriber_service
	for each row when (new.cfu is not null) execute function tandem.contains_itself();

-- A group's name stands in what its dids lead to, a member's in the group.
create function tandem.group_renamed() returns trigger language plpgsql as $$
begin
	perform tandem.tell(format('did:%s:%s', d.tenant_id, d.number)) from tandem.did d
	    where d.tenant_id = new.tenant_id and d.hunt_group_id = new.hunt_group_id;
	return null;
end $$;
create trigger renamed after update of name on tandem.hunt_group
	for each row when (old.name <> new.name) execute function tandem.group_renamed();

create function tandem.member_renamed() returns trigger language plpgsql as $$
begin
	perform tandem.tell(format('group:%s:%s', g.tenant_id, g.name))
	    from tandem.hunt_group g join tandem.hunt_group_member m using (tenant_id, hunt_group_id)
	    where m.tenant_id = new.tenant_id and m.subscriber_id = new.subscriber_id;
	return null;
end $$;
create trigger renamed after update of username on tandem.subscriber
	for each row when (old.username <> new.username) execute function tandem.member_renamed();

insert into tandem.schema_version (version, name) values (23, 'groups');
