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
create trigger changed after insert or update or delete on tandem.speed_dial
	for each row execute function tandem.key_changed('speed', 'place', 'subscriber_id');

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

insert into tandem.feature_actor (acts, actor) values ('^speed\.', 'speed_act');

select tandem.grant_roles();

insert into tandem.schema_version (version, name) values (35, 'speed');
