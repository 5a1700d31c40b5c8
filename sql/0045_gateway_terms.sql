-- Gateways: the realm of their challenges, where it is known (null: that of the first challenge), so that
-- nobody behind one is answered who names another; and those that charge for a call from its answer on,
-- whether or not the caller has confirmed it (BILLING.md R24).

alter table tandem.gateway
	add column realm text check (realm ~ '^[^[:cntrl:]"\\]+$' and octet_length(realm) <= 255),
	add column bill_unacked boolean not null default false;

insert into tandem.schema_version (version, name) values (45, 'gateway_terms');
