"""Lists of callers: set by tandemctl, by code and by SQL, and in force for the next call (SERVICES.md C5, C17,
C18, C19)."""
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


@pytest.mark.parametrize("setting, says", [
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
