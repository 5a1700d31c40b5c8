-- FLOWS.md S2-16c: a telephone network takes 603 for a fault, and knows what busy is.

alter table tandem.gateway add column decline_as_busy boolean not null default false;

insert into tandem.schema_version (version, name) values (34, 'decline');
