-- Find-me/follow-me (SERVICES.md C33): where else a subscriber is rung, and when. simultaneous: beside his
-- phones; sequential: whoever rang before stops when the next begins.
create type tandem.follow_me as enum ('off', 'simultaneous', 'sequential');
alter table tandem.subscriber_service
	add column follow_me tandem.follow_me not null default 'off';

create table tandem.follow_me_number (
	tenant_id      int not null,
	subscriber_id  bigint not null,
	position       int not null check (position between 1 and 8),
	number         text not null check (tandem.is_destination(number)),
	delay_s        int not null default 0 check (delay_s between 0 and 300),
	ring_s         int check (ring_s between 1 and 300),
	primary key (tenant_id, subscriber_id, position),
	unique (tenant_id, subscriber_id, number),
	foreign key (tenant_id, subscriber_id)
		references tandem.subscriber (tenant_id, subscriber_id) on delete cascade
);

create trigger changed after insert or update or delete on tandem.follow_me_number
	for each row execute function tandem.row_changed('subscriber', 'subscriber_id');

create function tandem.follow_me_leads_on() returns trigger language plpgsql as $$
declare
	theirs text := lower(substring(new.number from '^[Ss][Ii][Pp][Ss]?:[^@]+@([^;:?]+)'));
	wrong text := case
	    when tandem.is_self(new.number, new.tenant_id, new.subscriber_id)
	        then 'self:a subscriber cannot be followed to itself'
	    when tandem.is_emergency(tandem.destination_user(new.number, new.tenant_id))
	        then 'emergency:nobody can be followed to an emergency number'
	    when exists (select from tandem.domain d
	        where d.domain = theirs and d.tenant_id <> new.tenant_id)
	        then 'tenant:nobody can be followed into another tenant'
	    end;
begin
	if wrong is not null then
		raise exception using errcode = 'check_violation',
		    constraint = 'follow_me_number_' || split_part(wrong, ':', 1),
		    message = format('follow_me_numbers: %s (%s)', split_part(wrong, ':', 2), new.number);
	end if;
	return new;
end $$;
create trigger follow_me_leads_on before insert or update on tandem.follow_me_number
	for each row execute function tandem.follow_me_leads_on();

insert into tandem.schema_version (version, name) values (29, 'follow_me');
