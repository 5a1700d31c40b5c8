-- Roles, for whoever wants the exchange or its readers to log in as something less than the owner:
-- `grant tandem_rw to NAME`. A role belongs to the whole cluster: it is made when it is not there and
-- the one who migrates may make it; where there is none nothing is granted, and the next
-- `select tandem.grant_roles()` after it has been made does so.

-- What the exchange writes, each table from the migration on that makes it.
create function tandem.grant_roles() returns void language plpgsql as $$
declare
	g record;
begin
	if to_regrole('tandem_rw') is not null then
		revoke all on all tables in schema tandem from tandem_rw;
		grant usage on schema tandem to tandem_rw;
		grant select on all tables in schema tandem to tandem_rw;
		for g in select * from (values
		    ('binding', 'insert, update, delete'), ('message', 'insert, update, delete'),
		    ('barring_pin', 'insert, update, delete'), ('speed_dial', 'insert, update, delete'),
		    ('caller_list', 'insert, delete'),
		    ('subscriber_service', 'update'), ('hunt_group_member', 'update'), ('export_mark', 'update'),
		    ('call', 'insert, update'), ('cdr', 'insert'), ('cdr_leg', 'insert'), ('cdr_event', 'insert'))
		    as v (name, rights) where to_regclass('tandem.' || name) is not null
		loop
			execute format('grant %s on tandem.%I to tandem_rw', g.rights, g.name);
		end loop;
		grant execute on function tandem.cdr_partitions(int, timestamptz) to tandem_rw;
	end if;
	if to_regrole('billing_ro') is not null then
		revoke all on all tables in schema tandem from billing_ro;
		grant usage on schema tandem to billing_ro;
		grant select on tandem.v_cdr_csv, tandem.v_cdr_json, tandem.v_calls, tandem.v_call_legs,
		    tandem.v_missed_calls, tandem.v_unrated, tandem.v_daily_account,
		    tandem.v_daily_trunk, tandem.v_daily_destination, tandem.v_monthly_invoice_lines,
		    tandem.v_traffic_quality, tandem.v_hourly_concurrency, tandem.v_billing_audit,
		    tandem.v_cdr_asterisk, tandem.v_cdr_fusionpbx to billing_ro;
	end if;
end $$;

do $$
declare
	name text;
begin
	foreach name in array array['tandem_rw', 'billing_ro'] loop
		continue when to_regrole(name) is not null;
		begin
			execute format('create role %I nologin', name);
		exception when insufficient_privilege or duplicate_object or unique_violation then
			raise notice 'role % not made: %', name, sqlerrm;
		end;
	end loop;
end $$;

revoke all on function tandem.cdr_partitions(int, timestamptz) from public;
revoke all on function tandem.grant_roles() from public;
select tandem.grant_roles();

insert into tandem.schema_version (version, name) values (14, 'roles');
