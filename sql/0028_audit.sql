-- The audit as 0012_audit.sql has it, but for two things that are right: a service code is answered and free
-- (BILLING.md R28), so nothing of it is billed; and who was refused may ask again at once with the same
-- Call-ID (FLOWS.md S4-04), which is another call: only what was there at the same time is there twice.

create or replace view tandem.v_billing_audit as
with final as (select * from tandem.cdr where record_type in ('normal', 'system_closed'))

select 1 as rule, 'closed call without any segment' as finding, k.tenant_id, k.call_id,
	null::smallint as seq, format('closed at %s', k.end_at) as detail
from tandem.call k
where k.closed and k.merged_into is null
and not exists (select from tandem.cdr c where c.call_id = k.call_id)

union all
select 2, 'segment without payer', c.tenant_id, c.call_id, c.seq,
	format('%s %s', c.payer_kind, c.payer_account_id)
from final c
where c.payer_account_id is null or (c.payer_kind = 'nobody') <> (c.payer_account_id = 0)

union all
select 3, 'two answered root segments of one caller''s leg', min(c.tenant_id), c.call_id, max(c.seq),
	format('%s answered, leg %s', count(*), c.in_sip_call_id)
from final c
where c.parent_seq is null and c.disposition = 'answered' and c.segment_kind <> 'conference_add'
group by c.call_id, c.tenant_id, c.in_sip_call_id having count(*) > 1

union all
select 4, 'answered segment below one that was not', c.tenant_id, c.call_id, c.seq,
	format('parent %s is %s', p.seq, p.disposition)
from final c
join final p on p.call_id = c.call_id and p.seq = c.parent_seq
where c.answer_at is not null and p.disposition is distinct from 'answered'

union all
select 5, 'bill_ms is not the time from answer to end', c.tenant_id, c.call_id, c.seq,
	format('%s ms billed, %s ms by the clock', c.bill_ms, w.ms)
from final c
cross join lateral (select case c.segment_kind when 'feature_code' then 0
    else round(1000 * extract(epoch from c.end_at - c.answer_at)) end as ms) w
where c.answer_at is not null and not c.estimated and c.disposition = 'answered'
and abs(c.bill_ms - w.ms) > 50
and not exists (select from tandem.cdr_event e where e.call_id = c.call_id and e.detail ? 'clock')

union all
select 6, 'answered over a trunk without an answered leg to it', c.tenant_id, c.call_id, c.seq,
	format('trunk %s', c.out_trunk_id)
from final c
where c.out_trunk_id is not null and c.answer_at is not null
and not exists (select from tandem.cdr_leg l where l.call_id = c.call_id and l.seq = c.seq
    and l.direction = 'out' and l.kind = 'trunk' and l.answer_at is not null)

union all
select 6, 'answered leg to a trunk in a segment without one', c.tenant_id, c.call_id, c.seq,
	format('leg %s', l.leg_no)
from tandem.cdr_leg l
join final c on c.call_id = l.call_id and c.seq = l.seq
where l.direction = 'out' and l.kind = 'trunk' and l.answer_at is not null
and not l.cancelled_elsewhere and c.disposition = 'answered' and c.out_trunk_id is null

union all
select 7, 'call open for more than a day', k.tenant_id, k.call_id, null, format('since %s', k.setup_at)
from tandem.call k
where not k.closed and k.setup_at < now() - interval '1 day'

union all
select 8, 'the same segment twice', c.tenant_id, c.call_id, c.seq,
	format('also call %s: %s to %s', d.call_id, c.in_sip_call_id, c.called_number)
from final c
join final d on d.tenant_id = c.tenant_id and d.in_sip_call_id = c.in_sip_call_id
    and d.called_number = c.called_number and d.seq = c.seq and d.cdr_id > c.cdr_id
    and date_trunc('second', d.start_at) = date_trunc('second', c.start_at)
    and (d.start_at = c.start_at or (d.start_at < c.end_at and c.start_at < d.end_at))

union all
select 9, 'forwarded, and not paid by whoever forwarded', c.tenant_id, c.call_id, c.seq,
	format('forwarded by %s, paid by %s %s', c.redirecting_number, c.payer_kind, c.payer_account_id)
from final c
join tandem.subscriber s
	on s.tenant_id = c.tenant_id and c.redirecting_number in (s.username, s.number)
where c.segment_kind in ('forward', 'deflection')
and (c.payer_kind <> 'subscriber' or c.payer_account_id <> s.subscriber_id)

union all
select 10, 'gap in export_seq', g.tenant_id, g.call_id, g.seq,
	format('%s follows %s', g.export_seq, g.before)
from (select c.tenant_id, c.call_id, c.seq, c.export_seq,
	    lag(c.export_seq) over (order by c.export_seq) as before from tandem.cdr c) g
where g.export_seq <> g.before + 1;

insert into tandem.schema_version (version, name) values (28, 'audit of service codes');
