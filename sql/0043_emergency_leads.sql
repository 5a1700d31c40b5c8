-- SERVICES.md C42: what leads to a number keeps it from becoming an emergency number as well, not only whose it
-- is; and who sets the one while another sets the other waits for him (no_emergency in 0038).

create or replace function tandem.emergency_is_nobodys(of_country text, n text, of_tenant int) returns void
language plpgsql as $$
declare
	taken record;
begin
	perform pg_advisory_xact_lock(hashtext('tandem.emergency_number'));
	select t.name, e.number, x.how into taken from tandem.tenant t
	join tandem.emergency_number e on e.country = t.country
	join lateral (select username as number, 'is somebody''s' as how from tandem.subscriber s
	        where s.tenant_id = t.tenant_id
	    union all select s.number, 'is somebody''s' from tandem.subscriber s where s.tenant_id = t.tenant_id
	    union all select g.number, 'is somebody''s' from tandem.hunt_group g where g.tenant_id = t.tenant_id
	    union all select d.number, 'is somebody''s' from tandem.did d where d.tenant_id = t.tenant_id
	    union all select tandem.destination_user(g.overflow, g.tenant_id), 'is where a group overflows to'
	        from tandem.hunt_group g where g.tenant_id = t.tenant_id
	    union all select tandem.destination_user(f.number, f.tenant_id), 'is where somebody is followed to'
	        from tandem.follow_me_number f where f.tenant_id = t.tenant_id
	    union all select tandem.destination_user(dest, v.tenant_id), 'is where somebody''s calls are sent'
	        from tandem.subscriber_service v, unnest(array[v.cfu, v.cfb, v.cfnr, v.cfnrc, v.cfs]) dest
	        where v.tenant_id = t.tenant_id
	    union all select tandem.destination_user(v.hotline, v.tenant_id), 'is what somebody''s phone calls by itself'
	        from tandem.subscriber_service v where v.tenant_id = t.tenant_id) x
	    on x.number = e.number
	where t.country = of_country and (n is null or e.number = n)
	and (of_tenant is null or t.tenant_id = of_tenant) limit 1;
	if found then
		raise exception using errcode = 'check_violation', constraint = 'emergency_is_nobodys',
		    message = format('%s: the emergency number %s %s in tenant %s', of_country,
		        taken.number, taken.how, taken.name);
	end if;
end $$;

insert into tandem.schema_version (version, name) values (43, 'emergency_leads');
