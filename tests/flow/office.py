"""An office for the flow tests: a running exchange with its own database and subscribers in it.

    office = Office(cluster, tmp_path, "calls")     # users are in force before it starts
    office.start("alice", "bob", single=dict(contact_policy="single"))
    alice = office.phone("alice")                   # a UA (ua.py); office.close() closes it
    office.phone()                                  # one of the spare users, each once

The password of a user is "secret-" and its name; the domain is pbx.test.
"""
import hashlib
import itertools
import os
import pathlib
import shutil

import records
from exchange import REPO, Exchange, wait_until
from ua import UA

DOMAIN = "pbx.test"
SPARE = 60


def ha1(user, password, realm, algorithm):
    return hashlib.new(algorithm, ("%s:%s:%s" % (user, realm, password)).encode()).hexdigest()


def quoted(value):
    return "'%s'" % str(value).replace("'", "''")


def subscriber_sql(user, domain=DOMAIN, password=None, number=None, **service):
    """Adds a subscriber to the tenant of a domain; service: columns of subscriber_service."""
    password = "secret-" + user if password is None else password
    digests = ["decode('%s', 'hex')" % ha1(user, password, domain, a)
               for a in ("md5", "sha256", "sha512_256")]
    tenant = "(select tenant_id from tandem.domain where domain = %s)" % quoted(domain)
    sql = ("insert into tandem.subscriber (tenant_id, username, ha1_md5, ha1_sha256,"
           " ha1_sha512_256, number) values (%s, %s, %s, %s);" % (
               tenant, quoted(user), ", ".join(digests), quoted(number) if number else "null"))
    if service:
        sets = ", ".join("%s = %s" % (k, quoted(v)) for k, v in service.items())
        sql += ("insert into tandem.subscriber_service (tenant_id, subscriber_id) select tenant_id,"
                " subscriber_id from tandem.subscriber where username = %s on conflict do nothing;"
                "update tandem.subscriber_service set %s where subscriber_id = (select"
                " subscriber_id from tandem.subscriber where username = %s and tenant_id = %s);"
                % (quoted(user), sets, quoted(user), tenant))
    return sql


class Office:
    def __init__(self, cluster, directory, database, domains=(DOMAIN, "alt.test"), **keys):
        self.cluster, self.database = cluster, database
        self.phones = []
        self.spare = ("u%02d" % i for i in itertools.count())
        cluster.create(database)
        self.exchange = Exchange(pathlib.Path(directory), env=dict(TANDEM_SQLDIR=str(REPO / "sql")),
                                 domains=list(domains), database=cluster.dsn(database), **keys)
        os.environ.setdefault("TANDEM_SQLDIR", str(REPO / "sql"))
        self.exchange.write_conf()
        self.exchange.ctl("db", "init")

    def sql(self, text):
        return self.cluster.sql(text, self.database)

    def start(self, *users, sql="", **special):
        """users: names; special: name=dict of subscriber_sql; sql: what else is to be there."""
        names = list(users) + ["u%02d" % i for i in range(SPARE)]
        self.sql("".join(subscriber_sql(u) for u in names) +
                 "".join(subscriber_sql(u, **more) for u, more in special.items()) + sql)
        self.exchange.start()
        wait_until(lambda: self.ready(), 10)
        return self

    def ready(self):
        """The directory is there when a REGISTER is challenged and not put off."""
        with UA("nobody", self.server) as ua:
            return ua.register(status=None, auth=False).status == 401

    @property
    def server(self):
        return ("127.0.0.1", self.exchange.port)

    def phone(self, name=None, **more):
        ua = UA(name or next(self.spare), self.server, **more)
        self.phones.append(ua)
        return ua

    def bindings(self, user):
        """Its rows in the database, as lists of (contact, ...) by a column list."""
        return self.sql("select contact, extract(epoch from expires_at - now())::int, q, cseq,"
                        " coalesce(path, ''), coalesce(registered_by, ''), ring_s"
                        " from tandem.binding where username = %s and expires_at > now()"
                        " order by contact" % quoted(user))

    def close(self):
        for ua in self.phones:
            ua.close()
        try:
            self.exchange.close()
            audit = self.exchange.ctl("audit", check=False)     # BILLING.md 5.6
            assert audit[0] == 0, audit
            records.keep(self.cluster, self.database)
        finally:
            self.cluster.drop(self.database)
            shutil.rmtree(self.exchange.directory / "spool", ignore_errors=True)
