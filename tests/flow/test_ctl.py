"""tandemctl: what it provisions, what it refuses and how it says so."""
import hashlib
import json

import pytest

from ctl import Ctl
from exchange import REPO


# --- the database --------------------------------------------------------------------------------

def test_init_makes_the_database_and_can_be_repeated(cluster, tmp_path):
    ctl = Ctl(cluster, tmp_path, "made here")
    ctl.conf.write_text(ctl.conf.read_text().replace("dbname=made here", "dbname='made here'"))
    assert "does not exist" in ctl.refused("db", "version")
    try:
        first = ctl("db", "init")
        assert ctl("db", "init") == ctl("db", "upgrade") == ctl("db", "version") == first
        files = sorted(p.name for p in (REPO / "sql").glob("[0-9]*.sql"))
        assert int(first) == len(files) == int(files[-1][:4])
    finally:
        cluster.drop("made here")


def test_a_database_without_a_schema(cluster, tmp_path):
    ctl = Ctl(cluster, tmp_path, "empty")
    cluster.create("empty")
    try:
        assert "db init" in ctl.refused("db", "version")
        assert "db init" in ctl.refused("subscriber", "list")
        cluster.sql("create schema tandem; create table tandem.schema_version (version int);"
                    "insert into tandem.schema_version values (9999)", "empty")
        assert "too old" in ctl.refused("db", "upgrade")
    finally:
        cluster.drop("empty")


def test_domains_follow_the_configuration(ctl):
    ctl.write_conf(["new.test", "pbx.test"])
    ctl("db", "upgrade")
    assert ctl.rows("tenant", "show", "default")["domain"] == "new.test,pbx.test"
    assert ctl.rows("tenant", "show", "default")["realm"] == "new.test"
    ctl("subscriber", "add", "alice")
    ctl.write_conf(["pbx.test"])
    assert "realm stays new.test" in ctl("db", "upgrade")
    assert ctl.rows("tenant", "show", "default")["domain"] == "pbx.test"
    assert "digests" in ctl.sql_refused("update tandem.tenant set realm = 'x.test'")


# --- tenants and subscribers -----------------------------------------------------------------------

def test_the_same_extension_in_two_tenants(ctl):
    ctl("tenant", "add", "acme", "domain=acme.test,phones.acme.test", "timezone=Europe/Berlin")
    ctl("subscriber", "add", "201", "--password", "one", "number=+4930201")
    ctl("subscriber", "add", "201@PHONES.acme.test", "--password", "two", "number=+4930201")
    assert [(r["user"], r["domain"]) for r in ctl.rows("subscriber", "list")] == \
        [("201", "acme.test"), ("201", "pbx.test")]
    assert [r["domain"] for r in ctl.rows("subscriber", "list", "acme.test")] == ["acme.test"]
    ctl("tenant", "del", "acme")
    assert [r["domain"] for r in ctl.rows("subscriber", "list")] == ["pbx.test"]


@pytest.mark.parametrize("args, status, says", [
    (["tenant", "add", "x"], 2, "usage: tandemctl tenant add"),
    (["tenant", "add", "x", "timezone=UTC"], 2, "domain= is missing"),
    (["tenant", "add", "x", "domain=pbx.test"], 1, 'domain: "pbx.test" belongs to another tenant'),
    (["tenant", "add", "x", "domain=a b"], 1, 'domain: "a b" is not a list of domains'),
    (["tenant", "add", "x y", "domain=x.test"], 1, 'tenant: "x y" is not a name'),
    (["tenant", "add", "default", "domain=x.test"], 1, 'tenant: "default" is there already'),
    (["tenant", "set", "default", "timezone=Nowhere"], 1, 'timezone: "Nowhere" is not'),
    (["tenant", "show", "x"], 1, "no such tenant: x"),
    (["tenant", "del", "default"], 1, "the default tenant stays"),
])
def test_tenants_refused(ctl, args, status, says):
    assert says in ctl.refused(*args, status=status)


def ha1(algorithm, *words):
    return hashlib.new(algorithm, ":".join(words).encode()).hexdigest()


def test_passwords_are_kept_as_digests(ctl):
    def kept():
        return ctl.sql("select encode(ha1_md5, 'hex'), encode(ha1_sha256, 'hex'), "
                       "encode(ha1_sha512_256, 'hex') from tandem.subscriber")[0]

    def right(password):
        return [ha1(a, "alice", "pbx.test", password) for a in ("md5", "sha256", "sha512_256")]

    out = ctl("subscriber", "add", "alice")
    made = out.removeprefix("password: ").strip()
    assert len(made) == 20 and kept() == right(made)
    assert ctl("subscriber", "set", "alice@alt.test", "--password", "geheim ä") == ""
    assert kept() == right("geheim ä")
    ctl("subscriber", "set", "--password-stdin", "alice", stdin="piped\n")
    assert kept() == right("piped")
    assert "piped" not in ctl("subscriber", "show", "alice") + ctl("subscriber", "list")
    dump = ctl.sql("select s::text from tandem.subscriber s")
    assert "piped" not in str(dump) and made not in str(dump)
    for bad in ("", "a\tb", "x" * 129):
        assert "password" in ctl.refused("subscriber", "set", "alice", "--password", bad)
    assert "nothing came" in ctl.refused("subscriber", "set", "alice", "--password-stdin")
    assert kept() == right("piped")


KEYS = {
    "cfu": "+49301", "cfb": "sip:x@example.org;user=phone", "cfnr": "*97", "cfnrc": "202",
    "cfnr_timeout": 15, "dnd": "on", "call_waiting": "off", "call_limit": 2, "clir": "on", "acr": "on",
    "barring": "international,incoming", "pickup_group": "sales", "display_name": "Zoë O'Neill",
    "number": "+4930201", "disabled": "on", "trust": "binding", "max_contacts": 3,
    "contact_policy": "replace-oldest", "min_algorithm": "sha512-256",
}


def test_every_key_sets_shows_and_clears(ctl):
    def shown(value):
        return value == "on" if value in ("on", "off") else value

    ctl("subscriber", "add", "alice", "--password", "x")
    fresh = ctl.rows("subscriber", "show", "alice")
    assert fresh["call_waiting"] is True and fresh["contact_policy"] == "replace-oldest"
    ctl("subscriber", "set", "alice", *("%s=%s" % kv for kv in KEYS.items()))
    after = ctl.rows("subscriber", "show", "alice")
    assert {k: after[k] for k in KEYS} == \
        {k: shown(v) if isinstance(v, str) else v for k, v in KEYS.items()}
    ctl("subscriber", "set", "alice", *(k + "=" for k in KEYS))
    assert ctl.rows("subscriber", "show", "alice") == fresh
    # The database's own spelling is taken too.
    ctl("subscriber", "set", "alice", "contact_policy=replace_oldest", "min_algorithm=sha512_256")
    shown = ctl("subscriber", "show", "alice")
    assert "replace-oldest" in shown and "sha512-256" in shown and "replace_oldest" not in shown


@pytest.mark.parametrize("args, status, says", [
    (["add", "alice"], 1, 'user: "alice" is there already'),
    (["add", "a b"], 1, 'user: "a b" is not'),
    (["add", "a\tb"], 1, 'user: "a\\x09b" is not'),
    (["add", "x\x1b[31m"], 1, 'user: "x\\x1b[31m" is not'),
    (["add", "*72"], 1, 'user: "*72" is not'),
    (["add", "112"], 1, "emergency"),
    (["add", "1001"], 1, "number 1001 is in use already"),
    (["add", "bob", "number=12x"], 1, 'number: "12x" is not'),
    (["add", "bob", "number=alice"], 1, "number alice is in use already"),
    (["add", "bob", "number=1001"], 1, 'number: "1001" is there already'),
    (["add", "bob@nowhere.test"], 1, "no such domain: nowhere.test"),
    (["add", "@pbx.test"], 1, "is not a name"),
    (["add"], 2, "usage: tandemctl subscriber add"),
    (["add", "bob", "dnd"], 2, "not KEY=VALUE: dnd"),
    (["add", "bob", "--user", "x"], 2, "does not take this option"),
    (["add", "bob", "--nonsense"], 2, "no such option: --nonsense"),
    (["set", "alice"], 2, "nothing to set"),
    (["set", "alice", "--password"], 2, "its value is missing"),
    (["set", "bob", "dnd=on"], 1, "no such subscriber: bob@pbx.test"),
    (["set", "alice", "colour=red"], 1, "no such key: colour"),
    (["set", "alice", "cfu=carol"], 1, 'cfu: "carol" is not a number or a SIP URI'),
    (["set", "alice", "cfu=1001"], 1, "cannot be forwarded to itself"),
    (["set", "alice", "cfb=112"], 1, "cannot be forwarded to an emergency number"),
    (["set", "alice", "cfnr=tel:911"], 1, "cannot be forwarded to an emergency number"),
    (["set", "alice", "cfnr=sip:alice@ALT.test;x=y"], 1, "cfnr: a subscriber's calls cannot be"),
    (["set", "alice", "cfb=sip:a b@c"], 1, "cfb: "),
    (["set", "alice", "cfnr_timeout=0"], 1, 'cfnr_timeout: "0" is not a number of seconds'),
    (["set", "alice", "cfnr_timeout=soon"], 1, 'cfnr_timeout: "soon" is not'),
    (["set", "alice", "dnd=maybe"], 1, 'dnd: "maybe" is not on or off'),
    (["set", "alice", "barring=international,everything"], 1, "barring: "),
    (["set", "alice", "trust=blind"], 1, 'trust: "blind" is not challenge'),
    (["set", "alice", "display_name=a\nb"], 1, "display_name: "),
    (["set", "alice", "call_limit=99999999999"], 1, "call_limit: "),
    (["show", "bob"], 1, "no such subscriber: bob"),
    (["del", "bob"], 1, "no such subscriber: bob@pbx.test"),
    (["frob", "bob"], 2, "no such command: subscriber frob (there are add, set, show, del, list, import)"),
    (["shwo", "bob"], 2, "no such command: subscriber shwo; did you mean show?"),
    (["set", "alice", "cnfr=1"], 1, "no such key: cnfr; did you mean cfnr? (there are display_name, "),
    (["add", "bob", "--pasword", "x"], 2, "no such option: --pasword; did you mean --password?"),
    (["list", "nowhere.test"], 1, "no such domain: nowhere.test"),
])
def test_subscribers_refused(ctl, args, status, says):
    ctl("subscriber", "add", "alice", "--password", "x", "number=1001")
    before = ctl.sql("select s, v from tandem.subscriber s join tandem.subscriber_service v "
                     "using (subscriber_id)")
    assert says in ctl.refused("subscriber", *args, status=status)
    assert ctl.sql("select s, v from tandem.subscriber s join tandem.subscriber_service v "
                   "using (subscriber_id)") == before


def test_a_refused_key_undoes_the_others(ctl):
    ctl("subscriber", "add", "alice", "--password", "x")
    ctl.refused("subscriber", "set", "alice", "dnd=on", "--password", "new", "cfu=nonsense")
    assert ctl.rows("subscriber", "show", "alice")["dnd"] is False
    ctl.refused("subscriber", "add", "bob", "cfu=nonsense")
    assert [r["user"] for r in ctl.rows("subscriber", "list")] == ["alice"]


def test_options_stand_anywhere(ctl):
    ctl("--name", "First Last", "subscriber", "--password=x", "add", "alice", "dnd=on")
    assert json.loads(ctl("--json", "subscriber", "show", "alice"))["display_name"] == "First Last"
    assert "subscriber add" in ctl("help") and "subscriber add" in ctl("--help")


def test_tables_are_fit_for_a_terminal(ctl):
    ctl("subscriber", "add", "alice", "--password", "x")
    ctl.sql("insert into tandem.cdr (cdr_id, call_id, seq, tenant_id, payer_kind, payer_account_id, "
            "start_at, calling_number, called_number) values (gen_random_uuid(), gen_random_uuid(), 0, 1, "
            "'nobody', 0, now(), e'\\x1b[2J\\u009b\\u202e', 'ok')")
    out = ctl("cdr")
    assert "\\x1b[2J\\xc2\\x9b\\xe2\\x80\\xae" in out
    assert not any(c in out for c in "\x1b\x9b\u202e")
    assert ctl.rows("cdr")[0]["calling_number"] == "\x1b[2J\x9b\u202e"


# --- import --------------------------------------------------------------------------------------

def test_import(ctl, tmp_path):
    file = tmp_path / "users.csv"
    file.write_bytes('\ufeffuser,password,name,cfu,barring\r\n'
                     '201,one,"Last, First ""X""",202,"premium,incoming"\r\n'
                     '\r\n'
                     '202@alt.test,"t""wo",,,\r\n'.encode())
    assert ctl("subscriber", "import", str(file)) == "2 imported\n"
    one = ctl.rows("subscriber", "show", "201")
    assert (one["display_name"], one["cfu"], one["barring"]) == \
        ('Last, First "X"', "202", "premium,incoming")
    assert ctl.sql("select encode(ha1_md5, 'hex') from tandem.subscriber where username = '202'") == \
        [[ha1("md5", "202", "pbx.test", 't"wo')]]
    assert ctl("subscriber", "import", "-", stdin="user,password\n203,x") == "1 imported\n"


@pytest.mark.parametrize("text, says", [
    ("", "{}:1: the header line is missing"),
    ("user,name\n201,x\n", "{}:1: the header line names no password"),
    ("user,password,colour\n201,x,red\n", "{}:1: no such column: colour"),
    ("user,password,name,display_name\n", "{}:1: display_name: the column is there twice"),
    ("user,password\n201,x\n202\n", "{}:3: 1 columns, where the header line has 2"),
    ("user,password,dnd\n201,x,on\n202,x,perhaps\n", '{}:3: dnd: "perhaps" is not on or off'),
    ("user,password\n201,x\n\n201,y\n", '{}:4: user: "201" is there already'),
    ("user,password\n201,x\n202,\n", "{}:3: password: it has 1 to 128 bytes"),
    ("user,password\n201,x\n,y\n", "{}:3: user: it is empty"),
    ("user,password\n201,x\n1@no.test,y\n", "{}:3: no such domain: no.test"),
    ('user,password\n"201\n",x\n', "{}:2: user: "),
    ('user,password\n201,x\n202,"y\n', "{}:3: a quote is not closed"),
    ('user,password\n201,x"y"\n', "{}:2: a quote inside a cell without quotes"),
    ('user,password\n201,"x"y\n', "{}:2: text after a closing quote"),
    ("user,password\n201,x\0\n", "{}: it holds zero bytes"),
])
def test_import_is_all_or_nothing(ctl, tmp_path, text, says):
    file = tmp_path / "users.csv"
    file.write_text(text)
    assert ctl.refused("subscriber", "import", str(file)).startswith(says.format(file))
    assert ctl.rows("subscriber", "list") == []


def test_import_without_a_file(ctl, tmp_path):
    assert "No such file" in ctl.refused("subscriber", "import", str(tmp_path / "none"))


# --- gateways, routes, groups ----------------------------------------------------------------------

def test_gateways_and_routes(ctl):
    ctl("gateway", "add", "carrier", "host=192.0.2.9", "port=5070", "transport=tcp", "trusted=off",
        "transit=on", "outbound_proxy=edge.example.net:5080")
    assert ctl.rows("gateway", "show", "carrier") == {
        "name": "carrier", "tenant": "default", "gateway_id": 1, "host": "192.0.2.9", "port": 5070,
        "transport": "tcp", "trusted": False, "transit": True,
        "outbound_proxy": "edge.example.net:5080", "isup": False, "decline_as_busy": False,
        "bill_unacked": False, "user": None, "password": None, "realm": None, "routes": None}
    ctl("gateway", "set", "carrier", "isup=on", "decline_as_busy=on", "user=pbx", "password=s3cr3t word",
        "realm=sip carrier.net", "bill_unacked=on")
    shown = ctl.rows("gateway", "show", "carrier")
    assert [shown[k] for k in ("isup", "decline_as_busy", "user", "password", "realm", "bill_unacked")] == [
        True, True, "pbx", "set", "sip carrier.net", True]
    ctl("gateway", "set", "carrier", "isup=", "user=", "password=", "realm=", "bill_unacked=")
    shown = ctl.rows("gateway", "show", "carrier")
    assert (shown["password"], shown["realm"], shown["bill_unacked"]) == (None, None, False)
    ctl("gateway", "set", "carrier", "outbound_proxy=sip:[2001:db8::1];lr")
    ctl("gateway", "set", "carrier", "host=sip.example.net", "port=", "transport=", "trusted=", "transit=",
        "outbound_proxy=")
    assert ctl.rows("gateway", "show", "carrier")["outbound_proxy"] is None
    row, = ctl.rows("gateway", "list")
    assert (row["host"], row["port"], row["transport"], row["trusted"], row["transit"]) == \
        ("sip.example.net", None, None, True, False)
    ctl("route", "add", "all", "gateway=carrier", "prefix=0", "strip=1", "add=+49")
    ctl("route", "set", "all", "priority=5", "prefix=00")
    assert ctl.rows("route", "show", "all") == {
        "name": "all", "tenant": "default", "prefix": "00", "gateway": "carrier", "priority": 5,
        "strip": 1, "add": "+49"}
    assert 'gateway: "carrier" is in use' == ctl.refused("gateway", "del", "carrier")
    ctl("route", "del", "all")
    ctl("gateway", "del", "carrier")
    assert ctl.rows("route", "list") == ctl.rows("gateway", "list") == []


def test_numbers(ctl):
    ctl("subscriber", "add", "alice")
    ctl("group", "add", "sales", "number=600")
    ctl("number", "add", "+4930111", "subscriber=alice")
    ctl("number", "add", "+4930112", "group=sales")
    to = "<sip:a@b.test>;q=0.7;expires=60 sip:c@[2001:db8::1]:5070;transport=tcp"
    ctl("number", "add", "+4930113", "redirect=" + to)
    assert ctl.rows("number", "show", "+4930113") == {
        "number": "+4930113", "tenant": "default", "subscriber": None, "group": None, "redirect": to,
        "park": None}
    assert [(r["subscriber"], r["group"], r["redirect"]) for r in ctl.rows("number", "list")] == [
        ("alice", None, None), (None, "sales", None), (None, None, to)]
    ctl("number", "set", "+4930113", "subscriber=alice")
    assert ctl.rows("number", "show", "+4930113")["redirect"] is None
    ctl("number", "del", "+4930113")
    assert len(ctl.rows("number", "list")) == 2


@pytest.mark.parametrize("args, status, says", [
    (["number", "add", "700"], 2, "usage: "),
    (["number", "add", "700", "x=1"], 2, "one of subscriber=, group=, redirect= and park= is needed"),
    (["number", "add", "700", "subscriber=zed"], 1, 'subscriber: "zed" is not the name of a subscriber'),
    (["number", "add", "700", "group="], 1, 'group: "" is not the name of a group'),
    (["number", "add", "700", "redirect=<sip:a@b>;q=1.5"], 1, "redirect: "),
    (["number", "add", "700", "redirect=mailto:a@b"], 1, "redirect: "),
    (["number", "add", "700", "redirect="], 1, "redirect: "),
    (["number", "add", "112", "redirect=sip:a@b"], 1, 'number: "112" is not a telephone number'),
    (["number", "add", "600", "redirect=sip:a@b"], 1, "600"),
    (["number", "set", "700", "redirect=sip:a@b"], 1, "no such number: 700@pbx.test"),
])
def test_numbers_refused(ctl, args, status, says):
    ctl("group", "add", "sales", "number=600")
    assert says in ctl.refused(*args, status=status)
    assert ctl.rows("number", "list") == []


@pytest.mark.parametrize("args, status, says", [
    (["gateway", "add", "g"], 2, "usage: "),
    (["gateway", "add", "g", "port=5060"], 2, "host= is missing"),
    (["gateway", "add", "g", "host=a b"], 1, 'host: "a b" is not a host name'),
    (["gateway", "add", "g", "host=h", "port=70000"], 1, 'port: "70000" is not a port'),
    (["gateway", "add", "g", "host=h", "transport=ws"], 1, 'transport: "ws" is not udp, tcp or tls'),
    (["gateway", "add", "g", "host=h", "outbound_proxy=a b"], 1, 'outbound_proxy: "a b" is not a SIP URI'),
    (["gateway", "add", "g", "host=h", "outbound_proxy=mailto:a@b"], 1, "outbound_proxy: "),
    (["gateway", "add", "g1", "host=h"], 1, 'gateway: "g1" is there already'),
    (["gateway", "add", "g", "host=h", 'realm=a"b'], 1, 'realm: "a"b" is not a realm without quotes'),
    (["gateway", "add", "g", "host=h", 'user=a"b'], 1, 'user: "a"b" is not a name without quotes'),
    (["gateway", "show", "g"], 1, "no such gateway: g"),
    (["route", "add", "r", "prefix=0"], 2, "gateway= is missing"),
    (["route", "add", "r", "gateway=none"], 1, 'gateway: "none" is not the name of a gateway'),
    (["route", "add", "r", "gateway=g1", "prefix=x"], 1, 'prefix: "x" is not'),
    (["route", "add", "r", "gateway=g1", "strip=-1"], 1, 'strip: "-1" is not'),
    (["route", "add", "r", "gateway=g1", "add=abc"], 1, 'add: "abc" is not digits'),
    (["route", "set", "r", "prefix=0"], 1, "no such route: r@pbx.test"),
    (["group", "add", "g", "number=x"], 1, 'number: "x" is not a telephone number'),
    (["group", "add", "g", "mode=linear"], 2, "number= is missing"),
    (["group", "add", "g", "number=600", "members=zed"], 1, "members: no such subscriber: zed"),
    (["group", "add", "g", "number=600", "mode=random"], 1, 'mode: "random" is not ring-all'),
    (["group", "add", "g", "number=600", "overflow=600"], 1, "overflow: "),
    (["group", "add", "g", "number=600", "overflow=tel:+600"], 1,
     "overflow: the calls of a group cannot overflow to itself (tel:+600)"),
    (["group", "add", "g", "number=600", "overflow=112"], 1, "overflow: calls cannot overflow to an emergency"),
    (["group", "add", "g", "number=600", "members=g1:0"], 1, "members: no such subscriber: g1"),
])
def test_gateways_routes_groups_refused(ctl, args, status, says):
    ctl("gateway", "add", "g1", "host=192.0.2.1")
    assert says in ctl.refused(*args, status=status)
    assert len(ctl.rows("gateway", "list")) == 1
    assert ctl.rows("route", "list") == ctl.rows("group", "list") == []


def test_groups(ctl):
    for user in ("201", "202", "203"):
        ctl("subscriber", "add", user, "--password", "x")
    ctl("group", "add", "sales", "number=600", "members=201, 202", "mode=longest-idle", "overflow=203")
    ctl("group", "set", "sales", "members=203,201", "ring_s=7", "overflow=")
    ctl("group", "set", "sales", "members=203:3,201")
    assert ctl.rows("group", "show", "sales")["members"] == "203:3,201"
    assert "members: " in ctl.refused("group", "set", "sales", "members=203:0,201")
    ctl("group", "set", "sales", "members=203:1,201")
    ctl("group", "set", "sales", "logout=201", "features=follow")
    assert ctl.rows("group", "show", "sales")["logged_out"] == "201"
    ctl("group", "set", "sales", "login=201", "features=ignore")
    assert ctl.rows("group", "show", "sales")["logged_out"] is None
    group = ctl.rows("group", "show", "sales")
    assert (group["members"], group["mode"], group["ring_s"], group["overflow"]) == \
        ("203,201", "longest-idle", 7, None)
    assert "number 600 is in use already" in ctl.refused("subscriber", "add", "600")
    assert "number 201 is in use already" in ctl.refused("group", "set", "sales", "number=201")
    ctl("subscriber", "del", "203")
    assert ctl.rows("group", "list")[0]["members"] == "201"
    ctl("group", "del", "sales")
    assert ctl.rows("group", "list") == []
