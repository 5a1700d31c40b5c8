"""The control process on its admin socket; the other children do nothing."""
import json
import os
import signal
import socket

import pytest

from exchange import Exchange, idle_programs, wait_until


@pytest.fixture
def x(tmp_path):
    libexec = idle_programs(tmp_path / "libexec", real=("control",))
    with Exchange(tmp_path, libexec=libexec) as exchange:
        yield exchange


def connect(x):
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(x.run_dir / "control.sock"))
    s.settimeout(10)
    return s


def test_ps(x):
    answer = x.ask("ps")
    assert answer["ok"]
    rows = answer["rows"]
    assert list(rows[0]) == ["role", "number", "pid", "state", "restarts", "uptime"]
    assert rows[0]["role"] == "supervisor" and rows[0]["pid"] == x.process.pid
    assert {r["pid"] for r in rows[1:]} == set(x.children())
    assert {r["state"] for r in rows} == {"running"}
    victim = x.pid_of("worker 1")
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: [r["restarts"] for r in x.ask("ps")["rows"]
                        if (r["role"], r["number"]) == ("worker", 1)] == [1])


def test_status(x):
    facts = {r["fact"]: r["value"] for r in x.ask("status")["rows"]}
    assert facts["calls"] == 0 and facts["registrations"] == 0
    assert facts["database"] == "down"
    assert "messages of front 0" in facts


def test_nothing_is_going_on(x):
    assert x.ask("calls") == {"ok": True, "rows": []}
    # Its table is made by the registrar, which does nothing here.
    assert x.ask("registrations") == {"ok": False, "error": "the registrar has not started yet"}


def test_calls_that_are_not_there(x):
    uuid = "01890a5d-ac96-774b-bcce-b302099a8057"
    assert x.ask("call_show", id=uuid)["error"] == "there is no such call now"
    assert x.ask("call_show", id="7")["error"] == "not the id of a call"
    assert x.ask("call_hangup")["error"] == "not the id of a call"
    # The workers here never answer.
    assert "did not answer" in x.ask("call_hangup", id=uuid)["error"]


def test_metrics(x):
    text = x.ask("metrics")["text"]
    assert "# TYPE tandem_calls gauge\n" in text
    assert 'tandem_messages_received_total{role="front",index="0"} 0\n' in text
    assert 'tandem_process_up{role="worker",index="1"} 1\n' in text


def test_reload_says_what_is_wrong(x):
    assert x.ask("reload") == {"ok": True, "text": "reloaded"}
    x.write_conf(timers={"ring_s": 0})
    answer = x.ask("reload")
    assert not answer["ok"]
    assert answer["error"].startswith("%s:" % x.conf)
    assert answer["error"].endswith("timers.ring_s: must be from 1 to 3600")


def test_upgrade_then_stop(x):
    assert x.ask("upgrade") == {"ok": True, "text": "upgrading"}
    x.wait_told("READY=1")
    assert x.ask("stop") == {"ok": True, "text": "stopping"}
    assert x.process.wait(5) == 0


def test_nonsense_is_refused(x):
    with connect(x) as s, s.makefile() as f:
        for line in (b"\n", b"[]\n", b"{\n", b'{"command": 5}\n', b"\xff\xfe\n"):
            s.sendall(line)
            assert "a request is one line" in json.loads(f.readline())["error"]
        s.sendall(b'{"command": "dance"}\n')
        assert json.loads(f.readline())["error"] == "there is no such command"
        # The connection goes on; two at once are answered in turn.
        s.sendall(b'{"command": "calls"}\n{"command": "nothing"}\n')
        assert json.loads(f.readline())["ok"]
        assert not json.loads(f.readline())["ok"]


def test_a_line_without_end(x):
    with connect(x) as s:
        try:
            s.sendall(b"x" * 5000)
            assert s.recv(10) == b""
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert x.ask("calls")["ok"]


def test_clients_that_do_not_read_or_go_away(x):
    held = [connect(x) for _ in range(80)]  # more than there is room for
    assert held[-1].recv(100) == b'{"ok":false,"error":"too many clients"}\n'
    for s in held[:20]:
        s.sendall(b'{"command": "metrics"}\n' * 50)
    for s in held:
        s.close()

    def answers():
        try:
            return x.ask("ps")["ok"]
        except OSError:
            return False  # those who left have not all been noticed yet

    wait_until(answers)
    assert x.log_text().count("info: started role=control") == 1
