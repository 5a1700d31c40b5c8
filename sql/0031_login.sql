-- Gateways that ask who calls: what we say when they answer 401 or 407. The password cannot be kept as a
-- digest: the realm is the gateway's, and known only when it asks.

alter table tandem.gateway
	add column auth_user text check (auth_user ~ '^[^[:cntrl:]"\\]{1,128}$'),
	add column auth_password text check (auth_password !~ '[[:cntrl:]]'
	    and octet_length(auth_password) between 1 and 128);

insert into tandem.schema_version (version, name) values (31, 'login');
