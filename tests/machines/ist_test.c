/* The INVITE server transaction: RFC 3261 17.2.1, 9.2; RFC 6026. */
#include "txn_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char branch[] = "z9hG4bK776asdhds";

static struct txn *
receive(struct rig *r, const char *method, const char *by, const char *to_tag)
{
	struct sip_msg *m = rig_request(r, method, by, to_tag, 314159);
	struct txn *t = strcmp(method, "ACK") == 0 ? txn_server_find(&r->x, m) : rig_serve(r, m);

	if (t != NULL && strcmp(method, "ACK") == 0)
		txn_server_receive(&r->x, t, m);
	free(m);
	return t;
}

static struct txn *
make(struct rig *r)
{
	return receive(r, "INVITE", branch, "");
}

Test(ist, table)
{
	rig_check_table(&ist_fsm);
}

Test(ist, S2_12_every_pair)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct sip_msg *ack = rig_request(r, "ACK", branch, "ours2", 314159);
	struct span text = SPAN("SIP/2.0 200 OK\r\n\r\n");
	const void *args[16];

	for (unsigned i = 0; i < 16; i++)
		args[i] = &text;
	args[ist_machine.ack] = ack;
	rig_walk(r, &ist_fsm, make, args);
	free(ack);
	rig_drop(r);
}

Test(ist, provisionals)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);

	cr_expect_eq(t->state, TXN_PROCEEDING);
	make(r);
	cr_expect_eq(r->n_sent, 0, "nothing to repeat yet");
	rig_respond(r, t, 100);
	rig_respond(r, t, 180);
	make(r);
	cr_expect_eq(r->n_sent, 3);
	cr_expect(rig_sent_has(r, 2, "180"));
	rig_move(r, 600000);
	cr_expect_eq(t->state, TXN_PROCEEDING);
	rig_drop(r);
}

Test(ist, S2_12_timer_g_until_h)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);

	rig_respond(r, t, 486);
	rig_move(r, 40000);
	cr_expect_str_eq(
	    rig_times(r, 0), "0 500 1500 3500 7500 11500 15500 19500 23500 27500 31500");
	cr_expect_eq(r->told[0].news, TXN_TIMEOUT);
	cr_expect_eq(r->told[0].at_ms, 32000);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

Test(ist, acknowledged)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);

	rig_respond(r, t, 486);
	make(r);
	cr_expect_eq(r->n_sent, 2);
	cr_expect_eq(receive(r, "ACK", branch, "ours2"), t);
	cr_expect_eq(rig_count(r, TXN_ACKED), 1);
	cr_expect_eq(receive(r, "ACK", branch, "ours2"), t);
	cr_expect_eq(rig_count(r, TXN_ACKED), 1);
	rig_move(r, 4999);
	cr_expect_eq(r->n_sent, 2);
	cr_expect_eq(r->pool.live, 1);
	rig_move(r, 1);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

Test(ist, reliable)
{
	struct rig *r = rig_new(SIP_T_TCP);
	struct txn *t = make(r);

	rig_respond(r, t, 486);
	rig_move(r, 20000);
	cr_expect_eq(r->n_sent, 1, "no timer G");
	receive(r, "ACK", branch, "ours2");
	cr_expect_eq(r->pool.live, 0, "timer I is zero");
	t = make(r);
	rig_respond(r, t, 486);
	rig_move(r, 32000);
	cr_expect_eq(rig_count(r, TXN_TIMEOUT), 1, "timer H is not");
	rig_drop(r);
}

/* RFC 6026: the 2xx and its ACK are the user's, retransmitted INVITEs are absorbed. */
Test(ist, S2_12_accepted)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);

	rig_respond(r, t, 200);
	cr_expect_eq(t->state, TXN_ACCEPTED);
	make(r);
	cr_expect_eq(r->n_sent, 1);
	rig_move(r, 500);
	cr_expect(txn_respond(&r->x, t, 200, txn_last(&r->x, t)));
	cr_expect_eq(r->n_sent, 2);
	cr_expect_str_eq(r->sent[1].text, r->sent[0].text);
	cr_expect_not(rig_respond(r, t, 486));
	cr_expect_null(receive(r, "ACK", "z9hG4bKother", "ours2"), "it has a branch of its own");
	cr_expect_null(receive(r, "ACK", branch, "ours2"), "even with this one it is the dialog's");
	rig_move(r, 31499);
	cr_expect_eq(r->pool.live, 1);
	rig_move(r, 1);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

/* After its ACK nothing is to be said again: the text goes, and what comes again finds it all the same,
 * also after a kill. */
Test(ist, forgotten)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);
	struct sip_msg *cancel = rig_request(r, "CANCEL", branch, "", 314159);
	struct sip_msg *merged = rig_request(r, "INVITE", "z9hG4bKelsewhere", "", 314159);

	txn_forget(&r->x, t);
	cr_assert_not_null(txn_request(&r->x, t), "it is not answered yet");
	rig_respond(r, t, 200);
	txn_forget(&r->x, t);
	cr_expect_null(txn_request(&r->x, t));
	cr_expect_eq(txn_last(&r->x, t).len, 0);
	cr_expect_eq(heap_in_use(&r->heap), 0);
	for (unsigned i = 0; i < 2; i++) {
		make(r);
		cr_expect_eq(r->pool.live, 1, "it is absorbed");
		cr_expect_eq(r->n_sent, 1);
		cr_expect_null(receive(r, "ACK", branch, "ours2"));
		cr_expect_eq(txn_cancelled_by(&r->x, cancel), t);
		cr_expect(txn_is_merged(&r->x, merged));
		rig_restart(r);
	}
	rig_move(r, 32000);
	cr_expect_eq(r->pool.live, 0);
	free(cancel);
	free(merged);
	rig_drop(r);
}

Test(ist, two_hundred_ack_is_not_the_failures)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);

	rig_respond(r, t, 486);
	cr_expect_null(receive(r, "ACK", "z9hG4bKother", "ours2"));
	cr_expect_eq(t->state, TXN_COMPLETED);
	rig_drop(r);
}

/* 9.2: matched as the INVITE; its own transaction is another. */
Test(ist, cancel)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r), *c;
	struct sip_msg *m = rig_request(r, "CANCEL", branch, "", 314159);

	cr_expect_null(txn_server_find(&r->x, m));
	cr_expect_eq(txn_cancelled_by(&r->x, m), t);
	c = rig_serve(r, m);
	cr_expect_neq(c, t);
	rig_respond(r, c, 200);
	rig_respond(r, t, 487);
	cr_expect_eq(rig_serve(r, m), c, "retransmitted: the same 200");
	cr_expect(rig_sent_has(r, 2, "200"));
	free(m);
	m = rig_request(r, "CANCEL", "z9hG4bKother", "", 314159);
	cr_expect_null(txn_cancelled_by(&r->x, m));
	free(m);
	rig_drop(r);
}

Test(ist, rfc2543)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = receive(r, "INVITE", NULL, "");
	struct sip_msg *m;

	cr_expect_eq(receive(r, "INVITE", NULL, ""), t);
	m = rig_request(r, "CANCEL", NULL, "", 314159);
	cr_expect_eq(txn_cancelled_by(&r->x, m), t);
	free(m);
	m = rig_request(r, "CANCEL", NULL, "", 314160);
	cr_expect_null(txn_cancelled_by(&r->x, m));
	free(m);
	rig_respond(r, t, 486);
	cr_expect_null(receive(r, "ACK", NULL, "wrong"), "To tag of our response");
	cr_expect_eq(receive(r, "ACK", NULL, "ours2"), t);
	cr_expect_eq(t->state, TXN_CONFIRMED);
	rig_drop(r);
}

Test(ist, merged)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct sip_msg *m = rig_request(r, "INVITE", "z9hG4bKsecond", "", 314159);

	cr_expect_not(txn_is_merged(&r->x, m));
	make(r);
	cr_expect(txn_is_merged(&r->x, m));
	free(m);
	rig_drop(r);
}

Test(ist, unreachable_ends_nothing)
{
	struct rig *r = rig_new(SIP_T_TCP);
	struct txn *t = make(r);

	rig_respond(r, t, 200);
	txn_unreachable(&r->x, t);
	cr_expect_eq(rig_count(r, TXN_UNREACHABLE), 1);
	cr_expect_eq(t->state, TXN_ACCEPTED);
	rig_drop(r);
}

/* A 182 each minute for an hour, of changing length, and a larger one in between. */
Test(ist, long_ringing_does_not_grow)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);
	size_t after_first = 0;
	char text[2000];

	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < 60; i++) {
		txn_respond(&r->x, t, 182, span_of(text, 300 + i * 13 % 700));
		rig_move(r, 60000);
		if (i == 3)
			after_first = heap_in_use(&r->heap);
	}
	cr_expect_leq(heap_in_use(&r->heap), after_first + 4096);
	for (unsigned i = 0; i < 1000; i++)
		txn_respond(&r->x, t, 182, span_of(text, i * 13 % 2000 + 1));
	after_first = heap_in_use(&r->heap);
	for (unsigned i = 0; i < 1000; i++)
		txn_respond(&r->x, t, 182, span_of(text, i * 13 % 2000 + 1));
	cr_expect_eq(heap_in_use(&r->heap), after_first);
	rig_drop(r);
}

Test(ist, no_room)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct sip_msg *m = rig_request(r, "INVITE", branch, "", 1), *ack;
	struct txn *t = make(r);
	struct arena other = { 0 };

	while (arena_take(&r->heap, &other, 77, 900) != NULL)
		;
	cr_expect_null(txn_server_new(&r->x, m, true));
	cr_expect_eq(r->pool.live, 1);
	memset(&t->last, 0, sizeof(t->last));
	t->last_cap = 0;
	cr_expect(rig_respond(r, t, 486), "sent all the same, once");
	cr_expect_eq(r->n_sent, 1);
	ack = rig_request(r, "ACK", branch, "", 1);
	cr_expect_null(txn_server_new(&r->x, ack, true));
	free(ack);
	free(m);
	rig_drop(r);
}

/* Fills the pool, dies, and goes on: retransmissions are known, timers run. */
Test(ist, recovered)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t[20];
	char by[20][32];

	for (unsigned i = 0; i < 20; i++) {
		struct sip_msg *m;

		snprintf(by[i], sizeof(by[i]), "z9hG4bKnumber%u", i);
		m = rig_request(r, "INVITE", by[i], "", 100 + i);
		t[i] = rig_serve(r, m);
		free(m);
		rig_respond(r, t[i], 180);
		if (i % 2 == 0)
			rig_respond(r, t[i], i % 4 == 0 ? 200 : 486);
	}
	rig_move(r, 400);
	t[19]->state = TXN_CALLING; /* killed inside txn_server_new */
	t[18]->timeout_ns = t[18]->retransmit_ns = 0;
	rig_restart(r);
	cr_expect_eq(r->pool.live, 19);
	r->n_sent = 0;
	rig_move(r, 100);
	cr_expect_eq(r->n_sent, 4, "timer G of 2, 6, 10, 14");
	for (unsigned i = 0; i < 19; i++) {
		struct sip_msg *m = rig_request(r, "INVITE", by[i], "", 100 + i);

		cr_expect_eq(txn_server_find(&r->x, m), t[i]);
		cr_expect(txn_is_merged(&r->x, m), "the index of merges as well");
		free(m);
	}
	rig_move(r, 40000);
	cr_expect_eq(r->pool.live, 9, "those that ring");
	for (unsigned i = 1; i < 19; i += 2) {
		struct sip_msg *ack = rig_request(r, "ACK", by[i], "ours2", 100 + i);

		rig_respond(r, t[i], 487);
		txn_server_receive(&r->x, t[i], ack);
		free(ack);
	}
	rig_move(r, 5000);
	cr_expect_eq(r->pool.live, 0);
	cr_expect_eq(heap_in_use(&r->heap), 0);
	rig_drop(r);
}
