-- Numbers that lead elsewhere, several contacts each; gateways behind a proxy.

-- One SIP URI, or several with a space between, each perhaps in the form <URI>;q=0.5;expires=60.
create function tandem.is_redirect(r text) returns boolean
language sql immutable strict parallel safe as $$
	select octet_length(r) <= 1024 and r <> '' and not exists (
		select from regexp_split_to_table(r, ' +') c
		where not tandem.is_uri(c) and not (
			c ~ '^<[^<>]+>(;q=(0(\.[0-9]{1,3})?|1(\.0{1,3})?))?(;expires=[0-9]{1,9})?$'
			and tandem.is_uri(substring(c from '^<([^<>]+)>'))))
$$;

alter table tandem.did
	drop constraint did_redirect_check,
	add constraint did_redirect_check check (tandem.is_redirect(redirect)),
	add column did_id int generated always as identity;
create unique index on tandem.did (did_id);

-- Where requests for the gateway are sent first: a SIP URI, or a host and perhaps a port.
alter table tandem.gateway
	add column outbound_proxy text check (tandem.is_uri(outbound_proxy)
	    and outbound_proxy ~* '^sips?:' or tandem.is_uri('sip:' || outbound_proxy)
	    and outbound_proxy !~ '[;?@]');

insert into tandem.schema_version (version, name) values (18, 'redirect');
