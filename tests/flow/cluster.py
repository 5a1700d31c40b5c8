"""A private PostgreSQL cluster for the flow tests: in a temporary directory, on a unix socket only.

    with Cluster() as cluster:
        cluster.create("tandem")
        cluster.dsn("tandem")                    # for tandem.conf's database
        cluster.sql("select 1", "tandem")        # [["1"]]

PostgreSQL does not run as root: then it runs as the user postgres. stop, start and kill are there for
tests of what happens without it.
"""
import csv
import glob
import io
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile


def programs():
    """The newest installed version's directory of programs, as Debian has it, or the PATH's."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda p: int(p.split("/")[4]))
    one = found[-1] if found else shutil.which("initdb")
    if one is None:
        raise RuntimeError("PostgreSQL is not installed: no initdb")
    return pathlib.Path(one).parent


class Cluster:
    def __init__(self):
        self.bin = programs()
        # A short name, for a socket's name is short.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tandem-pg-", dir="/tmp"))
        self.data = self.directory / "data"
        self.as_user = []
        self.directory.chmod(0o755)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8",
                 "--locale=C.UTF-8", "-N")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, program, *args):
        done = subprocess.run([*self.as_user, str(self.bin / program), *map(str, args)], text=True,
                              cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode == 0, "%s: %s" % (program, done.stdout)

    def start(self):
        # The server keeps its standard output: a pipe here would never end.
        log = self.directory / "log"
        options = "-k %s -c listen_addresses='' -c fsync=off -c max_connections=50" % self.directory
        done = subprocess.run([*self.as_user, str(self.bin / "pg_ctl"), "start", "-w", "-s", "-D",
                               str(self.data), "-l", str(log), "-o", options], cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 0, log.read_text() if log.exists() else "pg_ctl failed"

    def stop(self, mode="immediate"):
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "stop", "-w", "-s", "-m", mode, "-D", self.data)

    def pid(self):
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def kill(self, how=signal.SIGKILL):
        os.kill(self.pid(), how)

    def dsn(self, database, user="postgres"):
        return "host=%s user=%s dbname=%s" % (self.directory, user, database)

    def psql(self, database, text, user="postgres"):
        """What psql did with these commands: its exit status, output and errors."""
        return subprocess.run([str(self.bin / "psql"), "-XqAt", "--csv", "-v", "ON_ERROR_STOP=1",
                               "-d", self.dsn(database, user)], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)

    def sql(self, text, database="postgres", user="postgres"):
        """The rows of a query, as lists of text; a null is ''."""
        done = self.psql(database, text, user)
        assert done.returncode == 0, done.stderr
        return list(csv.reader(io.StringIO(done.stdout)))

    def refused(self, text, database, user="postgres"):
        """The first line of the error that this must give."""
        done = self.psql(database, text, user)
        assert done.returncode != 0, "was not refused: " + text
        return done.stderr.split("\n", 1)[0]

    def create(self, database, template="template1"):
        self.sql('create database "%s" template "%s"' % (database, template))
        return self.dsn(database)

    def drop(self, database):
        self.sql('drop database if exists "%s" with (force)' % database)
