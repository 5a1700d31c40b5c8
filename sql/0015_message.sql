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

-- As in 0014, with what the exchange does here.
create or replace function tandem.grant_roles() returns void language plpgsql as $$
begin
	if to_regrole('tandem_rw') is not null then
		revoke all on all tables in schema tandem from tandem_rw;
		grant usage on schema tandem to tandem_rw;
		grant select on all tables in schema tandem to tandem_rw;
		grant insert, update, delete on tandem.binding, tandem.message to tandem_rw;
		grant update on tandem.subscriber_service, tandem.hunt_group_member to tandem_rw;
		grant insert, update on tandem.call to tandem_rw;
		grant insert on tandem.cdr, tandem.cdr_leg, tandem.cdr_event to tandem_rw;
		grant update on tandem.export_mark to tandem_rw;
		grant execute on function tandem.cdr_partitions(int, timestamptz) to tandem_rw;
	end if;
	if to_regrole('billing_ro') is not null then
		revoke all on all tables in schema tandem from billing_ro;
		grant usage on schema tandem to billing_ro;
		grant select on tandem.v_cdr_csv, tandem.v_cdr_json, tandem.v_calls, tandem.v_call_legs,
		    tandem.v_missed_calls, tandem.v_unrated, tandem.v_daily_account,
		    tandem.v_daily_trunk, tandem.v_daily_destination, tandem.v_monthly_invoice_lines,
		    tandem.v_traffic_quality, tandem.v_hourly_concurrency, tandem.v_billing_audit,
		    tandem.v_cdr_asterisk, tandem.v_cdr_fusionpbx to billing_ro;
	end if;
end $$;
revoke all on function tandem.grant_roles() from public;
select tandem.grant_roles();

insert into tandem.schema_version (version, name) values (15, 'message');
