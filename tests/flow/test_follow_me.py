"""What a caller is told, and where else a subscriber is rung, as SQL and tandemctl set it (SERVICES.md C8, C33)."""
from calls import exchange, sdp, wait_until

follow_building, follow = exchange("follow")


def test_S1_10_C8_the_caller_is_told(follow):
    alice, bob, carol = follow.phones(3)
    follow.ctl("subscriber", "set", bob.name, "cfb=" + carol.name, "notify_caller=number")
    assert '"notify_caller": "number"' in follow.ctl("subscriber", "show", bob.name, "--json")
    follow.ctl("subscriber", "set", bob.name, "dnd=on")
    wait_until(lambda: "goes on to" in follow.ctl("explain", alice.name, bob.name), 4)
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
