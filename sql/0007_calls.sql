-- Calls, segments, legs and events (BILLING.md 5.1, 5.2). A call is what the user sees; a cdr row is
-- one segment with exactly one payer; a leg is one INVITE; an event is what happened when.
--
-- Nothing here refers to a tenant, subscriber or gateway by foreign key: these may go, what was
-- called stays; and what the exchange saw must never be refused because of a row that is missing.
-- For the same reason only what is impossible is checked; what is wrong is shown by v_billing_audit.

create type tandem.direction as enum ('internal', 'outbound', 'inbound', 'transit');
create type tandem.record_type as enum ('normal', 'interim', 'correction', 'system_closed');
create type tandem.segment_kind as enum ('direct', 'forward', 'deflection', 'transfer_blind',
	'transfer_consult', 'conference_add', 'callback', 'park_return', 'queue', 'voicemail',
	'feature_code', 'emergency');
create type tandem.payer_kind as enum ('subscriber', 'trunk_customer', 'tenant', 'nobody');
create type tandem.calling_presentation as enum ('allowed', 'restricted', 'unavailable');
create type tandem.redirect_reason as enum ('unconditional', 'busy', 'no_answer', 'unreachable',
	'deflection', 'time', 'group');
create type tandem.connected_reason as enum ('called', 'group', 'pickup', 'queue', 'transfer',
	'voicemail');
create type tandem.disposition as enum ('answered', 'busy', 'noanswer', 'cancelled', 'rejected',
	'unreachable', 'failed', 'barred', 'nocredit', 'redirected', 'forwarded', 'abandoned');
create type tandem.released_by as enum ('caller', 'callee', 'system', 'network', 'timeout', 'credit');
create type tandem.end_reason as enum ('normal', 'session_timer', 'media_timeout', 'no_ack',
	'credit_exhausted', 'max_duration', 'admin', 'shutdown', 'system_failure');
create type tandem.call_class as enum ('on_net', 'local', 'national', 'mobile', 'international',
	'premium', 'freephone', 'emergency', 'service');
create type tandem.leg_direction as enum ('in', 'out');
create type tandem.leg_kind as enum ('contact', 'trunk', 'group_member', 'consult');
create type tandem.event_kind as enum ('setup', 'progress', 'answer', 'hold', 'resume', 'forward',
	'transfer', 'park', 'pickup', 'interim', 'end', 'decision');

create table tandem.call (
	call_id        uuid primary key,
	tenant_id      int not null,
	setup_at       timestamptz(3) not null,
	end_at         timestamptz(3),
	direction      tandem.direction,
	from_number    tandem.line,
	to_number      tandem.line,
	node           text,
	worker         int,
	recording_ref  text,
	closed         boolean not null default false,
	merged_into    uuid,
	unique (tenant_id, call_id)
);
create index on tandem.call (tenant_id, setup_at);
create index on tandem.call (setup_at) where not closed;

create table tandem.cdr (
	cdr_id                  uuid not null,
	call_id                 uuid not null,
	seq                     smallint not null check (seq >= 0),
	tenant_id               int not null,
	export_seq              bigint not null,
	record_type             tandem.record_type not null default 'normal',
	segment_kind            tandem.segment_kind not null default 'direct',
	parent_seq              smallint,
	payer_kind              tandem.payer_kind not null,
	payer_account_id        bigint not null,
	payer_number            tandem.line,
	account_code            text,
	auth_code               text,
	pin_id                  bigint,
	calling_number          tandem.line,
	calling_name            tandem.line,
	calling_presentation    tandem.calling_presentation,
	presented_number        tandem.line,
	dialed_digits           tandem.line,
	called_number           tandem.line,
	routed_number           tandem.line,
	original_called_number  tandem.line,
	redirecting_number      tandem.line,
	redirect_reason         tandem.redirect_reason,
	redirect_count          smallint not null default 0 check (redirect_count between 0 and 20),
	connected_number        tandem.line,
	connected_reason        tandem.connected_reason,
	start_at                timestamptz(3) not null,
	ring_at                 timestamptz(3),
	answer_at               timestamptz(3),
	end_at                  timestamptz(3),
	duration_ms             bigint not null default 0,
	bill_ms                 bigint not null default 0,
	ring_ms                 bigint,
	pdd_ms                  bigint,
	hold_ms                 bigint,
	early_media_ms          int,
	disposition             tandem.disposition,
	sip_code                smallint,
	q850_cause              smallint,
	reason_text             tandem.line,
	released_by             tandem.released_by,
	end_reason              tandem.end_reason,
	estimated               boolean not null default false,
	call_class              tandem.call_class,
	dest_prefix             text,
	dest_id                 int,
	in_trunk_id             int,
	out_trunk_id            int,
	in_ip                   inet,
	out_ip                  inet,
	in_sip_call_id          tandem.line,
	out_sip_call_id         tandem.line,
	user_agent_a            tandem.line,
	user_agent_b            tandem.line,
	codec_a                 tandem.line,
	codec_b                 tandem.line,
	mos_min                 real,
	mos_avg                 real,
	jitter_ms               real,
	loss_pct                real,
	attestation             char(1),
	verstat                 text,
	rate_id                 int,
	currency                char(3),
	rate_per_min            numeric(12,6),
	connect_fee             numeric(12,6),
	increment_first         int,
	increment_next          int,
	charge                  numeric(14,6),
	tax                     numeric(14,6),
	cost                    numeric(14,6),
	rated_at                timestamptz,
	invoice_id              bigint,
	correction_of           uuid,
	custom                  jsonb,
	inserted_at             timestamptz not null default now(),
	primary key (cdr_id, start_at),
	unique (call_id, seq, start_at),
	check (answer_at is null or answer_at between start_at and end_at),
	check (bill_ms = 0 or answer_at is not null),
	check (bill_ms between 0 and duration_ms)
) partition by range (start_at);
create index on tandem.cdr (tenant_id, start_at);
create index on tandem.cdr (tenant_id, calling_number, start_at);
create index on tandem.cdr (export_seq);
create index on tandem.cdr (inserted_at) where rated_at is null;

-- What falls into no month's partition; so an insert never fails for want of one.
create table tandem.cdr_default partition of tandem.cdr default;

create table tandem.cdr_leg (
	call_id              uuid not null,
	seq                  smallint not null check (seq >= 0),
	leg_no               smallint not null check (leg_no >= 0),
	direction            tandem.leg_direction not null,
	kind                 tandem.leg_kind,
	target               tandem.line,
	sip_call_id          tandem.line,
	local_tag            tandem.line,
	remote_tag           tandem.line,
	local_address        tandem.line,
	remote_address       tandem.line,
	start_at             timestamptz(3),
	ring_at              timestamptz(3),
	answer_at            timestamptz(3),
	end_at               timestamptz(3),
	sip_code             smallint,
	reason               tandem.line,
	cancelled_elsewhere  boolean not null default false,
	retransmissions      int not null default 0,
	codec                tandem.line,
	mos_min              real,
	mos_avg              real,
	jitter_ms            real,
	loss_pct             real,
	carrier_cost         numeric(14,6),
	primary key (call_id, seq, leg_no)
);
create index on tandem.cdr_leg (sip_call_id);

create table tandem.cdr_event (
	event_id  bigint generated always as identity primary key,
	call_id   uuid not null,
	seq       smallint,
	leg_no    smallint,
	at        timestamptz(3) not null,
	mono_ns   bigint,
	kind      tandem.event_kind not null,
	detail    jsonb
);
create index on tandem.cdr_event (call_id, at);

insert into tandem.schema_version (version, name) values (7, 'calls');
