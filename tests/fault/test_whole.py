"""The whole exchange, or its supervisor, is killed, restarted, upgraded or reloaded under load."""
import os
import shutil
import signal
import time

from exchange import BUILD, wait_until
from scene import alive

ENDED = (408, 480, 500, 503)


def start_again(scene):
    scene.x.start(20)
    wait_until(scene.answers, 20)
    scene.pause(1.0)


def test_F5_supervisor_killed(scene):
    """Its children do not outlive it; a new one takes up every call. Twice."""
    scene.begin(stand=20, rate=40)
    for _ in range(2):
        children = scene.x.children()
        scene.x.process.kill()
        scene.x.process.wait()
        wait_until(lambda c=children: not any(alive(pid) for pid in c), 2)
        start_again(scene)
    scene.judge(lost=4, quick=False, slack_ms=3000, codes=ENDED)


def test_F7_everything_killed(scene):
    scene.begin(stand=20, rate=40)
    for _ in range(2):
        scene.kill_all()
        start_again(scene)
    scene.judge(lost=4, quick=False, slack_ms=3000, codes=ENDED)


def test_F7_power_cut(scene):
    """run_dir is gone, the spool is there: what was up gets a closed record that says it is estimated;
    what had ended keeps its own; bindings come back; new calls go."""
    scene.begin(stand=20, rate=40)
    scene.pause(1.5)
    cut_at = time.monotonic()
    scene.kill_all()
    shutil.rmtree(scene.x.run_dir)
    scene.x.run_dir.mkdir()
    started = time.monotonic()
    scene.x.start(20)
    wait_until(scene.answers, 20)
    scene.pause(1.0)
    scene.traffic.end()
    scene.traffic.hang_up()
    report = scene.traffic.finish(8)
    cut = [f for f in report.fates if f.at < started]
    later = [f for f in report.fates if f.at >= started]
    rows = scene.records(report.fates, 5)
    closed = [r for rs in rows.values() for r in rs if r["record_type"] == "system_closed"]
    scene.figure(report.fates, rows, [f for f in cut if not scene.as_planned(f)])
    # What rang at the cut gets no answer any more: nobody is left who knows of it.
    assert not [f for f in report.fates if f.open and (f in later or f.answered)]
    assert not [f for f in report.fates if scene.is_doubled(f, rows)]
    stood = [f for f in cut if f.kind == "stand"]
    assert len(stood) == 20 and all(rows[f.call_id][0] in closed for f in stood)
    assert all(r["estimated"] and r["end_reason"] == "system_failure" and r["end_at"] and r["closed"]
               for r in closed), closed
    # The journal is flushed every tenth of a second: what began just before the cut may be unheard of.
    assert not [f for f in cut if f.at < cut_at - 0.3 and f.call_id not in rows]
    for f in [f for f in cut if f.down and f.down < cut_at - 0.3 and scene.as_planned(f)]:
        scene.check_rows(f, rows[f.call_id], 700)
    assert len(later) > 20
    for f in later:
        if f.call_id in rows and scene.as_planned(f) and not f.resent:
            scene.check_rows(f, rows[f.call_id], 700)
    assert scene.sql("select * from tandem.call where not closed") == []
    assert scene.sql("select * from tandem.v_billing_audit") == []
    assert scene.sql("select count(*) n from tandem.binding")[0]["n"] >= 16


def test_F8_restarted(scene):
    """SIGTERM and start, as systemctl restart does: nothing is lost at all."""
    scene.begin(stand=20, rate=40)
    for _ in range(2):
        assert scene.x.stop(5) == 0
        start_again(scene)
    scene.judge(quick=False, slack_ms=3000)


def test_F8_upgraded_in_place(scene):
    """SIGUSR2, twice: no call attempt fails, no established call is lost."""
    scene.begin(stand=20, rate=40)
    for _ in range(2):
        before = scene.x.children()
        scene.x.process.send_signal(signal.SIGUSR2)
        wait_until(lambda b=before: len(scene.x.children()) >= len(b) and
                   not set(b) & set(scene.x.children()), 15)
        scene.pause(1.0)
    scene.judge(quick=False, slack_ms=1500)


def test_F8_upgrade_to_another_layout_waits(scene, tmp_path):
    """What could not take up the calls that are up does not take over before they have ended."""
    scene.x.program = tmp_path / "tandemd"
    shutil.copy(BUILD / "tandemd", scene.x.program)
    scene.begin(stand=10, rate=20)
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\n[ \"$1\" = --layout ] && echo 0123456789abcdef && exit\n"
                     "exec %s \"$@\"\n" % (BUILD / "tandemd"))
    other.chmod(0o755)
    other.rename(scene.x.program)
    scene.x.process.send_signal(signal.SIGUSR2)
    scene.x.wait_log("upgrade waits until no call is up", 10)
    scene.pause(2.0)
    scene.traffic.change()
    assert "the new program takes over" not in scene.x.log_text()
    scene.judge(quick=False, slack_ms=3000)
    scene.x.wait_log("the new program takes over", 10)
    wait_until(scene.answers, 20)


def test_F9_reloaded(scene):
    """SIGHUP again and again, now and then with a configuration that is wrong."""
    scene.begin(stand=5, rate=40)
    for n in range(12):
        scene.x.write_conf(timers={"t1_ms": -1 if n % 3 == 2 else 500, "ring_s": 60 + n})
        os.kill(scene.x.process.pid, signal.SIGHUP)
        scene.pause(0.15)
    scene.x.write_conf(timers={"t1_ms": 500})
    assert "t1_ms" in scene.x.log_text()
    scene.judge()
