"""Lists of callers, and rules that send calls on: set by tandemctl, by code and by SQL, and in force for the next
call (SERVICES.md C5, C17, C18, C19)."""
import datetime
import zoneinfo

import pytest

from calls import exchange, rings_first, sdp, wait_until
from test_codes import dial, refused

building, office = exchange()


def is_set(office, phone, *settings):
    office.ctl("subscriber", "set", phone.name, *settings)


def answer(office, caller, called):
    """What the caller hears; a phone that rings is busy."""
    call = caller.invite(called.name, sdp=sdp())
    office.unrecorded.add(call.call_id)
    invite = rings_first(caller, call, called)
    if invite is None:
        return caller.take(lambda m: m.call is call and m.status >= 300).status
    called.reply(486)
    called.expect("ACK")
    caller.expect(486)
    return invite.get("Alert-Info") or "rings"


def test_C17_C18_C19_by_tandemctl(office):
    alice, bob = office.phones(2)
    is_set(office, bob, "block=%s,0044*" % alice.name)
    wait_until(lambda: answer(office, alice, bob) == 603, 5)
    shown = office.ctl("subscriber", "show", bob.name)
    assert "0044*,%s" % alice.name in shown
    is_set(office, bob, "block=", "accept=0044*")
    wait_until(lambda: "0044*" in office.ctl("subscriber", "show", bob.name), 5)
    assert answer(office, alice, bob) == 603
    is_set(office, bob, "lists_off=accept", "priority=" + alice.name)
    wait_until(lambda: answer(office, alice, bob) == "<urn:alert:priority:high>", 5)


def test_C17_by_code(office):
    """*60 blocks who called last, at once; *80 lets him through, *60 again does not."""
    alice, bob = office.phones(2)
    refused(office, bob, "*60", 403)            # nobody has called
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    office.record(call, disposition="busy")
    assert dial(office, bob, "*60") == "block on, 1 callers"
    assert answer(office, alice, bob) == 603
    assert dial(office, bob, "*80") == "block off, 1 callers"
    assert answer(office, alice, bob) == "rings"
    assert dial(office, bob, "*60123") == "block on, 2 callers"
    assert answer(office, alice, bob) == 603
    assert dial(office, bob, "*80123") == "block on, 1 callers"
    refused(office, bob, "*60112", 403)


def test_C17_C12_the_last_caller_was_hidden(office):
    """His number is not given away by a list that shows it."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp(), headers=[("Privacy", "id")])
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    office.record(call, disposition="busy")
    refused(office, bob, "*60", 403)
    assert office.sql("select * from tandem.caller_list where subscriber_id = %d"
                      % office.subscriber_id(bob.name)) == []


def test_C5_R6_selective_forwarding(office):
    alice, bob, carol = office.phones(3)
    office.sql.do("update tandem.subscriber set number = '6003' where username = '%s';" % carol.name)
    is_set(office, bob, "cfs_callers=" + alice.name)
    refused(office, bob, "*63", 403)            # to no number yet
    assert dial(office, bob, "*636003") == "cfs on, 1 callers"
    call = alice.invite(bob.name, sdp=sdp())
    assert "unconditional" in carol.expect("INVITE")["Diversion"]
    carol.reply(486)
    carol.expect("ACK")
    alice.expect(486)
    rows = wait_until(lambda: (lambda r: len(r) == 2 and r)(
        [r for r in office.rows_of(call.call_id) if r["disposition"]]), 5)
    assert {r["payer_account_id"] for r in rows} == {
        office.subscriber_id(p.name) for p in (alice, bob)}
    office.unrecorded.add(call.call_id)
    dial(office, bob, "*83")
    assert answer(office, alice, bob) == "rings"


def explains(office, caller, called, *options):
    return office.ctl("explain", caller.name, called.name, *options)


def test_C5_rules(office):
    """Set by tandemctl, shown as they are set, and explained at any time and with any Priority."""
    alice, bob, carol = office.phones(3)
    written = ("mon-wed,sun 09:00-17:00 to=%s | 22:00-06:00 2026-12-24..2026-12-26 from=%s,0049*"
               " priority=urgent,emergency to=4711 | 2027-01-01.. to=4712" % (carol.name, alice.name))
    is_set(office, bob, "cfs_rules=" + written)
    shown = office.ctl("subscriber", "show", bob.name)
    assert written.replace("mon-wed", "mon,tue,wed") in shown, shown
    wait_until(lambda: "rule 1, mon 09:00: goes on to %s\n" % carol.name
               in explains(office, alice, bob, "--at", "2026-11-23 09:00"), 5)
    for at, priority, rule in (("2026-11-23 17:00", "urgent", None), ("2026-12-27T05:59", "urgent", "rule 2, sun 05:59"),
                               ("2026-12-27 06:00", "urgent", None), ("2026-12-26 21:59", "urgent", None),
                               ("2026-12-24 22:00", "emergency", "rule 2, thu 22:00"),
                               ("2026-12-24 22:00", "normal", None), ("2027-05-01 12:00", "normal", "rule 3, sat 12:00"),
                               ("2027-05-03 12:00", "normal", "rule 1, mon 12:00")):
        said = explains(office, alice, bob, "--at", at, "--priority", priority)
        assert (rule is None and "selective" not in said) or (rule and rule + ": goes on to" in said), (at, said)
    status, _, said = office.ctl("explain", alice.name, bob.name, "--at", "noon", check=False)
    assert status == 1 and 'no time as "2026-12-24 18:30": noon' in said
    is_set(office, bob, "cfs_rules=")
    assert "4711" not in office.ctl("subscriber", "show", bob.name)
    wait_until(lambda: "selective" not in explains(office, alice, bob, "--at", "2026-11-23 09:00"), 5)


@pytest.fixture
def kathmandu(office):
    """Where the tenant is for this test alone."""
    office.ctl("tenant", "set", "default", "timezone=Asia/Kathmandu")
    yield zoneinfo.ZoneInfo("Asia/Kathmandu")
    office.ctl("tenant", "set", "default", "timezone=")


def test_C5_R6_rules_by_the_clock_of_the_tenant(office, kathmandu):
    """By SQL, at the present time of a zone; *83 switches them off; elsewhere it is another time."""
    alice, bob, carol = office.phones(3)
    there = datetime.datetime.now(kathmandu)
    begin, end = ((there + datetime.timedelta(minutes=m)).strftime("%H:%M") for m in (-5, 10))
    office.sql.do("insert into tandem.forward_rule (tenant_id, subscriber_id, position, destination, from_time, to_time)"
                  " select tenant_id, subscriber_id, 3, '%s', '%s', '%s' from tandem.subscriber where username = '%s';"
                  % (carol.name, begin, end, bob.name))
    wait_until(lambda: "selective: rule 3, " in explains(office, alice, bob), 5)
    call = alice.invite(bob.name, sdp=sdp())
    assert "unconditional" in carol.expect("INVITE")["Diversion"]
    carol.reply(486)
    carol.expect("ACK")
    alice.expect(486)
    rows = wait_until(lambda: (lambda r: len(r) == 2 and r)(
        [r for r in office.rows_of(call.call_id) if r["disposition"]]), 5)
    assert {r["payer_account_id"] for r in rows} == {office.subscriber_id(p.name) for p in (alice, bob)}
    said, = office.sql("select decisions from tandem.call where call_id = '%s'" % rows[0]["call_id"])
    assert any(d["feature"] == "selective" and d["reason"].startswith("rule 3, ") for d in said["decisions"])
    office.unrecorded.add(call.call_id)
    assert dial(office, bob, "*83") == "cfs off, 0 callers"
    assert "selective" not in explains(office, alice, bob)
    assert dial(office, bob, "*63") == "cfs on, 0 callers"
    assert "selective: rule 3" in explains(office, alice, bob)
    office.ctl("tenant", "set", "default", "timezone=America/New_York")
    wait_until(lambda: "selective" not in explains(office, alice, bob), 5)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
                                  "Africa/Casablanca", "Pacific/Chatham", "America/St_Johns"])
def test_C5_what_is_known_of_a_zone(office, zone):
    """PostgreSQL's table of a zone is right at each hour of the next year."""
    row, = office.sql("select tandem.zone_changes('%s') as words" % zone)
    words = [int(w) for w in row["words"].split()]
    changes, there = list(zip(words[1::2], words[2::2])), zoneinfo.ZoneInfo(zone)
    now = int(datetime.datetime.now().timestamp()) // 3600 * 3600
    for at in range(now, now + 380 * 86400, 1800):
        offset = ([words[0]] + [o for begins, o in changes if begins <= at])[-1]
        assert datetime.datetime.fromtimestamp(at, there).utcoffset().total_seconds() == offset, (at, row)
    assert len(changes) <= 8


@pytest.mark.parametrize("setting, says", [
    ("cfs_rules=sat", "cfs_rules: where the calls go is missing (to=)"),
    ("cfs_rules=to=123", "cfs_rules: a rule without a condition is cfu (123)"),
    ("cfs_rules=sat to=112", "cfs_rules: calls cannot be forwarded to an emergency number (112)"),
    ("cfs_rules=sat to=zoe", "cfs_rules: neither a number nor a SIP URI (zoe)"),
    ("cfs_rules=sam to=123", "cfs_rules: neither days (mon-fri), times (18:00-08:00), dates"),
    ("cfs_rules=sat, to=123", "cfs_rules: neither days (mon-fri), times (18:00-08:00), dates"),
    ("cfs_rules=18:00-18:00 to=123", "cfs_rules: not a time of the day"),
    ("cfs_rules=18:00-25:00 to=123", "cfs_rules: no such time, date or priority (18:00-25:00)"),
    ("cfs_rules=2026-02-30 to=123", "cfs_rules: no such time, date or priority (2026-02-30)"),
    ("cfs_rules=2026-12-26..2026-12-24 to=123", "cfs_rules: not a range of dates"),
    ("cfs_rules=priority=high to=123", "cfs_rules: no such time, date or priority (priority=high)"),
    ("cfs_rules=from=nobody to=123", "cfs_rules: no such subscriber: nobody"),
    ("cfs_rules=from=112 to=123", "cfs_rules: an emergency number is always put through (112)"),
    ("cfs_rules=" + " | ".join(["sat to=123"] * 9), "cfs_rules: there are eight at most"),
    ("block=ab12", "block: no such subscriber: ab12"),
    ("block=bob@elsewhere.test", 'block: "bob@elsewhere.test" is not a list of numbers'),
    ("block=112", "block: an emergency number is always put through (112)"),
    ("accept=0049**", 'accept: "0049**" is not a list of numbers'),
    ("priority=nobody", "priority: no such subscriber: nobody"),
    ("cfs=112", "cfs: calls cannot be forwarded to an emergency number (112)"),
    ("lists_off=all", 'lists_off: "all" is not a list of block'),
])
def test_bad_input(office, setting, says):
    """Refused where it is set, with one line; nothing has changed."""
    alice = office.phone()
    before = office.ctl("subscriber", "show", alice.name)
    status, _, done = office.ctl("subscriber", "set", alice.name, setting, check=False)
    assert status == 1 and says in done and done.count("\n") == 1
    assert office.ctl("subscriber", "show", alice.name) == before


def test_a_wrong_entry_does_no_harm(office):
    """By SQL, past its triggers: a forward to oneself, and one that no list leads to."""
    alice, bob = office.phones(2)
    office.sql.do("set session_replication_role = replica; update tandem.subscriber_service set cfs = '%s'"
                  " where subscriber_id = %d; reset session_replication_role"
                  % (bob.name, office.subscriber_id(bob.name)))
    is_set(office, bob, "cfs_callers=" + alice.name)
    wait_until(lambda: answer(office, alice, bob) == 482, 5)
