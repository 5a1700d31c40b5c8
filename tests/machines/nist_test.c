/* The non-INVITE server transaction: RFC 3261 17.2.2. */
#include "txn_rig.h"

#include <stdlib.h>
#include <string.h>

static const char branch[] = "z9hG4bK776asdhds";

static struct txn *
make(struct rig *r)
{
	struct sip_msg *m = rig_request(r, "OPTIONS", branch, "", 1);
	struct txn *t = rig_serve(r, m);

	free(m);
	return t;
}

static struct txn *
receive(struct rig *r, const char *method, unsigned cseq)
{
	struct sip_msg *m = rig_request(r, method, branch, "", cseq);
	struct txn *t = rig_serve(r, m);

	free(m);
	return t;
}

Test(nist, table)
{
	rig_check_table(&nist_fsm);
}

Test(nist, S2_12_every_pair)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct span text = SPAN("SIP/2.0 200 OK\r\n\r\n");
	const void *args[16];

	for (unsigned i = 0; i < 16; i++)
		args[i] = &text;
	rig_walk(r, &nist_fsm, make, args);
	rig_drop(r);
}

/* FLOWS S2-28 (b): the 200 was lost, the request comes again. */
Test(nist, retransmissions)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);

	cr_expect_eq(make(r), t);
	cr_expect_eq(r->n_sent, 0, "Trying: absorbed");
	rig_respond(r, t, 100);
	make(r);
	cr_expect_eq(r->n_sent, 2);
	rig_respond(r, t, 200);
	make(r);
	cr_expect_eq(r->n_sent, 4);
	cr_expect_str_eq(r->sent[3].text, r->sent[2].text);
	cr_expect_not(rig_respond(r, t, 486), "it has its final response");
	cr_expect_not(rig_respond(r, t, 180));
	cr_expect_eq(r->n_sent, 4);
	rig_move(r, 31999);
	cr_expect_eq(make(r), t);
	rig_move(r, 1);
	cr_expect_eq(r->pool.live, 0);
	cr_expect_eq(heap_in_use(&r->heap), 0);
	rig_drop(r);
}

Test(nist, reliable_ends_at_once)
{
	struct rig *r = rig_new(SIP_T_TCP);
	struct txn *t = make(r);

	cr_expect(rig_respond(r, t, 200));
	cr_expect_eq(r->n_sent, 1);
	cr_expect_eq(rig_count(r, TXN_ENDED), 1);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

Test(nist, unreachable_ends_nothing)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);

	rig_respond(r, t, 200);
	txn_unreachable(&r->x, t);
	cr_expect_eq(rig_count(r, TXN_UNREACHABLE), 1);
	cr_expect_eq(t->state, TXN_COMPLETED);
	rig_drop(r);
}

Test(nist, matching)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);
	struct sip_msg *m;

	cr_expect_neq(receive(r, "INFO", 1), t, "another method");
	m = rig_request(r, "OPTIONS", "Z9HG4BK776ASDHDS", "", 1);
	cr_expect_eq(txn_server_find(&r->x, m), t, "tokens are without case (7.3.1)");
	free(m);
	m = rig_request(r, "OPTIONS", "z9hG4bK776asdhdt", "", 1);
	cr_expect_null(txn_server_find(&r->x, m));
	cr_expect(txn_is_merged(&r->x, m), "8.2.2.2: it came twice, by two ways");
	free(m);
	m = rig_request(r, "OPTIONS", "z9hG4bK776asdhdt", "", 2);
	cr_expect_not(txn_is_merged(&r->x, m));
	free(m);
	m = rig_request(r, "OPTIONS", "z9hG4bK776asdhdt", "tag1", 1);
	cr_expect_not(txn_is_merged(&r->x, m), "it is in a dialog");
	free(m);
	m = rig_request(r, "CANCEL", "z9hG4bK776asdhdt", "", 1);
	cr_expect_not(txn_is_merged(&r->x, m));
	free(m);
	rig_drop(r);
}

/* Unknown methods are told apart by their text. */
Test(nist, unknown_methods)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *a = receive(r, "FOO", 1), *b = receive(r, "BAR", 1);

	cr_expect_neq(a, b);
	cr_expect_eq(receive(r, "FOO", 1), a);
	cr_expect_eq(receive(r, "BAR", 1), b);
	rig_drop(r);
}

/* FLOWS S3-02: no branch, or none with the cookie. */
Test(nist, S3_02_rfc2543)
{
	static const char *const branches[] = { NULL, "1", "z9hG4bK" };

	for (unsigned i = 0; i < 3; i++) {
		struct rig *r = rig_new(SIP_T_UDP);
		struct sip_msg *m = rig_request(r, "BYE", branches[i], "x", 5), *n;
		struct txn *t = rig_serve(r, m);

		cr_expect_eq(rig_serve(r, m), t);
		n = rig_request(r, "BYE", branches[i], "x", 6);
		cr_expect_null(txn_server_find(&r->x, n));
		free(n);
		n = rig_request(r, "BYE", branches[i], "y", 5);
		cr_expect_null(txn_server_find(&r->x, n));
		free(n);
		free(m);
		rig_drop(r);
	}
}

static bool
answer(struct rig *r, const char *method, const char *of_branch, const char *to_tag)
{
	struct sip_msg *m = rig_request(r, method, of_branch, to_tag, 1);
	bool done = txn_server_answer(
	    &r->x, m, false, 200, SPAN("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"));

	free(m);
	return done;
}

/* Its answer is kept, and nothing else. */
Test(nist, answered_at_once)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t;

	cr_assert(answer(r, "BYE", branch, "our1"));
	cr_expect_eq(r->n_sent, 1);
	t = receive(r, "BYE", 1);
	cr_expect_null(txn_request(&r->x, t));
	cr_expect_eq(r->n_sent, 2);
	cr_expect_str_eq(r->sent[1].text, r->sent[0].text);
	cr_expect_neq(receive(r, "INFO", 1), t);
	rig_restart(r);
	cr_expect_eq(receive(r, "BYE", 1), t, "as after a kill");
	cr_expect_eq(r->n_sent, 3);
	rig_move(r, 32000);
	cr_expect_null(txn_at(&r->x, pool_handle(&r->pool, t)));
	cr_expect_not(answer(r, "INVITE", branch, ""));
	cr_expect_not(answer(r, "ACK", branch, ""));
	rig_drop(r);
}

Test(nist, answered_at_once_and_matched_by_more_than_its_hash)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct sip_msg *m = rig_request(r, "BYE", NULL, "their2", 1);

	cr_assert(answer(r, "FOO", branch, ""));
	cr_assert(answer(r, "BYE", NULL, "their1"));
	receive(r, "BAR", 1);
	cr_expect_eq(r->n_sent, 2, "another method");
	cr_expect_null(txn_server_find(&r->x, m), "RFC 2543 looks at the To tag");
	free(m);
	rig_drop(r);
}

Test(nist, answered_at_once_over_tcp)
{
	struct rig *r = rig_new(SIP_T_TCP);

	cr_assert(answer(r, "BYE", branch, "our1"));
	cr_expect_eq(r->n_sent, 1);
	cr_expect_eq(r->pool.live, 0);
	cr_expect_eq(heap_in_use(&r->heap), 0);
	rig_drop(r);
}

Test(nist, recovered)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = make(r);

	rig_respond(r, t, 200);
	receive(r, "INFO", 2)->user = 0;
	rig_restart(r);
	cr_expect_eq(r->pool.live, 1, "what nobody would answer is gone");
	cr_expect_eq(make(r), t);
	cr_expect_eq(r->n_sent, 2);
	rig_move(r, 32000);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}
