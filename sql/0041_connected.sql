-- Who calls and who answered on a subscriber's display (SERVICES.md C11, C14). clip: his phones are shown who
-- calls; colp: when he calls, who answered; colr: who calls him is not shown that he did.
alter table tandem.subscriber_service
	add column clip boolean not null default true,
	add column colp boolean not null default false,
	add column colr boolean not null default false;

insert into tandem.feature_code (profile, pattern, action) values
	('nanp', '*65', 'clip.set'), ('nanp', '*85', 'clip.clear'), ('etsi', '*#30#', 'clip.query'),
	('etsi', '*76#', 'colp.set'), ('etsi', '#76#', 'colp.clear'), ('etsi', '*#76#', 'colp.query'),
	('etsi', '*77#', 'colr.set'), ('etsi', '#77#', 'colr.clear'), ('etsi', '*#77#', 'colr.query')
	on conflict do nothing;

-- As feature_act.
create function tandem.display_act(who bigint, act text, dialled text, out status int, out phrase text)
language plpgsql as $$
declare
	what text := split_part(act, '.', 1);
	verb text := split_part(act, '.', 2);
begin
	if verb <> 'query' then
		execute format('update tandem.subscriber_service set %I = $1 where subscriber_id = $2', what)
		    using verb = 'set', who;
	end if;
	execute format('select %L || case when v.%I then '' on'' else '' off'' end'
	    ' from tandem.subscriber_service v where v.subscriber_id = $1', what, what) into phrase using who;
	status := 200;
end $$;

insert into tandem.feature_actor (acts, actor) values ('^(clip|colp|colr)\.(set|clear|query)$', 'display_act');

insert into tandem.schema_version (version, name) values (41, 'connected');
