"""What all tests of a run left behind, in one database (BILLING.md 5.6).

Each exchange of the tests has a database of its own, which is audited when it is closed (calls.py) and then
dropped. Where TANDEM_RECORDS names a directory its records are kept there, and who was called and called, and

    records.py DIRECTORY

puts them all into one database, as if one exchange had had all the tenants, and has `tandemctl audit` judge
that. It prints one line, "ok ..." or "failed ...", which contrib/check counts.
"""
import os
import pathlib
import sys
import tempfile

from sip_text import word

# In the order in which they go into the one database.
TABLES = ("tenant", "subscriber", "call", "cdr", "cdr_leg", "cdr_event")
# What stands for a row of its own database alone: in the one it is another by so many for each database.
IDS = ("tenant_id", "subscriber_id", "in_trunk_id", "out_trunk_id")
APART = 1000000


def file_of(directory, database):
    """Of its own for each: databases of one name follow each other."""
    return pathlib.Path(directory) / ("%s-%s.rows" % (database, word(8)))


def keep(cluster, database):
    """Called before a database is dropped; it does nothing but in a run that keeps its records."""
    directory = os.environ.get("TANDEM_RECORDS")
    if directory is None:
        return
    rows = " union all ".join("select '%s', to_jsonb(x) from tandem.%s x" % (t, t) for t in TABLES)
    cluster.sql("\\copy (%s) to '%s'" % (rows, file_of(directory, database)), database)


def together(files):
    """The SQL that puts the rows of these files into one database."""
    yield "create temp table kept (kind text, was jsonb, seq bigint generated always as identity);"
    for n, file in enumerate(files, 1):
        yield "truncate kept;\n\\copy kept (kind, was) from '%s'" % file
        yield "begin; set local session_replication_role = replica;"
        for table in ("tenant", "subscriber"):
            yield into(table, n)
        # From here on as the store inserts them: the triggers number the segments in one row.
        yield "set local session_replication_role = origin;"
        for table in TABLES[2:]:
            yield into(table, n)
        yield "commit;"


def into(table, n):
    apart = " || ".join("case when was->>'%s' is null then '{}' else jsonb_build_object('%s',"
                        " (was->>'%s')::bigint + %d) end" % (i, i, i, n * APART) for i in IDS)
    more = {"tenant": "jsonb_build_object('name', 't%d-' || (was->>'tenant_id'))" % n,
            "cdr": "case was->>'payer_kind' when 'nobody' then '{}' else jsonb_build_object("
                   "'payer_account_id', (was->>'payer_account_id')::bigint + %d) end" % (n * APART)}
    if table == "cdr_event":   # its key is made anew
        return ("insert into tandem.cdr_event (call_id, seq, leg_no, at, mono_ns, kind, detail)"
                " select r.call_id, r.seq, r.leg_no, r.at, r.mono_ns, r.kind, r.detail from kept,"
                " jsonb_populate_record(null::tandem.cdr_event, was) r where kept.kind = 'cdr_event'"
                " and not exists (select from tandem.cdr_event e where e.call_id = r.call_id and e.kind = r.kind"
                " and e.at = r.at) order by r.event_id;")
    return ("insert into tandem.%s select r.* from kept, jsonb_populate_record(null::tandem.%s,"
            " was || %s || %s) r where kept.kind = '%s' order by coalesce((was->>'export_seq')::bigint, kept.seq);"
            % (table, table, apart, more.get(table, "'{}'"), table))


def main(directory):
    from cluster import Cluster
    from ctl import Ctl
    files = sorted(pathlib.Path(directory).glob("*.rows"))
    with Cluster() as cluster, tempfile.TemporaryDirectory() as place:
        ctl = Ctl(cluster, pathlib.Path(place), "together")
        ctl("db", "init")
        done = cluster.psql("together", "\n".join(together(files)))
        (calls, segments), = cluster.sql("select (select count(*) from tandem.call),"
                                         " (select count(*) from tandem.cdr)", "together")
        audit = ctl.run("audit")
    what = "audit of %s calls, %s segments of %d exchanges in one database" % (calls, segments, len(files))
    good = done.returncode == 0 and audit.returncode == 0 and audit.stdout == "no findings\n"
    if not good or segments == "0":
        print(done.stderr + audit.stdout + audit.stderr)
        print("failed " + what)
        return 1
    print("ok " + what)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
