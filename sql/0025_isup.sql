-- Gateways that speak SIP-I or SIP-T: what telephone networks say to each other passes to them.

alter table tandem.gateway add column isup boolean not null default false;

insert into tandem.schema_version (version, name) values (25, 'isup');
