/* INVITE server transaction. The 100 Trying is its user's (the leg's), and so are retransmissions of
 * a 2xx (13.3.1.4). */
#include "sip/txn.h"

#include "sip/txn_machine.h"

enum event {
	INVITE,
	ACK,
	S_1XX,
	S_2XX,
	S_300_699, /* responses of the user */
	TIMER_G,   /* send the final response again */
	TIMER_H,   /* no ACK came */
	TIMER_I,   /* no further ACK is to be expected */
	TIMER_L,   /* RFC 6026: no further INVITE after a 2xx */
	BROKEN,
	N_EVENTS
};

enum {
	NEW = TXN_CALLING,
	PROCEEDING = TXN_PROCEEDING,
	COMPLETED = TXN_COMPLETED,
	TERMINATED = TXN_TERMINATED,
	ACCEPTED = TXN_ACCEPTED,
	CONFIRMED = TXN_CONFIRMED,
	N_STATES
};

static const char *const states[N_STATES] = { [NEW] = "NEW",
	[PROCEEDING] = "PROCEEDING",
	[COMPLETED] = "COMPLETED",
	[TERMINATED] = "TERMINATED",
	[ACCEPTED] = "ACCEPTED",
	[CONFIRMED] = "CONFIRMED" };
static const char *const events[N_EVENTS] = { [INVITE] = "INVITE",
	[ACK] = "ACK",
	[S_1XX] = "S_1XX",
	[S_2XX] = "S_2XX",
	[S_300_699] = "S_300_699",
	[TIMER_G] = "TIMER_G",
	[TIMER_H] = "TIMER_H",
	[TIMER_I] = "TIMER_I",
	[TIMER_L] = "TIMER_L",
	[BROKEN] = "BROKEN" };

static void
resend(void *obj, const void *arg)
{
	const struct txn_act *a = obj;
	uint32_t t2 = a->x->timers.t2_ms, twice = 2 * a->t->interval_ms;

	txn_retransmit_in(a, twice > t2 ? t2 : twice);
	txn_send_last(obj, arg);
}

static void
acked(void *obj, const void *arg)
{
	txn_tell(obj, TXN_ACKED, arg);
}

/*
 * RFC 3261 figure 7, with the Accepted state of RFC 6026 and its rule that a transport failure is
 * told but ends nothing (the next retransmission may get through). An ACK in Accepted is the
 * dialog's: txn_server_find does not lead it here.
 *
 *                               | INVITE
 *                               v
 *          INVITE: send   +------------+   1xx of the user: send
 *          the last again | PROCEEDING |<--+   broken: tell
 *                     +-->|            |---+
 *                     +---+------------+
 *   300-699 of the user:    |        |  2xx of the user: send
 *   send            +-------+        +--------------+
 *                   v                               v
 *            +-----------+ INVITE: send      +------------+  INVITE: absorbed
 *            | COMPLETED |<--+ G: send       |  ACCEPTED  |<--+  2xx of the user: send
 *            |           |---+ broken: tell  |            |---+  broken: tell
 *            +-----------+                   +------------+
 *             |         | ACK: tell                 |
 *   H (no ACK)|         v                           | L
 *   tell      |   +-----------+ ACK: absorbed       |
 *             |   | CONFIRMED |<--+                 |
 *             |   |           |---+                 |
 *             |   +-----------+                     |
 *             |         | I                         |
 *             v         v                           v
 *            +---------------------------------------+
 *            |              TERMINATED               |
 *            +---------------------------------------+
 */
/* clang-format off */
static const struct fsm_row rows[] = {
	/*      in          on         goes to     and does */
	FSM_ROW(NEW,        INVITE,    PROCEEDING, NULL),
	FSM_ROW(PROCEEDING, INVITE,    PROCEEDING, txn_send_last),
	FSM_ROW(PROCEEDING, S_1XX,     PROCEEDING, txn_send_response),
	FSM_ROW(PROCEEDING, S_2XX,     ACCEPTED,   txn_send_response),
	FSM_ROW(PROCEEDING, S_300_699, COMPLETED,  txn_send_response),
	FSM_ROW(PROCEEDING, BROKEN,    PROCEEDING, txn_tell_unreachable),
	FSM_ROW(COMPLETED,  INVITE,    COMPLETED,  txn_send_last),
	FSM_ROW(COMPLETED,  TIMER_G,   COMPLETED,  resend),
	FSM_ROW(COMPLETED,  ACK,       CONFIRMED,  acked),
	FSM_ROW(COMPLETED,  TIMER_H,   TERMINATED, txn_tell_timeout),
	FSM_ROW(COMPLETED,  BROKEN,    COMPLETED,  txn_tell_unreachable),
	FSM_ROW(CONFIRMED,  ACK,       CONFIRMED,  NULL),
	FSM_ROW(CONFIRMED,  TIMER_I,   TERMINATED, NULL),
	FSM_ROW(ACCEPTED,   INVITE,    ACCEPTED,   NULL),
	FSM_ROW(ACCEPTED,   S_2XX,     ACCEPTED,   txn_send_response),
	FSM_ROW(ACCEPTED,   TIMER_L,   TERMINATED, NULL),
	FSM_ROW(ACCEPTED,   BROKEN,    ACCEPTED,   txn_tell_unreachable),
};
/* clang-format on */

static void
enter(void *obj, uint8_t state)
{
	const struct txn_act *a = obj;

	if (!txn_stands(a))
		return;
	a->t->retransmit_ns = 0;
	switch ((enum txn_state)state) {
	case TXN_COMPLETED:
		if (!a->t->reliable)
			txn_retransmit_in(a, a->x->timers.t1_ms);
		txn_timeout_in(a, 64ull * a->x->timers.t1_ms);
		break;
	case TXN_ACCEPTED:
		txn_timeout_in(a, 64ull * a->x->timers.t1_ms);
		break;
	case TXN_CONFIRMED:
		txn_linger(a, a->x->timers.t4_ms);
		break;
	case TXN_PROCEEDING:
	case TXN_TERMINATED:
		a->t->timeout_ns = 0;
		break;
	case TXN_CALLING:
	case TXN_N_STATES:
		break;
	}
}

const struct fsm ist_fsm = { "ist", states, events, N_STATES, N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), enter, 1ull << TERMINATED };

const struct txn_machine ist_machine = {
	.fsm = &ist_fsm,
	.provisional = S_1XX,
	.success = S_2XX,
	.failure = S_300_699,
	.request = INVITE,
	.ack = ACK,
	.cancel = TXN_NO_EVENT,
	.broken = BROKEN,
	.again = TIMER_G,
	.over = { [NEW] = TXN_NO_EVENT,
	    [PROCEEDING] = TXN_NO_EVENT,
	    [COMPLETED] = TIMER_H,
	    [TERMINATED] = TXN_NO_EVENT,
	    [ACCEPTED] = TIMER_L,
	    [CONFIRMED] = TIMER_I },
};
