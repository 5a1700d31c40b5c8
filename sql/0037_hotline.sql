-- Hotline and warm line (SERVICES.md C43): a phone that calls one number by itself. delayed: when nothing
-- was dialled; immediate: whatever was.
create type tandem.hotline_mode as enum ('delayed', 'immediate');
alter table tandem.subscriber_service
	add column hotline text check (tandem.is_number(hotline)
	    or (tandem.is_name(hotline, 64) and hotline !~ '[*#]')),
	add column hotline_kept text,
	add column hotline_mode tandem.hotline_mode not null default 'delayed';

create function tandem.hotline_leads_on() returns trigger language plpgsql as $$
declare
	wrong text := case
	    when tandem.is_self(new.hotline, new.tenant_id, new.subscriber_id)
	        then 'self:a subscriber cannot call itself'
	    when tandem.is_emergency(new.hotline)
	        then 'emergency:no phone calls an emergency number by itself'
	    end;
begin
	if wrong is not null then
		raise exception using errcode = 'check_violation',
		    constraint = 'subscriber_service_hotline_' || split_part(wrong, ':', 1),
		    message = format('hotline: %s (%s)', split_part(wrong, ':', 2), new.hotline);
	end if;
	new.hotline_kept := new.hotline;
	return new;
end $$;
create trigger hotline_leads_on before insert or update of hotline on tandem.subscriber_service
	for each row when (new.hotline is not null) execute function tandem.hotline_leads_on();

insert into tandem.feature_code (profile, pattern, action) values
	('etsi', '*53*N#', 'hotline.set'), ('etsi', '*53#', 'hotline.set'),
	('etsi', '#53#', 'hotline.clear'), ('etsi', '*#53#', 'hotline.query')
	on conflict do nothing;

-- As feature_act. set without a number: the last one.
create function tandem.hotline_act(who bigint, act text, dialled text, out status int, out phrase text)
language plpgsql as $$
begin
	status := 403;
	if act <> 'hotline.query' then
		update tandem.subscriber_service v
		    set hotline = case when act = 'hotline.set' then coalesce(dialled, v.hotline_kept) end
		    where v.subscriber_id = who;
	end if;
	select coalesce('hotline ' || v.hotline, 'hotline off'),
	    case when act = 'hotline.set' and v.hotline is null then 403 else 200 end
	    into phrase, status from tandem.subscriber_service v where v.subscriber_id = who;
	if status = 403 then
		phrase := 'hotline: no number has been set';
	end if;
exception when check_violation or string_data_right_truncation then
	status := 403;
	phrase := sqlerrm;
end $$;

insert into tandem.feature_actor (acts, actor) values ('^hotline\.', 'hotline_act');

insert into tandem.schema_version (version, name) values (37, 'hotline');
