/* The INVITE client transaction: RFC 3261 17.1.1, 9.1; RFC 6026. */
#include "txn_rig.h"

#include <stdlib.h>
#include <string.h>

static struct txn *
make(struct rig *r)
{
	return rig_client(r, SIP_INVITE);
}

Test(ict, table)
{
	rig_check_table(&ict_fsm);
}

Test(ict, S2_12_every_pair)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct span reason = SPAN("SIP;cause=487");
	struct sip_msg *m;
	const void *args[16];

	rig_client(r, SIP_INVITE);
	m = rig_response(r, 486, "INVITE");
	txn_drop(&r->x, pool_next(&r->pool, NULL));
	for (unsigned i = 0; i < 16; i++)
		args[i] = m;
	args[ict_machine.cancel] = &reason;
	rig_walk(r, &ict_fsm, make, args);
	free(m);
	rig_drop(r);
}

Test(ict, S2_12_timer_a_until_b)
{
	struct rig *r = rig_new(SIP_T_UDP);

	rig_client(r, SIP_INVITE);
	rig_move(r, 31999);
	cr_expect_str_eq(rig_times(r, 0), "0 500 1500 3500 7500 15500 31500");
	cr_expect_str_eq(r->sent[0].text, r->sent[6].text);
	cr_expect_eq(rig_count(r, TXN_TIMEOUT), 0);
	rig_move(r, 1);
	cr_expect_eq(rig_count(r, TXN_TIMEOUT), 1);
	cr_expect_eq(rig_count(r, TXN_ENDED), 1);
	cr_expect_eq(r->pool.live, 0);
	cr_expect_eq(heap_in_use(&r->heap), 0);
	rig_drop(r);
}

Test(ict, reliable_sends_once)
{
	struct rig *r = rig_new(SIP_T_TCP);

	rig_client(r, SIP_INVITE);
	rig_move(r, 40000);
	cr_expect_str_eq(rig_times(r, 0), "0");
	cr_expect_eq(r->told[0].news, TXN_TIMEOUT);
	cr_expect_eq(r->told[0].at_ms, 32000);
	rig_drop(r);
}

Test(ict, proceeding_waits_for_ever)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);

	rig_move(r, 700);
	cr_expect(rig_answer(r, 100, "INVITE"));
	rig_move(r, 3600 * 1000);
	cr_expect_str_eq(rig_times(r, 0), "0 500");
	cr_expect_eq(t->state, TXN_PROCEEDING);
	cr_expect(rig_answer(r, 180, "INVITE"));
	cr_expect_eq(rig_count(r, TXN_PROVISIONAL), 2);
	rig_drop(r);
}

Test(ict, ack_to_failure)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);
	char ack[1024];

	rig_answer(r, 180, "INVITE");
	rig_answer(r, 486, "INVITE");
	snprintf(ack, sizeof(ack),
	    "ACK sip:bob@192.0.2.7;x=1 SIP/2.0\r\n"
	    "Via: %s\r\n"
	    "Max-Forwards: 69\r\n"
	    "From: \"Tandem\" <sip:alice@example.com>;tag=our1\r\n"
	    "To: <sip:bob@example.com>;tag=their1\r\n"
	    "Call-ID: ours@192.0.2.1\r\n"
	    "CSeq: 7 ACK\r\n"
	    "Route: <sip:p1.example.com;lr>\r\n"
	    "Route: <sip:p2.example.com;lr>\r\n"
	    "Content-Length: 0\r\n\r\n",
	    r->via);
	cr_expect_eq(r->n_sent, 2);
	cr_expect_str_eq(r->sent[1].text, ack);
	cr_expect_eq(t->state, TXN_COMPLETED);
	/* The ACK was lost: the final response comes again and is acknowledged, not told. */
	for (int i = 0; i < 5; i++) {
		rig_move(r, 4000);
		rig_answer(r, 486, "INVITE");
	}
	cr_expect_eq(r->n_sent, 7);
	cr_expect_str_eq(r->sent[6].text, ack);
	cr_expect_eq(rig_count(r, TXN_FAILURE), 1);
	rig_move(r, 11999);
	cr_expect_eq(r->pool.live, 1, "timer D");
	rig_move(r, 1);
	cr_expect_eq(r->pool.live, 0);
	cr_expect_not(rig_answer(r, 486, "INVITE"));
	rig_drop(r);
}

Test(ict, reliable_failure_ends_at_once)
{
	struct rig *r = rig_new(SIP_T_TLS);

	rig_client(r, SIP_INVITE);
	rig_answer(r, 404, "INVITE");
	cr_expect(rig_sent_has(r, 1, "ACK "));
	cr_expect_eq(r->told[0].news, TXN_FAILURE);
	cr_expect_eq(r->told[1].news, TXN_ENDED);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

/* RFC 6026: each 2xx, retransmitted or of another fork, is the user's; then timer M. */
Test(ict, S2_12_accepted)
{
	struct rig *r = rig_new(SIP_T_UDP);

	rig_client(r, SIP_INVITE);
	rig_answer(r, 200, "INVITE");
	rig_move(r, 500);
	rig_answer(r, 200, "INVITE");
	rig_answer(r, 486, "INVITE");
	rig_answer(r, 180, "INVITE");
	cr_expect_eq(rig_count(r, TXN_SUCCESS), 2);
	cr_expect_eq(r->n_told, 2);
	cr_expect_eq(r->n_sent, 1, "the ACK to a 2xx is the user's");
	rig_move(r, 31499);
	cr_expect_eq(r->pool.live, 1);
	rig_move(r, 1);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

/* Once it is answered its text may go; a 2xx that comes again is told all the same, also after a kill. */
Test(ict, forgets_its_text)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);

	txn_forget(&r->x, t);
	cr_expect_neq(heap_in_use(&r->heap), 0, "it is not answered yet");
	rig_answer(r, 200, "INVITE");
	txn_forget(&r->x, t);
	cr_expect_eq(heap_in_use(&r->heap), 0);
	cr_expect(rig_answer(r, 200, "INVITE"));
	rig_restart(r);
	cr_expect(rig_answer(r, 200, "INVITE"));
	cr_expect_eq(rig_count(r, TXN_SUCCESS), 3);
	rig_move(r, 32000);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

Test(ict, cancel_after_provisional)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);
	char text[1024];

	rig_answer(r, 180, "INVITE");
	txn_cancel(&r->x, t, SPAN("SIP;cause=200;text=\"Call completed elsewhere\""));
	txn_cancel(&r->x, t, SPAN("SIP;cause=487"));
	snprintf(text, sizeof(text),
	    "CANCEL sip:bob@192.0.2.7;x=1 SIP/2.0\r\n"
	    "Via: %s\r\n"
	    "Max-Forwards: 69\r\n"
	    "From: \"Tandem\" <sip:alice@example.com>;tag=our1\r\n"
	    "To: <sip:bob@example.com>\r\n"
	    "Call-ID: ours@192.0.2.1\r\n"
	    "CSeq: 7 CANCEL\r\n"
	    "Route: <sip:p1.example.com;lr>\r\n"
	    "Route: <sip:p2.example.com;lr>\r\n"
	    "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"
	    "Content-Length: 0\r\n\r\n",
	    r->via);
	cr_expect_eq(r->n_sent, 2);
	cr_expect_str_eq(r->sent[1].text, text);
	/* It is repeated by its own transaction until its 200, which is told to nobody. */
	rig_move(r, 600);
	cr_expect_str_eq(rig_times(r, 1), "0 500");
	cr_expect(rig_answer(r, 200, "CANCEL"));
	cr_expect_eq(t->state, TXN_PROCEEDING);
	rig_move(r, 10000);
	cr_expect_eq(r->n_sent, 3);
	cr_expect_eq(r->pool.live, 1);
	rig_answer(r, 487, "INVITE");
	cr_expect(rig_sent_has(r, 3, "ACK "));
	cr_expect_eq(r->n_told, 2);
	rig_drop(r);
}

/* The caller's Reason is any text; one that cannot be written does not keep the CANCEL from going. */
Test(ict, cancel_with_a_reason_that_cannot_be)
{
	static char huge[SIP_RAW_MAX];
	const struct span reasons[] = { span_of(huge, sizeof(huge)),
		span_of("SIP;text=\"\0\"", 12) };

	memset(huge, 'x', sizeof(huge));
	for (unsigned i = 0; i < 2; i++) {
		struct rig *r = rig_new(SIP_T_UDP);
		struct txn *t = rig_client(r, SIP_INVITE);

		rig_answer(r, 180, "INVITE");
		txn_cancel(&r->x, t, reasons[i]);
		cr_assert_eq(r->n_sent, 2, "%u", i);
		cr_expect(rig_sent_has(r, 1, "CANCEL "));
		cr_expect_not(rig_sent_has(r, 1, "Reason:"));
		rig_drop(r);
	}
}

/* Its user went without a word: it waits no longer than it would for the answer to a CANCEL. */
Test(ict, let_go)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);

	rig_answer(r, 180, "INVITE");
	rig_move(r, 100000);
	txn_let_go(&r->x, t);
	rig_answer(r, 180, "INVITE");
	rig_move(r, 31999);
	cr_expect_eq(r->pool.live, 1);
	rig_move(r, 1);
	cr_expect_eq(r->pool.live, 0);
	cr_expect_eq(rig_count(r, TXN_TIMEOUT), 0);
	rig_drop(r);
}

/* What comes for it then would begin a dialog: that is nobody's to acknowledge (in one: worker_relay_test.c). */
Test(ict, let_go_and_answered)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);

	txn_let_go(&r->x, t);
	rig_answer(r, 200, "INVITE");
	cr_expect_eq(r->n_sent, 1);
	rig_move(r, 32000);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

Test(ict, cancel_held_until_provisional)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);

	txn_cancel(&r->x, t, SPAN_NONE);
	rig_move(r, 2000);
	cr_expect_str_eq(rig_times(r, 0), "0 500 1500");
	cr_expect(rig_sent_has(r, 2, "INVITE "));
	rig_answer(r, 100, "INVITE");
	cr_expect_eq(r->n_sent, 4);
	cr_expect(rig_sent_has(r, 3, "CANCEL "));
	cr_expect_not(rig_sent_has(r, 3, "Reason"));
	rig_answer(r, 180, "INVITE");
	cr_expect_eq(r->n_sent, 4, "once");
	rig_drop(r);
}

Test(ict, cancel_held_and_never_sent)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);

	txn_cancel(&r->x, t, SPAN_NONE);
	rig_answer(r, 486, "INVITE");
	cr_expect_eq(r->n_sent, 2);
	cr_expect(rig_sent_has(r, 1, "ACK "));
	rig_drop(r);
}

/* 9.1: no final response within 64*T1 after the CANCEL. */
Test(ict, cancel_without_final)
{
	struct rig *r = rig_new(SIP_T_TCP);
	struct txn *t = rig_client(r, SIP_INVITE);

	rig_answer(r, 180, "INVITE");
	rig_move(r, 60000);
	txn_cancel(&r->x, t, SPAN_NONE);
	rig_answer(r, 200, "CANCEL");
	rig_move(r, 20000);
	rig_answer(r, 180, "INVITE");
	rig_move(r, 11999);
	cr_expect_eq(rig_count(r, TXN_TIMEOUT), 0);
	rig_move(r, 1);
	cr_expect_eq(rig_count(r, TXN_TIMEOUT), 1);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

Test(ict, success_crosses_cancel)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);

	rig_answer(r, 180, "INVITE");
	txn_cancel(&r->x, t, SPAN_NONE);
	rig_answer(r, 200, "INVITE");
	cr_expect_eq(t->state, TXN_ACCEPTED);
	cr_expect_eq(rig_count(r, TXN_SUCCESS), 1);
	rig_drop(r);
}

Test(ict, cancel_response_after_the_invite_is_gone)
{
	struct rig *r = rig_new(SIP_T_TCP);
	struct txn *t = rig_client(r, SIP_INVITE);

	rig_answer(r, 180, "INVITE");
	txn_cancel(&r->x, t, SPAN_NONE);
	rig_answer(r, 487, "INVITE");
	cr_expect_eq(r->pool.live, 1);
	cr_expect(rig_answer(r, 200, "CANCEL"));
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

Test(ict, full_pool_cancels_once)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);

	rig_answer(r, 180, "INVITE");
	while (pool_take(&r->pool, true) != NULL)
		;
	txn_cancel(&r->x, t, SPAN_NONE);
	cr_expect(rig_sent_has(r, 1, "CANCEL "));
	cr_expect_eq(t->cancelled, TXN_CANCEL_SENT);
	rig_drop(r);
}

Test(ict, unreachable)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);

	txn_unreachable(&r->x, t);
	cr_expect_eq(r->told[0].news, TXN_UNREACHABLE);
	cr_expect_eq(r->pool.live, 0);
	t = rig_client(r, SIP_INVITE);
	rig_answer(r, 100, "INVITE");
	txn_unreachable(&r->x, t);
	cr_expect_eq(t->state, TXN_PROCEEDING, "a response may come on another connection");
	rig_drop(r);
}

static void
drop_it(struct rig *r, struct txn *t, enum txn_news news)
{
	if (news == TXN_FAILURE || news == TXN_TIMEOUT)
		txn_drop(&r->x, t);
	else if (news == TXN_PROVISIONAL)
		txn_cancel(&r->x, t, SPAN_NONE);
}

Test(ict, user_acts_while_told)
{
	struct rig *r = rig_new(SIP_T_UDP);

	r->on_tell = drop_it;
	rig_client(r, SIP_INVITE);
	rig_answer(r, 180, "INVITE");
	cr_expect(rig_sent_has(r, 1, "CANCEL "));
	rig_answer(r, 487, "INVITE");
	cr_expect_eq(r->pool.live, 1, "the CANCEL's");
	rig_client(r, SIP_INVITE);
	rig_move(r, 40000);
	cr_expect_eq(r->pool.live, 0);
	cr_expect_eq(heap_in_use(&r->heap), 0);
	rig_drop(r);
}

Test(ict, strange_branches_find_nothing)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct sip_msg *m;
	uint32_t loop;
	char *branch;

	rig_client(r, SIP_INVITE);
	branch = strstr(r->via, "z9hG4bK");
	cr_assert_not_null(branch);
	cr_expect(txn_branch_loop(&r->x, span_of(branch, 7 + 24 + 8), &loop));
	cr_expect_eq(loop, 0xdeadbeef);
	cr_expect_not(txn_branch_loop(&r->x, span_of(branch, 7 + 24 + 7), &loop));
	cr_expect_not(txn_branch_loop(&r->x, SPAN("z9hG4bKnashds8"), &loop));
	m = rig_response(r, 200, "BYE");
	cr_expect_null(txn_client_find(&r->x, m), "another method");
	free(m);
	branch[20] = branch[20] == 'a' ? 'b' : 'a';
	m = rig_response(r, 200, "INVITE");
	cr_expect_null(txn_client_find(&r->x, m), "a forged token");
	free(m);
	rig_drop(r);
}

Test(ict, recovered)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE), *half;

	rig_move(r, 600);
	half = txn_client_new(&r->x, SIP_INVITE, &r->flow, 9, false);
	cr_assert_not_null(half);
	rig_restart(r);
	cr_expect_eq(r->pool.live, 1, "what was not sent is gone");
	rig_move(r, 1000);
	cr_expect_str_eq(rig_times(r, 0), "0 500 1500");
	cr_expect(rig_answer(r, 180, "INVITE"));
	txn_cancel(&r->x, t, SPAN_NONE);
	rig_restart(r);
	cr_expect_eq(r->pool.live, 2);
	cr_expect(rig_answer(r, 200, "CANCEL"), "the CANCEL's is indexed again");
	rig_restart(r);
	rig_answer(r, 487, "INVITE");
	cr_expect_eq(rig_count(r, TXN_FAILURE), 1);
	rig_restart(r);
	rig_answer(r, 487, "INVITE");
	cr_expect(rig_sent_has(r, r->n_sent - 1, "ACK "));
	rig_move(r, 40000);
	cr_expect_eq(r->pool.live, 0);
	cr_expect_eq(heap_in_use(&r->heap), 0);
	rig_drop(r);
}

/* A kill between the state and its timers. */
Test(ict, recovered_from_the_middle_of_a_step)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_INVITE);

	t->state = TXN_PROCEEDING;
	rig_restart(r);
	rig_move(r, 100000);
	cr_expect_eq(t->state, TXN_PROCEEDING);
	t->state = TXN_ACCEPTED;
	rig_restart(r);
	rig_move(r, 32000);
	cr_expect_eq(r->pool.live, 0);
	t = rig_client(r, SIP_INVITE);
	t->state = TXN_TERMINATED;
	rig_restart(r);
	cr_expect_eq(r->pool.live, 0);
	cr_expect_eq(heap_in_use(&r->heap), 0);
	rig_drop(r);
}
