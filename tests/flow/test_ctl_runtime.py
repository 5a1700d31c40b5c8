"""tandemctl and the running exchange: what is asked, what becomes of the answer."""
import json
import re
import socket
import subprocess
import threading

import pytest


@pytest.mark.parametrize("args", [["calls"], ["ps"], ["status"], ["registrations"], ["reload"], ["stop"],
                                  ["upgrade"], ["metrics"], ["call", "show", "1"], ["call", "hangup", "1"]])
def test_no_exchange(ctl, args):
    says = ctl.refused(*args, status=3)
    assert "not running" in says and "; start it as before: contrib/quickstart, " in says
    assert says.endswith(", or tandemd -c %s" % ctl.conf)
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(ctl.run_dir / "control.sock"))
    assert "not running" in ctl.refused(*args, status=3)


def test_exchange_stops_meanwhile(ctl):
    """A connection that is reset: as when `tandemctl stop` was the command before."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(ctl.run_dir / "control.sock"))
    listener.listen()

    def reset():
        peer, _ = listener.accept()
        peer.recv(1)
        peer.close() # with the rest unread: the asker's read fails

    thread = threading.Thread(target=reset)
    thread.start()
    assert "stopped before it answered" in ctl.refused("status", status=3)
    thread.join(10)
    listener.close()
    (ctl.run_dir / "control.sock").unlink()


def answer(ctl, reply, *args):
    """Runs a command against a control process that gives this reply; what it was asked, and how
    the command ended."""
    asked, done = answers(ctl, [reply], *args)
    return asked[0], done


def answers(ctl, replies, *args):
    """The same with one connection for each of these replies; all that it was asked."""
    path = ctl.run_dir / "control.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    asked = []

    def serve():
        for reply in replies:
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
    return asked, done


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
    assert asked == {"command": "registrations", "args": {"user": "alice"}}
    assert done.stdout == "no registrations\n"
    asked, done = answer(ctl, {"ok": True}, "call", "hangup", "abc")
    assert asked == {"command": "call_hangup", "args": {"id": "abc"}}
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    asked, done = answer(ctl, {"ok": True, "rows": [{"state": "up", "calls": 3}]}, "status")
    assert done.stdout == "state  up\ncalls  3\n"
    asked, done = answer(ctl, {"ok": True, "text": "# HELP x\nx 1\n"}, "metrics")
    assert done.stdout == "# HELP x\nx 1\n"


def test_drill_kills_nobody_else(ctl):
    """Between ps and the kill the process died by itself, and its number is another's."""
    other = subprocess.Popen(["sleep", "60"])
    ps = [{"ok": True, "rows": [{"role": "store", "number": 0, "pid": pid, "state": state}]}
          for pid, state in ((other.pid, "running"), (1, "running"), (0, "running"), (other.pid, "starting"))]
    status = {"ok": True, "rows": [{"fact": "calls", "value": 3}]}
    for after in ps[1:]:
        asked, done = answers(ctl, [ps[0], status, after], "drill")
        assert [a["command"] for a in asked] == ["ps", "status", "ps"]
        assert (done.returncode, done.stderr) == (
            1, "tandemctl: store 0 does not run as it did: nothing is killed\n")
    assert other.poll() is None
    other.kill()
    other.wait()


@pytest.mark.parametrize("reply, says", [
    ({"ok": False, "error": "not the id of a call"}, "not the id of a call"),
    ({"ok": False}, "did not say why"),
    (b"nonsense\n", "makes no sense"),
    (b"[1]\n", "makes no sense"),
    (b"", "ended without an answer"),
])
def test_answers_that_refuse(ctl, reply, says):
    _, done = answer(ctl, reply, "call", "show", "1")
    assert done.returncode == 1 and says in done.stderr and done.stderr.count("\n") == 1


def test_nothing_is_said_in_words(ctl):
    rows = {"ok": True, "rows": []}
    assert answer(ctl, rows, "calls")[1].stdout == "no calls\n"
    assert answer(ctl, rows, "calls", "--json")[1].stdout == "[]\n"
    assert answer(ctl, rows, "registrations", "--json")[1].stdout == "[]\n"
    for what, says in (("subscriber", "no subscribers"), ("group", "no groups"), ("route", "no routes"),
                       ("gateway", "no gateways")):
        assert ctl(what, "list") == says + "\n" and ctl.rows(what, "list") == []
    assert ctl("cdr") == "no records\n" and ctl.rows("cdr") == []
    assert ctl("audit") == "no findings\n"


def test_a_call_that_has_ended(ctl):
    """Its records, from the database."""
    call = "01890a5d-ac96-774b-bcce-b302099a8057"
    refusal = {"ok": False, "error": "there is no such call now"}
    _, done = answer(ctl, refusal, "call", "show", call)
    assert (done.returncode, done.stderr) == (
        1, "tandemctl: there is no such call: none that goes on has this id, and no record "
        "(one that has just ended has it in a moment)\n")
    for seq in (0, 1):
        ctl.sql("insert into tandem.cdr (cdr_id, call_id, seq, tenant_id, payer_kind, payer_account_id, "
                "start_at, calling_number, called_number) values (gen_random_uuid(), '%s', %d, 1, "
                "'nobody', 0, now(), '201', '20%d')" % (call, seq, seq + 2))
    _, done = answer(ctl, refusal, "call", "show", call)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("the call has ended; its records:\n\ncall_id ")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("called_number")] == \
        ["202", "203"]
    _, done = answer(ctl, refusal, "call", "show", call, "--json")
    shown = json.loads(done.stdout)
    assert (shown["id"], shown["state"], [s["seq"] for s in shown["segments"]]) == (call, "ended", [0, 1])
    ctl.conf.write_text(ctl.conf.read_text().replace("host=", "host=/nonexistent"))
    _, done = answer(ctl, refusal, "call", "show", call)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("tandemctl: the call does not go on, and its record: database: ")


def test_the_ladder_of_a_call_that_has_ended(ctl):
    """Drawn whatever it says: parties that have no row, names that are no text for a terminal."""
    call, other = ("01890a5d-ac96-774b-bcce-b302099a805%d" % n for n in (1, 2))
    refusal = {"ok": False, "error": "there is no such call now"}
    ladder = [
        {"ms": 0, "leg": 1, "sent": False, "method": "INVITE", "cseq": 1, "sdp": True},
        {"ms": 83204, "leg": 2, "sent": True, "method": "INVITE", "cseq": 1},
        {"ms": 83205, "leg": 3, "sent": False, "method": "INVITE", "cseq": 1, "status": 603},
        {"more": 12},
        {"ms": 83206, "leg": 2, "sent": True, "method": "BYE", "cseq": 2, "fork": 1},
        {"ms": 4000000000, "leg": 2, "sent": False, "method": "BYE", "cseq": 2, "status": 200}]
    for id, into, said in ((call, "null", "'%s'" % json.dumps(ladder)), (other, "'%s'" % call, "null")):
        ctl.sql("insert into tandem.call (call_id, tenant_id, setup_at, end_at, closed, merged_into, "
                "ladder) values ('%s', 1, now() - interval '1 minute', now(), true, %s, %s)" % (
                    id, into, said))
        ctl.sql("insert into tandem.cdr (cdr_id, call_id, seq, tenant_id, payer_kind, payer_account_id, "
                "start_at) values (gen_random_uuid(), '%s', 1, 1, 'nobody', 0, now())" % id)
    ctl.sql("insert into tandem.cdr_leg (call_id, seq, leg_no, direction, party, remote_address) values "
            "('%s', 1, 1, 'in', E'al\\u00e9\\u202ece', '192.0.2.1:5060'), "
            "('%s', 1, 2, 'out', 'bob', '[2001:db8:1:2:3:4:5:6]:5060')" % (call, call))
    _, done = answer(ctl, refusal, "call", "show", call)
    lines = done.stdout.splitlines()
    lines = lines[[" tandem " in line for line in lines].index(True):]
    assert lines[-2:] == ["", "call %s was joined to it" % other]
    assert [" ".join(re.sub("[-|]+", " ", line).split()) for line in lines[:-2]] == [
        "al?????ce tandem bob ?", "s 192.0.2.1:5060 [2001:db8:1:2:3:4", ":5060", "0.000 INVITE (sdp) >",
        "83.204 INVITE >", "83.205 < 603 Decline", "... 12 messages are not kept",
        "83.206 BYE (fork 1) >", "4000000.000 < 200 OK (BYE)"]
    _, done = answer(ctl, refusal, "call", "show", other)
    assert done.stdout.endswith("\n\nit was joined to call %s\n" % call) and " tandem " not in done.stdout
    _, done = answer(ctl, refusal, "call", "show", call, "--json")
    shown = json.loads(done.stdout)
    assert shown["ladder"] == ladder and shown["merged"] == [other] and len(shown["legs"]) == 2


# --- a configuration with an error ---------------------------------------------------------------------

def test_a_running_exchange_is_looked_after_all_the_same(ctl):
    good = ctl.conf.read_text()
    rows = {"ok": True, "rows": [{"role": "worker", "number": 1, "pid": 77}]}
    for line, what in (("colour = 1;", "colour: unknown key"), ("x = = 1;", "syntax error"),
                       ('timers = { t1_ms = "x"; };', "timers.t1_ms: must be a whole number")):
        ctl.conf.write_text(line + "\n" + good)
        for command in ("ps", "stop", "calls", "status", "registrations"):
            asked, done = answer(ctl, rows, command)
            assert done.returncode == 0 and asked["command"] == command
            assert done.stderr == "tandemctl: %s:1: %s (going on with run_dir %s)\n" % (
                ctl.conf, what, ctl.run_dir)


def test_what_needs_the_whole_file(ctl):
    ctl.conf.write_text("colour = 1;\n" + ctl.conf.read_text())
    for command in ("reload", "upgrade"):
        assert ctl.refused(command) == "%s:1: colour: unknown key" % ctl.conf


def test_a_run_dir_that_cannot_be_read(ctl):
    good = ctl.conf.read_text()
    ctl.conf.write_text(good.replace('run_dir = "/', 'run_dir = "'))
    assert "run_dir: must be an absolute path" in ctl.refused("ps")
    ctl.conf.write_text(good + 'run_dir = "/elsewhere";\n')
    assert "duplicate setting name" in ctl.refused("ps")


def test_provisioning_needs_the_database_alone(ctl):
    ctl("subscriber", "add", "alice", "--password", "x")
    good = ctl.conf.read_text()
    ctl.conf.write_text("colour = 1;\n" + good)
    done = ctl.run("subscriber", "list", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)[0]["user"] == "alice"
    assert done.stderr == "tandemctl: %s:1: colour: unknown key (going on with its database)\n" % ctl.conf
    assert ctl.run("subscriber", "set", "alice", "dnd=on").returncode == 0
    assert ctl.run("db", "upgrade").returncode == 0
    # Without domains it has to be said whose a name is.
    ctl.conf.write_text(good.replace('"pbx.test"', '"pbx test"'))
    done = ctl.run("subscriber", "show", "alice")
    assert done.returncode == 1 and "say whose it is: alice@DOMAIN" in done.stderr
    assert ctl.run("subscriber", "show", "alice@pbx.test").returncode == 0
    assert "is not a domain name" in ctl.refused("db", "upgrade")
    ctl.conf.write_text(good.replace("database = ", "database = 5; # "))
    assert "database: must be text in quotes" in ctl.refused("subscriber", "list")
