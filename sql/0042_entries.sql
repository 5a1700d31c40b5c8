-- Numbers that subscribers put in by themselves, at the phone: speed dial and lists of callers. The directory
-- of all tenants has room for so many ($5, from limits.subscribers); a tenant may have as many as are then
-- still free, so that the users of one never take the room of another's.
create function tandem.feature_within(who bigint, act text, dialled text, seconds int, room bigint,
    out status int, out phrase text) language plpgsql as $$
declare
	his bigint;
	his_before bigint;
	of_all bigint;
begin
	select e.his into his_before from tandem.entries(who) e;
	select a.status, a.phrase into status, phrase from tandem.feature_act(who, act, dialled, seconds) a;
	select e.his, e.of_all into his, of_all from tandem.entries(who) e;
	if his > his_before and his > room - of_all then
		raise exception using errcode = 'program_limit_exceeded';
	end if;
exception when program_limit_exceeded then -- and what was done is undone
	status := 403;
	phrase := 'no room for another number';
end $$;

-- Those of a subscriber's tenant, and all there are.
create function tandem.entries(who bigint, out his bigint, out of_all bigint) language sql stable as $$
	select count(*) filter (where e.tenant_id = s.tenant_id), count(*)
	from (select tenant_id from tandem.speed_dial union all select tenant_id from tandem.caller_list) e,
	    (select x.tenant_id from tandem.subscriber x where x.subscriber_id = who) s
$$;

insert into tandem.schema_version (version, name) values (42, 'entries');
