"""Hunt groups as SQL, tandemctl and codes set them (SERVICES.md C31, C32; BILLING.md R5, R28)."""
import itertools

import pytest

from calls import exchange, sdp, wait_until
from test_codes import dial, refused

groups_building, groups = exchange("groups")
numbers = itertools.count()


def new_group(office, name, number, members, **columns):
    """By SQL; columns: of hunt_group."""
    columns = dict({"mode": "linear", "ring_s": 20}, **columns)
    office.sql.do("insert into tandem.hunt_group (tenant_id, name, number, %s) select tenant_id, '%s', '%s', %s"
                  " from tandem.domain where domain = 'pbx.test';" % (", ".join(columns), name, number,
                                            ", ".join("'%s'" % v for v in columns.values())))
    for i, phone in enumerate(members):
        office.sql.do("insert into tandem.hunt_group_member (tenant_id, hunt_group_id, subscriber_id, position)"
                      " select s.tenant_id, g.hunt_group_id, s.subscriber_id, %d from tandem.subscriber s,"
                      " tandem.hunt_group g where g.name = '%s' and s.username = '%s';" % (i + 1, name, phone.name))


def answers(office, caller, number, member):
    """A call to the number, which this member gets and answers; its rows."""
    a = caller.invite(number, sdp=sdp(port=40000))
    member.expect("INVITE")
    b = member.call
    b.reply(180)
    caller.expect(180)
    b.reply(200, sdp=sdp(port=50000))
    caller.expect(200)
    a.ack()
    member.expect("ACK")
    office.hang_up(a, b)
    rows = wait_until(lambda: [r for r in office.rows_of(a.call_id) if r["disposition"]], 5)
    assert len(rows) == 1
    return a, rows[0]


def in_force(office, phone):
    """What SQL has told so far has been read: a number that was made after it is there."""
    number = "99%04d" % next(numbers)

    def is_there():
        call = phone.invite(number, sdp=sdp())
        office.unrecorded.add(call.call_id)
        return phone.final(call).status == 302

    office.sql.do("insert into tandem.did (tenant_id, number, kind, redirect) select tenant_id, '%s', 'redirect',"
                  " 'sip:x@y.test' from tandem.domain where domain = 'pbx.test';" % number)
    wait_until(is_there, 5)


def test_R5_one_segment_and_who_answered(groups):
    alice, bob, carol = groups.phones(3)
    new_group(groups, "sales", "600", (bob, carol))
    in_force(groups, alice)
    a = alice.invite("600", sdp=sdp(port=40000))
    bob.expect("INVITE")
    bob.call.reply(486)
    carol.expect("INVITE")
    c = carol.call
    c.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    a.ack()
    carol.expect("ACK")
    groups.hang_up(a, c)
    r = groups.record(a, disposition="answered", called_number="600", connected_number=carol.name,
                      connected_reason="group", segment_kind="direct")
    assert [leg["kind"] for leg in r.branches] == ["group_member", "group_member"]
    assert [leg["sip_code"] for leg in r.branches] == [486, 200]


def test_R5_nobody_answers_and_one_call_is_missed(groups):
    alice, bob, carol = groups.phones(3)
    new_group(groups, "help", "601", (bob, carol), mode="ring_all")
    in_force(groups, alice)
    a = alice.invite("601", sdp=sdp())
    for phone in (bob, carol):
        phone.expect("INVITE")
        phone.call.reply(486)
    alice.expect(486)
    groups.record(a, disposition="busy", called_number="601", bill_ms=0)
    missed = groups.sql("select * from tandem.v_missed_calls where called = '601'")
    assert [m["hunt_group"] for m in missed] == ["help"]
    assert groups.sql("select * from tandem.v_missed_calls where username in ('%s', '%s')"
                      % (bob.name, carol.name)) == []


def test_C6_R6_a_member_who_does_not_answer_is_followed(groups):
    """His own time, his own cost: the group's segment is the caller's, what follows of it the member's."""
    alice, bob, carol, dave = groups.phones(4)
    new_group(groups, "follow", "620", (bob, carol), features="follow")
    groups.ctl("subscriber", "set", bob.name, "cfnr=" + dave.name, "cfnr_timeout=1")
    in_force(groups, alice)
    a = alice.invite("620", sdp=sdp(port=40000))
    bob.expect("INVITE")
    bob.reply(180)
    alice.expect(180)
    bob.expect("CANCEL")
    bob.reply(200)
    bob.reply(487, to="INVITE")
    bob.expect("ACK")
    assert "no-answer" in dave.expect("INVITE")["Diversion"]
    d = dave.call
    d.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    a.ack()
    dave.expect("ACK")
    groups.hang_up(a, d)
    groups.unrecorded.add(a.call_id)
    rows = wait_until(lambda: [r for r in sorted(groups.rows_of(a.call_id), key=lambda r: r["seq"])
                               if r["disposition"]], 5)
    assert [(r["segment_kind"], r["called_number"], r["payer_account_id"], r["disposition"],
             r["redirect_reason"]) for r in rows] == [
        ("direct", "620", groups.subscriber_id(alice.name), "answered", None),
        ("forward", dave.name, groups.subscriber_id(bob.name), "answered", "no_answer")]
    assert rows[0]["bill_ms"] == rows[1]["bill_ms"]


def test_C32_members_log_in_and_out_by_code(groups):
    """In force when the phone says so: for the next call."""
    alice, bob, carol = groups.phones(3)
    new_group(groups, "desk", "602", (bob, carol))
    new_group(groups, "night", "603", (bob,))
    in_force(groups, alice)
    assert dial(groups, bob, "*23602") == "desk logged out"
    assert answers(groups, alice, "602", carol)[1]["connected_number"] == carol.name
    assert groups.x.ctl("group", "show", "desk").count(bob.name) == 2       # members, logged_out
    assert dial(groups, bob, "*22602") == "desk logged in"
    answers(groups, alice, "602", bob)
    assert dial(groups, bob, "*23") == "desk logged out, night logged out"
    call = alice.invite("603", sdp=sdp())
    assert alice.final(call).status == 480
    assert dial(groups, bob, "*22") == "desk logged in, night logged in"
    refused(groups, carol, "*22603", 403)
    refused(groups, alice, "*22", 403)


def test_C32_members_log_in_and_out_by_ctl(groups):
    alice, bob, carol = groups.phones(3)
    new_group(groups, "shop", "604", (bob, carol))
    groups.ctl("group", "set", "shop", "logout=" + bob.name)
    in_force(groups, alice)
    answers(groups, alice, "604", carol)
    groups.ctl("group", "set", "shop", "login=" + bob.name)
    in_force(groups, alice)
    answers(groups, alice, "604", bob)


def test_a_group_and_a_member_renamed_by_sql(groups):
    """Also by the dids that lead there; and renumbered."""
    alice, bob = groups.phones(2)
    new_group(groups, "old", "605", (bob,))
    groups.sql.do("insert into tandem.did (tenant_id, number, kind, hunt_group_id) select tenant_id, '+49605',"
                  " 'group', hunt_group_id from tandem.hunt_group where name = 'old';")
    in_force(groups, alice)
    answers(groups, alice, "+49605", bob)
    groups.sql.do("update tandem.hunt_group set name = 'new', number = '606' where name = 'old';")
    in_force(groups, alice)
    answers(groups, alice, "+49605", bob)
    answers(groups, alice, "606", bob)
    call = alice.invite("605", sdp=sdp())
    assert alice.final(call).status == 404
    groups.sql.do("update tandem.subscriber set username = 'z' || username where username = '%s';" % bob.name)
    in_force(groups, alice)
    call = alice.invite("606", sdp=sdp())
    assert alice.final(call).status == 480      # who has that name now is not registered
    groups.sql.do("update tandem.subscriber set username = substr(username, 2) where username = 'z%s';" % bob.name)
    in_force(groups, alice)
    answers(groups, alice, "606", bob)


def test_the_other_members_overflow_to_a_group(groups):
    """Nobody is left in the first: the tenant pays for what comes then (BILLING.md R5, R6)."""
    alice, bob, carol = groups.phones(3)
    new_group(groups, "first", "607", (bob,), overflow="608")
    new_group(groups, "second", "608", (carol,))
    in_force(groups, alice)
    a = alice.invite("607", sdp=sdp(port=40000))
    bob.expect("INVITE")
    bob.call.reply(486)
    carol.expect("INVITE")
    c = carol.call
    c.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    a.ack()
    carol.expect("ACK")
    groups.hang_up(a, c)
    groups.unrecorded.add(a.call_id)
    rows = wait_until(lambda: (lambda r: len(r) == 2 and r)(
        [r for r in groups.rows_of(a.call_id) if r["disposition"]]), 5)
    rows.sort(key=lambda r: r["seq"])
    assert [(r["payer_kind"], r["called_number"], r["connected_number"], r["redirect_reason"]) for r in rows] == [
        ("subscriber", "607", carol.name, None), ("tenant", "608", carol.name, "group")]
    assert [r["connected_reason"] for r in rows][1] == "group"


@pytest.mark.parametrize("column, value, says", [
    ("overflow", "610", "not the group's own"), ("overflow", "tel:+610", "cannot overflow to itself"),
    ("overflow", "sip:610@pbx.test", "cannot overflow to itself"), ("overflow", "112", "emergency number"),
    ("overflow", "611", "leads back to the group"), ("overflow", "612", "leads back to the group"),
    ("overflow", "sip:1@other.test", "into another tenant"),
])
def test_circles_are_refused_where_they_are_set(groups, column, value, says, made=[]):
    if not made:
        groups.ctl("tenant", "add", "other", "domain=other.test")
        groups.ctl("group", "add", "a", "number=610")
        groups.ctl("group", "add", "b", "number=611", "overflow=610")
        groups.ctl("group", "add", "c", "number=612", "overflow=611")
        made.append(True)
    done = groups.ctl("group", "set", "a", "%s=%s" % (column, value), check=False)
    assert says in done[2]


def test_a_group_that_contains_itself_is_refused_where_it_is_set(groups):
    bob = groups.phone()
    new_group(groups, "self", "613", (bob,), features="follow")
    assert "a group cannot contain itself: member %s" % bob.name in groups.ctl(
        "subscriber", "set", bob.name, "cfu=613", check=False)[2]
    refused(groups, bob, "*72613", 403)
    groups.ctl("group", "set", "self", "features=ignore")
    groups.ctl("subscriber", "set", bob.name, "cfu=613")
    assert "a group cannot contain itself" in groups.ctl("group", "set", "self", "features=follow", check=False)[2]
