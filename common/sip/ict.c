/*
 * INVITE client transaction. Its user has the ringing time (timer C is not ours): once there was a
 * provisional response it waits for ever, until the user cancels.
 */
#include "sip/txn.h"

#include "sip/txn_machine.h"

enum event {
	R_1XX,
	R_2XX,
	R_300_699,
	TIMER_A,      /* resend */
	TIMER_B,      /* no response at all */
	TIMER_D,      /* no further retransmission of the final response is to be expected */
	TIMER_M,      /* RFC 6026: nor of a 2xx */
	TIMER_CANCEL, /* 9.1: no final response in 64*T1 after the CANCEL */
	CANCEL,
	BROKEN,
	N_EVENTS
};

enum { REASON_MAX = 256, ACK_MAX = 4096 };

enum {
	CALLING = TXN_CALLING,
	PROCEEDING = TXN_PROCEEDING,
	COMPLETED = TXN_COMPLETED,
	TERMINATED = TXN_TERMINATED,
	ACCEPTED = TXN_ACCEPTED,
	N_STATES
};

static const char *const states[N_STATES] = { [CALLING] = "CALLING",
	[PROCEEDING] = "PROCEEDING",
	[COMPLETED] = "COMPLETED",
	[TERMINATED] = "TERMINATED",
	[ACCEPTED] = "ACCEPTED" };
static const char *const events[N_EVENTS] = { [R_1XX] = "R_1XX",
	[R_2XX] = "R_2XX",
	[R_300_699] = "R_300_699",
	[TIMER_A] = "TIMER_A",
	[TIMER_B] = "TIMER_B",
	[TIMER_D] = "TIMER_D",
	[TIMER_M] = "TIMER_M",
	[TIMER_CANCEL] = "TIMER_CANCEL",
	[CANCEL] = "CANCEL",
	[BROKEN] = "BROKEN" };

/* Timer A doubles without a cap; B ends it. */
static void
resend(void *obj, const void *arg)
{
	const struct txn_act *a = obj;

	(void)arg;
	txn_retransmit_in(a, 2 * a->t->interval_ms);
	txn_send(a, kept_span(a->x->heap, a->t->request));
}

/* A Reason that is too long, or cannot be written, does not keep the CANCEL from going. */
static void
make_cancel(const struct txn_act *a, struct span reason)
{
	struct span invite = kept_span(a->x->heap, a->t->request);
	size_t room = txn_text_head(invite) + REASON_MAX + 64;
	char *p = txn_last_room(a->x, a->t, room);
	struct buf b = buf_on(p, room);

	if (p == NULL)
		return;
	txn_text_cancel(&b, invite, reason.len <= REASON_MAX ? reason : SPAN_NONE);
	if (!buf_ok(&b)) {
		b = buf_on(p, room);
		txn_text_cancel(&b, invite, SPAN_NONE);
	}
	if (buf_ok(&b))
		txn_last_set(a->t, b.len);
}

/* The CANCEL has a transaction of its own, with nobody to tell; when the pool is full it is sent
 * once. Noted as sent after it was: a kill in between lets the user ask again, and the peer takes
 * the second for a retransmission. */
static void
send_cancel(const struct txn_act *a)
{
	struct span text = txn_last(a->x, a->t);
	struct txn *n =
	    text.len == 0 ? NULL : txn_client_new(a->x, SIP_CANCEL, &a->t->flow, 0, true);

	if (n != NULL) {
		n->invite = a->h;
		txn_hash(a->x, n);
		txn_index(a->x, n);
	}
	if (n == NULL || txn_client_send(a->x, n, text) != ERR_NONE)
		txn_send(a, text);
	a->t->cancelled = TXN_CANCEL_SENT;
	txn_timeout_in(a, 64ull * a->x->timers.t1_ms);
}

static void
hold_cancel(void *obj, const void *arg)
{
	const struct txn_act *a = obj;

	make_cancel(a, *(const struct span *)arg);
	a->t->cancelled = TXN_CANCEL_HELD;
}

static void
cancel(void *obj, const void *arg)
{
	make_cancel(obj, *(const struct span *)arg);
	send_cancel(obj);
}

static void
provisional(void *obj, const void *arg)
{
	const struct txn_act *a = obj;

	if (a->t->cancelled == TXN_CANCEL_HELD)
		send_cancel(a);
	txn_tell(a, TXN_PROVISIONAL, arg);
}

/* Its user has ended the dialog and is gone: the 2xx crossed the BYE, and its sender is waiting. */
static void
acknowledge_late(const struct txn_act *a, const struct sip_msg *response)
{
	struct span invite = kept_span(a->x->heap, a->t->request);
	struct span contact = sip_span(response, response->contact_uri);
	char text[ACK_MAX];
	struct buf b = buf_on(text, sizeof(text));

	txn_text_ack_2xx(&b, invite, contact);
	if (buf_ok(&b))
		txn_send(a, buf_span(&b));
}

/* Said even where it is nobody's any more: a first INVITE's 2xx makes a dialog, in which its ACK and a BYE
 * are owed (13.2.2.4). */
static void
success(void *obj, const void *arg)
{
	const struct txn_act *a = obj;

	if (a->t->user == 0 && txn_text_to_tag(kept_span(a->x->heap, a->t->request)).len > 0)
		acknowledge_late(a, arg);
	else
		a->x->env.tell(a->x->env.ctx, a->t, TXN_SUCCESS, arg);
}

static void
acknowledge(void *obj, const void *arg)
{
	const struct txn_act *a = obj;
	const struct sip_msg *response = arg;
	struct span invite = kept_span(a->x->heap, a->t->request);
	struct span to = sip_span(response, response->to);
	size_t room = txn_text_head(invite) + to.len + 64;
	char *p = txn_last_room(a->x, a->t, room);
	struct buf b = buf_on(p, room);

	if (p == NULL)
		return;
	txn_text_ack(&b, invite, to);
	if (!buf_ok(&b))
		return;
	txn_last_set(a->t, b.len);
	txn_send(a, buf_span(&b));
}

static void
failure(void *obj, const void *arg)
{
	acknowledge(obj, arg);
	txn_tell(obj, TXN_FAILURE, arg);
}

/*
 * RFC 3261 figure 5, with the Accepted state of RFC 6026.
 *
 *                              | INVITE from the user: send
 *                              v
 *                        +-----------+  A: send again
 *                        |  CALLING  |<--+   B, broken: tell
 *        300-699:        |           |---+------------------------------+
 *        ACK, tell       +-----------+                                  |
 *       +---------------------+ |  | 2xx: tell                          |
 *       |                       |  +-----------------------+            |
 *       |                       | 1xx: tell                |            |
 *       |                       v                          |            |
 *       |                +------------+  1xx: tell         |            |
 *       |                | PROCEEDING |<--+  64*T1 after   |            |
 *       | 300-699:       |            |---+  the CANCEL:   |            |
 *       | ACK, tell      +------------+      tell ----------------------+
 *       |<-------------------+  |  2xx: tell               |            |
 *       |                       +------------------------->|            |
 *       v                                                  v            |
 *  +-----------+ 300-699: ACK                       +------------+      |
 *  | COMPLETED |<--+                                |  ACCEPTED  |<--+  |
 *  |           |---+                                |            |---+  |
 *  +-----------+                                    +------------+ 2xx: tell
 *       | D; broken: tell     +------------+               | M         |
 *       +-------------------->| TERMINATED |<--------------+-----------+
 *                             +------------+
 *
 * CANCEL of the user: sent in Proceeding; in Calling held until the first 1xx (9.1). A user that is gone
 * is told nothing: the 2xx of an INVITE in a dialog is ACKed here then.
 */
/* clang-format off */
static const struct fsm_row rows[] = {
	/*      in          on            goes to     and does */
	FSM_ROW(CALLING,    TIMER_A,      CALLING,    resend),
	FSM_ROW(CALLING,    CANCEL,       CALLING,    hold_cancel),
	FSM_ROW(CALLING,    R_1XX,        PROCEEDING, provisional),
	FSM_ROW(CALLING,    R_2XX,        ACCEPTED,   success),
	FSM_ROW(CALLING,    R_300_699,    COMPLETED,  failure),
	FSM_ROW(CALLING,    TIMER_B,      TERMINATED, txn_tell_timeout),
	FSM_ROW(CALLING,    BROKEN,       TERMINATED, txn_tell_unreachable),
	FSM_ROW(PROCEEDING, R_1XX,        PROCEEDING, provisional),
	FSM_ROW(PROCEEDING, CANCEL,       PROCEEDING, cancel),
	FSM_ROW(PROCEEDING, R_2XX,        ACCEPTED,   success),
	FSM_ROW(PROCEEDING, R_300_699,    COMPLETED,  failure),
	FSM_ROW(PROCEEDING, TIMER_CANCEL, TERMINATED, txn_tell_timeout),
	FSM_ROW(COMPLETED,  R_300_699,    COMPLETED,  acknowledge),
	FSM_ROW(COMPLETED,  TIMER_D,      TERMINATED, NULL),
	FSM_ROW(COMPLETED,  BROKEN,       TERMINATED, txn_tell_unreachable),
	FSM_ROW(ACCEPTED,   R_2XX,        ACCEPTED,   success),
	FSM_ROW(ACCEPTED,   TIMER_M,      TERMINATED, NULL),
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
	case TXN_PROCEEDING:
		if (a->t->cancelled == TXN_CANCEL_SENT)
			txn_timeout_in(a, 64ull * a->x->timers.t1_ms);
		else
			a->t->timeout_ns = 0;
		break;
	case TXN_COMPLETED:
		txn_linger(a, 64ull * a->x->timers.t1_ms);
		break;
	case TXN_ACCEPTED:
		txn_timeout_in(a, 64ull * a->x->timers.t1_ms);
		break;
	case TXN_TERMINATED:
		a->t->timeout_ns = 0;
		break;
	case TXN_CALLING:
	case TXN_CONFIRMED:
	case TXN_N_STATES:
		break;
	}
}

const struct fsm ict_fsm = { "ict", states, events, N_STATES, N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), enter, 1ull << TERMINATED };

const struct txn_machine ict_machine = {
	.fsm = &ict_fsm,
	.provisional = R_1XX,
	.success = R_2XX,
	.failure = R_300_699,
	.request = TXN_NO_EVENT,
	.ack = TXN_NO_EVENT,
	.cancel = CANCEL,
	.broken = BROKEN,
	.again = TIMER_A,
	.over = { [CALLING] = TIMER_B,
	    [PROCEEDING] = TIMER_CANCEL,
	    [COMPLETED] = TIMER_D,
	    [TERMINATED] = TXN_NO_EVENT,
	    [ACCEPTED] = TIMER_M,
	    [TXN_CONFIRMED] = TXN_NO_EVENT },
};
