-- Is a caller told that his call is sent on (181, TS 24.604), and with number, to whom?
create type tandem.notify_caller as enum ('no', 'yes', 'number');
alter table tandem.subscriber_service
	add column notify_caller tandem.notify_caller not null default 'no';

insert into tandem.schema_version (version, name) values (24, 'notify');
