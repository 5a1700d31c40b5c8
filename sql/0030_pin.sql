-- Barring that a subscriber switches himself, with a PIN (TS 22.088, SERVICES.md C40), and the tracing of
-- malicious calls (TS 24.616, C44).

-- A PIN as a salted hash, and how often a wrong one was dialled: after three no PIN is right any more,
-- until the operator sets one. No row: the subscriber may not switch barring.
create table tandem.barring_pin (
	tenant_id      int not null,
	subscriber_id  bigint primary key,
	salt           text not null,
	hash           bytea not null check (octet_length(hash) = 32),
	failures       int not null default 0,
	foreign key (tenant_id, subscriber_id)
		references tandem.subscriber (tenant_id, subscriber_id) on delete cascade
);

-- Slow enough that who reads the table has more to do than count to 9999.
create function tandem.pin_hash(salt text, pin text) returns bytea
language plpgsql immutable strict as $$
declare
	h bytea := convert_to(salt || pin, 'UTF8');
begin
	for i in 1 .. 5000 loop
		h := sha256(h);
	end loop;
	return h;
end $$;

-- Sets a PIN, or with '' takes it away.
create function tandem.pin_set(who bigint, pin text) returns void language plpgsql as $$
declare
	salt text := gen_random_uuid();
begin
	if pin <> '' and pin !~ '^[0-9]{4,8}$' then
		raise exception using errcode = 'check_violation', constraint = 'barring_pin_digits',
		    message = 'pin: it is 4 to 8 digits';
	end if;
	delete from tandem.barring_pin p where p.subscriber_id = who and pin_set.pin = '';
	insert into tandem.barring_pin (tenant_id, subscriber_id, salt, hash)
	    select s.tenant_id, who, salt, tandem.pin_hash(salt, pin_set.pin) from tandem.subscriber s
	    where s.subscriber_id = who and pin_set.pin <> ''
	on conflict (subscriber_id) do update
	    set salt = excluded.salt, hash = excluded.hash, failures = 0;
end $$;

-- Null: it is right; else what the caller hears. A wrong one is counted, so nobody may roll this back.
create function tandem.pin_wrong(who bigint, pin text) returns text language plpgsql as $$
declare
	p tandem.barring_pin;
begin
	select * into p from tandem.barring_pin b where b.subscriber_id = who for update;
	if coalesce(pin, '') = '' then
		return 'Wrong PIN';
	elsif p.subscriber_id is null then
		return 'No PIN is set, the operator does it';
	elsif p.failures >= 3 then
		return 'PIN blocked, the operator sets a new one';
	end if;
	update tandem.barring_pin b set failures = case
	    when p.hash = tandem.pin_hash(p.salt, pin) then 0 else p.failures + 1 end
	    where b.subscriber_id = who;
	return case when p.hash <> tandem.pin_hash(p.salt, pin) then 'Wrong PIN' end;
end $$;

-- bar.CLASS.set, .clear (dialled: the PIN), .query; pin.set (dialled: old*new*new), as feature_act.
create function tandem.bar_act(who bigint, act text, dialled text, out status int, out phrase text)
language plpgsql as $$
declare
	what text := split_part(act, '.', 2);
	verb text := split_part(act, '.', 3);
	classes tandem.barring[] := case what when 'all' then enum_range(null::tandem.barring)
	    when 'calls' then array['outgoing', 'international', 'premium']::tandem.barring[]
	    when 'set' then '{}' else array[what]::tandem.barring[] end;
begin
	status := 403;
	if verb <> 'query' then
		phrase := tandem.pin_wrong(who, split_part(dialled, '*', 1));
		if phrase is not null then
			return;
		end if;
	end if;
	if act = 'pin.set' then
		if split_part(dialled, '*', 2) <> split_part(dialled, '*', 3) then
			phrase := 'The two new PINs differ';
			return;
		end if;
		perform tandem.pin_set(who, split_part(dialled, '*', 2));
	elsif verb <> 'query' then
		update tandem.subscriber_service v set barring = array(
		    select b from unnest(v.barring) b where b <> all (classes)
		    union select b from unnest(classes) b where verb = 'set' order by b) where v.subscriber_id = who;
	end if;
	status := 200;
	phrase := case when act = 'pin.set' then 'PIN changed' else (select coalesce('barring '
	    || nullif(array_to_string(v.barring, ','), ''), 'barring off')
	    from tandem.subscriber_service v where v.subscriber_id = who) end;
exception when check_violation then
	status := 403;
	phrase := sqlerrm;
end $$;

-- His numbers, those of the network that lead to him included.
create or replace function tandem.last_call_to(who bigint) returns setof tandem.cdr
language sql stable as $$
	select c.* from tandem.subscriber s
	join lateral (select d.* from tandem.cdr d where d.tenant_id = s.tenant_id
	    and d.called_number = any (array[s.username, s.number] || array(select n.number
	        from tandem.did n where n.tenant_id = s.tenant_id and n.subscriber_id = s.subscriber_id))
	    and d.record_type = 'normal' and d.segment_kind <> 'feature_code'
	    order by d.start_at desc limit 1) c on true
	where s.subscriber_id = who
$$;

alter type tandem.event_kind add value 'trace';

-- Marks the last call that came to a subscriber as malicious: an event of it, once. Null: there is none.
create function tandem.call_trace(who bigint) returns uuid language plpgsql as $$
declare
	last tandem.cdr;
begin
	select * into last from tandem.last_call_to(who);
	if last.cdr_id is not null and not exists (select from tandem.cdr_event e
	    where e.call_id = last.call_id and e.seq = last.seq and e.kind::text = 'trace') then
		insert into tandem.cdr_event (call_id, seq, at, kind, detail) values
		    (last.call_id, last.seq, now(), 'trace', jsonb_build_object('subscriber_id', who));
	end if;
	return last.call_id;
end $$;

-- For the operator, and for whom the law names: who called, also one who withheld his number.
create function tandem.malicious_calls(since timestamptz) returns table (traced_at timestamptz,
    tenant_id int, subscriber_id bigint, username text, call_id uuid, start_at timestamptz,
    calling_number text, calling_name text, in_trunk_id int, in_ip inet)
language sql stable as $$
	select e.at, c.tenant_id, (e.detail ->> 'subscriber_id')::bigint, s.username, c.call_id,
	    c.start_at, c.calling_number, c.calling_name, c.in_trunk_id, c.in_ip
	from tandem.cdr_event e
	join tandem.cdr c on c.call_id = e.call_id and c.seq = e.seq
	left join tandem.subscriber s on s.subscriber_id = (e.detail ->> 'subscriber_id')::bigint
	where e.kind::text = 'trace' and e.at >= since order by e.at
$$;
revoke all on function tandem.malicious_calls(timestamptz) from public;

insert into tandem.feature_code (profile, pattern, action) values
	('nanp', '*57', 'mct'),                      ('etsi', '*39#', 'mct'),
	('etsi', '*33*N#', 'bar.outgoing.set'),      ('etsi', '#33*N#', 'bar.outgoing.clear'),
	('etsi', '*#33#', 'bar.outgoing.query'),
	('etsi', '*331*N#', 'bar.international.set'), ('etsi', '#331*N#', 'bar.international.clear'),
	('etsi', '*#331#', 'bar.international.query'),
	('etsi', '*332*N#', 'bar.international.set'), ('etsi', '#332*N#', 'bar.international.clear'),
	('etsi', '*#332#', 'bar.international.query'),
	('etsi', '*35*N#', 'bar.incoming.set'),      ('etsi', '#35*N#', 'bar.incoming.clear'),
	('etsi', '*#35#', 'bar.incoming.query'),
	('etsi', '#330*N#', 'bar.all.clear'),        ('etsi', '#333*N#', 'bar.calls.clear'),
	('etsi', '#353*N#', 'bar.incoming.clear'),
	('etsi', '**03**N*N*N#', 'pin.set'),         ('etsi', '**03*330*N*N*N#', 'pin.set')
on conflict do nothing;

create function tandem.trace_act(who bigint, act text, dialled text, out status int, out phrase text)
language plpgsql as $$
begin
	status := 403;
	phrase := 'Nobody has called';
	if tandem.call_trace(who) is not null then
		status := 200;
		phrase := 'The last call is traced';
	end if;
end $$;
insert into tandem.feature_actor (acts, actor) values
	('^(bar\.(outgoing|international|incoming|all|calls)\.(set|clear|query)|pin\.set)$', 'bar_act'),
	('^mct$', 'trace_act');

select tandem.grant_roles();

insert into tandem.schema_version (version, name) values (30, 'pin');
