-- Codes of call completion (the worker's, which keeps what is asked for).
insert into tandem.feature_code (profile, pattern, action) values
	('nanp', '*66', 'ccbs.set'),   ('nanp', '*86', 'ccbs.clear'),
	('etsi', '*37#', 'ccbs.set'),  ('etsi', '#37#', 'ccbs.clear'), ('etsi', '*#37#', 'ccbs.query')
	on conflict do nothing;

insert into tandem.schema_version (version, name) values (36, 'completion');
