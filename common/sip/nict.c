/* Non-INVITE client transaction. */
#include "sip/txn.h"

#include "sip/txn_machine.h"

enum event {
	R_1XX,
	R_200_699,
	TIMER_E, /* resend */
	TIMER_F, /* no final response */
	TIMER_K, /* no further retransmission of it is to be expected */
	BROKEN,
	N_EVENTS
};

enum {
	TRYING = TXN_TRYING,
	PROCEEDING = TXN_PROCEEDING,
	COMPLETED = TXN_COMPLETED,
	TERMINATED = TXN_TERMINATED,
	N_STATES
};

static const char *const states[N_STATES] = { [TRYING] = "TRYING",
	[PROCEEDING] = "PROCEEDING",
	[COMPLETED] = "COMPLETED",
	[TERMINATED] = "TERMINATED" };
static const char *const events[N_EVENTS] = { [R_1XX] = "R_1XX",
	[R_200_699] = "R_200_699",
	[TIMER_E] = "TIMER_E",
	[TIMER_F] = "TIMER_F",
	[TIMER_K] = "TIMER_K",
	[BROKEN] = "BROKEN" };

static void
resend(void *obj, const void *arg)
{
	const struct txn_act *a = obj;
	uint32_t t2 = a->x->timers.t2_ms, twice = 2 * a->t->interval_ms;

	(void)arg;
	txn_retransmit_in(a, a->t->state == PROCEEDING || twice > t2 ? t2 : twice);
	txn_send(a, kept_span(a->x->heap, a->t->request));
}

static void
provisional(void *obj, const void *arg)
{
	txn_tell(obj, TXN_PROVISIONAL, arg);
}

static void
final(void *obj, const void *arg)
{
	const struct sip_msg *response = arg;

	txn_tell(obj, response->status < 300 ? TXN_SUCCESS : TXN_FAILURE, response);
}

/*
 * RFC 3261 figure 6.
 *
 *                             | request from the user: send
 *                             v
 *                       +------------+  E: send again (T1, doubling to T2)
 *                       |   TRYING   |<--+
 *                       |            |---+
 *                       +------------+       F, broken: tell
 *     200-699: tell      |    |     |----------------------------+
 *       +----------------+    | 1xx: tell                        |
 *       |                     v                                  |
 *       |               +------------+  E: send again (T2)       |
 *       |               | PROCEEDING |<--+  1xx: tell            |
 *       |               |            |---+                       |
 *       |               +------------+       F, broken: tell     |
 *       | 200-699: tell  |          |----------------------------|
 *       |<---------------+                                       |
 *       v                                                        v
 *  +-----------+   K (zero over a reliable transport)      +------------+
 *  | COMPLETED |------------------------------------------>| TERMINATED |
 *  +-----------+                                           +------------+
 */
/* clang-format off */
static const struct fsm_row rows[] = {
	/*      in          on         goes to     and does */
	FSM_ROW(TRYING,     TIMER_E,   TRYING,     resend),
	FSM_ROW(TRYING,     R_1XX,     PROCEEDING, provisional),
	FSM_ROW(TRYING,     R_200_699, COMPLETED,  final),
	FSM_ROW(TRYING,     TIMER_F,   TERMINATED, txn_tell_timeout),
	FSM_ROW(TRYING,     BROKEN,    TERMINATED, txn_tell_unreachable),
	FSM_ROW(PROCEEDING, TIMER_E,   PROCEEDING, resend),
	FSM_ROW(PROCEEDING, R_1XX,     PROCEEDING, provisional),
	FSM_ROW(PROCEEDING, R_200_699, COMPLETED,  final),
	FSM_ROW(PROCEEDING, TIMER_F,   TERMINATED, txn_tell_timeout),
	FSM_ROW(PROCEEDING, BROKEN,    TERMINATED, txn_tell_unreachable),
	FSM_ROW(COMPLETED,  R_200_699, COMPLETED,  NULL),
	FSM_ROW(COMPLETED,  TIMER_K,   TERMINATED, NULL),
};
/* clang-format on */

static void
enter(void *obj, uint8_t state)
{
	const struct txn_act *a = obj;

	if (!txn_stands(a))
		return;
	switch ((enum txn_state)state) {
	case TXN_COMPLETED:
		a->t->retransmit_ns = 0;
		txn_linger(a, a->x->timers.t4_ms);
		break;
	case TXN_TERMINATED:
		a->t->retransmit_ns = a->t->timeout_ns = 0;
		break;
	case TXN_PROCEEDING: /* E and F run on */
	case TXN_TRYING:
	case TXN_ACCEPTED:
	case TXN_CONFIRMED:
	case TXN_N_STATES:
		break;
	}
}

const struct fsm nict_fsm = { "nict", states, events, N_STATES, N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), enter, 1ull << TERMINATED };

const struct txn_machine nict_machine = {
	.fsm = &nict_fsm,
	.provisional = R_1XX,
	.success = R_200_699,
	.failure = R_200_699,
	.request = TXN_NO_EVENT,
	.ack = TXN_NO_EVENT,
	.cancel = TXN_NO_EVENT,
	.broken = BROKEN,
	.again = TIMER_E,
	.over = { [TRYING] = TIMER_F,
	    [PROCEEDING] = TIMER_F,
	    [COMPLETED] = TIMER_K,
	    [TERMINATED] = TXN_NO_EVENT,
	    [TXN_ACCEPTED] = TXN_NO_EVENT,
	    [TXN_CONFIRMED] = TXN_NO_EVENT },
};
