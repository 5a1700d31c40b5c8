"""tandemctl with a configuration and a database of its own, for the flow tests (fixture ctl)."""
import json
import os
import subprocess

from exchange import BUILD, REPO

DOMAINS = ["pbx.test", "alt.test"]


class Ctl:
    """tandemctl with a configuration and a database of its own."""

    def __init__(self, cluster, directory, database, domains=DOMAINS):
        self.cluster, self.database, self.run_dir = cluster, database, directory / "run"
        self.run_dir.mkdir()
        self.conf = directory / "tandem.conf"
        self.write_conf(domains)

    def write_conf(self, domains):
        self.conf.write_text('domains = [ %s ];\ndatabase = "%s";\nrun_dir = "%s";\n' % (
            ", ".join('"%s"' % d for d in domains), self.cluster.dsn(self.database), self.run_dir))

    def run(self, *args, stdin=""):
        env = dict(os.environ, TANDEM_SQLDIR=str(REPO / "sql"))
        return subprocess.run([str(BUILD / "tandemctl"), "-c", str(self.conf), *args], input=stdin,
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                              timeout=30)

    def __call__(self, *args, stdin=""):
        done = self.run(*args, stdin=stdin)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def rows(self, *args):
        return json.loads(self(*args, "--json"))

    def refused(self, *args, status=1, stdin=""):
        """The one line on stderr."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode == status, done
        assert done.stderr.startswith("tandemctl: ") and done.stderr.count("\n") == 1, done
        return done.stderr[len("tandemctl: "):-1]

    def sql(self, text, user="postgres"):
        return self.cluster.sql(text, self.database, user)

    def sql_refused(self, text, user="postgres"):
        return self.cluster.refused(text, self.database, user)

    def told(self, text):
        """What the triggers tell when this is done."""
        done = self.cluster.psql(self.database, "listen tandem_changed; " + text + "; select")
        assert done.returncode == 0, done.stderr
        return [line.split('"')[3] for line in done.stdout.splitlines()
                if line.startswith("Asynchronous")]
