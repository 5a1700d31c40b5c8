-- Subscribers from @FROM@ to @TO@, all with the first one's digests: nobody calls or registers as they.
set session_replication_role = replica;
insert into tandem.subscriber (tenant_id, username, ha1_md5, ha1_sha256, ha1_sha512_256)
select s.tenant_id, n::text, s.ha1_md5, s.ha1_sha256, s.ha1_sha512_256
from (select * from tandem.subscriber order by subscriber_id limit 1) s,
     generate_series(@FROM@, @TO@) n;
analyze;
