-- Codes of call pickup: **EXT answers the call that rings at an extension, *8 one that rings at a member
-- of one's own pickup_group. They change no setting: the worker does them, not feature_act.
insert into tandem.feature_code (profile, pattern, action) values
	('both', '*8', 'pickup.group'), ('both', '**N', 'pickup.directed')
	on conflict do nothing;

insert into tandem.schema_version (version, name) values (22, 'pickup');
