-- BILLING.md R22: a call to an emergency number costs nothing, and need not be rated.

create function tandem.emergency_is_free() returns trigger language plpgsql as $$
begin
	new.charge := 0;
	new.tax := 0;
	new.rated_at := now();
	return new;
end $$;
create trigger emergency_is_free before insert on tandem.cdr for each row
	when (new.call_class = 'emergency') execute function tandem.emergency_is_free();

insert into tandem.schema_version (version, name) values (20, 'emergency');
