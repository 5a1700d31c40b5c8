"""tandemctl explain: what a call would do and who would pay, before it is placed; and the call then does it
(CONTRACT.md, SERVICES.md C60)."""
import json

from calls import exchange, sdp, wait_until

building, office = exchange()


def explained(office, caller, called):
    """[(when, what, who, why)], but for where phones ring."""
    return [(r["when"], r["what"], r["who"], r["why"].split(" sip:")[0])
            for r in json.loads(office.ctl("explain", caller, called, "--json"))]


def test_explained_and_then_done(office):
    """The decisions of explain are those of the call that follows, and its payers those of its rows."""
    alice, bob, carol, dave = office.phones(4)
    office.ctl("subscriber", "set", bob.name, "dnd=on", "cfb=" + carol.name)
    office.ctl("subscriber", "set", carol.name, "cfnr=" + dave.name, "cfnr_timeout=7")
    at_once = [("at once", "decision", bob.name, "dnd: do not disturb: 486 Busy Here"),
               ("at once", "decision", bob.name, "forward: busy: goes on to " + carol.name),
               ("at once", "decision", carol.name, "route: 1 phone"),
               ("at once", "rings", carol.name, "round 1:"),
               ("at once", "pays", alice.name, "%s to %s" % (alice.name, bob.name)),
               ("at once", "pays", bob.name, "%s to %s" % (bob.name, carol.name))]
    later = [("after 7 s", "decision", carol.name, "forward: nobody answers: goes on to " + dave.name),
             ("after 7 s", "decision", dave.name, "route: 1 phone"),
             ("after 7 s", "rings", dave.name, "round 1:"),
             ("after 7 s", "pays", carol.name, "%s to %s" % (carol.name, dave.name))]
    wait_until(lambda: explained(office, alice.name, bob.name) == at_once + later, 3)
    assert office.calls_now() == [] and office.sql("select from tandem.call") == []
    call = alice.invite(bob.name, sdp=sdp())
    carol.expect("INVITE")
    carol.reply(486)
    alice.expect(486)
    rows = wait_until(lambda: [r for r in office.rows_of(call.call_id) if r["disposition"]])
    alice.placed.clear()
    said, = office.sql("select decisions from tandem.call where call_id = '%s'" % rows[0]["call_id"])
    assert [(d["of"], "%s: %s" % (d["feature"], d["reason"])) for d in said["decisions"]] == [
        (who, why) for _, what, who, why in at_once if what == "decision"]
    assert sorted((r["payer_number"], "%s to %s" % (r["redirecting_number"] or r["calling_number"],
                                                    r["called_number"])) for r in rows) == sorted(
        (who, why) for _, what, who, why in at_once if what == "pays")


def test_a_code_changes_nothing(office):
    alice = office.phone()
    assert explained(office, alice.name, "*78") == [
        ("at once", "decision", alice.name, "code: a service code, which calls nobody"),
        ("at once", "pays", "nobody", "%s to *78" % alice.name)]
    assert office.sql("select dnd from tandem.subscriber join tandem.subscriber_service "
                      "using (subscriber_id) where username = '%s'" % alice.name) in (
        [], [{"dnd": False}])


def test_who_is_not_there_is_said_in_one_line(office):
    alice, bob = office.phones(2)
    for words, why in ((("7000", bob.name), "to call from: 7000"),
                       ((alice.name, "7000"), "nobody has this number, and no route leads there: 7000"),
                       ((alice.name, "a b"), "no number or address that could be called: a b")):
        status, out, err = office.ctl("explain", *words, check=False)
        assert (status, out, err.count("\n")) == (1, "", 1) and err.endswith(why + "\n"), err
    assert office.ctl("explain", alice.name, check=False)[0] == 2
