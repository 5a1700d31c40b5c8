-- The voicemail of a tenant (BILLING.md R19): a system of its own, at a number that leads to a gateway or to a
-- subscriber. What users send on to it nobody pays for.
alter table tandem.tenant add column voicemail text
	check (tandem.is_number(voicemail) and not tandem.is_emergency(voicemail));
create trigger no_emergency before insert or update of voicemail on tandem.tenant
	for each row execute function tandem.no_emergency('voicemail');

insert into tandem.feature_code (profile, pattern, action) values
	('both', '*97', 'vm.own'), ('both', '*98', 'vm.any');

insert into tandem.schema_version (version, name) values (47, 'voicemail');
