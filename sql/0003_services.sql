-- What a subscriber has switched on. One row for each subscriber, made with it; star codes,
-- tandemctl, SQL and the phone's own keys change the same row.

create type tandem.barring as enum ('international', 'premium', 'outgoing', 'incoming');
create type tandem.trust as enum ('challenge', 'binding', 'address');
create type tandem.contact_policy as enum ('replace_oldest', 'reject', 'single');

create table tandem.subscriber_service (
	tenant_id       int not null,
	subscriber_id   bigint not null unique,
	cfu             text check (tandem.is_destination(cfu)),
	cfb             text check (tandem.is_destination(cfb)),
	cfnr            text check (tandem.is_destination(cfnr)),
	cfnrc           text check (tandem.is_destination(cfnrc)),
	cfnr_timeout    int check (cfnr_timeout between 1 and 600),
	dnd             boolean not null default false,
	call_waiting    boolean not null default true,
	call_limit      int not null default 0 check (call_limit between 0 and 1000),
	clir            boolean not null default false,
	acr             boolean not null default false,
	barring         tandem.barring[] not null default '{}',
	pickup_group    text check (tandem.is_name(pickup_group, 63)),
	trust           tandem.trust not null default 'challenge',
	max_contacts    int not null default 0 check (max_contacts between 0 and 16),
	contact_policy  tandem.contact_policy not null default 'replace_oldest',
	primary key (tenant_id, subscriber_id),
	foreign key (tenant_id, subscriber_id)
		references tandem.subscriber (tenant_id, subscriber_id) on delete cascade
);

create function tandem.subscriber_gets_service() returns trigger language plpgsql as $$
begin
	insert into tandem.subscriber_service (tenant_id, subscriber_id)
	    values (new.tenant_id, new.subscriber_id);
	return null;
end $$;
create trigger subscriber_gets_service after insert on tandem.subscriber
	for each row execute function tandem.subscriber_gets_service();

-- Does this destination lead back to the subscriber? By extension, number, or URI in a domain of
-- its tenant. (Longer circles are found in the call, by its history.)
create function tandem.is_self(dest text, of_tenant int, of_subscriber bigint) returns boolean
language sql stable strict as $$
	select exists (
		select from tandem.subscriber s
		where s.tenant_id = of_tenant and s.subscriber_id = of_subscriber
		and (dest in (s.username, s.number, 'tel:' || s.number)
		    or exists (
			select from tandem.domain d,
			    regexp_match(dest, '^[Ss][Ii][Pp][Ss]?:([^@;]+)@([^;:?]+)') u
			where d.tenant_id = of_tenant and lower(u[2]) = d.domain
			and u[1] in (s.username, s.number))))
$$;

create function tandem.forward_leads_on() returns trigger language plpgsql as $$
declare
	f record;
begin
	for f in select * from (values ('cfu', new.cfu), ('cfb', new.cfb), ('cfnr', new.cfnr),
	    ('cfnrc', new.cfnrc)) as v (which, dest) where dest is not null loop
		if tandem.is_self(f.dest, new.tenant_id, new.subscriber_id) then
			raise exception using errcode = 'check_violation',
			    constraint = 'subscriber_service_' || f.which || '_self',
			    message = format('%s: a subscriber''s calls cannot be forwarded to itself (%s)',
			        f.which, f.dest);
		end if;
	end loop;
	return new;
end $$;
create trigger forward_leads_on before insert or update of cfu, cfb, cfnr, cfnrc
	on tandem.subscriber_service
	for each row execute function tandem.forward_leads_on();

insert into tandem.schema_version (version, name) values (3, 'services');
