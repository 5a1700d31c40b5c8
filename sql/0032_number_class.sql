-- What a number costs more or less than others, by its beginning (BILLING.md call_class): the longest
-- prefix counts, and of one length the tenant's own row before that of all (tenant_id 0). prefix is of
-- E.164 without its +. Today barring acts on class premium; another class, as national, is an exception
-- from a shorter one.

create table tandem.number_class (
	tenant_id  int not null default 0 check (tenant_id >= 0),
	prefix     text not null check (prefix ~ '^[1-9][0-9]{0,14}$'),
	class      tandem.call_class not null,
	primary key (tenant_id, prefix)
);

insert into tandem.number_class (prefix, class)
select p, 'premium' from unnest(array['1900', '31900', '31906', '31909', '3389', '34803', '34806', '34807',
	'3989', '4190', '4390', '4393', '449', '49900', '61190']) p;

create trigger changed after insert or update or delete on tandem.number_class
	for each row execute function tandem.key_changed('class', 'prefix');
select tandem.grant_roles();

insert into tandem.schema_version (version, name) values (32, 'number_class');
