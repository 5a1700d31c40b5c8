-- How a segment's row comes in: its month's partition, its place in the export, the word that it is
-- there.

-- Makes the partitions of this month and of `ahead` months after it (months are UTC's). Rows that
-- waited in the default partition move. Whoever may insert segments may call this; it is done with
-- its owner's rights, since the exchange makes no tables. Returns how many it made.
create function tandem.cdr_partitions(ahead int default 12, since timestamptz default now())
returns int language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	first timestamp := date_trunc('month', since at time zone 'UTC');
	month timestamp;
	name text;
	made int := 0;
begin
	if ahead not between 0 and 240 then
		raise exception using errcode = 'invalid_parameter_value',
		    message = 'months ahead: 0 to 240';
	end if;
	perform pg_advisory_xact_lock(hashtext('tandem.cdr_partitions'));
	for i in 0 .. ahead loop
		month := first + make_interval(months => i);
		name := 'cdr_' || to_char(month, 'YYYY_MM');
		continue when to_regclass('tandem.' || name) is not null;
		execute format('create table tandem.%I (like tandem.cdr including defaults including constraints)', name);
		execute format('with moved as (delete from tandem.cdr_default
		        where start_at >= %1$L and start_at < %2$L returning *)
		    insert into tandem.%3$I select * from moved',
		    month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC', name);
		execute format('alter table tandem.cdr attach partition tandem.%I for values from (%L) to (%L)',
		    name, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
		made := made + 1;
	end loop;
	return made;
end $$;

-- export_seq is the cursor of those who fetch rows: it has no gaps, and a number is seen before any
-- greater one. A sequence would promise neither (a rolled back insert leaves a gap, a slow
-- transaction commits late), so the last number given stands in a row, held until the end of the
-- transaction that inserts; stores of several nodes take turns, a batch at a time. Within a
-- transaction the number goes on in a setting of its own, so that a row costs no update.
create table tandem.export_mark (
	one    boolean primary key default true check (one),
	last   bigint not null
);
insert into tandem.export_mark (last) values (0);

create function tandem.cdr_arrives() returns trigger language plpgsql as $$
declare
	n bigint := nullif(current_setting('tandem.export_seq', true), '')::bigint;
begin
	new.inserted_at := coalesce(new.inserted_at, now());
	new.record_type := coalesce(new.record_type, 'normal');
	new.segment_kind := coalesce(new.segment_kind, 'direct');
	new.redirect_count := coalesce(new.redirect_count, 0);
	new.duration_ms := coalesce(new.duration_ms, 0);
	new.bill_ms := coalesce(new.bill_ms, 0);
	new.estimated := coalesce(new.estimated, false);
	-- A replayed row takes no number: the unique keys turn it away after this.
	if exists (select from tandem.cdr c where c.call_id = new.call_id and c.seq = new.seq
	    and c.start_at = new.start_at) then
		new.export_seq := 0;
		return new;
	end if;
	if n is null then
		select m.last into strict n from tandem.export_mark m for update;
	end if;
	new.export_seq := n + 1;
	perform set_config('tandem.export_seq', new.export_seq::text, true);
	return new;
end $$;
create trigger cdr_arrives before insert on tandem.cdr
	for each row execute function tandem.cdr_arrives();

create function tandem.cdr_arrived() returns trigger language plpgsql as $$
declare
	n bigint := nullif(current_setting('tandem.export_seq', true), '')::bigint;
begin
	if n is not null then
		update tandem.export_mark m set last = n where m.last < n;
	end if;
	perform pg_notify('cdr', a.cdr_id::text) from arrived a;
	return null;
end $$;
create trigger cdr_arrived after insert on tandem.cdr
	referencing new table as arrived
	for each statement execute function tandem.cdr_arrived();

select tandem.cdr_partitions();

insert into tandem.schema_version (version, name) values (8, 'cdr insert');
