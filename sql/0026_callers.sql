-- Whom a subscriber screens: lists of callers (SERVICES.md C5, C17, C18, C19). A list acts when there is
-- an entry in it and it is not among those that are off.

create type tandem.caller_kind as enum ('block', 'accept', 'priority', 'forward');

-- A caller: a number, the beginning of some (0049*), a name of the tenant's, or whoever hides his.
create function tandem.is_caller(c text) returns boolean
language sql immutable strict parallel safe as $$
	select c ~ '^(\+?[0-9]{1,32}|\+?[0-9]{0,32}\*)$'
	    or (tandem.is_name(c, 64) and c !~ '[*#]')
$$;

create table tandem.caller_list (
	tenant_id      int not null,
	subscriber_id  bigint not null,
	kind           tandem.caller_kind not null,
	caller         text not null check (tandem.is_caller(caller)),
	added_at       timestamptz not null default now(),
	primary key (subscriber_id, kind, caller),
	foreign key (tenant_id, subscriber_id)
		references tandem.subscriber (tenant_id, subscriber_id) on delete cascade
);

alter table tandem.subscriber_service
	add column cfs text check (tandem.is_destination(cfs)),
	add column cfs_kept text,
	add column lists_off tandem.caller_kind[] not null default '{}';

create function tandem.caller_is_known() returns trigger language plpgsql as $$
begin
	if new.kind in ('block', 'forward') and tandem.is_emergency(new.caller) then
		raise exception using errcode = 'check_violation', constraint = 'caller_list_emergency',
		    message = format('%s: an emergency number is always put through (%s)', new.kind, new.caller);
	elsif tandem.is_caller(new.caller) and new.caller !~ '^[+0-9*]' and new.caller <> 'anonymous' and not exists (
	    select from tandem.subscriber s
	    where s.tenant_id = new.tenant_id and s.username = new.caller) then
		raise exception using errcode = 'check_violation', constraint = 'caller_list_unknown',
		    message = format('%s: no such subscriber: %s', new.kind, new.caller);
	end if;
	return new;
end $$;
create trigger caller_is_known before insert or update on tandem.caller_list
	for each row execute function tandem.caller_is_known();

-- As with the other forwards (0019): not to oneself, to no emergency number, into no other tenant.
create function tandem.cfs_leads_on() returns trigger language plpgsql as $$
declare
	theirs text := lower(substring(new.cfs from '^[Ss][Ii][Pp][Ss]?:[^@]+@([^;:?]+)'));
	wrong text;
begin
	wrong := case
	    when tandem.is_self(new.cfs, new.tenant_id, new.subscriber_id)
	        then 'a subscriber''s calls cannot be forwarded to itself'
	    when tandem.is_emergency(tandem.destination_user(new.cfs, new.tenant_id))
	        then 'calls cannot be forwarded to an emergency number'
	    when exists (select from tandem.domain d
	        where d.domain = theirs and d.tenant_id <> new.tenant_id)
	        then 'calls cannot be forwarded into another tenant'
	    end;
	if wrong is not null then
		raise exception using errcode = 'check_violation', constraint = 'subscriber_service_cfs_wrong',
		    message = format('cfs: %s (%s)', wrong, new.cfs);
	end if;
	new.cfs_kept := new.cfs;
	return new;
end $$;
create trigger cfs_leads_on before insert or update of cfs on tandem.subscriber_service
	for each row when (new.cfs is not null) execute function tandem.cfs_leads_on();

-- listed:SUBSCRIBER:KIND/CALLER, and the subscriber, who may have a list now, or none.
create trigger changed after insert or update or delete on tandem.caller_list
	for each row execute function tandem.key_changed('listed', 'kind/caller', 'subscriber_id');
create trigger changed_subscriber after insert or update or delete on tandem.caller_list
	for each row execute function tandem.row_changed('subscriber', 'subscriber_id');

-- A whole list at once, as words with a comma between; empty: none is left.
create function tandem.callers_set(who bigint, list tandem.caller_kind, words text) returns void
language plpgsql as $$
declare
	callers text[] := array(select distinct trim(w) from unnest(string_to_array(words, ',')) w
	    where trim(w) <> '');
begin
	delete from tandem.caller_list l
	    where l.subscriber_id = who and l.kind = list and l.caller <> all (callers);
	insert into tandem.caller_list (tenant_id, subscriber_id, kind, caller)
	    select s.tenant_id, who, list, c from tandem.subscriber s, unnest(callers) c
	    where s.subscriber_id = who on conflict do nothing;
end $$;

create function tandem.callers_of(who bigint, list tandem.caller_kind) returns text
language sql stable as $$
	select string_agg(l.caller, ',' order by l.caller) from tandem.caller_list l
	    where l.subscriber_id = who and l.kind = list
$$;

-- The last call that came to a subscriber, answered or not; what he sent on came to him too.
create index on tandem.cdr (tenant_id, called_number, start_at);
create function tandem.last_call_to(who bigint) returns setof tandem.cdr
language sql stable as $$
	select c.* from tandem.subscriber s
	join lateral (select d.* from tandem.cdr d where d.tenant_id = s.tenant_id
	    and d.called_number in (s.username, s.number) and d.record_type = 'normal'
	    and d.segment_kind <> 'feature_code'
	    order by d.start_at desc limit 1) c on true
	where s.subscriber_id = who
$$;

insert into tandem.feature_code (profile, pattern, action) values
	('nanp', '*60', 'block.set'),     ('nanp', '*60N', 'block.set'),
	('nanp', '*80', 'block.clear'),   ('nanp', '*80N', 'block.erase'),
	('nanp', '*64', 'accept.set'),    ('nanp', '*64N', 'accept.set'),
	('nanp', '*84', 'accept.clear'),  ('nanp', '*84N', 'accept.erase'),
	('nanp', '*61', 'priority.set'),  ('nanp', '*61N', 'priority.set'),
	('nanp', '*81', 'priority.clear'), ('nanp', '*81N', 'priority.erase'),
	('nanp', '*63', 'cfs.set'),       ('nanp', '*63N', 'cfs.set'),
	('nanp', '*83', 'cfs.clear')
on conflict do nothing;

-- What the codes of the lists do, as feature_act. set: with a number it is put into the list; without
-- one the list acts again, and *60 blocks who called last. clear: the list is kept and does not act.
create function tandem.list_act(who bigint, act text, dialled text, out status int, out phrase text)
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
		if not found then
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

insert into tandem.feature_actor (acts, actor) values
	('^(block|accept|priority|cfs)\.(set|clear|erase)$', 'list_act');

select tandem.grant_roles();

insert into tandem.schema_version (version, name) values (26, 'callers');
