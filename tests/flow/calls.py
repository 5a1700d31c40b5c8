"""What the tests of calls share: an exchange with its database, its phones and its records.

    building, office = exchange()

    def test_busy(office):
        alice, bob = office.phones(2)
        call = alice.invite(bob.name, sdp=sdp())
        bob.expect("INVITE"); bob.reply(486)
        alice.expect(486)
        office.record(call, disposition="busy", sip_code=486)

Every message that a Phone gets is held against the invariants of FLOWS.md 1.1; when a test is over,
no call may be left, each INVITE must have its record, and no process may have died.
"""
import json
import os
import re
import subprocess
import types

import pytest

import records
from exchange import BUILD, REPO, Exchange, wait_until
from sip_text import params_of, sdp, uri_of, word
from ua import UA

DOMAIN = "pbx.test"


def rings_first(caller, call, called):
    """The called phone's INVITE; or None, and what the caller hears is his final response."""
    def first():
        for phone, wanted in ((called, lambda m: m.method == "INVITE"),
                              (caller, lambda m: m.call is call and (m.status or 0) >= 300)):
            phone.listen()
            found = [m for m in phone.inbox if wanted(m)]
            if found:
                return phone, found[0]
        return None

    phone, m = wait_until(first)
    if phone is caller:
        return None
    phone.inbox.remove(m)
    phone.call = m.call
    return m


class Sql:
    """One psql that is kept open; rows come as dicts."""

    def __init__(self, cluster, database):
        self.command = [str(cluster.bin / "psql"), "-XqAt", "-d", cluster.dsn(database)]
        self.open()

    def open(self):
        """Also: once more, after the database was away."""
        self.process = subprocess.Popen(self.command, text=True, bufsize=1, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def _lines(self, text):
        self.process.stdin.write("%s;\n\\echo ---\n" % text)
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline()
            if line in ("", "---\n"):
                break
            lines.append(line.rstrip("\n"))
        assert not any(line.startswith(("ERROR:", "FATAL:")) for line in lines), lines
        return lines

    def do(self, text):
        self._lines(text)

    def __call__(self, query):
        return [json.loads(line) for line in self._lines("select to_jsonb(x) from (%s) x" % query)]

    def close(self):
        self.process.stdin.close()
        self.process.wait(5)


class Phone(UA):
    """A UA that holds everything it gets against the invariants. mates: all phones of the test."""

    def __init__(self, *args, mates=(), **more):
        super().__init__(*args, **more)
        self.mates = mates
        self.asked = {}         # (branch, method) of what we sent -> Message
        self.finals = {}        # (Call-ID, CSeq number) of an INVITE to us -> final response, INVITE
        self.branches = {}      # branch of what the exchange sent -> what it was for
        self.to_tags = {}       # branch of our request -> To tag of its answers
        self.bodies = {}        # Call-ID -> description last seen from the exchange
        self.placed = []        # calls of ours that must have a record
        self.checks = True

    # --- what we say, to be recognised

    def invite(self, *args, **more):
        call = super().invite(*args, **more)
        self.placed.append(call)
        return call

    def send(self, m, back=None):
        if not isinstance(m, bytes):
            if m.method:
                self.asked[m.branch, m.method] = m
            elif m.status >= 200 and m.cseq_method == "INVITE":
                self.finals[m["Call-ID"], m.cseq] = (m, back)
        super().send(m, back)

    def secrets(self):
        """What nobody else may see: Call-IDs and tags we made, where we are."""
        found = [self.contact_uri]
        for call in self.calls.values():
            found.append(re.search("tag=(.*)", call.local)[1])
            if call in self.placed:
                found.append(call.call_id)
        return found

    # --- what we get

    def _sort(self, m):
        super()._sort(m)
        if not self.checks:
            return
        self.claim("INV-9", m.all("Content-Length") == [str(len(m.body))], m)
        if m.method:
            self.check_request(m)
        else:
            self.check_response(m)
        self.check_origin(m)
        self.check_privacy(m)

    def claim(self, what, true, m):
        assert true, self.story("%s does not hold" % what, m)

    def check_request(self, m):
        """INV-2 of a request: one Via, the exchange's, with a branch of its own; INV-6 of an ACK."""
        vias = m.values("Via")
        self.claim("INV-2", len(vias) == 1 and m.branch.startswith("z9hG4bK"), m)
        self.claim("INV-2", self.exchange_name in vias[0], m)
        self.claim("INV-3", 0 <= int(m["Max-Forwards"]) <= 70, m)
        answer, invite = self.finals.get((m["Call-ID"], m.cseq), (None, None))
        if m.method == "ACK" and answer is not None:
            self.check_ack(m, answer, invite)
        known = self.branches.setdefault(m.branch, (m["Call-ID"], m.cseq, m.method))
        allowed = (m.method, "INVITE") if m.method in ("ACK", "CANCEL") else (m.method,)
        self.claim("INV-2 (new branch)", known in [(m["Call-ID"], m.cseq, x) for x in allowed], m)
        if m.method == "INVITE":
            self.claim("INV-1 (Contact)", self.exchange_name in m["Contact"], m)

    def check_ack(self, m, answer, invite):
        if answer.status >= 300:
            self.claim("INV-6", (m.branch, m.uri, m["Call-ID"], m["From"], m["To"]) == (
                invite.branch, invite.uri, invite["Call-ID"], invite["From"], answer["To"]), m)
            return
        self.claim("INV-6", m.branch != invite.branch, m)
        if answer.has("Contact") and not answer.has("Record-Route"):
            self.claim("INV-6", m.uri == uri_of(answer["Contact"]), m)

    def check_response(self, m):
        """INV-2, 4 and 5; S3-12: what is copied from the request is copied."""
        asked = self.asked.get((m.branch, m.cseq_method))
        if asked is None:
            return
        copied = ("From", "Call-ID", "CSeq")
        self.claim("S3-12", [m[h] for h in copied] == [asked[h] for h in copied], m)
        mine, theirs = asked.values("Via"), m.values("Via")
        self.claim("INV-2", len(mine) == len(theirs) and mine[1:] == theirs[1:], m)
        self.claim("INV-2", bare_via(mine[0]) == bare_via(theirs[0]), m)
        if "rport" in params_of(mine[0]):
            self.claim("INV-2 (rport)", params_of(theirs[0])["rport"] == str(self.link.local[1]), m)
        if m.status == 100:
            self.claim("INV-4", m["To"] == asked["To"] and not m.has("Contact") and
                       not m.has("Record-Route"), m)
            return
        tag = asked.tag("To") or self.to_tags.setdefault(m.branch, m.tag("To"))
        self.claim("INV-5", tag and m.tag("To") == tag, m)
        if m.cseq_method == "INVITE" and m.status < 300:
            self.claim("INV-1 (Contact)", self.exchange_name in m["Contact"], m)

    def check_origin(self, m):
        """INV-8."""
        if m.get("Content-Type") != "application/sdp" or m in self.repeats:
            return
        origin = re.search(r"^o=(\S+) (\d+) (\d+) (.*?)\r?$", m.sdp, re.M)
        if origin is None:
            return
        rest = re.sub(r"(?m)^o=.*\n", "", m.sdp)
        is_at, version, lines = (origin[1], origin[2], origin[4]), int(origin[3]), rest.count("\nm=")
        was = self.bodies.get(m["Call-ID"])
        self.bodies[m["Call-ID"]] = (is_at, version, rest, lines)
        if was is None:
            return
        self.claim("INV-8 (origin)", was[0] == is_at, m)
        self.claim("INV-8 (version)", version == was[1] + (was[2] != rest), m)
        self.claim("INV-8 (m-lines)", lines >= was[3], m)

    def check_privacy(self, m):
        """INV-1: nothing of the other leg's."""
        for mate in self.mates:
            if mate is self or mate.name == self.name:
                continue
            for secret in mate.secrets():
                self.claim("INV-1 (%s of %s)" % (secret, mate.name), secret.encode() not in m.raw, m)

    @property
    def exchange_name(self):
        host, port = self.server[:2]
        return "%s:%d" % ("[%s]" % host if ":" in host else host, port)


def bare_via(value):
    """Without what the receiver adds."""
    return re.sub(r"\s*;\s*(received=[^;]*|rport(=\d*)?)(?=;|$)", "", value)


class Record(types.SimpleNamespace):
    """call, cdr: the rows, as dicts; legs: those of cdr_leg in order; caller, branches: of these."""


class Building:
    """An exchange and its people. users: so many subscribers 1001, 1002, ...; each phone takes one
    that no other test had. keys: of the configuration."""

    def __init__(self, cluster, template, directory, users=150, **keys):
        self.cluster = cluster
        self.database = "calls_" + word(8)
        cluster.create(self.database, template)
        self.sql = Sql(cluster, self.database)
        keys.setdefault("limits", {"calls": 300, "subscribers": 1000, "bindings": 1000,
                                   "rate_per_source": 100000, "burst_per_source": 100000})
        self.x = Exchange(directory, database=cluster.dsn(self.database), domains=[DOMAIN], **keys)
        self.x.write_conf()
        self.server = ("127.0.0.1", self.x.port)
        self.first, self.last, self.next = 1001, 1000 + users, 1001
        self.ctl("subscriber", "import", "-", stdin="user,password\n" + "".join(
            "%d,secret-%d\n" % (n, n) for n in range(self.first, self.last + 1)))
        self.present = []           # phones of the test that runs
        self.unrecorded = set()     # Call-IDs of INVITEs that leave no record
        self.may_die, self.died = False, 0

    # --- the exchange

    def start(self):
        self.x.start(20)
        wait_until(self.is_open, 20)
        return self

    def is_open(self):
        """The directory is filled: whom it knows is challenged and not put off."""
        with UA(str(self.last), self.server) as ua:
            return ua.register(status=None).status == 200 and ua.unregister(status=None)

    def stop(self):
        self.x.stop(10)

    def close(self):
        try:
            self.leave()
            self.x.close()
            self.check_log()
            self.audit()
            records.keep(self.cluster, self.database)
        finally:
            self.sql.close()
            self.cluster.drop(self.database)

    def audit(self):
        """BILLING.md 5.6: of all records that the tests of this exchange left, none cannot be right."""
        status, out, err = self.ctl("audit", check=False)
        assert status == 0, out + err

    def deaths(self):
        return sum(r["restarts"] for r in self.x.ask("ps")["rows"])

    def calls_now(self):
        return self.x.ask("calls")["rows"]

    def metric(self, name, **labels):
        """The sum of a metric over its processes."""
        total = 0
        for line in self.x.ask("metrics")["text"].splitlines():
            found = re.match(r"%s(\{.*\})? (\S+)$" % name, line)
            if found and all('%s="%s"' % pair in (found[1] or "") for pair in labels.items()):
                total += float(found[2])
        return total

    def ctl(self, *args, stdin=None, check=True):
        os.environ.setdefault("TANDEM_SQLDIR", str(REPO / "sql"))
        return self.x.ctl(*args, stdin=stdin, check=check)

    # --- phones

    def user(self):
        """The name of a subscriber that no test has had."""
        assert self.next < self.last, "more subscribers, please"
        self.next += 1
        return str(self.next - 1)

    def phone(self, user=None, register=True, **more):
        more.setdefault("server", self.server)
        phone = Phone(user or self.user(), domain=DOMAIN, mates=self.present, **more)
        self.present.append(phone)
        if register:
            phone.register()
        return phone

    def phones(self, n, **more):
        return [self.phone(**more) for _ in range(n)]

    def up(self, alice, bob, **more):
        """A call from alice to bob that stands; both its sides are returned."""
        a = alice.invite(bob.name, sdp=sdp(port=40000), **more)
        bob.expect("INVITE")
        b = bob.call
        b.reply(180)
        alice.expect(180)
        b.reply(200, sdp=sdp(port=50000))
        alice.expect(200)
        a.ack()
        bob.expect("ACK")
        return a, b

    def hang_up(self, one, other):
        """One side of a call (its Call, or a phone for the call it is in) ends it."""
        one.bye()
        other.expect("BYE")
        other.reply(200)
        one.expect(200)

    # --- records

    def subscriber_id(self, user):
        return self.sql("select subscriber_id from tandem.subscriber where username = '%s'" % user)[
            0]["subscriber_id"]

    def rows_of(self, call_id):
        return self.sql("select * from tandem.cdr where in_sip_call_id = '%s'" % call_id)

    def record(self, call, seconds=2.0, **expected):
        """The one closed record of a call that a phone of ours placed. S1-17: within two seconds."""
        rows = wait_until(lambda: [r for r in self.rows_of(call.call_id) if r["disposition"]], seconds)
        assert len(rows) == 1, rows
        cdr = rows[0]
        key = "call_id = '%s'" % cdr["call_id"]
        calls = self.sql("select * from tandem.call where " + key)
        legs = self.sql("select * from tandem.cdr_leg where %s order by leg_no" % key)
        assert len(calls) == 1 and calls[0]["closed"], calls
        r = Record(call=calls[0], cdr=cdr, legs=legs, caller=legs[0], branches=legs[1:])
        check_record(r)
        if cdr["payer_kind"] == "subscriber":
            assert cdr["calling_number"] == call.ua.user, cdr
            assert cdr["payer_account_id"] == self.subscriber_id(call.ua.user), cdr
        got = {k: cdr[k] for k in expected}
        assert got == expected, cdr
        return r

    def no_record(self, call):
        """This INVITE leaves none (R2: a challenge without a retry, what cannot be read)."""
        self.unrecorded.add(call.call_id)
        assert self.rows_of(call.call_id) == []

    # --- after each test

    def leave(self):
        for phone in self.present:
            phone.close()
        self.present.clear()
        self.unrecorded.clear()

    def check_after(self):
        """INV-10, INV-11, and nobody died."""
        wait_until(lambda: not self.calls_now(), 3)
        for call in [c for p in self.present for c in p.placed]:
            if call.call_id not in self.unrecorded:
                self.record(call)
        died = self.deaths() - self.died
        self.died += died
        assert self.may_die or not died, self.x.log_text()[-3000:]
        self.check_log()

    def check_log(self):
        """What the sanitizers, in such a build, or an assertion of ours had to say; and no password stands
        there, nor what answers a challenge (THREATS.md D4)."""
        text = self.x.log_text()
        leak = re.search(r"secret-\d|response=\W*[0-9a-f]{16}|nonce=", text)
        assert not leak, text[max(0, leak.start() - 500):][:1000]
        found = re.search("runtime error|Sanitizer| panic", text)
        assert not found, text[max(0, found.start() - 500):][:6000]

    def after(self, failed):
        """Ends a test: what it left is checked, if it was good so far."""
        try:
            if not failed:
                self.check_after()
        finally:
            for row in self.calls_now():
                self.x.ask("call_hangup", id=row["id"])
            self.leave()


def check_record(r):
    """What holds of every record (BILLING.md 5.2)."""
    cdr = r.cdr
    times = [t for t in (cdr["start_at"], cdr["ring_at"], cdr["answer_at"], cdr["end_at"]) if t]
    assert cdr["end_at"] and times == sorted(times), cdr
    assert r.call["end_at"] and r.call["setup_at"] <= r.call["end_at"], r.call
    assert cdr["bill_ms"] == 0 or cdr["answer_at"], cdr
    assert 0 <= cdr["bill_ms"] <= cdr["duration_ms"], cdr
    assert cdr["record_type"] == "normal" and not cdr["estimated"], cdr
    assert cdr["payer_kind"] in ("subscriber", "trunk_customer") and cdr["payer_account_id"], cdr
    assert r.caller["direction"] == "in" and r.caller["leg_no"] == 1, r.legs
    assert all(leg["direction"] == "out" for leg in r.branches), r.legs
    # No code: it was given up before it said anything.
    assert all(leg["end_at"] and leg["sip_code"] != 0 for leg in r.legs), r.legs
    assert None not in [cdr[k] for k in ("disposition", "sip_code", "q850_cause", "released_by",
                                         "end_reason")], cdr


def exchange(name="office", **more):
    """Two fixtures for a test module: an exchange for all its tests, and a visit to it by each."""

    @pytest.fixture(scope="module", name=name + "_building")
    def building(cluster, template, tmp_path_factory):
        b = Building(cluster, template, tmp_path_factory.mktemp(name), **more)
        try:
            yield b.start()
        finally:
            b.close()

    @pytest.fixture(name=name)
    def visit(request):
        b = request.getfixturevalue(name + "_building")
        before = request.session.testsfailed
        yield b
        b.after(request.session.testsfailed > before)

    return building, visit


__all__ = ["BUILD", "Building", "Phone", "Record", "Sql", "exchange", "sdp", "wait_until"]
