-- A phone for each subscriber, where nobody is.
set session_replication_role = replica;
insert into tandem.binding (tenant_id, username, contact, call_id, cseq, registered_at, expires_at, transport,
    peer_ip, peer_port)
select tenant_id, username, 'sip:' || username || '@127.0.0.9:5060', username || '-1@127.0.0.9', 1, now(),
    now() + interval '1 day', 'udp', '127.0.0.9', 5060
from tandem.subscriber;
analyze;
