-- What support, users and billing read (BILLING.md 5.5). Views show all tenants, each row with its
-- tenant's number and name; billing_ro sees nothing else.

-- A cell that a spreadsheet would run as a formula gets a ' in front (CWE-1236); a plain number,
-- with its sign or its +, is no formula and stays as it is.
create function tandem.csv_cell(t text) returns text
language sql immutable strict parallel safe as $$
	select case when t ~ '^[-=+@\t\r]' and t !~ '^[-+]?[0-9]+$' then '''' || t else t end
$$;

-- One column for each of cdr, in the order of tandem-sql(7). New ones are added at the end.
create view tandem.v_cdr_csv as
select c.export_seq, c.cdr_id, c.call_id, c.seq, c.tenant_id, tandem.csv_cell(t.name) as tenant,
	c.record_type, c.segment_kind, c.parent_seq, c.payer_kind, c.payer_account_id,
	tandem.csv_cell(c.payer_number) as payer_number,
	tandem.csv_cell(c.account_code) as account_code,
	tandem.csv_cell(c.calling_number) as calling_number,
	tandem.csv_cell(c.calling_name) as calling_name, c.calling_presentation,
	tandem.csv_cell(c.presented_number) as presented_number,
	tandem.csv_cell(c.dialed_digits) as dialed_digits,
	tandem.csv_cell(c.called_number) as called_number,
	tandem.csv_cell(c.routed_number) as routed_number,
	tandem.csv_cell(c.original_called_number) as original_called_number,
	tandem.csv_cell(c.redirecting_number) as redirecting_number,
	c.redirect_reason, c.redirect_count,
	tandem.csv_cell(c.connected_number) as connected_number, c.connected_reason,
	c.start_at at time zone 'UTC' as start_utc, c.ring_at at time zone 'UTC' as ring_utc,
	c.answer_at at time zone 'UTC' as answer_utc, c.end_at at time zone 'UTC' as end_utc,
	c.start_at at time zone z.name as start_local, c.ring_at at time zone z.name as ring_local,
	c.answer_at at time zone z.name as answer_local, c.end_at at time zone z.name as end_local,
	z.name as timezone,
	c.duration_ms, c.bill_ms, c.ring_ms, c.pdd_ms, c.hold_ms, c.early_media_ms,
	c.disposition, c.sip_code, c.q850_cause, tandem.csv_cell(c.reason_text) as reason_text,
	c.released_by, c.end_reason, c.estimated, c.call_class, c.dest_prefix,
	c.in_trunk_id, c.out_trunk_id, c.in_ip, c.out_ip,
	tandem.csv_cell(c.in_sip_call_id) as in_sip_call_id,
	tandem.csv_cell(c.out_sip_call_id) as out_sip_call_id,
	tandem.csv_cell(c.user_agent_a) as user_agent_a,
	tandem.csv_cell(c.user_agent_b) as user_agent_b,
	tandem.csv_cell(c.codec_a) as codec_a, tandem.csv_cell(c.codec_b) as codec_b,
	c.rate_id, c.currency, c.rate_per_min, c.connect_fee, c.charge, c.tax, c.cost, c.rated_at,
	c.invoice_id, c.correction_of, c.inserted_at at time zone 'UTC' as inserted_utc
from tandem.cdr c
left join tandem.tenant t using (tenant_id)
cross join lateral (select coalesce(t.timezone, 'UTC') as name) z;

create view tandem.v_cdr_json as
select c.export_seq, c.cdr_id, c.tenant_id, to_jsonb(c) as cdr from tandem.cdr c;

-- Who, with whom, by which way, how long, and how it ended: told by the first root segment.
create view tandem.v_calls as
select k.call_id, k.tenant_id, t.name as tenant, k.setup_at, k.end_at, k.direction,
	coalesce(r.calling_number, k.from_number) as caller, r.calling_name as caller_name,
	coalesce(r.called_number, k.to_number) as called, r.connected_number as connected,
	gi.name as in_gateway, go.name as out_gateway,
	r.answer_at, make_interval(secs => r.duration_ms / 1000.0) as duration,
	make_interval(secs => r.bill_ms / 1000.0) as talked,
	case when k.closed then r.disposition::text when r.answer_at is null then 'open' else 'answered' end
	    as result,
	r.sip_code, r.released_by, r.end_reason,
	(select count(*) from tandem.cdr c where c.call_id = k.call_id and c.record_type <> 'interim')
	    as segments,
	k.node, k.worker, k.closed, k.merged_into
from tandem.call k
left join tandem.tenant t using (tenant_id)
left join lateral (
	select * from tandem.cdr c
	where c.call_id = k.call_id and c.parent_seq is null
	and c.record_type in ('normal', 'system_closed')
	order by c.seq limit 1) r on true
left join tandem.gateway gi on gi.gateway_id = r.in_trunk_id
left join tandem.gateway go on go.gateway_id = r.out_trunk_id;

create view tandem.v_call_legs as
select k.call_id, k.tenant_id, k.setup_at, k.end_at, k.direction, k.from_number, k.to_number,
	k.closed,
	(select coalesce(jsonb_agg(to_jsonb(c) || jsonb_build_object('legs',
	        (select coalesce(jsonb_agg(to_jsonb(l) order by l.leg_no), '[]')
	        from tandem.cdr_leg l where l.call_id = c.call_id and l.seq = c.seq)) order by c.seq), '[]')
	    from tandem.cdr c where c.call_id = k.call_id) as segments
from tandem.call k;

-- One row for each call that somebody here missed, a member's phones or a group's members count as
-- one. Refused calls are not missed, nor those that someone picked up. A call that the exchange began for
-- somebody who then was not there himself (0036) never reached the called one, who has missed nothing.
create view tandem.v_missed_calls as
select c.tenant_id, t.name as tenant, s.subscriber_id, s.username, g.name as hunt_group,
	c.start_at, case when c.calling_presentation = 'restricted' then null else c.calling_number end
	    as caller,
	case when c.calling_presentation = 'restricted' then null else c.calling_name end as caller_name,
	c.called_number as called, c.disposition, c.ring_ms, c.call_id, c.seq
from tandem.cdr c
left join tandem.tenant t using (tenant_id)
left join tandem.subscriber s
	on s.tenant_id = c.tenant_id and c.called_number in (s.username, s.number)
left join tandem.hunt_group g
	on g.tenant_id = c.tenant_id and g.number = c.called_number and s.subscriber_id is null
where c.answer_at is null and c.record_type in ('normal', 'system_closed')
and c.disposition in ('busy', 'noanswer', 'cancelled', 'unreachable', 'abandoned')
and not (c.segment_kind = 'callback' and c.disposition = 'cancelled' and c.ring_at is null)
and (s.subscriber_id is not null or g.hunt_group_id is not null);

-- Chargeable, and nobody has put a price on it yet.
create view tandem.v_unrated as
select c.* from tandem.cdr c
where c.rated_at is null and c.bill_ms > 0 and c.payer_kind <> 'nobody'
and c.record_type <> 'interim';

insert into tandem.schema_version (version, name) values (10, 'views');
