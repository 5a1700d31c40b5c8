-- Selective forwarding by time and Priority as well (SERVICES.md C5; TS 24.604, RFC 3880): a subscriber's rules.
-- Of a rule all conditions that are set must hold; the first rule of which they do sends the call on. After the
-- rules come cfs and its list of callers (0026).

create type tandem.weekday as enum ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun');
create type tandem.call_priority as enum ('non-urgent', 'normal', 'urgent', 'emergency'); -- RFC 3261 20.26

create table tandem.forward_rule (
	tenant_id      int not null,
	subscriber_id  bigint not null,
	position       int not null check (position between 1 and 8),
	destination    text not null check (tandem.is_destination(destination)),
	days           tandem.weekday[] check (cardinality(days) > 0),
	from_time      time,
	to_time        time, -- earlier than from_time: of the next day; '24:00' is the day's end
	from_date      date check (isfinite(from_date)),
	to_date        date check (isfinite(to_date)), -- included
	callers        text[] check (cardinality(callers) > 0),
	priority       tandem.call_priority[] check (cardinality(priority) > 0),
	primary key (subscriber_id, position),
	foreign key (tenant_id, subscriber_id)
		references tandem.subscriber (tenant_id, subscriber_id) on delete cascade,
	check ((from_time is null) = (to_time is null) and from_time <> to_time),
	check (from_date <= to_date),
	check (num_nonnulls(days, from_time, from_date, to_date, callers, priority) > 0)
);

-- What is wrong with a rule, in words; null: nothing.
create function tandem.forward_rule_wrong(r tandem.forward_rule) returns text language plpgsql stable as $$
declare
	theirs text := lower(substring(r.destination from '^[Ss][Ii][Pp][Ss]?:[^@]+@([^;:?]+)'));
	c text;
begin
	foreach c in array coalesce(r.callers, '{}') loop
		if c is null or not tandem.is_caller(c) then
			return format('not a number or a name (%s)', left(c, 32));
		elsif tandem.is_emergency_of(c, r.tenant_id) then
			return format('an emergency number is always put through (%s)', c);
		elsif c !~ '^[+0-9*]' and c <> 'anonymous' and not exists (select from tandem.subscriber s
		    where s.tenant_id = r.tenant_id and s.username = c) then
			return format('no such subscriber: %s', c);
		end if;
	end loop;
	return case
	    when r.position not between 1 and 8 then 'there are eight at most'
	    when r.destination is null then 'where the calls go is missing (to=)'
	    when not tandem.is_destination(r.destination)
	        then format('neither a number nor a SIP URI (%s)', left(r.destination, 64))
	    when tandem.is_self(r.destination, r.tenant_id, r.subscriber_id)
	        then format('a subscriber''s calls cannot be forwarded to itself (%s)', r.destination)
	    when tandem.is_emergency(tandem.destination_user(r.destination, r.tenant_id))
	        then format('calls cannot be forwarded to an emergency number (%s)', r.destination)
	    when exists (select from tandem.domain d where d.domain = theirs and d.tenant_id <> r.tenant_id)
	        then format('calls cannot be forwarded into another tenant (%s)', r.destination)
	    when num_nonnulls(r.days, r.from_time, r.from_date, r.to_date, r.callers, r.priority) = 0
	        then format('a rule without a condition is cfu (%s)', r.destination)
	    when num_nulls(r.from_time, r.to_time) = 1 then 'a time of the day has a beginning and an end'
	    when r.from_time = r.to_time or r.from_time = '24:00'
	        or extract(second from r.from_time) + extract(second from r.to_time) > 0
	        then format('not a time of the day, from 00:00 to 24:00 (%s-%s)', r.from_time, r.to_time)
	    when not isfinite(r.from_date) or not isfinite(r.to_date)
	        or r.from_date not between '1970-01-01' and '9999-12-31'
	        or r.to_date not between '1970-01-01' and '9999-12-31' or r.from_date > r.to_date
	        then format('not a range of dates (%s..%s)', r.from_date, r.to_date)
	    when array_position(r.days, null) is not null or array_position(r.priority, null) is not null
	        or 0 in (cardinality(r.days), cardinality(r.priority), cardinality(r.callers))
	        then 'an empty list is no condition'
	    when octet_length(array_to_string(r.callers, ',')) > 128
	        then 'its callers take more than 128 characters'
	    end;
end $$;

create function tandem.forward_rule_leads_on() returns trigger language plpgsql as $$
declare
	wrong text := tandem.forward_rule_wrong(new);
begin
	if wrong is not null then
		raise exception using errcode = 'check_violation', table = 'forward_rule',
		    constraint = 'forward_rule_wrong', message = format('cfs_rules: %s', wrong);
	end if;
	return new;
end $$;
create trigger forward_rule_leads_on before insert or update on tandem.forward_rule
	for each row execute function tandem.forward_rule_leads_on();
create trigger no_emergency before insert or update of destination on tandem.forward_rule
	for each row execute function tandem.no_emergency('destination');

-- rules:SUBSCRIBER, and the subscriber, who may have rules now, or none.
create function tandem.forward_rule_changed() returns trigger language plpgsql as $$
begin
	if tg_op <> 'INSERT' then
		perform tandem.tell('rules:' || old.subscriber_id);
		perform tandem.tell('subscriber:' || old.subscriber_id);
	end if;
	if tg_op <> 'DELETE' then
		perform tandem.tell('rules:' || new.subscriber_id);
		perform tandem.tell('subscriber:' || new.subscriber_id);
	end if;
	return null;
end $$;
create trigger changed after insert or update or delete on tandem.forward_rule
	for each row execute function tandem.forward_rule_changed();

-- How they are written: rules with | between, each of words in any order:
--
--     mon-fri,sun  18:00-08:00  2026-12-24..2026-12-26  from=0049*,anonymous  priority=urgent,emergency  to=+49301

-- "mon-wed,fri"; null: these are no days.
create function tandem.weekdays_read(words text) returns tandem.weekday[] language sql immutable strict as $$
	select case when words ~ '^((mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?(,|$))+$'
	    and words !~ ',$' then (
	select array_agg(d order by d) from unnest(enum_range(null::tandem.weekday)) d where exists (
	    select from unnest(string_to_array(words, ',')) w,
	        lateral (select split_part(w, '-', 1)::tandem.weekday as a,
	            coalesce(nullif(split_part(w, '-', 2), ''), w)::tandem.weekday as b) r
	    where case when r.a <= r.b then d between r.a and r.b else d >= r.a or d <= r.b end)) end
$$;

create function tandem.forward_rule_read(who bigint, place int, words text) returns tandem.forward_rule
language plpgsql stable as $$
declare
	r tandem.forward_rule;
	w text;
	m text[];
begin
	r.subscriber_id := who;
	r.position := place;
	select s.tenant_id into r.tenant_id from tandem.subscriber s where s.subscriber_id = who;
	foreach w in array regexp_split_to_array(trim(words), '\s+') loop
		if w ~ '^to=' then
			r.destination := substr(w, 4);
		elsif w ~ '^from=' then
			r.callers := string_to_array(substr(w, 6), ',');
		elsif w ~ '^priority=' then
			r.priority := string_to_array(lower(substr(w, 10)), ',')::tandem.call_priority[];
		elsif w ~ '^\d\d:\d\d-\d\d:\d\d$' then
			r.from_time := split_part(w, '-', 1)::time;
			r.to_time := split_part(w, '-', 2)::time;
		elsif w ~ '^\d{4}-\d\d-\d\d(\.\.(\d{4}-\d\d-\d\d)?)?$' then
			m := string_to_array(w, '..');
			r.from_date := m[1]::date;
			r.to_date := case when m[2] is null then m[1] else nullif(m[2], '') end::date;
		elsif tandem.weekdays_read(lower(w)) is not null then
			r.days := tandem.weekdays_read(lower(w));
		else
			raise exception using errcode = 'check_violation', constraint = 'forward_rule_words',
			    message = format('cfs_rules: neither days (mon-fri), times (18:00-08:00), dates'
			    ' (2026-12-24..2026-12-26), from=, priority= nor to= (%s)', left(w, 64));
		end if;
	end loop;
	return r;
exception when invalid_text_representation or datetime_field_overflow or invalid_datetime_format then
	raise exception using errcode = 'check_violation', constraint = 'forward_rule_words',
	    message = format('cfs_rules: no such time, date or priority (%s)', left(w, 64));
end $$;

-- All rules at once; empty: none is left.
create function tandem.forward_rules_set(who bigint, words text) returns void language plpgsql as $$
begin
	delete from tandem.forward_rule r where r.subscriber_id = who;
	insert into tandem.forward_rule
	    select r.* from unnest(string_to_array(words, '|')) with ordinality u (rule, place)
	    cross join lateral tandem.forward_rule_read(who, u.place::int, u.rule) r where trim(words) <> '';
end $$;

create function tandem.forward_rules_of(who bigint) returns text language sql stable as $$
	select string_agg(concat_ws(' ', array_to_string(r.days, ','),
	    left(r.from_time::text, 5) || '-' || left(r.to_time::text, 5),
	    case when r.from_date = r.to_date then r.from_date::text
	        when r.from_date is null then '1970-01-01..' || r.to_date
	        else r.from_date || '..' || coalesce(r.to_date::text, '') end,
	    'from=' || array_to_string(r.callers, ','), 'priority=' || array_to_string(r.priority, ','),
	    'to=' || r.destination), ' | ' order by r.position)
	from tandem.forward_rule r where r.subscriber_id = who
$$;

-- Local time for who has no zones: how many seconds a zone is ahead of UTC, and for each change within 400 days
-- when it comes (seconds since 1970) and the seconds from then on: '3600 1774746000 7200 1792890000 3600'. From
-- the beginning of last week on, so that it stays the same for a while.
create function tandem.zone_offset(zone text, moment timestamptz) returns int language sql stable strict as $$
	select extract(epoch from (moment at time zone zone) - (moment at time zone 'UTC'))::int
$$;
create function tandem.zone_changes(zone text) returns text language plpgsql stable strict as $$
declare
	day constant interval := '24 hours';
	low timestamptz := date_trunc('week', now(), 'UTC') - 7 * day;
	last constant timestamptz := low + 400 * day;
	before int;
	words text;
	high timestamptz;
	middle timestamptz;
begin
	before := tandem.zone_offset(zone, low);
	words := before;
	while low < last loop
		high := low + 7 * day;
		if tandem.zone_offset(zone, high) <> before then
			while high - low > interval '1 second' loop
				middle := date_trunc('second', low + (high - low) / 2);
				if tandem.zone_offset(zone, middle) = before then
					low := middle;
				else
					high := middle;
				end if;
			end loop;
			before := tandem.zone_offset(zone, high);
			words := words || format(' %s %s', extract(epoch from high)::bigint, before);
		end if;
		low := high;
	end loop;
	return words;
exception when invalid_parameter_value then -- a zone that PostgreSQL does not know any more
	return '0';
end $$;

-- As in 0043, with the rules.
create or replace function tandem.emergency_is_nobodys(of_country text, n text, of_tenant int) returns void
language plpgsql as $$
declare
	taken record;
begin
	perform pg_advisory_xact_lock(hashtext('tandem.emergency_number'));
	select t.name, e.number, x.how into taken from tandem.tenant t
	join tandem.emergency_number e on e.country = t.country
	join lateral (select username as number, 'is somebody''s' as how from tandem.subscriber s
	        where s.tenant_id = t.tenant_id
	    union all select s.number, 'is somebody''s' from tandem.subscriber s where s.tenant_id = t.tenant_id
	    union all select g.number, 'is somebody''s' from tandem.hunt_group g where g.tenant_id = t.tenant_id
	    union all select d.number, 'is somebody''s' from tandem.did d where d.tenant_id = t.tenant_id
	    union all select tandem.destination_user(g.overflow, g.tenant_id), 'is where a group overflows to'
	        from tandem.hunt_group g where g.tenant_id = t.tenant_id
	    union all select tandem.destination_user(f.number, f.tenant_id), 'is where somebody is followed to'
	        from tandem.follow_me_number f where f.tenant_id = t.tenant_id
	    union all select tandem.destination_user(dest, v.tenant_id), 'is where somebody''s calls are sent'
	        from tandem.subscriber_service v, unnest(array[v.cfu, v.cfb, v.cfnr, v.cfnrc, v.cfs]) dest
	        where v.tenant_id = t.tenant_id
	    union all select tandem.destination_user(r.destination, r.tenant_id), 'is where somebody''s calls are sent'
	        from tandem.forward_rule r where r.tenant_id = t.tenant_id
	    union all select tandem.destination_user(v.hotline, v.tenant_id), 'is what somebody''s phone calls by itself'
	        from tandem.subscriber_service v where v.tenant_id = t.tenant_id) x
	    on x.number = e.number
	where t.country = of_country and (n is null or e.number = n)
	and (of_tenant is null or t.tenant_id = of_tenant) limit 1;
	if found then
		raise exception using errcode = 'check_violation', constraint = 'emergency_is_nobodys',
		    message = format('%s: the emergency number %s %s in tenant %s', of_country,
		        taken.number, taken.how, taken.name);
	end if;
end $$;

-- As in 0026; *63 switches rules on too, where cfs was never set.
create or replace function tandem.list_act(who bigint, act text, dialled text, out status int, out phrase text)
language plpgsql as $$
declare
	what text := split_part(act, '.', 1);
	verb text := split_part(act, '.', 2);
	list tandem.caller_kind := case what when 'cfs' then 'forward' else what end;
	last tandem.cdr;
	n bigint;
begin
	status := 403;
	if act = 'block.set' and dialled is null then
		select * into last from tandem.last_call_to(who);
		if last.cdr_id is null then
			phrase := 'nobody has called';
			return;
		elsif last.calling_presentation is distinct from 'allowed' then
			phrase := 'the last caller withheld his number (*77 rejects all who do)';
			return;
		end if;
		dialled := last.calling_number;
	end if;
	if what = 'cfs' and verb = 'set' then
		update tandem.subscriber_service v set cfs = coalesce(dialled, v.cfs, v.cfs_kept)
		    where v.subscriber_id = who and coalesce(dialled, v.cfs, v.cfs_kept) is not null;
		if not found and not exists (select from tandem.forward_rule r where r.subscriber_id = who) then
			phrase := 'cfs: no number has been set';
			return;
		end if;
	elsif verb = 'set' and dialled is not null then
		insert into tandem.caller_list (tenant_id, subscriber_id, kind, caller)
		    select s.tenant_id, who, list, dialled from tandem.subscriber s
		    where s.subscriber_id = who on conflict do nothing;
	elsif verb = 'erase' then
		delete from tandem.caller_list l
		    where l.subscriber_id = who and l.kind = list and l.caller = dialled;
	end if;
	if verb in ('set', 'clear') then
		update tandem.subscriber_service v set lists_off = array_remove(v.lists_off, list)
		    || case when verb = 'clear' then array[list] else '{}' end where v.subscriber_id = who;
	end if;
	select count(*) into n from tandem.caller_list l where l.subscriber_id = who and l.kind = list;
	status := 200;
	phrase := (select format('%s %s, %s callers', what,
	    case when list = any (v.lists_off) then 'off' else 'on' end, n)
	    from tandem.subscriber_service v where v.subscriber_id = who);
exception when check_violation or string_data_right_truncation then
	status := 403;
	phrase := sqlerrm;
end $$;

select tandem.grant_roles();
insert into tandem.schema_version (version, name) values (46, 'forward_rule');
