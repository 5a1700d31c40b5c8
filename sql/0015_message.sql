-- Messages (RFC 3428) that wait for a subscriber of ours who is not there. The exchange that took one
-- writes it, and the exchange the subscriber registers with delivers it; in the order of message_no.
-- As with calls there is no foreign key to the subscriber. A row that was delivered loses its text at
-- once and stays for a day, so that the same message, offered once more, is known.

create table tandem.message (
	tenant_id     int not null,
	id            uuid not null,
	message_no    bigint not null generated always as identity,
	to_user       text not null,
	from_user     text,
	from_uri      tandem.line not null,
	from_display  tandem.line,
	content_type  tandem.line,
	headers       bytea not null,
	body          bytea not null,
	node          text,
	created_at    timestamptz(3) not null,
	expires_at    timestamptz(3) not null,
	delivered_at  timestamptz(3),
	tried_until   timestamptz(3),
	tried_by      text,
	primary key (tenant_id, id)
);
create unique index on tandem.message (tenant_id, to_user, message_no);
create index on tandem.message (expires_at);
comment on table tandem.message is 'messages that wait for an absent subscriber';

create function tandem.subscriber_leaves_messages() returns trigger language plpgsql as $$
begin
	delete from tandem.message m where m.tenant_id = old.tenant_id and m.to_user = old.username;
	return null;
end $$;
create trigger subscriber_leaves_messages after delete on tandem.subscriber
	for each row execute function tandem.subscriber_leaves_messages();
create trigger subscriber_renamed_messages after update of tenant_id, username on tandem.subscriber
	for each row when (old.username <> new.username or old.tenant_id <> new.tenant_id)
	execute function tandem.subscriber_leaves_messages();

select tandem.grant_roles();

insert into tandem.schema_version (version, name) values (15, 'message');
