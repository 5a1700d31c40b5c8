"""What a caller is told, and where else a subscriber is rung, as SQL and tandemctl set it (SERVICES.md C8, C33)."""
from calls import exchange, sdp, wait_until
from test_groups import in_force

follow_building, follow = exchange("follow")


def test_S1_10_C8_the_caller_is_told(follow):
    alice, bob, carol = follow.phones(3)
    follow.ctl("subscriber", "set", bob.name, "cfb=" + carol.name, "notify_caller=number")
    assert '"notify_caller": "number"' in follow.ctl("subscriber", "show", bob.name, "--json")
    follow.ctl("subscriber", "set", bob.name, "dnd=on")
    wait_until(lambda: "do not disturb" in follow.ctl("explain", alice.name, bob.name), 4)
    a = alice.invite(bob.name, sdp=sdp(port=40000))
    told = alice.expect(181)
    assert "%s@pbx.test" % carol.name in told["History-Info"]
    carol.expect("INVITE")
    c = carol.call
    c.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    a.ack()
    carol.expect("ACK")
    follow.hang_up(a, c)
    follow.unrecorded.add(a.call_id)    # two rows: test_codes.py looks at them


def rows_of(office, call, n):
    office.unrecorded.add(call.call_id)     # looked at here: several rows
    rows = wait_until(lambda: (lambda r: len(r) == n and r)(
        [r for r in office.rows_of(call.call_id) if r["disposition"]]), 5)
    return sorted(rows, key=lambda r: r["seq"])


def test_C33_R6_followed_by_ctl(follow):
    """Two ring; the one elsewhere answers, and he who is followed pays."""
    alice, bob, carol = follow.phones(3)
    follow.ctl("subscriber", "set", bob.name, "follow_me=simultaneous",
               "follow_me_numbers=%s,200+20/sip:1@elsewhere.test" % carol.name)
    assert '"follow_me_numbers": "0/%s,200+20/sip:1@elsewhere.test"' % carol.name in \
        follow.ctl("subscriber", "show", bob.name, "--json")
    follow.ctl("subscriber", "set", bob.name, "follow_me_numbers=" + carol.name)
    in_force(follow, alice)
    a = alice.invite(bob.name, sdp=sdp(port=40000))
    bob.expect("INVITE")
    b = bob.call
    b.reply(180)
    carol.expect("INVITE")
    c = carol.call
    alice.expect(180)
    c.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    a.ack()
    carol.expect("ACK")
    bob.expect("CANCEL")
    bob.reply(200)
    b.reply(487)
    bob.expect("ACK")
    follow.hang_up(a, c)
    rows = rows_of(follow, a, 2)
    assert [r["payer_account_id"] for r in rows] == [follow.subscriber_id(p.name) for p in (alice, bob)]
    assert [(r["segment_kind"], r["disposition"], r["connected_number"]) for r in rows] == [
        ("direct", "answered", carol.name), ("forward", "answered", carol.name)]
    assert rows[0]["bill_ms"] == rows[1]["bill_ms"]


def test_C33_followed_by_sql_one_after_the_other(follow):
    """He who answers himself, and what the others would have cost."""
    alice, bob, carol = follow.phones(3)
    follow.sql.do("insert into tandem.follow_me_number select tenant_id, subscriber_id, 1, '%s', 1 from"
                  " tandem.subscriber where username = '%s';" % (carol.name, bob.name))
    follow.sql.do("update tandem.subscriber_service set follow_me = 'sequential' where subscriber_id = %d;"
                  % follow.subscriber_id(bob.name))
    in_force(follow, alice)
    a = alice.invite(bob.name, sdp=sdp(port=40000))
    bob.expect("INVITE")
    b = bob.call
    b.reply(180)
    alice.expect(180)
    carol.expect("INVITE")
    c = carol.call
    bob.expect("CANCEL")
    bob.reply(200)
    b.reply(487)
    bob.expect("ACK")
    c.reply(486)
    alice.expect(486)
    rows = rows_of(follow, a, 2)
    assert [(r["disposition"], r["bill_ms"]) for r in rows] == [("busy", 0), ("busy", 0)]


def test_C33_refused_where_it_is_set(follow):
    bob = follow.phone()
    for number, says in ((bob.name, "cannot be followed to itself"), ("5/112", "emergency number"),
                         ("x y", "is not a list"), ("500/1001", "is not a list"),
                         (",".join(str(n) for n in range(2001, 2010)), "is not a list")):
        done = follow.ctl("subscriber", "set", bob.name, "follow_me_numbers=" + number, check=False)
        assert done[0] == 1 and says in done[2], done
    follow.ctl("subscriber", "set", bob.name, "follow_me_numbers=")
