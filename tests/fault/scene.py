"""A running exchange under load, what is done to it, and the judgement over every call afterwards.

    def test_F1_...(scene):
        scene.begin(stand=20, rate=40)
        scene.kill("worker 0")
        scene.judge(lost=1)

Figures of each test stand in Scene.figures; conftest.py prints them at the end of the run."""
import os
import pathlib
import random
import signal
import time
import zlib

from calls import DOMAIN, Building
from exchange import slowness, wait_until
from traffic import GATEWAY, Traffic
from ua import UA

PLANNED = {"talk": 200, "stand": 200, "busy": 486, "cancel": 487}
COLUMNS = ("disposition", "sip_code", "end_reason", "released_by", "bill_ms", "estimated", "closed")
DISPOSITION = {"talk": "answered", "stand": "answered", "busy": "busy", "cancel": "cancelled"}


def alive(pid):
    try:
        stat = pathlib.Path("/proc/%d/stat" % pid).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Scene(Building):
    def __init__(self, name, cluster, template, directory, network=None, **keys):
        super().__init__(cluster, template, directory, users=20, **keys)
        self.name = name
        self.seed = int(os.environ.get("FAULT_SEED", zlib.crc32(name.encode()) % 100000))
        self.random = random.Random(self.seed)
        print("%s: FAULT_SEED=%d" % (name, self.seed))
        self.network = network or {}
        self.traffic, self.figures = None, []
        self.slowest_s = 0.0            # between a kill and a successor that is ready
        self.may_die = True

    def begin(self, stand=20, rate=40):
        """The exchange, its gateway and phones, calls that stand, and load."""
        self.ctl("gateway", "add", "load", "host=" + GATEWAY)
        self.start()
        with UA("nobody", self.server, host=GATEWAY) as ua:
            wait_until(lambda: ua.request("OPTIONS", to="sip:1001@" + DOMAIN,
                                          auth=False).status != 407)
        users = [self.user() for _ in range(16)]
        forwards = self.user(), users[0]
        self.ctl("subscriber", "set", forwards[0], "cfu=" + forwards[1])
        self.traffic = Traffic(self.server, DOMAIN, users[:6], self.seed, users[6:], forwards,
                               **self.network)
        registers = self.traffic.register()
        assert set(registers) == {200}, registers
        self.traffic.stand(stand)
        self.traffic.begin(rate)
        self.pause(1.0)

    def pause(self, seconds=None):
        """Load goes on; by default for a moment of the seed's choice."""
        time.sleep(seconds or self.random.uniform(0.2, 0.7))

    def answers(self):
        """Under load the kernel may throw a datagram away, and a test's phone says things once."""
        try:
            return self.is_open()
        except AssertionError:
            return False

    # --- faults

    def kill(self, *names, how=signal.SIGKILL, within=1.0):
        """Signals children; back when successors of all are ready."""
        pids = {name: wait_until(lambda n=name: self.x.pid_of(n)) for name in names}
        began = time.monotonic()
        for pid in pids.values():
            os.kill(pid, how)
        for name, pid in pids.items():
            wait_until(lambda n=name, p=pid: self.ready_after(n, p), 10)
        took = time.monotonic() - began
        self.slowest_s = max(self.slowest_s, took)
        assert took < within * slowness(), "%s: %.2f s until there again" % (names, took)

    def kill_busy(self, name):
        """kill -9 within the first millisecond of work on what has gathered for a fifth of a second:
        so that something is in its hand."""
        pid = wait_until(lambda: self.x.pid_of(name))
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.2)
        wait = self.random.uniform(0.0001, 0.0012)
        os.kill(pid, signal.SIGCONT)
        end = time.perf_counter() + wait
        while time.perf_counter() < end:
            pass
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.ready_after(name, pid), 10)

    def ready_after(self, name, pid):
        now = self.x.pid_of(name)
        return now not in (None, pid) and "[" in self.x.children().get(now, "")

    def kill_all(self):
        """Everything at once."""
        pids = [self.x.process.pid, *self.x.children()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.x.process.wait()
        wait_until(lambda: not any(alive(pid) for pid in pids))

    # --- judgement

    def judge(self, lost=0, slack_ms=700, settle=45, quick=True, codes=(503,), refused=False):
        """Ends the load and judges every call. lost: how many may have gone otherwise than planned
        (with a clean end and a record all the same), with these final responses; slack_ms: how far
        time on the bill may be from what the caller saw; quick: first responses were in time; refused: calls may
        be turned away with 503 and Retry-After, which leave no record. Who came while a process was being
        replaced waited for that."""
        self.traffic.end()
        self.traffic.change()
        report = self.traffic.finish(settle)
        away = [f for f in report.fates if refused and f.final == 503 and not f.legs]
        assert all(f.retry_after for f in away), "503 without Retry-After"
        fates = [f for f in report.fates if f not in away]
        rows = self.records(fates)
        disturbed = [f for f in fates if not self.as_planned(f) or self.was_cut(rows.get(f.call_id, ()))]
        missing = [f for f in fates if f.call_id not in rows]
        doubled = [f for f in fates if self.is_doubled(f, rows) or f.legs > 1]
        trying = self.figure(fates, rows, disturbed)
        print(self.figures[-1], len(away), report.wires, report.registers, report.replays)
        for f in disturbed:
            print(f, [{k: v for k, v in r.items() if v is not None and k in COLUMNS}
                      for r in rows.get(f.call_id, ())])
        assert not [f for f in fates if f.final in (None, 0)], "callers without a final response"
        assert not [f for f in fates if f.open], "calls that are up on one side"
        assert not missing, missing
        assert not doubled, doubled
        assert len(disturbed) <= lost, disturbed
        self.check_disturbed(disturbed, rows, codes)
        for f in fates:
            if f not in disturbed:
                self.check_rows(f, rows[f.call_id], slack_ms)
        late_s = 0.2 * slowness() + self.slowest_s
        assert not quick or trying[int(len(trying) * 0.99)] < late_s, "100 Trying is late"
        assert set(report.registers) == {200}, report.registers
        # Where calls may be lost, so may a replay: no final response, or a 500.
        assert set(report.replays) <= {407, 503, *((0, 500) if lost else ())}, report.replays
        used = [f for f in fates if f.payers[0] != "load" and f.final != 503]
        assert report.replays or len(used) < 150, "none of so many was replayed"
        self.check_tables(fates, rows)
        self.away = away
        return report

    def figure(self, fates, rows, disturbed):
        """The line of this test; returns the times to the callers' first responses, in order."""
        trying = sorted(f.trying if f.trying is not None else 99.0 for f in fates)
        self.figures.append("%-42s placed %4d  disturbed %2d  records %4d  missing %d  doubled %d  "
                       "100 after %.0f ms (99 %%), %.0f ms (all)%s" % (
                           self.name, len(fates), len(disturbed), sum(map(len, rows.values())),
                           sum(f.call_id not in rows for f in fates),
                           sum(self.is_doubled(f, rows) for f in fates),
                           1000 * trying[int(len(trying) * 0.99)], 1000 * trying[-1],
                           ", back in %.2f s" % self.slowest_s if self.slowest_s else ""))
        return trying

    @staticmethod
    def as_planned(f):
        """A change is answered 487 or 481 when the end of its call overtakes it, and 491 when it
        overtakes the ACK of the other side (RFC 3261 14.2)."""
        changes = {200, 481, 487, 491} if f.kind == "talk" else {200}
        return (f.final == PLANNED[f.kind] and not f.unanswered and not f.gone and not f.open and
                set(f.changed) <= changes and f.legs == 1 and not any("no ACK" in n for n in f.notes))

    @staticmethod
    def was_cut(rows):
        """It was in the hand of a worker that died, and is ended by the next: to its phones that is a BYE
        as any other, or, when the message in hand was their own, even the end they asked for."""
        return any(row["end_reason"] == "system_failure" for row in rows)

    @staticmethod
    def check_disturbed(disturbed, rows, codes):
        """They ended cleanly all the same, and the record says what the caller heard."""
        for f in disturbed:
            assert not f.unanswered, f
            assert f.final in (PLANNED[f.kind], 487, *codes), f
            row = rows[f.call_id][0]
            assert f.answered or (row["disposition"] != "answered" and row["bill_ms"] == 0), (f, row)
            # At the most they talked on until the next worker was there.
            assert not f.answered or row["bill_ms"] < 1000 * (f.down - f.up + 1 + slowness()), (f, row)

    def records(self, fates, seconds=20):
        """Call-ID -> its cdr rows, each with its call's columns; waits until all are there."""
        def look():
            return self.sql("""select c.*, k.closed, k.end_at as call_end_at from tandem.cdr c
                left join tandem.call k using (call_id) order by c.call_id, c.seq""")

        def complete():
            found = look()
            return found if {f.call_id for f in fates} <= {
                r["in_sip_call_id"] for r in found if r["disposition"] and r["closed"]} else None
        try:
            found = wait_until(complete, seconds)
        except AssertionError:
            found = look()
        rows = {}
        for r in found:
            rows.setdefault(r["in_sip_call_id"], []).append(r)
        return rows

    @staticmethod
    def is_doubled(f, rows):
        """More records than the call has stretches, or two of one."""
        found = rows.get(f.call_id, ())
        return len(found) > max(1, len(f.payers)) or len({r["seq"] for r in found}) < len(found)

    def check_rows(self, f, rows, slack_ms):
        """One for each who pays a part of the way, and each says how it ended."""
        assert tuple(r["payer_number"] for r in rows) == f.payers, (f, rows)
        for row in rows:
            self.check_row(f, row, slack_ms)

    @staticmethod
    def check_row(f, row, slack_ms):
        assert row["disposition"] == DISPOSITION[f.kind], (f, row)
        assert row["sip_code"] == PLANNED[f.kind], (f, row)
        assert row["end_reason"] == "normal" and not row["estimated"], (f, row)
        assert row["record_type"] == "normal", (f, row)
        if f.answered:
            saw = 1000 * (f.down - f.up)
            assert abs(row["bill_ms"] - saw) < slack_ms, (f, saw, row)
        else:
            assert row["bill_ms"] == 0, (f, row)

    def check_tables(self, fates, rows):
        """INV-10 for all of them: one closed call each, none besides, and the audit is content."""
        count = self.sql("""select count(*) n, count(*) filter (where closed) closed,
            (select count(*) from tandem.cdr) cdrs,
            (select count(distinct in_sip_call_id) from tandem.cdr) ids from tandem.call""")[0]
        n = len(fates)
        cdrs = sum(len(rows[f.call_id]) for f in fates)
        assert count == {"n": n, "closed": n, "cdrs": cdrs, "ids": n}, (n, cdrs, count)
        assert self.sql("select * from tandem.v_billing_audit") == []
        wait_until(self.no_call_is_up, 10)
        kept = self.sql("select count(*) n from tandem.binding where expires_at > now()")[0]["n"]
        assert kept >= 16, kept

    def no_call_is_up(self):
        """Whom it asks may just hand over to the next program."""
        try:
            return not self.calls_now()
        except (OSError, ValueError):
            return False

    def close(self):
        try:
            if self.traffic:
                self.traffic.close()
        finally:
            super().close()
