"""contrib/quickstart as a newcomer runs it: it builds, places its call, and each line that it prints for
pasting does what is said of it. It takes some forty seconds: no other test builds."""
import os
import pathlib
import pty
import re
import shutil
import subprocess
import tempfile
import threading

import pytest

from exchange import REPO, free_port, wait_until

pytestmark = [
    pytest.mark.skipif((REPO / "config.status").exists(),
                       reason="the tree was configured in place: no other build can be made of it"),
    pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="it builds its own, which has no sanitizers")]


class Quickstart:
    def __init__(self):
        # Where PostgreSQL's user may go.
        self.var = pathlib.Path(tempfile.mkdtemp(prefix="tandem-quick-", dir="/tmp"))
        self.var.chmod(0o755)
        self.port = free_port()
        self.env = dict(os.environ, QUICKSTART_VAR=str(self.var), QUICKSTART_PORT=str(self.port),
                        CFLAGS="-O0") # half the time
        try:
            self.text = self.run()
        except BaseException:
            self.close()
            raise
        self.lines = self.text.partition("Lines to paste:\n")[2].splitlines()

    def run(self, *args):
        done = subprocess.run([str(REPO / "contrib/quickstart"), *args], env=self.env, text=True,
                              timeout=300, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def line(self, pattern):
        (found,) = [x for x in self.lines if re.search(pattern, x) and not x.startswith("#")]
        return found

    def close(self):
        try:
            self.run("stop")
        finally:
            run_dir = re.search(r'^run_dir *= "(.*)"', (self.var / "tandem.conf").read_text(), re.M).group(1)
            for place in ((self.var / "pg").resolve(), pathlib.Path(run_dir).parent, self.var):
                shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def quick():
    q = Quickstart()
    yield q
    q.close()


def bare():
    """The environment of a shell that knows nothing of ours."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("QUICKSTART", "TANDEM"))}


def paste(line, stdin=""):
    done = subprocess.run(["bash", "-c", line], env=bare(), cwd="/", input=stdin, text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, "%s\n%s" % (line, done.stdout)
    return done.stdout


class Terminal:
    """A line pasted into a terminal of its own; it may go on running."""

    def __init__(self, line, directory):
        self.ours, its = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen(["bash", "-c", "exec " + line], cwd="/", stdin=its, stdout=its,
                                        stderr=its, env=dict(bare(), TMPDIR=str(directory)),
                                        start_new_session=True)
        os.close(its)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while got := os.read(self.ours, 4096):
                self.text += got.decode(errors="replace")
        except OSError: # it has ended
            pass

    def type(self, text):
        os.write(self.ours, text.encode())

    def wait(self, words, seconds=10):
        try:
            wait_until(lambda: words in self.text, seconds)
        except AssertionError:
            raise AssertionError("no %r in:\n%s" % (words, self.text)) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self.reader.join(5)
        os.close(self.ours)


def test_the_demo_call(quick):
    assert "disposition      | answered" in quick.text
    assert quick.text.count("of it is the other's tone") == 2
    for said in (" 1001  .* tandem .* 1002$", r" 0\.\d{3} .* INVITE \(sdp\) -*>\|", r"\|<-* 200 OK \(sdp\) ", " BYE -*>"):
        assert re.search(said, quick.text, re.M), said


def test_every_line_is_for_a_shell(quick):
    subprocess.run(["bash", "-n"], input="\n".join(quick.lines), text=True, check=True)
    kinds = ("subscriber add", "registrations", "phone.py 1003", "phone.py 1004", ' -c "select', "-d tandem$",
             "call show", "^tail -f", " stop$", "quickstart$")
    assert len({quick.line(k) for k in kinds}) == len(kinds)
    assert len(kinds) == len([x for x in quick.lines if x and not x.startswith("#")])


def test_add_a_subscriber(quick, tmp_path):
    password = paste(quick.line("subscriber add")).split()[-1]
    phone_line = re.sub(r" 1003 \S+", " 1005 " + password, quick.line("phone.py 1003"))
    with Terminal(phone_line, tmp_path) as phone:
        phone.wait("200 OK")
        wait_until(lambda: "1005" in paste(quick.line("registrations")))
        phone.type("q")
        phone.process.wait(10)


def test_M_09_two_terminals_call_each_other(quick, tmp_path):
    one, two = (Terminal(quick.line("phone.py " + user), tmp_path) for user in ("1003", "1004"))
    with one, two:
        one.wait("200 OK")
        two.wait("200 OK")
        one.type("/dial 1004\n")
        two.wait("press 'a' to accept")
        two.type("a")
        one.wait("Call established")
        two.wait("Call established")
        one.type("b")
        two.wait("session closed")
        one.type("q")
        two.type("q")
    wait_until(lambda: re.search(r"1003 +\| 1004 +\| answered", paste(quick.line(' -c "select'))))


def test_the_last_call(quick):
    assert re.search(" tandem ", paste(quick.line("call show")))


def test_the_prompt_of_postgresql(quick):
    users = "select count(*) as n from tandem.subscriber where username < '1005';\n"
    assert re.search(r"^ +4$", paste(quick.line("-d tandem$"), users), re.M)


def test_follow_the_log(quick, tmp_path):
    with Terminal(quick.line("^tail -f"), tmp_path) as tail:
        tail.wait("the exchange runs")


def test_stop_and_start_again(quick):
    assert "the exchange is stopped" in paste(quick.line(" stop$"))
    assert "disposition      | answered" in paste(quick.line("quickstart$"))
