-- The voicemail of a tenant (BILLING.md R19): a system of its own, at a number that leads to a gateway or to a
-- subscriber. What users send on to it nobody pays for.
alter table tandem.tenant add column voicemail text
	check (tandem.is_number(voicemail) and not tandem.is_emergency(voicemail));
create trigger no_emergency before insert or update of voicemail on tandem.tenant
	for each row execute function tandem.no_emergency('voicemail');

-- Nor does it become one with the country, or when the country gets a number.
create function tandem.voicemail_is_no_emergency() returns trigger language plpgsql as $$
declare
	taken record;
begin
	perform pg_advisory_xact_lock(hashtext('tandem.emergency_number'));
	select t.name, e.country, e.number into taken from tandem.tenant t
	join tandem.emergency_number e on e.country = t.country and e.number = t.voicemail limit 1;
	if found then
		raise exception using errcode = 'check_violation', constraint = 'emergency_is_nobodys',
		    message = format('%s: the emergency number %s is the voicemail of tenant %s', taken.country,
		        taken.number, taken.name);
	end if;
	return null;
end $$;
create trigger voicemail_is_no_emergency after update of country, voicemail on tandem.tenant
	for each statement execute function tandem.voicemail_is_no_emergency();
create trigger voicemail_is_no_emergency after insert or update on tandem.emergency_number
	for each statement execute function tandem.voicemail_is_no_emergency();

insert into tandem.feature_code (profile, pattern, action) values
	('both', '*97', 'vm.own'), ('both', '*98', 'vm.any')
on conflict do nothing;

insert into tandem.schema_version (version, name) values (47, 'voicemail');
