/* What a leg and its call say to each other, and two calls that are joined: the flat form, and the calls
 * in different workers (bridge.c). */
#include <stdlib.h>
#include <string.h>

#include "worker_phone.h"

static void
begin(void)
{
	rig_new(2);
	phones_begin();
}

TestSuite(worker_notes, .init = begin, .fini = rig_end);

/* --- the flat form ------------------------------------------------------------------------------*/

static struct note
full_note(void)
{
	static const char *const texts[N_TEXTS] = { "Ringing", "Subject: x\r\n", "application/sdp",
		"v=0\r\n", "SIP;cause=200", "sip:bob@192.0.2.2", "<sip:p;lr>", "<sip:a@b>",
		"<sip:b@b>", "id", "tag", "id2", "tag2", "tag3", "agent", "<sip:c@b>", "dave",
		"0123456789abcdef" };
	struct note n = { .what = EV_ANSWER,
		.status = 200,
		.flags = NOTE_DELAYED_OFFER,
		.leg = handle_make(1, 2, 3),
		.call = handle_make(4, 5, 6),
		.method = SIP_INFO,
		.ref = 12,
		.cseq = 7,
		.max_forwards = 8,
		.ring_s = 9,
		.loop = 10,
		.retransmissions = 11,
		.tenant = 12,
		.cause = 31 };

	n.flow.transport = SIP_T_TLS;
	n.flow.conn = 99;
	n.flow.peer.port = 5061;
	for (unsigned i = 0; i < N_TEXTS; i++)
		n.text[i] = span_str(texts[i]);
	return n;
}

Test(worker_note, there_and_back)
{
	struct note n = full_note(), back;
	uint64_t words[512];
	size_t len;

	n.text[T_BODY] = SPAN_NONE;
	cr_assert_eq(note_pack(&n, words, sizeof(words), &len), ERR_NONE);
	cr_assert_eq(note_unpack(words, len, &back), ERR_NONE);
	cr_expect(back.what == n.what && back.status == n.status && back.flags == n.flags);
	cr_expect(back.leg == n.leg && back.call == n.call);
	cr_expect(back.method == SIP_INFO && back.ref == 12);
	cr_expect(back.cseq == 7 && back.max_forwards == 8 && back.ring_s == 9);
	cr_expect(back.loop == 10 && back.retransmissions == 11 && back.cause == 31);
	cr_expect_eq(memcmp(&back.flow, &n.flow, sizeof(n.flow)), 0);
	for (unsigned i = 0; i < N_TEXTS; i++)
		cr_expect(span_eq(back.text[i], n.text[i]), "text %u", i);
	cr_expect_null(back.text[T_BODY].p);
}

/* Another worker may have gone mad: no length it writes is believed. */
Test(worker_note, cut_or_prolonged)
{
	struct note n = full_note(), back;
	char *flat = malloc(4096), *cut;
	size_t len;

	cr_assert_eq(note_pack(&n, flat, 4096, &len), ERR_NONE);
	for (size_t i = 0; i < len; i++) {
		cut = malloc(i + 1);
		memcpy(cut, flat, i);
		cr_expect_eq(note_unpack(cut, i, &back), ERR_SYNTAX, "%zu bytes", i);
		cr_expect_eq(note_pack(&n, cut, i, &(size_t){ 0 }), ERR_FULL);
		free(cut);
	}
	cr_expect_eq(note_unpack(flat, len + 1, &back), ERR_SYNTAX);
	*(uint16_t *)flat = N_NOTES;
	cr_expect_eq(note_unpack(flat, len, &back), ERR_SYNTAX);
	*(uint16_t *)flat = NOTE_NONE;
	cr_expect_eq(note_unpack(flat, len, &back), ERR_SYNTAX);
	free(flat);
}

Test(worker_note, names)
{
	for (unsigned i = 0; i < N_NOTES; i++)
		cr_expect_neq(note_name(i)[0], '?');
	cr_expect_eq(note_name(N_NOTES)[0], '?');
}

/* --- in two workers -----------------------------------------------------------------------------*/

#define carol (rig->phones[2])
#define dave  (rig->phones[3])

static struct call *
call_in(unsigned worker)
{
	return pool_next(&rig->w[worker]->calls, NULL);
}

static struct party *
party_in(unsigned worker, enum party_role role)
{
	struct party *p = party_at(rig->w[worker], call_in(worker)->parties);

	while (p->role != role)
		p = party_at(rig->w[worker], p->next);
	return p;
}

/* The party leaves its call, whose other takes part in the other worker's call from now on. */
static void
put_bridge(unsigned worker, struct party *leaves, enum party_side side)
{
	struct worker *w = rig->w[worker], *other = rig->w[!worker];
	struct call *c = call_in(worker);
	struct party *stays = party_peer(w, leaves);

	party_pair(w, stays, bridge_new(w, c, side, pool_handle(&other->calls, call_in(!worker))));
	leaves->peer = 0;
	call_mark(w, pool_handle(&w->calls, c));
	party_release(w, c, leaves, SPAN_NONE);
	call_arm(w, c);
}

/* Alice calls bob in the one worker, carol dave in the other; then alice and dave talk. */
static void
join_alice_and_dave(void)
{
	carol->worker = dave->worker = 1;
	talk(alice, bob);
	talk(carol, dave);
	put_bridge(0, party_in(0, PARTY_CALLED), SIDE_B);
	put_bridge(1, party_in(1, PARTY_CALLER), SIDE_A);
	negotiation_join(rig->w[0], call_in(0), party_in(0, PARTY_CALLER));
	worker_drain(rig->w[0]);
	worker_drain(rig->w[1]);
	rig_wait_ms(1);
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	hears(carol, "BYE");
	replies(carol, "BYE", 200, "", "");

	cr_expect_str_eq(body_of(hears(alice, "INVITE")), "", "she is asked for an offer");
	replies(alice, "INVITE", 200, "", SDP_A);
	expect_has(hears(dave, "INVITE"), "m=audio 4000");
	replies(dave, "INVITE", 200, "", SDP("192.0.2.4", "4008", ""));
	hears(dave, "ACK");
	expect_has(hears(alice, "ACK"), "m=audio 4008");
}

static void
begin_joined(void)
{
	begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
	join_alice_and_dave();
}

TestSuite(worker_bridge, .init = begin_joined, .fini = rig_end);

static void
they_pass(struct phone *from, struct phone *to)
{
	says(from, "INVITE", "", SDP("192.0.2.9", "4444", ""));
	hears(from, "100");
	expect_has(hears(to, "INVITE"), "m=audio 4444");
	replies(to, "INVITE", 200, "", SDP("192.0.2.9", "5555", ""));
	hears(to, "ACK");
	expect_has(hears(from, "200 INVITE"), "m=audio 5555");
	acks(from, "");
}

Test(worker_bridge, offers_cross)
{
	they_pass(alice, dave);
	they_pass(dave, alice);
	rig_wait_ms(2000);
	hangs_up(alice, dave);
	rig_ends_empty(2);
}

/* Each call has its own record, and both end when either end hangs up. */
Test(worker_bridge, both_calls_end)
{
	rig_wait_ms(2000);
	hangs_up(dave, alice);
	rig_ends_empty(2);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "answered");
}

Test(worker_bridge, refusal_and_cancel_cross)
{
	says(dave, "INVITE", "", SDP_B);
	hears(dave, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 488, "", "");
	hears(alice, "ACK");
	hears(dave, "488");
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "100");
	hears(dave, "INVITE");
	replies(dave, "INVITE", 180, "", "");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(dave, "CANCEL");
	replies(dave, "CANCEL", 200, "", "");
	replies(dave, "INVITE", 487, "", "");
	hears(dave, "ACK");
	hears(alice, "487");
	they_pass(alice, dave);
	hangs_up(dave, alice);
	rig_ends_empty(2);
}

/* Both asked at once, each in its own worker: the notes cross in the rings. */
Test(worker_bridge, glare)
{
	says(dave, "INVITE", "", SDP_B);
	hears(dave, "100");
	hears(alice, "INVITE");
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "491");
	replies(alice, "INVITE", 491, "", "");
	hears(alice, "ACK");
	hears(dave, "491");
	hangs_up(alice, dave);
	rig_ends_empty(2);
}

Test(worker_bridge, delayed_offer)
{
	says(alice, "INVITE", "", "");
	hears(alice, "100");
	hears(dave, "INVITE");
	replies(dave, "INVITE", 200, "", SDP_B);
	hears_nothing(dave);
	expect_has(hears(alice, "200 INVITE"), "m=audio 4002");
	acks(alice, SDP_A);
	expect_has(hears(dave, "ACK"), "m=audio 4000");
	hangs_up(dave, alice);
	rig_ends_empty(2);
}

Test(worker_bridge, info_passes)
{
	says(alice, "INFO", "Content-Type: application/dtmf-relay\r\n", "Signal=5\r\n");
	expect_has(hears(dave, "INFO"), "Signal=5\r\n");
	replies(dave, "INFO", 200, "", "");
	hears(alice, "200 INFO");
	hangs_up(dave, alice);
	rig_ends_empty(2);
}

/* Either worker dies; the other and both calls go on. */
Test(worker_bridge, one_worker_dies)
{
	rig_restart(1);
	they_pass(alice, dave);
	rig_restart(0);
	they_pass(dave, alice);
	hangs_up(alice, dave);
	rig_ends_empty(2);
}

/* A worker dies while it changes its call; the other call hears of it. */
Test(worker_bridge, marked_call_ends_across)
{
	call_in(0)->marked = 1;
	rig_restart(0);
	rig_wait_ms(1);
	hears(alice, "BYE");
	hears(dave, "BYE");
	replies(alice, "BYE", 200, "", "");
	replies(dave, "BYE", 200, "", "");
	rig_ends_empty(2);
}

/* The other call's last word was lost with its process: it is missed within half a minute. */
Test(worker_note, other_call_vanished, .init = rig_begin, .fini = rig_end)
{
	struct worker *w = rig->w[0];
	struct party *called, *bridge;

	talk(alice, bob);
	called = party_in(0, PARTY_CALLED);
	bridge = bridge_new(
	    w, call_in(0), SIDE_B, handle_make(handle_owner_of(KIND_CALL, w->child.proc), 7, 7));
	party_pair(w, party_in(0, PARTY_CALLER), bridge);
	called->peer = 0;
	call_arm(w, call_in(0));
	rig_wait_ms(30100);
	hears(alice, "BYE");
	replies(alice, "BYE", 200, "", "");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 network normal", 30000);
}

/* A note that is not one is refused and harms nobody. */
Test(worker_bridge, malformed)
{
	union {
		struct wire_note head;
		char bytes[sizeof(struct wire_note) + 64];
	} r = { .head = { .what = CMD_RELEASE, .len = 64 } };

	cr_expect_not(note_received(rig->w[0], &r.head, sizeof(r)));
	cr_expect_not(note_received(rig->w[0], &r.head, sizeof(r) - 1));
	cr_expect_not(note_received(rig->w[0], &r.head, 4));
	hangs_up(alice, dave);
	rig_ends_empty(2);
}

/* What the network says of the end stands in both records, and is told on the other side (RFC 3326, 6432). */
Test(worker_bridge, S2_29_the_cause_crosses)
{
	const char *m;

	says(dave, "BYE", "Reason: SIP;cause=200\r\nReason: Q.850;cause=31\r\n", "");
	hears(dave, "200 BYE");
	m = hears(alice, "BYE");
	expect_has(header(m, "Reason"), "SIP;cause=200");
	expect_has(header(m, "Reason"), "Q.850;cause=31");
	replies(alice, "BYE", 200, "", "");
	rig_ends_empty(2);
	cr_expect_str_eq(rig_cdr_of(0, "segment.1.q850_cause"), "31");
	cr_expect_str_eq(rig_cdr_of(1, "segment.1.q850_cause"), "31");
}
