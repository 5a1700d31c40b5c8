-- Emergency numbers by country (SERVICES.md C42). Those of tandem.is_emergency() are everywhere, whatever a
-- table says: a roaming phone dials what it knows. These are a country's besides.

create table tandem.emergency_number (
	country  text not null check (country ~ '^[A-Z]{2}$'),
	number   text not null check (number ~ '^[0-9]{2,6}$'),
	primary key (country, number)
);

insert into tandem.emergency_number (country, number)
select split_part(c, ' ', 1), n from unnest(array['AT 122,133,144', 'AU 106', 'BE 100,101', 'BR 190,192,193',
    'CH 117,144', 'CN 120,122', 'CZ 150,155,156,158', 'FR 15,17,18,114', 'IN 100,101,102,108',
    'IT 113,115', 'NO 113', 'NZ 111', 'PL 997,998', 'RU 101,102,103', 'SG 995', 'ZA 10111,10177']) c,
    unnest(string_to_array(split_part(c, ' ', 2), ',')) n;

-- ISO 3166-1; null: only what is an emergency number everywhere.
alter table tandem.tenant add column country text check (country ~ '^[A-Z]{2}$');

create function tandem.is_emergency_of(n text, of_tenant int) returns boolean
language sql stable strict as $$
	select tandem.is_emergency(n) or exists (select from tandem.emergency_number e
	    join tandem.tenant t on t.country = e.country where t.tenant_id = of_tenant and e.number = n)
$$;

-- no_emergency(COLUMN...): none of these is an emergency number of the tenant's country, nor leads to one.
-- What is one everywhere is refused by the checks and triggers of each table.
create function tandem.no_emergency() returns trigger language plpgsql as $$
declare
	f text;
	n text;
begin
	perform pg_advisory_xact_lock_shared(hashtext('tandem.emergency_number')); -- 0043
	foreach f in array tg_argv loop
		n := tandem.destination_user(to_jsonb(new) ->> f, new.tenant_id);
		if tandem.is_emergency_of(n, new.tenant_id) and not tandem.is_emergency(n) then
			raise exception using errcode = 'check_violation',
			    constraint = tg_table_name || '_no_emergency',
			    message = format('%s: %s is an emergency number of the tenant''s country', f, n);
		end if;
	end loop;
	return new;
end $$;
create trigger no_emergency before insert or update of username, number on tandem.subscriber
	for each row execute function tandem.no_emergency('username', 'number');
create trigger no_emergency before insert or update of number, overflow on tandem.hunt_group
	for each row execute function tandem.no_emergency('number', 'overflow');
create trigger no_emergency before insert or update of number on tandem.did
	for each row execute function tandem.no_emergency('number');
create trigger no_emergency before insert or update of number on tandem.follow_me_number
	for each row execute function tandem.no_emergency('number');
create trigger no_emergency before insert or update of cfu, cfb, cfnr, cfnrc, cfs, hotline
	on tandem.subscriber_service
	for each row execute function tandem.no_emergency('cfu', 'cfb', 'cfnr', 'cfnrc', 'cfs', 'hotline');

-- What is somebody's already cannot become an emergency number.
create function tandem.emergency_is_nobodys(of_country text, n text, of_tenant int) returns void
language plpgsql as $$
declare
	taken record;
begin
	select t.name, x.number into taken from tandem.emergency_number e
	join tandem.tenant t on t.country = e.country
	join lateral (select username as number from tandem.subscriber s where s.tenant_id = t.tenant_id
	    union all select s.number from tandem.subscriber s where s.tenant_id = t.tenant_id
	    union all select g.number from tandem.hunt_group g where g.tenant_id = t.tenant_id
	    union all select d.number from tandem.did d where d.tenant_id = t.tenant_id) x
	    on x.number = e.number
	where e.country = of_country and (n is null or e.number = n)
	and (of_tenant is null or t.tenant_id = of_tenant) limit 1;
	if found then
		raise exception using errcode = 'check_violation', constraint = 'emergency_is_nobodys',
		    message = format('%s: the emergency number %s is somebody''s in tenant %s', of_country,
		        taken.number, taken.name);
	end if;
end $$;
create function tandem.emergency_changed() returns trigger language plpgsql as $$
begin
	if tg_op <> 'INSERT' then
		perform tandem.tell(format('emergency:0:%s%s', old.country, old.number));
	end if;
	if tg_op <> 'DELETE' then
		perform tandem.emergency_is_nobodys(new.country, new.number, null);
		perform tandem.tell(format('emergency:0:%s%s', new.country, new.number));
	end if;
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.emergency_number
	for each row execute function tandem.emergency_changed();
create function tandem.country_changed() returns trigger language plpgsql as $$
begin
	perform tandem.emergency_is_nobodys(new.country, null, new.tenant_id);
	return null;
end $$;
create trigger country_changed after update of country on tandem.tenant
	for each row when (new.country is not null) execute function tandem.country_changed();
select tandem.grant_roles();

insert into tandem.schema_version (version, name) values (38, 'emergency_number');
