-- The schema, its version, and the text that may stand in it.
--
-- A migration is one file, applied once, in one transaction (tandemctl db upgrade), and ends by
-- recording itself. A file that has been released is never changed: what is to be different is said
-- in the next one. tandem-sql(7) explains every table, view and column.

create schema tandem;

create table tandem.schema_version (
	version    int primary key,
	name       text not null,
	applied_at timestamptz not null default now()
);
comment on table tandem.schema_version is 'the migrations applied to this database';

-- Text that came from the network: it is cut before it is written; a column says so once more.
create domain tandem.line as text check (octet_length(value) <= 1024);

-- A name that people type: something printable, nothing that would need quoting in a SIP URI.
create function tandem.is_name(name text, most int) returns boolean
language sql immutable strict parallel safe as $$
	select name !~ '[[:cntrl:][:space:]@<>"\\%:;?]' and octet_length(name) between 1 and most
$$;

create function tandem.is_printable(t text, most int) returns boolean
language sql immutable strict parallel safe as $$
	select t !~ '[[:cntrl:]]' and octet_length(t) between 1 and most
$$;

-- A telephone number as it is dialled or shown: digits, perhaps with + in front.
create function tandem.is_number(n text) returns boolean
language sql immutable strict parallel safe as $$
	select n ~ '^\+?[0-9]{1,32}$'
$$;

create function tandem.is_uri(u text) returns boolean
language sql immutable strict parallel safe as $$
	select octet_length(u) <= 256 and u ~* '^(sips?:([^[:cntrl:][:space:]<>"@]+@)?[][a-z0-9.:_-]+([;?][^[:cntrl:][:space:]<>"]*)?|tel:\+?[0-9*#.()-]+)$'
$$;

-- A place to send a call to: a number, a service code, or a SIP URI.
create function tandem.is_destination(d text) returns boolean
language sql immutable strict parallel safe as $$
	select d ~ '^(\+?[0-9]{1,32}|[*#][0-9*#]{1,31})$' or tandem.is_uri(d)
$$;

-- SERVICES.md: these are no extensions, whatever else a tenant does.
create function tandem.is_emergency(n text) returns boolean
language sql immutable strict parallel safe as $$
	select n in ('112', '911', '999', '000', '110', '118', '119', '933')
$$;

create function tandem.is_timezone(z text) returns boolean
language plpgsql stable strict as $$
begin
	perform now() at time zone z;
	return true;
exception when invalid_parameter_value then
	return false;
end $$;

insert into tandem.schema_version (version, name) values (1, 'schema');
