"""tandemctl and the running exchange: what is asked, what becomes of the answer."""
import json
import socket
import threading

import pytest


@pytest.mark.parametrize("args", [["calls"], ["ps"], ["status"], ["registrations"], ["reload"], ["stop"],
                                  ["upgrade"], ["metrics"], ["call", "show", "1"], ["call", "hangup", "1"]])
def test_no_exchange(ctl, args):
    assert "not running" in ctl.refused(*args, status=3)
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(ctl.run_dir / "control.sock"))
    assert "not running" in ctl.refused(*args, status=3)


def answer(ctl, reply, *args):
    """Runs a command against a control process that gives this reply; what it was asked, and how
    the command ended."""
    path = ctl.run_dir / "control.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    asked = []

    def serve():
        peer, _ = listener.accept()
        with peer, peer.makefile("rb") as lines:
            asked.append(json.loads(lines.readline()))
            peer.sendall(reply if isinstance(reply, bytes) else json.dumps(reply).encode() + b"\n")

    thread = threading.Thread(target=serve)
    thread.start()
    done = ctl.run(*args)
    thread.join(10)
    listener.close()
    path.unlink()
    return asked[0], done


def test_what_is_asked(ctl):
    rows = {"ok": True, "rows": [{"role": "worker", "number": 1, "pid": 77, "z": "\x1b", "a": None},
                                 {"role": "front", "number": 0, "pid": 78}]}
    asked, done = answer(ctl, rows, "ps")
    assert asked == {"command": "ps", "args": {}} and done.stdout == "worker 1 77\nfront 0 78\n"
    asked, done = answer(ctl, rows, "calls")
    assert done.stdout.splitlines()[0].split() == ["role", "number", "pid", "z", "a"]
    assert "\\x1b" in done.stdout and "\x1b" not in done.stdout
    asked, done = answer(ctl, rows, "calls", "--json")
    assert json.loads(done.stdout) == rows["rows"] and list(json.loads(done.stdout)[0])[3] == "z"
    asked, done = answer(ctl, {"ok": True, "rows": []}, "registrations", "alice")
    assert asked == {"command": "registrations", "args": {"user": "alice"}} and done.stdout == ""
    asked, done = answer(ctl, {"ok": True}, "call", "hangup", "abc")
    assert asked == {"command": "call_hangup", "args": {"id": "abc"}}
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    asked, done = answer(ctl, {"ok": True, "rows": [{"state": "up", "calls": 3}]}, "status")
    assert done.stdout == "state  up\ncalls  3\n"
    asked, done = answer(ctl, {"ok": True, "text": "# HELP x\nx 1\n"}, "metrics")
    assert done.stdout == "# HELP x\nx 1\n"


@pytest.mark.parametrize("reply, says", [
    ({"ok": False, "error": "there is no such call now"}, "there is no such call now"),
    ({"ok": False}, "did not say why"),
    (b"nonsense\n", "makes no sense"),
    (b"[1]\n", "makes no sense"),
    (b"", "ended without an answer"),
])
def test_answers_that_refuse(ctl, reply, says):
    _, done = answer(ctl, reply, "call", "show", "1")
    assert done.returncode == 1 and says in done.stderr and done.stderr.count("\n") == 1


def test_a_wrong_configuration(ctl):
    ctl.conf.write_text("domains = [ \"a.test\" ];\ncolour = 1;\n")
    assert ctl.refused("calls").startswith(str(ctl.conf) + ":2: colour: ")
