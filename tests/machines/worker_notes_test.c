/* What a leg and its call say to each other: the flat form, and both in different workers. */
#include <stdlib.h>
#include <string.h>

#include "sip/parse.h"
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
		"<sip:b@b>", "id", "tag", "id2", "tag2", "tag3", "agent" };
	struct note n = { .what = EV_ANSWER,
		.status = 200,
		.flags = NOTE_DELAYED_OFFER,
		.leg = handle_make(1, 2, 3),
		.call = handle_make(4, 5, 6),
		.cseq = 7,
		.max_forwards = 8,
		.ring_s = 9,
		.loop = 10,
		.retransmissions = 11 };

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
	cr_expect(back.cseq == 7 && back.max_forwards == 8 && back.ring_s == 9);
	cr_expect(back.loop == 10 && back.retransmissions == 11);
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

static struct party *
party_of(const struct phone *p)
{
	struct worker *w = rig->w[0];
	struct call *c = pool_next(&w->calls, NULL);

	return party_at(w, p == alice ? c->caller : c->called);
}

/* dialog_start and a 2xx make the dialog that the leg has, in the other worker's memory. */
static void
make_dialog(struct leg *to, const struct leg *from, const struct phone *p)
{
	struct heap *h = &rig->w[0]->heap;
	struct dialog_memory mem = leg_memory(rig->w[1], to);
	const struct dialog *d = &from->dialog;
	char text[1024];
	int len = snprintf(text, sizeof(text),
	    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x\r\nFrom: <sip:x@y>;tag=%.*s\r\n"
	    "To: <sip:x@y>;tag=%s\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <%s>\r\n\r\n",
	    SPAN_F(kept_span(h, d->local_tag)), p->local_tag, p->call_id, p->contact);
	struct sip_msg *m = calloc(1, SIP_MSG_ROOM((unsigned)len));

	m->raw_len = (uint16_t)len;
	memcpy(sip_raw(m), text, (size_t)len);
	cr_assert_eq(sip_parse(m, SIP_MSG_ROOM((unsigned)len)).status, 0);
	cr_assert_eq(
	    dialog_start(&to->dialog, &mem, kept_span(h, d->call_id), kept_span(h, d->local_addr),
		kept_span(h, d->local_tag), kept_span(h, d->remote_addr), span_str(p->contact),
		SPAN_NONE, d->local_cseq),
	    ERR_NONE);
	cr_assert_eq(dialog_of_response(&to->dialog, &mem, m), ERR_NONE);
	to->dialog.uac = d->uac;
	to->dialog.remote_cseq = d->remote_cseq;
	to->dialog.has_remote_cseq = d->has_remote_cseq;
	free(m);
}

/* The leg of this phone moves from worker 0 to worker 1; its call stays. The phone learns of the new
 * Contact with the next request or answer. */
static void
move_leg(struct phone *p)
{
	struct party *party = party_of(p);
	struct leg *from = leg_at(rig->w[0], party->leg);
	struct leg *to = leg_new(rig->w[1], from->call);
	char contact[128] = "";
	struct buf b = buf_on(contact, sizeof(contact) - 1);

	cr_assert(to != NULL && from->inv == INV_IDLE);
	make_dialog(to, from, p);
	to->offer = from->offer;
	to->flow = from->flow;
	party->leg = pool_handle(&rig->w[1]->legs, to);
	leg_drop(rig->w[0], from);
	leg_put_contact(rig->w[1], &b, to);
	snprintf(
	    p->target, sizeof(p->target), "%.*s", (int)strcspn(contact + 10, ">"), contact + 10);
	p->worker = 1;
}

static void
passes(struct phone *from, struct phone *to)
{
	says(from, "INVITE", "", SDP("192.0.2.9", "4444", ""));
	hears(from, "100");
	expect_has(hears(to, "INVITE"), "m=audio 4444");
	replies(to, "INVITE", 200, "", SDP("192.0.2.9", "5555", ""));
	hears(to, "ACK");
	expect_has(hears(from, "200 INVITE"), "m=audio 5555");
	acks(from, "");
}

Test(worker_notes, offers_cross)
{
	talk(alice, bob);
	move_leg(bob);
	passes(alice, bob);
	passes(bob, alice);
	rig_wait_ms(2000);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 2000);
}

Test(worker_notes, callee_hangs_up)
{
	talk(alice, bob);
	move_leg(bob);
	rig_wait_ms(2000);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 2000);
	cr_expect_str_eq(rig_cdr("call.worker"), "0");
}

Test(worker_notes, callers_leg_is_elsewhere)
{
	talk(alice, bob);
	move_leg(alice);
	passes(alice, bob);
	passes(bob, alice);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_notes, refusal_and_cancel_cross)
{
	talk(alice, bob);
	move_leg(bob);
	says(bob, "INVITE", "", SDP_B);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 488, "", "");
	hears(alice, "ACK");
	hears(bob, "488");
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	hears(alice, "487");
	passes(alice, bob);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* Both asked at once, each in its own worker: the notes cross in the rings. */
Test(worker_notes, glare)
{
	talk(alice, bob);
	move_leg(bob);
	says(bob, "INVITE", "", SDP_B);
	hears(bob, "100");
	hears(alice, "INVITE");
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "491");
	replies(alice, "INVITE", 491, "", "");
	hears(alice, "ACK");
	hears(bob, "491");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_notes, delayed_offer)
{
	talk(alice, bob);
	move_leg(bob);
	says(alice, "INVITE", "", "");
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears_nothing(bob);
	expect_has(hears(alice, "200 INVITE"), "m=audio 4002");
	acks(alice, SDP_A);
	expect_has(hears(bob, "ACK"), "m=audio 4000");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* Either worker dies; the other and the call go on. */
Test(worker_notes, one_worker_dies)
{
	talk(alice, bob);
	move_leg(bob);
	rig_restart(1);
	passes(alice, bob);
	rig_restart(0);
	passes(bob, alice);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* The call's worker dies while it changes it. */
Test(worker_notes, marked_call_ends_across)
{
	talk(alice, bob);
	move_leg(bob);
	((struct call *)pool_next(&rig->w[0]->calls, NULL))->marked = 1;
	rig_restart(0);
	hears(alice, "BYE");
	hears(bob, "BYE");
	replies(alice, "BYE", 200, "", "");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 system system_failure", 0);
}

/* A note that is not one is refused and harms nobody. */
Test(worker_notes, malformed)
{
	union {
		struct wire_leg head;
		char bytes[sizeof(struct wire_leg) + 64];
	} r = { .head = { .what = CMD_RELEASE, .len = 64 } };

	talk(alice, bob);
	cr_expect_not(note_received(rig->w[0], &r.head, sizeof(r)));
	cr_expect_not(note_received(rig->w[0], &r.head, sizeof(r) - 1));
	cr_expect_not(note_received(rig->w[0], &r.head, 4));
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}
