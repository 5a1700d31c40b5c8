-- Totals by day (UTC), by month, by hour. ASR: answered of attempts, in percent. ACD: seconds of an
-- answered call. NER: attempts that reached the other network or a phone, whatever it said. Interim
-- rows are parts of others and are left out everywhere.

-- The rows that count, and what is counted of each; the views below differ in how they group.
create view tandem.v_countable as
select c.tenant_id, (c.start_at at time zone 'UTC')::date as day, c.payer_kind, c.payer_account_id,
	c.payer_number, c.in_trunk_id, c.out_trunk_id, c.call_class, c.dest_prefix, c.segment_kind,
	c.record_type, c.disposition, c.currency, c.answer_at is not null as answered, c.bill_ms,
	c.charge, c.tax, c.cost, c.pdd_ms, c.mos_avg,
	c.disposition in ('answered', 'busy', 'noanswer', 'cancelled', 'rejected') as effective,
	c.record_type <> 'correction' as attempt
from tandem.cdr c where c.record_type <> 'interim';

create view tandem.v_daily_account as
select tenant_id, day, payer_kind, payer_account_id, min(payer_number) as payer_number, currency,
	count(*) filter (where attempt) as attempts,
	count(*) filter (where attempt and answered) as answered,
	round(100.0 * count(*) filter (where attempt and answered)
	    / nullif(count(*) filter (where attempt), 0), 2) as asr,
	round(avg(bill_ms) filter (where answered) / 1000, 1) as acd_s,
	round(sum(bill_ms) / 60000.0, 3) as minutes,
	sum(charge) as charge, sum(cost) as cost, sum(charge) - sum(cost) as margin
from tandem.v_countable
group by tenant_id, day, payer_kind, payer_account_id, currency;

create view tandem.v_daily_trunk as
select n.tenant_id, n.day, u.trunk_id, g.name as trunk, u.direction, n.currency,
	count(*) filter (where attempt) as attempts,
	count(*) filter (where attempt and answered) as answered,
	round(100.0 * count(*) filter (where attempt and answered)
	    / nullif(count(*) filter (where attempt), 0), 2) as asr,
	round(avg(bill_ms) filter (where answered) / 1000, 1) as acd_s,
	round(sum(bill_ms) / 60000.0, 3) as minutes,
	sum(charge) as charge, sum(cost) as cost, sum(charge) - sum(cost) as margin
from tandem.v_countable n
cross join lateral (values (n.in_trunk_id, 'in'), (n.out_trunk_id, 'out')) u (trunk_id, direction)
left join tandem.gateway g on g.gateway_id = u.trunk_id
where u.trunk_id is not null
group by n.tenant_id, n.day, u.trunk_id, g.name, u.direction, n.currency;

create view tandem.v_daily_destination as
select tenant_id, day, call_class, dest_prefix, currency,
	count(*) filter (where attempt) as attempts,
	count(*) filter (where attempt and answered) as answered,
	round(100.0 * count(*) filter (where attempt and answered)
	    / nullif(count(*) filter (where attempt), 0), 2) as asr,
	round(avg(bill_ms) filter (where answered) / 1000, 1) as acd_s,
	round(sum(bill_ms) / 60000.0, 3) as minutes,
	sum(charge) as charge, sum(cost) as cost, sum(charge) - sum(cost) as margin
from tandem.v_countable
group by tenant_id, day, call_class, dest_prefix, currency;

create view tandem.v_monthly_invoice_lines as
select tenant_id, date_trunc('month', day)::date as month, payer_kind, payer_account_id,
	min(payer_number) as payer_number, call_class, currency,
	count(*) filter (where attempt) as calls, round(sum(bill_ms) / 60000.0, 3) as minutes,
	sum(charge) as charge, sum(tax) as tax
from tandem.v_countable
where payer_kind <> 'nobody' and bill_ms > 0
group by tenant_id, date_trunc('month', day), payer_kind, payer_account_id, call_class, currency;

create view tandem.v_traffic_quality as
select n.tenant_id, n.day, n.out_trunk_id as trunk_id, g.name as trunk, count(*) as attempts,
	round(100.0 * count(*) filter (where answered) / count(*), 2) as asr,
	round(100.0 * count(*) filter (where effective) / count(*), 2) as ner,
	round(avg(bill_ms) filter (where answered) / 1000, 1) as acd_s,
	percentile_cont(0.5) within group (order by pdd_ms) as pdd_ms_p50,
	percentile_cont(0.95) within group (order by pdd_ms) as pdd_ms_p95,
	avg(mos_avg)::real as mos
from tandem.v_countable n
left join tandem.gateway g on g.gateway_id = n.out_trunk_id
where n.out_trunk_id is not null and n.attempt
group by n.tenant_id, n.day, n.out_trunk_id, g.name;

-- How many at once: a channel is held from the start of a segment to its end. trunk_id null is the
-- whole tenant (its root segments: a forwarded call is one conversation). An hour in which nothing
-- begins or ends, but something goes on, is there too.
create view tandem.v_hourly_concurrency as
with held as (
	select c.tenant_id, u.trunk_id, c.start_at, c.end_at, c.answer_at
	from tandem.cdr c
	cross join lateral (values (null::int, c.parent_seq is null), (c.in_trunk_id, c.in_trunk_id is not null),
	    (c.out_trunk_id, c.out_trunk_id is not null)) u (trunk_id, counts)
	where u.counts and c.end_at is not null and c.record_type in ('normal', 'system_closed')),
steps as (
	select tenant_id, trunk_id, start_at as at, 1 as channels, 0 as calls, 1 as attempts from held
	union all
	select tenant_id, trunk_id, end_at, -1, 0, 0 from held
	union all
	select tenant_id, trunk_id, answer_at, 0, 1, 0 from held where answer_at is not null
	union all
	select tenant_id, trunk_id, end_at, 0, -1, 0 from held where answer_at is not null
	union all
	select tenant_id, trunk_id, h, 0, 0, 0 from held,
	    generate_series(date_trunc('hour', start_at, 'UTC') + interval '1 hour', end_at, interval '1 hour') h),
levels as (
	select tenant_id, trunk_id, at, attempts,
	    sum(channels) over w as channels, sum(calls) over w as calls
	from steps
	window w as (partition by tenant_id, trunk_id order by at, channels, calls
	    rows between unbounded preceding and current row))
select l.tenant_id, l.trunk_id, g.name as trunk, date_trunc('hour', l.at, 'UTC') as hour,
	sum(l.attempts) as attempts, max(l.channels) as peak_channels, max(l.calls) as peak_calls
from levels l
left join tandem.gateway g on g.gateway_id = l.trunk_id
group by l.tenant_id, l.trunk_id, g.name, date_trunc('hour', l.at, 'UTC')
having max(l.channels) > 0;

insert into tandem.schema_version (version, name) values (11, 'totals');
