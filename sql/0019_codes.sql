-- Service codes as the exchange takes them: those of services that exist, what each does to a
-- subscriber's settings, and what a forward may never lead to, whoever sets it.

-- Of services that are not there yet nothing is promised; a forward's own number survives its end.
delete from tandem.feature_code where tenant_id = 0
    and action in ('return.call', 'redial', 'pickup.group', 'pickup.directed', 'park', 'vm.own', 'vm.any');
update tandem.feature_code set action = regexp_replace(action, 'clear$', 'erase')
    where tenant_id = 0 and pattern like '##%';
insert into tandem.feature_code (profile, pattern, action) values
	('etsi', '*67#', 'cfb.set'),            ('etsi', '*61#', 'cfnr.set'),
	('etsi', '*62#', 'cfnrc.set'),          ('etsi', '*004#', 'cfcond.set'),
	('etsi', '*002#', 'cfall.set'),
	('etsi', '*004*N**T#', 'cfcond.set'),   ('etsi', '*002*N**T#', 'cfall.set'),
	('etsi', '##004#', 'cfcond.erase'),     ('etsi', '*#004#', 'cfcond.query'),
	('etsi', '#002#', 'cfall.clear'),       ('etsi', '*#002#', 'cfall.query'),
	('nanp', '*68N', 'cfcond.set'),         ('nanp', '*88', 'cfcond.clear'),
	('nanp', '*56N', 'cfnr.set'),
	('etsi', '*99#', 'acr.set'),            ('etsi', '#99#', 'acr.clear'),
	('etsi', '*#99#', 'acr.query'),         ('etsi', '*#26#', 'dnd.query'),
	('etsi', '#43#N', 'cw.off.call');

create trigger changed after insert or update or delete on tandem.feature_code
	for each row execute function tandem.key_changed('code', 'pattern');

-- Where a forward led last: a phone can switch it on again without the number (*21#).
alter table tandem.subscriber_service
	add column cfu_kept text, add column cfb_kept text,
	add column cfnr_kept text, add column cfnrc_kept text;

-- The number or name a destination means inside a tenant; null: it is elsewhere.
create function tandem.destination_user(dest text, of_tenant int) returns text
language sql stable strict as $$
	select case
	    when dest ~* '^tel:' then regexp_replace(substr(dest, 5), '[().-]', '', 'g')
	    when dest ~* '^sips?:' then (select u[1] from tandem.domain d,
	        regexp_match(dest, '^[Ss][Ii][Pp][Ss]?:([^@;]+)@([^;:?]+)') u
	        where d.tenant_id = of_tenant and lower(u[2]) = d.domain)
	    else dest end
$$;

create or replace function tandem.forward_leads_on() returns trigger language plpgsql as $$
declare
	f record;
	wrong text;
	theirs text;
begin
	for f in select * from (values ('cfu', new.cfu), ('cfb', new.cfb), ('cfnr', new.cfnr),
	    ('cfnrc', new.cfnrc)) as v (which, dest) where dest is not null loop
		theirs := lower(substring(f.dest from '^[Ss][Ii][Pp][Ss]?:[^@]+@([^;:?]+)'));
		wrong := case
		    when tandem.is_self(f.dest, new.tenant_id, new.subscriber_id)
		        then 'self:a subscriber''s calls cannot be forwarded to itself'
		    when tandem.is_emergency(tandem.destination_user(f.dest, new.tenant_id))
		        then 'emergency:calls cannot be forwarded to an emergency number'
		    when exists (select from tandem.domain d
		        where d.domain = theirs and d.tenant_id <> new.tenant_id)
		        then 'tenant:calls cannot be forwarded into another tenant'
		    end;
		if wrong is not null then
			raise exception using errcode = 'check_violation',
			    constraint = format('subscriber_service_%s_%s', f.which, split_part(wrong, ':', 1)),
			    message = format('%s: %s (%s)', f.which, split_part(wrong, ':', 2), f.dest);
		end if;
	end loop;
	new.cfu_kept := coalesce(new.cfu, new.cfu_kept);
	new.cfb_kept := coalesce(new.cfb, new.cfb_kept);
	new.cfnr_kept := coalesce(new.cfnr, new.cfnr_kept);
	new.cfnrc_kept := coalesce(new.cfnrc, new.cfnrc_kept);
	return new;
end $$;

-- The subscriber's own settings, as feature_act.
create function tandem.setting_act(who bigint, act text, dialled text, seconds int,
    out status int, out phrase text) language plpgsql as $$
declare
	what text := regexp_replace(act, '\.[a-z]+$', '');
	verb text := substring(act from '[a-z]+$');
	forwards text[] := case what when 'cfall' then array['cfu', 'cfb', 'cfnr', 'cfnrc']
	    when 'all' then array['cfu', 'cfb', 'cfnr', 'cfnrc']
	    when 'cfcond' then array['cfb', 'cfnr', 'cfnrc']
	    when 'cfu' then array[what] when 'cfb' then array[what]
	    when 'cfnr' then array[what] when 'cfnrc' then array[what] else '{}' end;
	flag text := case what when 'dnd' then 'dnd' when 'acr' then 'acr'
	    when 'clir.perm' then 'clir' when 'cw' then 'call_waiting' end;
	f text;
	row jsonb;
begin
	select to_jsonb(v) into row from tandem.subscriber_service v where v.subscriber_id = who for update;
	if row is null or (forwards = '{}' and flag is null)
	    or not verb in ('set', 'clear', 'erase', 'query') or (what = 'all' and verb <> 'clear') then
		status := 404;
		phrase := 'No such service';
		return;
	end if;
	if verb = 'set' and forwards <> '{}' and dialled is null then
		foreach f in array forwards loop
			if row ->> (f || '_kept') is null then
				status := 403;
				phrase := f || ': no number has been set';
				return;
			end if;
		end loop;
	end if;
	if flag is not null and verb <> 'query' then
		execute format('update tandem.subscriber_service set %I = $1 where subscriber_id = $2', flag)
		    using verb = 'set', who;
	elsif verb <> 'query' then
		foreach f in array forwards loop
			execute format('update tandem.subscriber_service set %I = $1, %I = $2'
			    ' where subscriber_id = $3', f, f || '_kept')
			    using case when verb = 'set' then coalesce(dialled, row ->> (f || '_kept')) end,
			    case when verb = 'clear' then row ->> (f || '_kept') end, who;
		end loop;
	end if;
	if what = 'all' then
		update tandem.subscriber_service v set dnd = false, acr = false, clir = false,
		    call_waiting = true where v.subscriber_id = who;
	end if;
	if verb = 'set' and seconds is not null and 'cfnr' = any (forwards) then
		update tandem.subscriber_service v set cfnr_timeout = seconds where v.subscriber_id = who;
	end if;
	select to_jsonb(v) into row from tandem.subscriber_service v where v.subscriber_id = who;
	status := 200;
	phrase := case when flag is not null
	    then flag || case when (row ->> flag)::boolean then ' on' else ' off' end
	    else (select string_agg(n || ' ' || coalesce(row ->> n, 'off'), ', ')
	        from unnest(forwards) n) end;
exception when check_violation or string_data_right_truncation then
	status := 403;
	phrase := sqlerrm;
end $$;

-- Which function does an action: ACTOR(SUBSCRIBER, ACTION, NUMBER), as feature_act, does those that ACTS, a
-- regular expression, fits; what none does is a setting.
create table tandem.feature_actor (
	acts   text primary key,
	actor  text not null
);

-- feature_act(SUBSCRIBER, ACTION, NUMBER, SECONDS): what a service code does, told as the status and
-- the words of the answer. 200: it is done (or asked, and the words say how it stands); 403: it may
-- not be, and nothing has changed; 404: there is no such action. NUMBER may be null: the last one.
create function tandem.feature_act(who bigint, act text, dialled text, seconds int,
    out status int, out phrase text) language plpgsql as $$
declare
	actor text := (select a.actor from tandem.feature_actor a where act ~ a.acts);
begin
	if actor is null then
		select x.status, x.phrase into status, phrase from tandem.setting_act(who, act, dialled, seconds) x;
	else
		execute format('select x.status, x.phrase from tandem.%I($1, $2, $3) x', actor)
		    into status, phrase using who, act, dialled;
	end if;
end $$;

insert into tandem.schema_version (version, name) values (19, 'codes');
