-- Codes of call completion (the worker's, which keeps what is asked for). A call that the exchange began for
-- somebody who then was not there himself never reached the called one, who has missed nothing.
insert into tandem.feature_code (profile, pattern, action) values
	('nanp', '*66', 'ccbs.set'),   ('nanp', '*86', 'ccbs.clear'),
	('etsi', '*37#', 'ccbs.set'),  ('etsi', '#37#', 'ccbs.clear'), ('etsi', '*#37#', 'ccbs.query')
	on conflict do nothing;

create or replace view tandem.v_missed_calls as
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

insert into tandem.schema_version (version, name) values (36, 'completion');
