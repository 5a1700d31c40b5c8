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

static struct ua_dialog *
dialog_in_hand(struct ua *u)
{
	for (unsigned i = 0; i < u->n_dialogs; i++)
		if (u->dialogs[i].state != UA_OVER)
			return &u->dialogs[i];
	return NULL;
}

static bool
rings(const struct ua_dialog *d)
{
	return d->state == UA_EARLY && ua_rings(d);
}

static bool
is_about_ringing(enum race_verb v)
{
	return v == DO_RING || v == DO_PROGRESS || v == DO_RING_RELIABLY ||
	       v == DO_PROGRESS_RELIABLY || v == DO_ANSWER || v == DO_REFUSE || v == DO_FORK;
}

/* The one that the script names; else what rings is answered, what calls is cancelled. */
static struct ua_dialog *
dialog_for(struct ua *u, enum race_verb v, unsigned arg)
{
	if (v != DO_REFUSE && arg > 0)
		return arg <= u->n_dialogs && u->dialogs[arg - 1].state != UA_OVER
			   ? &u->dialogs[arg - 1]
			   : NULL;
	for (unsigned i = 0; i < u->n_dialogs; i++) {
		struct ua_dialog *d = &u->dialogs[i];

		if (is_about_ringing(v) ? rings(d) : v == DO_CANCEL && d->out != NULL)
			return d;
	}
	return dialog_in_hand(u);
}

/* A second call beside one that is up. */
static bool
may_consult(struct ua *u)
{
	const struct ua_dialog *d = dialog_in_hand(u);

	return d != NULL && d == &u->dialogs[u->n_dialogs - 1] && d->state == UA_UP;
}

static void
call(struct ua *u, enum race_verb v, unsigned arg)
{
	if (v == DO_CONSULT && may_consult(u))
		ua_call(u, "carol", true, "");
	else if (v == DO_REPLACE && dialog_in_hand(u) == NULL)
		ua_replace(u, arg < RACE_PHONES && arg > 0 ? arg : 1);
	else if (v < DO_CONSULT && u->n_dialogs == 0)
		ua_call(u, "bob", v == DO_DIAL, "");
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
	bool is_called = rings(d);

	switch (v) {
	case DO_CANCEL:
		if (d->out != NULL)
			ua_cancel(u, d->out);
		break;
	case DO_RING:
	case DO_PROGRESS:
		if (is_called)
			ua_progress(u, d, v == DO_RING ? 180 : 183, v == DO_PROGRESS);
		break;
	case DO_RING_RELIABLY:
	case DO_PROGRESS_RELIABLY:
		if (is_called)
			ua_progress_reliably(
			    u, d, v == DO_RING_RELIABLY ? 180 : 183, v == DO_PROGRESS_RELIABLY);
		break;
	case DO_FORK:
		if (is_called)
			ua_fork(u, d);
		break;
	case DO_ANSWER:
		if (is_called)
			ua_answer(u, d);
		break;
	case DO_REFUSE:
		if (is_called)
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
	case DO_REFER_REPLACES:
		if (d->state == UA_UP && d->to_ack == NULL && !d->bye_wanted)
			(v == DO_REFER ? ua_refer : ua_refer_replaces)(u, d);
		break;
	case DO_INFO:
	case DO_OPTIONS:
		if (d->state == UA_UP)
			ua_ask(u, d, v == DO_INFO ? "INFO" : "OPTIONS", false);
		break;
	case DO_DIAL:
	case DO_DIAL_EMPTY:
	case DO_CONSULT:
	case DO_REPLACE:
	case DO_HANGUP:
	case DO_N_VERBS:
		break;
	}
}

void
ua_do(struct ua *u, enum race_verb v, unsigned arg)
{
	struct ua_dialog *d;

	if (v <= DO_REPLACE) {
		call(u, v, arg);
		return;
	}
	d = dialog_for(u, v, arg);
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
		sooner(&due, u->dialogs[i].lost_ms);
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
		ua_fork_time(u, d);
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
	*v_r = (struct ua_view){ 0 };
	for (unsigned i = 0; i < u->n_txns; i++)
		v_r->busy = v_r->busy || (!u->txns[i].over && u->txns[i].d != NULL &&
					     u->txns[i].d->state >= UA_UP);
	for (unsigned i = 0; i < u->n_dialogs; i++) {
		const struct ua_dialog *d = &u->dialogs[i];

		v_r->rings = v_r->rings || (d->state < UA_UP && (d->out != NULL || d->in != NULL));
		if (d->state != UA_UP)
			continue;
		v_r->sessions[v_r->talks++] = (struct ua_session){ d->local_sdp, d->remote_sdp };
	}
}

bool
ua_dialog_name(const struct ua *u, char *to, size_t cap)
{
	for (unsigned i = 0; i < u->n_dialogs; i++) {
		const struct ua_dialog *d = &u->dialogs[i];

		if (d->state == UA_OVER || d->remote_tag[0] == '\0')
			continue;
		snprintf(
		    to, cap, "%s;to-tag=%s;from-tag=%s", d->call_id, d->remote_tag, d->local_tag);
		return true;
	}
	return false;
}
