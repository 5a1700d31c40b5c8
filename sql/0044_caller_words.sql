-- As in 0026; a caller that is none (*60 after a call from a*b) is said in words that a phone can show.
create or replace function tandem.caller_is_known() returns trigger language plpgsql as $$
begin
	if not tandem.is_caller(new.caller) then
		raise exception using errcode = 'check_violation', table = 'caller_list',
		    constraint = 'caller_list_caller_check',
		    message = format('%s: not a number or a name (%s)', new.kind, left(new.caller, 32));
	elsif new.kind in ('block', 'forward') and tandem.is_emergency(new.caller) then
		raise exception using errcode = 'check_violation', constraint = 'caller_list_emergency',
		    message = format('%s: an emergency number is always put through (%s)', new.kind, new.caller);
	elsif new.caller !~ '^[+0-9*]' and new.caller <> 'anonymous' and not exists (
	    select from tandem.subscriber s
	    where s.tenant_id = new.tenant_id and s.username = new.caller) then
		raise exception using errcode = 'check_violation', constraint = 'caller_list_unknown',
		    message = format('%s: no such subscriber: %s', new.kind, new.caller);
	end if;
	return new;
end $$;

insert into tandem.schema_version (version, name) values (44, 'caller_words');
