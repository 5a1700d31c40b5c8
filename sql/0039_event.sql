-- What befell a call that somebody parked, took out of its orbit, or picked up (BILLING.md R15, R16): the worker
-- notes it among the call's decisions, which come with its record; here they become rows of cdr_event.
alter type tandem.event_kind add value 'retrieve';
alter type tandem.event_kind add value 'recall';

create function tandem.call_events() returns trigger language plpgsql as $$
begin
	insert into tandem.cdr_event (call_id, seq, at, kind, detail)
	select new.call_id, 1, new.setup_at + d.ms * interval '1 millisecond', k.kind::tandem.event_kind,
	    jsonb_build_object('of', d.of, 'reason', d.reason)
	from jsonb_to_recordset(new.decisions) as d (ms bigint, feature text, of text, reason text)
	join (values ('parked', 'park'), ('retrieved', 'retrieve'), ('recalled', 'recall'), ('pickup', 'pickup'))
	    k (feature, kind) using (feature)
	where not exists (select from tandem.cdr_event e where e.call_id = new.call_id
	    and e.kind::text in ('park', 'retrieve', 'recall', 'pickup'));
	return null;
end $$;

create trigger events after insert or update of decisions on tandem.call for each row
	when (new.closed and (new.decisions @> '[{"feature": "parked"}]' or new.decisions @> '[{"feature": "pickup"}]'))
	execute function tandem.call_events();

insert into tandem.schema_version (version, name) values (39, 'event');
