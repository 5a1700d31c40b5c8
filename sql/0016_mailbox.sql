-- How many messages wait in a subscriber's mailbox: whoever keeps the voice mail writes it (a row comes
-- with the first message), and the exchange tells the subscriber's telephones (RFC 3842). No row: none.

create table tandem.mailbox (
	tenant_id     int not null,
	subscriber_id bigint not null,
	new_messages  int not null default 0 check (new_messages >= 0),
	old_messages  int not null default 0 check (old_messages >= 0),
	urgent_new    int not null default 0 check (urgent_new >= 0),
	urgent_old    int not null default 0 check (urgent_old >= 0),
	primary key (tenant_id, subscriber_id),
	foreign key (tenant_id, subscriber_id)
		references tandem.subscriber (tenant_id, subscriber_id) on delete cascade,
	check (urgent_new <= new_messages and urgent_old <= old_messages)
);
comment on table tandem.mailbox is 'messages waiting for a subscriber, as his telephones show it';

create trigger changed after insert or update or delete on tandem.mailbox
	for each row execute function tandem.row_changed('subscriber', 'subscriber_id');

select tandem.grant_roles();

insert into tandem.schema_version (version, name) values (16, 'mailbox');
