-- Speed dial (SERVICES.md C36, GR-570): a short number that stands for a long one, each subscriber's own.

create table tandem.speed_dial (
	tenant_id      int not null,
	subscriber_id  bigint not null,
	place          int not null check (place between 0 and 99),
	number         text not null check (tandem.is_number(number)
	               or (tandem.is_name(number, 64) and number !~ '[*#]')),
	primary key (subscriber_id, place),
	foreign key (tenant_id, subscriber_id)
		references tandem.subscriber (tenant_id, subscriber_id) on delete cascade
);

-- speed:SUBSCRIBER:PLACE
create function tandem.speed_changed() returns trigger language plpgsql as $$
begin
	if tg_op <> 'INSERT' then
		perform tandem.tell(format('speed:%s:%s', old.subscriber_id, old.place));
	end if;
	if tg_op <> 'DELETE' then
		perform tandem.tell(format('speed:%s:%s', new.subscriber_id, new.place));
	end if;
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.speed_dial
	for each row execute function tandem.speed_changed();

-- A number that would dial itself again: what stands for another number is taken once.
create function tandem.speed_leads_on() returns trigger language plpgsql as $$
begin
	if new.number ~ '^[0-9]{1,2}$' and new.number::int = new.place and not exists (
	    select from tandem.subscriber s where s.tenant_id = new.tenant_id
	    and new.number in (s.username, s.number)) then
		raise exception using errcode = 'check_violation', constraint = 'speed_dial_self',
		    message = format('speed_dial: %s cannot stand for itself', new.place);
	end if;
	return new;
end $$;
create trigger speed_leads_on before insert or update on tandem.speed_dial
	for each row execute function tandem.speed_leads_on();

-- All places at once, as PLACE:NUMBER with a comma between; empty: none is left.
create function tandem.speed_set(who bigint, words text) returns void language plpgsql as $$
declare
	w text;
	m text[];
begin
	delete from tandem.speed_dial x where x.subscriber_id = who;
	foreach w in array string_to_array(words, ',') loop
		m := regexp_match(trim(w), '^([0-9]{1,2}):(.+)$');
		if m is null then
			raise exception using errcode = 'check_violation', constraint = 'speed_dial_words',
			    message = format('speed_dial: %s is not PLACE:NUMBER with a place of 0 to 99', trim(w));
		end if;
		insert into tandem.speed_dial (tenant_id, subscriber_id, place, number)
		    select s.tenant_id, who, m[1]::int, m[2] from tandem.subscriber s where s.subscriber_id = who;
	end loop;
end $$;

create function tandem.speed_of(who bigint) returns text language sql stable as $$
	select string_agg(x.place || ':' || x.number, ',' order by x.place) from tandem.speed_dial x
	    where x.subscriber_id = who
$$;

-- What the codes do, as feature_act. speed.one and speed.two are North America's, whose place has one
-- digit, 2 to 9, or two, 20 to 49, and the number behind it; speed's are place*number. Without a number it
-- is asked for.
create function tandem.speed_act(who bigint, act text, dialled text, out status int, out phrase text)
language plpgsql as $$
declare
	digits text := case when act = 'speed.one.set' then substr(dialled, 1, 1)
	    when act = 'speed.two.set' then substr(dialled, 1, 2) else split_part(dialled, '*', 1) end;
	long text := nullif(case when act = 'speed.one.set' then substr(dialled, 2)
	    when act = 'speed.two.set' then substr(dialled, 3) else split_part(dialled, '*', 2) end, '');
begin
	status := 403;
	phrase := case when act = 'speed.one.set' and digits !~ '^[2-9]$' then 'speed dial: 2 to 9'
	    when act = 'speed.two.set' and digits !~ '^[2-4][0-9]$' then 'speed dial: 20 to 49'
	    when coalesce(digits, '') !~ '^[0-9]{1,2}$' then 'speed dial: 0 to 99' end;
	if phrase is not null then
		return;
	end if;
	if act = 'speed.clear' then
		delete from tandem.speed_dial x where x.subscriber_id = who and x.place = digits::int;
	elsif act ~ 'set$' and long is not null then
		insert into tandem.speed_dial (tenant_id, subscriber_id, place, number)
		    select s.tenant_id, who, digits::int, long from tandem.subscriber s
		    where s.subscriber_id = who
		on conflict (subscriber_id, place) do update set number = excluded.number;
	end if;
	status := 200;
	phrase := format('%s %s', digits::int, coalesce((select x.number from tandem.speed_dial x
	    where x.subscriber_id = who and x.place = digits::int), 'off'));
exception when check_violation or string_data_right_truncation then
	status := 403;
	phrase := sqlerrm;
end $$;

insert into tandem.feature_code (profile, pattern, action) values
	('nanp', '*74N', 'speed.one.set'), ('nanp', '*75N', 'speed.two.set'),
	('etsi', '*51*N*N#', 'speed.set'), ('etsi', '#51*N#', 'speed.clear'),
	('etsi', '*#51*N#', 'speed.query'), ('both', '*0N', 'speed.dial')
	on conflict do nothing;

alter function tandem.feature_act(bigint, text, text, int) rename to feature_no_speed;
create function tandem.feature_act(who bigint, act text, dialled text, seconds int,
    out status int, out phrase text) language sql as $$
	select a.status, a.phrase from tandem.speed_act(who, act, dialled) a where act ~ '^speed\.'
	union all
	select a.status, a.phrase from tandem.feature_no_speed(who, act, dialled, seconds) a
	    where act !~ '^speed\.'
$$;

-- As in 0030, with the speed dial.
create or replace function tandem.grant_roles() returns void language plpgsql as $$
begin
	if to_regrole('tandem_rw') is not null then
		revoke all on all tables in schema tandem from tandem_rw;
		grant usage on schema tandem to tandem_rw;
		grant select on all tables in schema tandem to tandem_rw;
		grant insert, update, delete on tandem.binding, tandem.message to tandem_rw;
		grant update on tandem.subscriber_service, tandem.hunt_group_member to tandem_rw;
		grant insert, update on tandem.call to tandem_rw;
		grant insert on tandem.cdr, tandem.cdr_leg, tandem.cdr_event to tandem_rw;
		grant insert, delete on tandem.caller_list to tandem_rw;
		grant insert, update, delete on tandem.barring_pin, tandem.speed_dial to tandem_rw;
		grant update on tandem.export_mark to tandem_rw;
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
revoke all on function tandem.grant_roles() from public;
select tandem.grant_roles();

insert into tandem.schema_version (version, name) values (35, 'speed');
