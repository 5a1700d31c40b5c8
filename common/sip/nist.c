/* Non-INVITE server transaction. */
#include "sip/txn.h"

#include "sip/txn_machine.h"

enum event {
	REQUEST, /* a retransmission */
	S_1XX,
	S_200_699, /* responses of the user */
	TIMER_J,   /* no further retransmission is to be expected */
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
static const char *const events[N_EVENTS] = { [REQUEST] = "REQUEST",
	[S_1XX] = "S_1XX",
	[S_200_699] = "S_200_699",
	[TIMER_J] = "TIMER_J",
	[BROKEN] = "BROKEN" };

/*
 * RFC 3261 figure 8; a transport failure is told and ends nothing (RFC 6026, for 17.2.4).
 *
 *                            | request
 *                            v
 *                      +------------+  request: absorbed
 *                      |   TRYING   |<--+
 *                      |            |---+
 *                      +------------+
 *                       |        |  200-699 of the user: send
 *   1xx of the user:    |        +----------------------+
 *   send                v                               |
 *                 +------------+  request: send again   |
 *                 | PROCEEDING |<--+  1xx: send         |
 *                 |            |---+  broken: tell      |
 *                 +------------+                        |
 *                       | 200-699 of the user: send     |
 *                       |<------------------------------+
 *                       v
 *                 +------------+  request: send again
 *                 | COMPLETED  |<--+  broken: tell
 *                 |            |---+
 *                 +------------+
 *                       | J (zero over a reliable transport)
 *                       v
 *                 +------------+
 *                 | TERMINATED |
 *                 +------------+
 */
/* clang-format off */
static const struct fsm_row rows[] = {
	/*      in          on         goes to     and does */
	FSM_ROW(TRYING,     REQUEST,   TRYING,     NULL),
	FSM_ROW(TRYING,     S_1XX,     PROCEEDING, txn_send_response),
	FSM_ROW(TRYING,     S_200_699, COMPLETED,  txn_send_response),
	FSM_ROW(PROCEEDING, REQUEST,   PROCEEDING, txn_send_last),
	FSM_ROW(PROCEEDING, S_1XX,     PROCEEDING, txn_send_response),
	FSM_ROW(PROCEEDING, S_200_699, COMPLETED,  txn_send_response),
	FSM_ROW(PROCEEDING, BROKEN,    PROCEEDING, txn_tell_unreachable),
	FSM_ROW(COMPLETED,  REQUEST,   COMPLETED,  txn_send_last),
	FSM_ROW(COMPLETED,  TIMER_J,   TERMINATED, NULL),
	FSM_ROW(COMPLETED,  BROKEN,    COMPLETED,  txn_tell_unreachable),
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
		txn_linger(a, 64ull * a->x->timers.t1_ms);
		break;
	case TXN_TERMINATED:
		a->t->timeout_ns = 0;
		break;
	case TXN_TRYING:
	case TXN_PROCEEDING:
	case TXN_ACCEPTED:
	case TXN_CONFIRMED:
	case TXN_N_STATES:
		break;
	}
}

const struct fsm nist_fsm = { "nist", states, events, N_STATES, N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), enter, 1ull << TERMINATED };

const struct txn_machine nist_machine = {
	.fsm = &nist_fsm,
	.provisional = S_1XX,
	.success = S_200_699,
	.failure = S_200_699,
	.request = REQUEST,
	.ack = TXN_NO_EVENT,
	.cancel = TXN_NO_EVENT,
	.broken = BROKEN,
	.again = TXN_NO_EVENT,
	.over = { [TRYING] = TXN_NO_EVENT,
	    [PROCEEDING] = TXN_NO_EVENT,
	    [COMPLETED] = TIMER_J,
	    [TERMINATED] = TXN_NO_EVENT,
	    [TXN_ACCEPTED] = TXN_NO_EVENT,
	    [TXN_CONFIRMED] = TXN_NO_EVENT },
};
