/* What a worker says of who is in its calls, for those who watch them (S4-13, RFC 4235). */
#include <string.h>

#include "model/watched.h"
#include "worker_refer.h"

#define two   (rig->phones[2])
#define three (rig->phones[3])

static unsigned looked_at; /* which worker's view */

static struct worker *
worker(void)
{
	return rig->w[looked_at];
}

static struct call_views *
views(void)
{
	return (struct call_views *)(void *)worker()->views - 1;
}

/* Whom a view shows; NULL: nobody. */
static struct call_view_users *
shown(uint32_t i)
{
	const struct call_view *v = &worker()->views[i];

	return v->state != CALL_VIEW_NONE && v->has_users ? call_view_users_at(views(), i) : NULL;
}

/* The entry of a user in the only call; NULL: none. */
static const struct call_view_user *
entry(const char *user, bool initiator)
{
	struct worker *w = worker();
	uint64_t hash = call_user_hash(&w->key, 1, span_str(user));

	for (uint32_t i = 0; i < views()->used; i++)
		for (unsigned k = 0; shown(i) != NULL && k < shown(i)->n; k++) {
			const struct call_view_user *e = &shown(i)->of[k];

			if (e->user == hash && (e->initiator != 0) == initiator)
				return e;
		}
	return NULL;
}

static unsigned
entries(void)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < views()->used; i++)
		n += shown(i) != NULL ? shown(i)->n : 0;
	return n;
}

static void
expect_state(const char *user, bool initiator, enum call_user_state state)
{
	const struct call_view_user *e = entry(user, initiator);

	if (state == CALL_USER_NONE) {
		cr_expect_null(e, "%s", user);
		return;
	}
	cr_assert_not_null(e, "%s", user);
	cr_expect_eq(e->state, state, "%s: %u", user, e->state);
}

static struct span
text_of(struct call_view_text t)
{
	return call_view_text(call_view_users_at(views(), 0), t);
}

#define expect_text(t, s)                                                                          \
	cr_expect(span_eq(text_of(t), span_str(s)), "%.*s is not %s", SPAN_F(text_of(t)), s)

static void
bob_has_three_phones(void)
{
	phone_at("bob", "192.0.2.22");
	phone_at("bob", "192.0.2.33");
	rig_bind("bob", two->contact, two->host, 1000, 0);
	rig_bind("bob", three->contact, three->host, 1000, 0);
}

TestSuite(worker_callstate, .init = rig_begin, .fini = rig_end);

/* Three phones are one called user, and what becomes of the two that lose is nothing to him. */
Test(worker_callstate, S4_13_branches_of_one_user_are_one)
{
	const struct call_view_user *e;

	bob_has_three_phones();
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	hears(two, "INVITE");
	hears(three, "INVITE");
	expect_state("alice", true, CALL_USER_TRYING);
	expect_state("bob", false, CALL_USER_TRYING);
	e = entry("alice", true);
	expect_text(e->call_id, alice->call_id);
	expect_text(e->local_tag, alice->local_tag);
	replies(two, "INVITE", 180, "", "");
	hears(alice, "180");
	expect_state("alice", true, CALL_USER_EARLY);
	expect_state("bob", false, CALL_USER_EARLY);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	expect_state("bob", false, CALL_USER_EARLY);
	replies(three, "INVITE", 200, "", SDP_B);
	hears(three, "ACK");
	hears(alice, "200 INVITE");
	expect_state("bob", false, CALL_USER_CONFIRMED);
	expect_state("alice", true, CALL_USER_CONFIRMED);
	acks(alice, "");
	hears(two, "CANCEL");
	replies(two, "CANCEL", 200, "", "");
	replies(two, "INVITE", 487, "", "");
	hears(two, "ACK");
	expect_state("bob", false, CALL_USER_CONFIRMED);
	cr_expect_eq(entries(), 2);
	e = entry("bob", false);
	expect_text(e->remote, "alice");
	expect_text(e->call_id, three->call_id);
	expect_text(e->local_tag, three->local_tag);
	e = entry("alice", true);
	expect_text(e->remote, "bob");
	expect_text(e->call_id, alice->call_id);
	expect_text(e->local_tag, alice->local_tag);
	hangs_up(three, alice);
	cr_expect_eq(entries(), 0);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

Test(worker_callstate, S4_13_a_refused_call_leaves_nothing)
{
	dials(alice, "1002", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	expect_state("bob", false, CALL_USER_TRYING);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486 INVITE");
	cr_expect_eq(entries(), 0);
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* Killed and started again: the same. */
Test(worker_callstate, S4_13_after_a_kill)
{
	struct call_view_users before;

	talk(alice, bob);
	before = *call_view_users_at(views(), 0);
	cr_expect_eq(before.n, 2);
	worker()->views[0].version |= 1; /* in the middle of writing it */
	call_view_users_at(views(), 0)->n = 0;
	rig_restart(alice->worker);
	cr_expect_eq(worker()->views[0].version & 1, 0);
	cr_expect_eq(call_view_users_at(views(), 0)->n, 2);
	expect_state("bob", false, CALL_USER_CONFIRMED);
	hangs_up(alice, bob);
	cr_expect_eq(entries(), 0);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Here no ring leads to a registrar: what it should be told is counted; of those whom nobody watches
 * nothing is. */
Test(worker_callstate, S4_13_what_cannot_be_told_is_counted)
{
	static struct watched nobody, everybody;
	uint32_t missed;

	memset(&everybody, 0xff, sizeof(everybody));
	worker()->watched = &nobody;
	talk(alice, bob);
	cr_expect_eq(views()->missed, 0);
	worker()->watched = &everybody;
	missed = views()->missed;
	hangs_up(alice, bob);
	cr_expect_eq(views()->missed, missed + 2);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* --- no more than the phone is shown (RFC 4235 6, SERVICES.md C11, C12, C14) --------------------*/

static void
sets(const char *user, const char *number, unsigned identity)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING, .identity = (uint8_t)identity };

	rig_subscriber_put(&s, user, number);
}

static void
expect_remote(const char *user, bool initiator, const char *remote)
{
	const struct call_view_user *e = entry(user, initiator);

	cr_assert_not_null(e, "%s", user);
	expect_text(e->remote, remote);
	if (strcmp(remote, "anonymous") == 0)
		cr_expect_eq(e->remote_name.len, 0);
}

Test(worker_callstate, C12_who_hides)
{
	dials(alice, "bob", "Privacy: id\r\n", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	expect_remote("bob", false, "anonymous");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	expect_remote("bob", false, "anonymous");
	expect_remote("alice", true, "bob");
	hangs_up(alice, bob);
	rig_ends_empty(1);
}

Test(worker_callstate, C11_who_is_not_shown_to_him)
{
	sets("bob", "1002", DIR_NO_CLIP);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	expect_remote("bob", false, "anonymous");
	expect_remote("alice", true, "bob");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	expect_remote("bob", false, "anonymous");
	hangs_up(alice, bob);
	rig_ends_empty(1);
}

/* Bob's phone sends alice to carol, who answers. */
static void
carol_answers_for_bob(const char *shown)
{
	phone_new("carol", "192.0.2.3");
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 302, "Contact: <sip:carol@example.com>\r\n", "");
	hears(bob, "ACK");
	hears(carol, "INVITE");
	expect_remote("carol", false, "alice");
	expect_remote("alice", true, "bob");
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(carol, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	expect_remote("alice", true, shown);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

Test(worker_callstate, C14_who_answered)
{
	sets("alice", "1001", DIR_COLP);
	carol_answers_for_bob("carol");
}

Test(worker_callstate, C14_whom_she_is_not_told_of)
{
	carol_answers_for_bob("bob");
}

static void
is_sent_on_to_carol(const char *shown)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	expect_remote("carol", false, "alice");
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	is_released(bob);
	expect_remote("carol", false, "alice");
	expect_remote("alice", true, shown);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

Test(worker_callstate, C14_to_whom_she_was_sent)
{
	phone_new("carol", "192.0.2.3");
	is_sent_on_to_carol("carol");
}

Test(worker_callstate, C14_who_hides_when_she_is_sent_there)
{
	phone_new("carol", "192.0.2.3");
	sets("carol", "1003", DIR_COLR);
	is_sent_on_to_carol("anonymous");
}

/* In two calls of two workers. */
static void
begin_two(void)
{
	attended_begin(2);
}

TestSuite(worker_callstate_two, .init = begin_two, .fini = rig_end);

Test(worker_callstate_two, C12_who_hides_behind_a_bridge)
{
	dials(alice, "bob", "Privacy: id\r\n", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	bob2_is_bobs();
	talk(bob2, carol);
	transfer_is_tried();
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, "", SDP_C);
	rig_wait_ms(1);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	rig_wait_ms(1);
	hears(alice, "ACK");
	hears(carol, "ACK");
	ENDS(bob, "200 OK");
	is_released(bob);
	is_released(bob2);
	expect_remote("alice", true, "carol");
	looked_at = 1;
	expect_remote("carol", false, "anonymous");
	hangs_up_across(alice, carol);
	rig_ends_empty(2);
}
