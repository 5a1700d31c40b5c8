-- Codes for a number that the exchange remembers: who called last, what was dialled last (the worker's,
-- which keeps them); who called last is shown from the records, and forgotten.
insert into tandem.feature_code (profile, pattern, action) values
	('nanp', '*69', 'return.call'), ('nanp', '*89', 'return.clear'), ('nanp', '*51', 'return.say'),
	('both', '*870', 'redial'),     ('etsi', '**0#', 'redial')
	on conflict do nothing;

create function tandem.return_act(who bigint, act text, dialled text, out status int, out phrase text)
language plpgsql stable as $$
declare
	last tandem.cdr;
begin
	status := 200;
	select * into last from tandem.last_call_to(who);
	phrase := case when act = 'return.clear' then 'return off'
	    when last.cdr_id is null then 'nobody has called'
	    when last.calling_presentation is distinct from 'allowed' then 'withheld'
	    else last.calling_number end;
end $$;

insert into tandem.feature_actor (acts, actor) values ('^return\.(say|clear)$', 'return_act');

insert into tandem.schema_version (version, name) values (33, 'return');
