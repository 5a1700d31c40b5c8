-- Bindings: where each subscriber can be reached just now (RFC 3261 10). The registrar's table in
-- shared memory is what calls read; this is its copy, written by the store of each node, read by it
-- at a cold start and by whoever wants to know. There is no foreign key to the subscriber: a binding
-- that arrives after its subscriber is gone must not hold up those behind it.

create table tandem.binding (
	tenant_id      int not null,
	username       text not null,
	contact        tandem.line not null,
	call_id        tandem.line not null,
	cseq           bigint not null check (cseq between 0 and 4294967295),
	q              int not null default 1000 check (q between 0 and 1000),
	instance       tandem.line not null default '',
	reg_id         int not null default 0 check (reg_id >= 0),
	path           tandem.line,
	user_agent     tandem.line,
	node           text not null default '',
	registered_by  text,
	registered_at  timestamptz(3) not null,
	expires_at     timestamptz(3) not null,
	ring_s         int not null default 0 check (ring_s >= 0),
	transport      tandem.transport not null,
	listener       int not null default 0 check (listener >= 0),
	conn           bigint not null default 0,
	peer_ip        inet not null,
	peer_port      int not null check (peer_port between 0 and 65535),
	local_ip       inet,
	local_port     int check (local_port between 0 and 65535),
	primary key (tenant_id, username, contact, instance, reg_id)
);
create index on tandem.binding (expires_at);

create function tandem.subscriber_leaves() returns trigger language plpgsql as $$
begin
	delete from tandem.binding b where b.tenant_id = old.tenant_id and b.username = old.username;
	return null;
end $$;
create trigger subscriber_leaves after delete on tandem.subscriber
	for each row execute function tandem.subscriber_leaves();
create trigger subscriber_renamed after update of tenant_id, username on tandem.subscriber
	for each row when (old.username <> new.username or old.tenant_id <> new.tenant_id)
	execute function tandem.subscriber_leaves();

insert into tandem.schema_version (version, name) values (6, 'bindings');
