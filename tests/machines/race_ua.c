/* A phone: what the script asks it to do, what it hears, its time. */
#include "race_ua.h"

#include <stdio.h>
#include <string.h>

struct ua *
ua_new(unsigned who, const char *user, const char *host, unsigned habits)
{
	struct ua *u = race_take(sizeof(*u));

	u->who = who;
	u->habits = habits;
	u->port = 4000 + 1000 * who;
	snprintf(u->user, sizeof(u->user), "%s", user);
	snprintf(u->host, sizeof(u->host), "%s", host);
	return u;
}

/* --- by the script ------------------------------------------------------------------------------*/

static void
dial(struct ua *u, bool offer)
{
	struct ua_dialog *d = &u->dialogs[u->n_dialogs];

	if (u->n_dialogs > 0)
		return;
	u->n_dialogs++;
	d->uac = true;
	ua_new_name(u, "call", d->call_id, sizeof(d->call_id));
	ua_new_name(u, "tag", d->local_tag, sizeof(d->local_tag));
	snprintf(d->local, sizeof(d->local), "<sip:%s@example.com>", u->user);
	snprintf(d->remote, sizeof(d->remote), "<sip:bob@example.com>");
	snprintf(d->target, sizeof(d->target), "sip:bob@example.com");
	ua_ask(u, d, "INVITE", offer);
}

static struct ua_dialog *
dialog_in_hand(struct ua *u)
{
	for (unsigned i = 0; i < u->n_dialogs; i++)
		if (u->dialogs[i].state != UA_OVER)
			return &u->dialogs[i];
	return NULL;
}

/* An INVITE not beside another; an offer not beside another. The ACK that it owes comes first. */
static bool
may_offer(const struct ua_dialog *d, enum race_verb v)
{
	bool invite = v == DO_REINVITE || v == DO_REINVITE_EMPTY;

	const struct ua_txn *first = d->uac ? d->out : d->in;

	if (d->to_ack != NULL || d->bye_wanted || d->state == UA_OVER)
		return false;
	if (d->prack != NULL && d->prack->status == 0)
		return false; /* it might overtake what answers an offer */
	/* Before the answer: an UPDATE, when the first offer has its answer for sure (RFC 3311 5.1). */
	if (d->state != UA_UP)
		return v == DO_UPDATE && first != NULL && first->negotiated &&
		       d->offer == UA_STABLE && d->reliable.text == NULL && !first->cancelled;
	if (v == DO_UPDATE_EMPTY)
		return true;
	if (invite && (d->out != NULL || d->in != NULL))
		return false;
	return d->offer == UA_STABLE && d->out == NULL && !ua_rings(d);
}

static void
offer(struct ua *u, struct ua_dialog *d, enum race_verb v)
{
	if (!may_offer(d, v))
		return;
	if (v == DO_REINVITE || v == DO_UPDATE)
		d->held = !d->held;
	ua_ask(u, d, v == DO_UPDATE || v == DO_UPDATE_EMPTY ? "UPDATE" : "INVITE",
	    v == DO_REINVITE || v == DO_UPDATE);
}

/* A called side may not end an early dialog by BYE; a caller may, once he has one (15). */
static bool
may_bye(const struct ua_dialog *d)
{
	return d->state == UA_UP || (d->state == UA_EARLY && d->uac);
}

static void
in_dialog(struct ua *u, struct ua_dialog *d, enum race_verb v, unsigned arg)
{
	bool rings = ua_rings(d) && d->state == UA_EARLY;

	switch (v) {
	case DO_CANCEL:
		if (d->out != NULL)
			ua_cancel(u, d->out);
		break;
	case DO_RING:
	case DO_PROGRESS:
		if (rings)
			ua_progress(u, d, v == DO_RING ? 180 : 183, v == DO_PROGRESS);
		break;
	case DO_RING_RELIABLY:
	case DO_PROGRESS_RELIABLY:
		if (rings)
			ua_progress_reliably(
			    u, d, v == DO_RING_RELIABLY ? 180 : 183, v == DO_PROGRESS_RELIABLY);
		break;
	case DO_ANSWER:
		if (rings)
			ua_answer(u, d);
		break;
	case DO_REFUSE:
		if (rings)
			ua_refuse(u, d, arg);
		break;
	case DO_BYE:
		if (may_bye(d))
			ua_bye(u, d);
		break;
	case DO_REINVITE:
	case DO_REINVITE_EMPTY:
	case DO_UPDATE:
	case DO_UPDATE_EMPTY:
		offer(u, d, v);
		break;
	case DO_REFER:
		if (d->state == UA_UP && d->to_ack == NULL && !d->bye_wanted)
			ua_refer(u, d);
		break;
	case DO_INFO:
	case DO_OPTIONS:
		if (d->state == UA_UP)
			ua_ask(u, d, v == DO_INFO ? "INFO" : "OPTIONS", false);
		break;
	case DO_DIAL:
	case DO_DIAL_EMPTY:
	case DO_HANGUP:
	case DO_N_VERBS:
		break;
	}
}

void
ua_do(struct ua *u, enum race_verb v, unsigned arg)
{
	struct ua_dialog *d;

	if (v == DO_DIAL || v == DO_DIAL_EMPTY) {
		dial(u, v == DO_DIAL);
		return;
	}
	d = dialog_in_hand(u);
	if (d != NULL)
		in_dialog(u, d, v, arg);
}

void
ua_leave(struct ua *u)
{
	for (unsigned i = 0; i < u->n_dialogs; i++) {
		struct ua_dialog *d = &u->dialogs[i];

		if (d->state == UA_UP)
			ua_bye(u, d);
		else if (d->state != UA_OVER && d->out != NULL)
			ua_cancel(u, d->out);
		else if (ua_rings(d))
			ua_refuse(u, d, 480);
	}
}

/* --- what it hears ------------------------------------------------------------------------------*/

void
ua_receive(struct ua *u, const char *text)
{
	struct race_msg m;
	struct ua_txn *t;

	if (!race_read(text, &m)) {
		race_fail("%c cannot read:\n%s", race_names[u->who], text);
		return;
	}
	if (m.request) {
		ua_take_request(u, &m);
		return;
	}
	t = ua_txn_find(u, m.method, m.branch, true);
	if (t == NULL)
		race_fail("%c: an answer to nothing:\n%s", race_names[u->who], text);
	else
		ua_take_response(u, t, &m);
}

/* --- time ---------------------------------------------------------------------------------------*/

static void
sooner(uint64_t *due, uint64_t ms)
{
	if (ms != 0 && ms < *due)
		*due = ms;
}

uint64_t
ua_due_ms(const struct ua *u)
{
	uint64_t due = UINT64_MAX;

	for (unsigned i = 0; i < u->n_txns; i++) {
		sooner(&due, u->txns[i].resend_ms);
		sooner(&due, u->txns[i].give_up_ms);
	}
	for (unsigned i = 0; i < u->n_dialogs; i++) {
		sooner(&due, u->dialogs[i].reliable.resend_ms);
		sooner(&due, u->dialogs[i].reliable.give_up_ms);
		sooner(&due, u->dialogs[i].trying_ms);
		sooner(&due, u->dialogs[i].ack_ms);
		sooner(&due, u->dialogs[i].answer_ms);
		sooner(&due, u->dialogs[i].retry_ms);
	}
	return due;
}

static bool
take_due(uint64_t *ms)
{
	if (*ms == 0 || *ms > race->now_ms)
		return false;
	*ms = 0;
	return true;
}

void
ua_time(struct ua *u)
{
	for (unsigned i = 0; i < u->n_txns; i++)
		ua_txn_time(u, &u->txns[i]);
	for (unsigned i = 0; i < u->n_dialogs; i++) {
		struct ua_dialog *d = &u->dialogs[i];

		ua_reliable_time(u, d);
		if (take_due(&d->trying_ms) && ua_rings(d) && !d->in->provisional)
			ua_progress(u, d, 100, false);
		if (take_due(&d->ack_ms))
			ua_send_ack(u, d);
		if (take_due(&d->answer_ms) && ua_rings(d))
			ua_answer(u, d);
		if (take_due(&d->retry_ms))
			offer(u, d, DO_REINVITE);
	}
}

/* --- what it believes ---------------------------------------------------------------------------*/

void
ua_look(const struct ua *u, struct ua_view *v_r)
{
	*v_r = (struct ua_view){ .final = u->final };
	for (unsigned i = 0; i < u->n_txns; i++)
		v_r->busy = v_r->busy || (!u->txns[i].over && u->txns[i].d != NULL &&
					     u->txns[i].d->state >= UA_UP);
	for (unsigned i = 0; i < u->n_dialogs; i++) {
		const struct ua_dialog *d = &u->dialogs[i];

		v_r->rings = v_r->rings || (d->state < UA_UP && (d->out != NULL || d->in != NULL));
		if (d->state != UA_UP)
			continue;
		v_r->talks++;
		v_r->local = d->local_sdp;
		v_r->remote = d->remote_sdp;
	}
}
