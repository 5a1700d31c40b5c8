"""What tandemctl says to whoever mistypes, forgets or asks: help, advice, and the table of records."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from exchange import BUILD, REPO, Exchange, idle_programs


def words(*args, **env):
    """tandemctl without a configuration."""
    return subprocess.run([str(BUILD / "tandemctl"), *args], text=True, capture_output=True,
                          env=dict(os.environ, **env), timeout=30)


# --- help ---------------------------------------------------------------------------------------------

def keys_of(what):
    """The keys in the table of an object, by the source."""
    text = (REPO / "daemons/ctl" / (what + ".c")).read_text()
    table = text[text.index("struct key keys[]"):]
    return re.findall(r'^\t\{ (?:\.name = )?"(\w+)"', table[:table.index(".name = NULL")], re.M)


@pytest.mark.parametrize("what", ["subscriber", "tenant", "group", "gateway", "route"])
def test_help_of_an_object(what):
    done = words(what, "--help")
    assert done.returncode == 0 and done.stderr == ""
    keys = re.findall(r"^  (\w+)  +\S", done.stdout[done.stdout.index("Keys of a"):], re.M)
    assert keys == keys_of(what) and len(keys) > 2
    commands = re.findall(r"^  (\w+) (\w+)", done.stdout[:done.stdout.index("Keys of a")], re.M)
    assert {c[0] for c in commands} == {what} and ("add" in {c[1] for c in commands})
    assert words("help", what).stdout == words("-h", what).stdout == done.stdout
    assert words("-c", "/nonexistent", what, "--help").stdout == done.stdout


def test_help_of_a_command():
    one = words("subscriber", "del", "--help").stdout
    assert "subscriber del" in one and "subscriber add" not in one and "Keys" not in one
    assert "--since TIME" in words("cdr", "--help").stdout
    all_of_it = words("help").stdout
    assert words("--help").stdout == all_of_it and "Keys of" not in all_of_it
    for word in ("subscriber add", "registrations", "audit", "upgrade", "COMMAND --help"):
        assert word in all_of_it
    assert words("frob", "--help").returncode == 2
    assert words("--version").stdout.startswith("tandemctl ")


@pytest.mark.parametrize("args, status, says", [
    ([], 2, "usage: tandemctl [-c FILE] COMMAND (tandemctl help lists them)"),
    (["regs"], 2, "no such command: regs; did you mean registrations? (tandemctl help lists them)"),
    (["reigstrations"], 2, "no such command: reigstrations; did you mean registrations?"),
    (["zzz"], 2, "no such command: zzz (tandemctl help lists them)"),
    (["subscriber"], 2, "subscriber: what of it? There are add, set, show, del, list, import"),
    (["ps", "--user", "x"], 2, "ps does not take this option: --user"),
    (["cdr", "--sice", "today"], 2, "no such option: --sice; did you mean --since?"),
    (["stop", "now"], 2, "usage: tandemctl stop\n"),
    (["cdr", "--json=yes"], 2, "--json takes no value"),
    (["trace", "201", "--follow"], 1, "trace is not in this version yet; "),
    (["explain", "201"], 2, "usage: tandemctl explain FROM TO\n"),
    (["doctor"], 1, "doctor is not in this version yet; "),
    (["-c", "/nonexistent", "ps"], 1, "/nonexistent: No such file or directory"),
])
def test_what_is_mistyped(args, status, says):
    done = words(*args)
    assert done.returncode == status and done.stdout == ""
    assert done.stderr.startswith("tandemctl: " + says) and done.stderr.count("\n") == 1


@pytest.mark.skipif(os.path.exists("/etc/tandem/tandem.conf"), reason="there is a default configuration")
def test_no_configuration():
    done = words("ps")
    assert done.returncode == 1 and done.stderr == (
        "tandemctl: no configuration: /etc/tandem/tandem.conf: No such file or directory; "
        "say where it is: tandemctl -c FILE ...\n")


def test_tandemd_without_a_configuration():
    for args, says in (([], "no configuration was named"), (["-c"], "-c needs a file"),
                       (["-x"], "no such option"), (["start"], "it takes no words")):
        done = subprocess.run([str(BUILD / "tandemd"), *args], text=True, capture_output=True)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert done.stderr.startswith("tandemd: " + says)
        assert done.stderr.endswith("; usage: tandemd -c FILE [-t]\n")
    done = subprocess.run([str(BUILD / "tandemd"), "--help"], text=True, capture_output=True)
    assert done.returncode == 0 and "-c FILE" in done.stdout


# --- the database that is not there ---------------------------------------------------------------------

def test_no_postgresql(ctl):
    ctl.conf.write_text(re.sub("host=[^ ]*", "host=/nonexistent", ctl.conf.read_text()))
    for args in (["subscriber", "list"], ["cdr"], ["db", "init"]):
        says = ctl.refused(*args)
        assert says.startswith("database: ") and "/nonexistent" in says
        assert says.endswith("; is PostgreSQL running? pg_lsclusters shows it")


def test_no_such_database_or_role(ctl):
    good = ctl.conf.read_text()
    ctl.conf.write_text(good.replace("dbname=ctl", "dbname=none"))
    assert ctl.refused("subscriber", "list").endswith(
        'database "none" does not exist; make it with: tandemctl db init')
    ctl.conf.write_text(good.replace("user=postgres", "user=nobody_here"))
    assert "; as PostgreSQL's superuser: createuser NAME" in ctl.refused("db", "version")
    ctl.conf.write_text(good.replace("dbname=ctl", "colour=red"))
    assert ctl.refused("db", "version").endswith("; see database in the configuration")
    ctl.sql("drop role if exists plain; create role plain login")
    ctl.conf.write_text(good.replace("user=postgres", "user=plain").replace("dbname=ctl", "dbname=none"))
    assert "createdb" in ctl.refused("db", "init") or "permission denied" in ctl.refused("db", "init")


def test_tandemd_without_postgresql(tmp_path):
    """Calls go on without; the log says why, and what to do."""
    libexec = idle_programs(tmp_path / "libexec", real=("store",))
    with Exchange(tmp_path, libexec=libexec) as x:
        x.wait_log("database does not answer; is PostgreSQL running? pg_lsclusters shows it error=")


# --- the records --------------------------------------------------------------------------------------

COLUMNS = ["call_id", "seq", "segment_kind", "payer_number", "calling_number", "dialed_digits",
           "called_number", "connected_number", "start_at", "ring_at", "answer_at", "end_at",
           "duration_ms", "bill_ms", "disposition", "sip_code", "q850_cause", "released_by",
           "end_reason"]


@pytest.fixture
def records(ctl):
    """Calls of 201 to 202 to 205: yesterday, three hours ago, now."""
    for n, at in ((2, "now() - interval '1 day'"), (3, "now() - interval '3 hours'"), (4, "now()")):
        ctl.sql("insert into tandem.cdr (cdr_id, call_id, seq, tenant_id, payer_kind, payer_account_id, "
                "start_at, calling_number, called_number, dialed_digits) values (gen_random_uuid(), "
                "gen_random_uuid(), 0, 1, 'nobody', 0, %s, '201', '20%d', '20%d')" % (at, n, n))
    return ctl


def table(ctl, columns=None, args=()):
    env = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    if columns is not None:
        env["COLUMNS"] = str(columns)
    done = subprocess.run([str(BUILD / "tandemctl"), "-c", str(ctl.conf), "cdr", *args], text=True,
                          capture_output=True, env=env, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_table_fits_the_terminal(records):
    brief = table(records, 1000).splitlines()
    assert brief[0].split() == ["start_at", "caller", "called", "talked", "result", "payer", "call_id"]
    assert len(brief) == 4 and max(len(line) for line in brief) <= 110
    for width, says in ((80, "(1 more column does not fit here)"), (50, "(3 more columns do not fit here)")):
        lines = table(records, width).splitlines()
        assert len(lines) == 5 and lines[-1] == says
        assert max(len(line) for line in lines[:-1]) <= width
        assert {"start_at", "caller", "called", "result"} <= set(lines[0].split())
    whole = table(records, 80, ["--wide"])
    assert table(records) == table(records, "none") == whole # into a pipe
    assert whole.split()[:len(COLUMNS)] == COLUMNS and whole == table(records, 80, ["--format", "table"])
    # Programs get everything, however wide the terminal.
    assert json.loads(table(records, 40, ["--json"]))[0].keys() >= set(COLUMNS)
    assert table(records, 40, ["--format", "csv"]).split("\r\n", 1)[0].split(",")[:19] == COLUMNS


def test_a_real_terminal(records):
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    subprocess.run([str(BUILD / "tandemctl"), "-c", str(records.conf), "cdr"], stdout=its, env=env,
                   check=True, timeout=30)
    os.close(its)
    text = os.read(ours, 65536).decode().replace("\r\n", "\n")
    os.close(ours)
    assert text == table(records, 80)


def called(ctl, *args):
    return [r["called_number"] for r in ctl.rows("cdr", *args)]


def test_times(records):
    assert called(records) == ["202", "203", "204"]
    assert called(records, "--since", "2 hours ago") == ["204"]
    assert called(records, "--since", "4 hours") == ["203", "204"]
    assert called(records, "--until", "1 hour ago", "--since", "4 hours ago") == ["203"]
    # A time of day is one of today, in UTC.
    noon, = records.sql("select (now() at time zone 'UTC' - interval '1 minute')::time(0), "
                        "(now() at time zone 'UTC')::time(0) < '00:02'")
    if noon[1] == "f":
        assert called(records, "--since", noon[0][:5]) == ["204"]
        assert called(records, "--since", "00:00", "--until", "00:00") == []
    assert called(records, "--since", "yesterday") == ["202", "203", "204"]
    assert records.refused("cdr", "--since", "soonish") == (
        '--since: "soonish" is not a time, as 2026-11-21, "2026-11-21 10:00", 10:00, today or '
        '"2 hours ago"')


def test_users(records):
    assert called(records, "--user", "204") == ["204"]      # no subscriber, but it was called
    assert '"999" is no subscriber' in records.refused("cdr", "--user", "999")
    assert '"999" is no subscriber' in records.refused("cdr", "--user", "999", "--format", "csv")
    records("subscriber", "add", "777", "--password", "x")
    assert called(records, "--user", "777") == []
    assert called(records, "--user", "204", "--until", "yesterday") == []
