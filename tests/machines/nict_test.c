/* The non-INVITE client transaction: RFC 3261 17.1.2; FLOWS S2-28. */
#include "txn_rig.h"

#include <stdlib.h>

static struct txn *
make(struct rig *r)
{
	return rig_client(r, SIP_OPTIONS);
}

Test(nict, table)
{
	rig_check_table(&nict_fsm);
}

Test(nict, S2_12_every_pair)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct sip_msg *m;
	const void *args[16];

	rig_client(r, SIP_OPTIONS);
	m = rig_response(r, 200, "OPTIONS");
	txn_drop(&r->x, pool_next(&r->pool, NULL));
	for (unsigned i = 0; i < 16; i++)
		args[i] = m;
	rig_walk(r, &nict_fsm, make, args);
	free(m);
	rig_drop(r);
}

Test(nict, S2_12_timer_e_until_f)
{
	struct rig *r = rig_new(SIP_T_UDP);

	rig_client(r, SIP_OPTIONS);
	rig_move(r, 40000);
	cr_expect_str_eq(
	    rig_times(r, 0), "0 500 1500 3500 7500 11500 15500 19500 23500 27500 31500");
	cr_expect_eq(r->told[0].news, TXN_TIMEOUT);
	cr_expect_eq(r->told[0].at_ms, 32000);
	cr_expect_eq(r->told[1].news, TXN_ENDED);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

/* In Proceeding E is T2 from its next expiry on; F is not moved. */
Test(nict, proceeding)
{
	struct rig *r = rig_new(SIP_T_UDP);

	rig_client(r, SIP_OPTIONS);
	rig_move(r, 600);
	rig_answer(r, 100, "OPTIONS");
	rig_move(r, 40000);
	cr_expect_str_eq(rig_times(r, 0), "0 500 1500 5500 9500 13500 17500 21500 25500 29500");
	cr_expect_eq(rig_count(r, TXN_PROVISIONAL), 1);
	cr_expect_eq(rig_count(r, TXN_TIMEOUT), 1);
	rig_drop(r);
}

Test(nict, completed_absorbs)
{
	struct rig *r = rig_new(SIP_T_UDP);

	rig_client(r, SIP_BYE);
	rig_answer(r, 200, "BYE");
	rig_move(r, 1000);
	cr_expect(rig_answer(r, 200, "BYE"));
	cr_expect_eq(rig_count(r, TXN_SUCCESS), 1);
	rig_move(r, 3999);
	cr_expect_eq(r->pool.live, 1);
	rig_move(r, 1);
	cr_expect_eq(r->pool.live, 0);
	cr_expect_eq(r->n_sent, 1);
	rig_drop(r);
}

Test(nict, reliable)
{
	struct rig *r = rig_new(SIP_T_WSS);

	rig_client(r, SIP_OPTIONS);
	rig_move(r, 20000);
	cr_expect_eq(r->n_sent, 1);
	rig_answer(r, 480, "OPTIONS");
	cr_expect_eq(r->told[0].news, TXN_FAILURE);
	cr_expect_eq(r->told[1].news, TXN_ENDED);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

Test(nict, unreachable)
{
	struct rig *r = rig_new(SIP_T_TCP);

	txn_unreachable(&r->x, rig_client(r, SIP_OPTIONS));
	cr_expect_eq(r->told[0].news, TXN_UNREACHABLE);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

Test(nict, nobody_is_told)
{
	struct rig *r = rig_new(SIP_T_UDP);

	rig_client(r, SIP_BYE)->user = 0;
	rig_move(r, 40000);
	cr_expect_eq(r->n_told, 0);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}

Test(nict, no_room)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t;

	while ((t = txn_client_new(&r->x, SIP_BYE, &r->flow, 1, false)) != NULL)
		;
	cr_expect_eq(r->pool.live, RIG_SLOTS - 2, "in-dialog requests keep a reserve");
	t = txn_client_new(&r->x, SIP_BYE, &r->flow, 1, true);
	cr_assert_not_null(t);
	cr_expect_eq(txn_client_send(&r->x, t, SPAN_NONE), ERR_FULL);
	cr_expect_eq(r->pool.live, RIG_SLOTS - 2);
	rig_drop(r);
}

Test(nict, recovered)
{
	struct rig *r = rig_new(SIP_T_UDP);
	struct txn *t = rig_client(r, SIP_BYE);

	rig_move(r, 1600);
	rig_restart(r);
	rig_move(r, 3000);
	cr_expect_str_eq(rig_times(r, 0), "0 500 1500 3500");
	t->state = TXN_COMPLETED;
	t->timeout_ns = 0;
	rig_restart(r);
	rig_move(r, 5000);
	cr_expect_eq(r->pool.live, 0);
	rig_drop(r);
}
