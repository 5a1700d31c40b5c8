-- Orbits: numbers of a tenant that lead to nobody, where calls are parked. recall_s: whoever parked one is
-- rung again after so many seconds. The word is used as text: a value of an enum is not to be used in the
-- transaction that brings it.
alter type tandem.did_kind add value 'park';
alter table tandem.did
	add column recall_s int check (recall_s between 5 and 3600),
	add constraint did_recall_s_of_park check ((kind::text = 'park') = (recall_s is not null)),
	add constraint did_park_digits check (kind::text <> 'park' or number ~ '^[0-9]{1,15}$');

-- The tenant's record names its lowest orbit.
create function tandem.orbit_changed() returns trigger language plpgsql as $$
begin
	if old.kind::text = 'park' or new.kind::text = 'park' then
		perform tandem.tell('tenant:' || t)
		    from (select old.tenant_id union select new.tenant_id) x (t) where t is not null;
	end if;
	return null;
end $$;
create trigger changed_orbit after insert or update or delete on tandem.did
	for each row execute function tandem.orbit_changed();

insert into tandem.feature_code (profile, pattern, action) values
	('both', '*59', 'park'), ('both', '*59N', 'park')
	on conflict do nothing;

insert into tandem.schema_version (version, name) values (27, 'park');
