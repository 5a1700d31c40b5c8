-- Members log in and out: of the group with this number, or of all that they are in.
insert into tandem.feature_code (profile, pattern, action) values
	('both', '*22', 'group.login'),         ('both', '*22N', 'group.login'),
	('both', '*23', 'group.logout'),        ('both', '*23N', 'group.logout')
on conflict do nothing;

-- What a trigger refuses of a log-in is told to who dialled it, in its words, and not as a fault of the
-- database.
create function tandem.group_act(who bigint, act text, dialled text, out status int, out phrase text)
language plpgsql as $$
begin
	with own as (
		update tandem.hunt_group_member m set logged_in = act = 'group.login'
		from tandem.hunt_group g
		where m.subscriber_id = who and g.hunt_group_id = m.hunt_group_id
		and (dialled is null
		    or tandem.destination_group(dialled, g.tenant_id) = g.hunt_group_id)
		returning g.name, m.logged_in)
	select string_agg(o.name || case when o.logged_in then ' logged in' else ' logged out' end, ', '
	    order by o.name) into phrase from own o;
	status := 200;
	if phrase is null then
		status := 403;
		phrase := case when dialled is null then 'Not a member of any group'
		    else 'Not a member of that group' end;
	end if;
exception when check_violation or string_data_right_truncation then
	status := 403;
	phrase := sqlerrm;
end $$;
insert into tandem.feature_actor (acts, actor) values ('^group\.log(in|out)$', 'group_act');

insert into tandem.schema_version (version, name) values (40, 'group_login');
