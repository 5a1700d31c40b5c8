"""Exactly once (THREATS.md 2, the recipe): the store is killed before and after each of its steps between
a record in its ring and the end of what follows COMMIT: every write and sync of the journal, every send to
and receive from PostgreSQL, every step of moving the mark. Each record is there afterwards, once."""
import struct

import pytest

from calls import Sql
from exchange import wait_until
from shim import Shim
from test_store import Rig

BATCH = 3
# With more deaths in ten seconds the supervisor waits before it starts the store again.
DEATHS = 3
APPENDING = ("pwrite", "fdatasync", "send", "recv", "openat of the mark", "write", "renameat")
MAKING = ("openat of the segment", "write of its head", "fdatasync", "fsync of the directory", *APPENDING)


class Steps:
    """Batches of records, each with a death of the store at a given step."""

    def __init__(self, cluster, directory):
        self.shim = Shim(directory, role="store")
        self.rig = Rig(cluster, directory)
        self.rig.x.env.update(self.shim.env)
        self.sql = Sql(cluster, "store")
        self.sent, self.deaths = 0, 0

    def start(self, empty):
        """Also once more, after the death of all processes; empty: without a journal."""
        if self.rig.x.process is None:
            self.rig.x.start(20)
        else:
            self.rig.restart(before=self.wipe if empty else None)
        wait_until(self.idle, 15)

    def wipe(self):
        for path in self.rig.x.spool_dir.glob("*"):
            path.unlink()

    def counts(self):
        return self.sql("""select (select count(*) from tandem.cdr) cdr, (select count(*) from tandem.call) call,
            (select count(*) from tandem.cdr_leg) leg""")[0]

    def all_there(self):
        return self.counts() == {"cdr": self.sent, "call": self.sent, "leg": self.sent}

    def idle(self):
        return self.rig.title() == "tandem: store [database up, journal 0]"

    def marked(self):
        """The mark has reached the end of the journal."""
        spool = self.rig.x.spool_dir
        mark, newest = spool / "mark", max(spool.glob("journal-*"), default=None)
        return mark.exists() and newest and (
            int(newest.name.split("-")[1]), newest.stat().st_size) == struct.unpack_from(
                "=QQ", mark.read_bytes())

    def through(self, step, after):
        """One batch; True when the store died of it, False when it never took so many steps."""
        self.shim.die(step, after)
        self.rig.feed.worker("calls %d %d" % (self.sent, self.sent + BATCH))
        self.sent += BATCH
        wait_until(self.all_there, 15)
        wait_until(self.marked, 15)
        if self.shim.get("steps") >= step:
            wait_until(lambda: self.shim.died)
        died = self.shim.died
        self.shim.die(0)
        self.deaths += died
        wait_until(self.idle, 15)
        # The mark that a successor finds may be the old one: what it offers again does no harm.
        assert self.all_there(), (step, after, self.counts())
        return died

    def close(self):
        self.rig.close()
        self.sql.close()


@pytest.fixture
def steps(cluster, template, tmp_path):
    cluster.create("store", template)
    s = Steps(cluster, tmp_path)
    yield s
    s.close()
    cluster.drop("store")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("made", [True, False], ids=["first_segment", "append"])
def test_F10_killed_at_each_step_between_append_and_commit(steps, made, after, request):
    """made: the journal's first file is made on the way, too."""
    step, more = 1, True
    while more:
        steps.start(empty=made)
        for _ in range(1 if made else DEATHS):
            more = more and steps.through(step, after)
            step += more
    assert steps.deaths == step - 1 >= len(MAKING if made else APPENDING), steps.deaths
    assert steps.sql("select max(export_seq) n from tandem.cdr")[0]["n"] == steps.sent
    request.node.user_properties.append(
        ("figure", "%-42s %d steps, the store killed %s each; %d records, missing 0, doubled 0" % (
            "test_F10_killed_at_each_step", step - 1, "after" if after else "before", steps.sent)))
