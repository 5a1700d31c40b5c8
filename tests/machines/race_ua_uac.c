/* What a phone asks, and what it makes of the answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "race_ua.h"

/* --- asking -------------------------------------------------------------------------------------*/

void
ua_ask_with(struct ua *u, struct ua_dialog *d, const char *method, bool offer, const char *more)
{
	struct ua_txn *t = ua_txn_new(u, d, method, true);
	const char *body = offer ? ua_body(u, d, NULL) : "";

	ua_new_name(u, "z9hG4bK", t->branch, sizeof(t->branch));
	t->cseq = ++d->local_cseq;
	t->offered = offer;
	if (offer) {
		race_sdp_read(body, &d->local_offer);
		d->offer = UA_OFFERED;
	}
	if (t->invite)
		d->out = t;
	ua_txn_send(u, t, ua_request_with(u, d, method, t->cseq, t->branch, more, body));
}

void
ua_ask(struct ua *u, struct ua_dialog *d, const char *method, bool offer)
{
	ua_ask_with(u, d, method, offer, "");
}

/* Not before the first 1xx (9.1). */
void
ua_cancel(struct ua *u, struct ua_txn *t)
{
	struct ua_txn *c;

	if (t->status != 0 || t->cancelled)
		return;
	if (!t->provisional) {
		t->cancel_wanted = true;
		return;
	}
	t->cancelled = true;
	c = ua_txn_new(u, t->d, "CANCEL", true);
	snprintf(c->branch, sizeof(c->branch), "%s", t->branch);
	c->cseq = t->cseq;
	ua_txn_send(u, c, ua_hop_request(t, "CANCEL", NULL));
	/* What was cancelled is over soon, or it never will be (9.1). */
	t->give_up_ms = race->now_ms + 64 * RACE_T1_MS;
}

void
ua_bye(struct ua *u, struct ua_dialog *d)
{
	if (d->state == UA_OVER)
		return;
	/* Not before the ACK of our 2xx (15). */
	if (d->in != NULL && d->in->status >= 200) {
		d->bye_wanted = true;
		return;
	}
	d->retry_ms = d->answer_ms = 0;
	d->state = UA_OVER;
	if (d->in != NULL)
		ua_refuse(u, d, 487);
	ua_ask(u, d, "BYE", false);
}

/* --- answers to an INVITE -----------------------------------------------------------------------*/

void
ua_send_ack(struct ua *u, struct ua_dialog *d)
{
	struct ua_txn *t = d->to_ack;
	struct ua_txn ack = { 0 };
	const char *body = "";

	d->ack_ms = 0;
	d->to_ack = NULL;
	if (d->offer == UA_ASKED) {
		body = ua_body(u, d, &d->remote_offer);
		race_sdp_read(body, &d->local_sdp);
		d->remote_sdp = d->remote_offer;
		d->offer = UA_STABLE;
	}
	ua_new_name(u, "z9hG4bK", ack.branch, sizeof(ack.branch));
	t->ack = ua_request(u, d, "ACK", t->cseq, ack.branch, body);
	net_send(u->who, t->ack);
	if (d->bye_wanted) {
		d->bye_wanted = false;
		ua_bye(u, d);
	}
}

static void
take_session(struct ua *u, struct ua_dialog *d, const struct ua_txn *t, const struct race_msg *m)
{
	struct race_sdp s;

	race_sdp_read(m->body, &s);
	if (t->negotiated)
		return;
	if (d->offer == UA_OFFERED && t->offered) {
		d->offer = UA_STABLE;
		if (!s.there) {
			race_fail("%c: a 2xx without the answer", race_names[u->who]);
			return;
		}
		d->local_sdp = d->local_offer;
		d->remote_sdp = s;
	} else if (t->invite && !t->offered) {
		if (!s.there)
			race_fail("%c: a 2xx without an offer", race_names[u->who]);
		d->remote_offer = s;
		d->offer = UA_ASKED;
	}
}

static void
invite_accepted(struct ua *u, struct ua_txn *t, const struct race_msg *m)
{
	struct ua_dialog *d = t->d;
	bool unwanted =
	    d->state == UA_OVER || (d->state != UA_UP && t->cancelled) || t->cancel_wanted;

	d->out = NULL;
	snprintf(d->remote_tag, sizeof(d->remote_tag), "%s", m->to_tag);
	if (m->contact[0] != '\0')
		snprintf(d->target, sizeof(d->target), "%s", m->contact);
	take_session(u, d, t, m);
	if (u->habits & HABIT_NEVER_ACKS) {
		d->state = d->state == UA_OVER ? UA_OVER : UA_UP;
		d->to_ack = t;
		return;
	}
	d->state = UA_UP;
	d->to_ack = t;
	d->bye_wanted = d->bye_wanted || unwanted;
	if (u->habits & HABIT_ACKS_LATE)
		d->ack_ms = race->now_ms + 60;
	else
		ua_send_ack(u, d);
}

/* A refused re-INVITE leaves all as it was; after 491 it is tried again, later on the side that made the
 * call (14.1). 408 and 481 end the dialog (12.2.1.2). */
static void
offer_refused(struct ua *u, struct ua_txn *t)
{
	struct ua_dialog *d = t->d;

	if (t->offered)
		d->offer = UA_STABLE;
	if (d->state != UA_UP)
		return;
	if (t->status == 491)
		d->retry_ms =
		    race->now_ms + (d->uac ? 2100 + race_below(1900) : 1 + race_below(2000));
	else if (t->status == 408 || t->status == 481)
		ua_bye(u, d);
}

static void
invite_refused(struct ua *u, struct ua_txn *t, const struct race_msg *m)
{
	t->ack = ua_hop_request(t, "ACK", m->to);
	net_send(u->who, t->ack);
	t->d->out = NULL;
	if (t->d->state == UA_CALLING || t->d->state == UA_EARLY)
		t->d->state = UA_OVER;
	else
		offer_refused(u, t);
}

static void
invite_progresses(struct ua *u, struct ua_txn *t, const struct race_msg *m)
{
	struct ua_dialog *d = t->d;

	if (t->status != 0)
		return;
	t->provisional = true;
	t->resend_ms = 0;
	if (!t->cancelled)
		t->give_up_ms = 0;
	if (!ua_prack(u, t, m))
		return;
	if (m->to_tag[0] != '\0' && d->state == UA_CALLING) {
		d->state = UA_EARLY;
		snprintf(d->remote_tag, sizeof(d->remote_tag), "%s", m->to_tag);
		if (m->contact[0] != '\0')
			snprintf(d->target, sizeof(d->target), "%s", m->contact);
	}
	if (t->cancel_wanted) {
		t->cancel_wanted = false;
		ua_cancel(u, t);
	}
}

static void
invite_answered(struct ua *u, struct ua_txn *t, const struct race_msg *m)
{
	if (m->status < 200) {
		invite_progresses(u, t, m);
		return;
	}
	if (t->status != 0) { /* again: so did its ACK get lost */
		if ((t->status < 300) != (m->status < 300))
			race_fail("%c: INVITE %u was answered by %u, then by %u",
			    race_names[u->who], t->cseq, t->status, m->status);
		else if (t->ack != NULL)
			net_send(u->who, t->ack);
		return;
	}
	t->status = m->status;
	t->over = true;
	t->resend_ms = t->give_up_ms = 0;
	if (m->status < 300)
		invite_accepted(u, t, m);
	else
		invite_refused(u, t, m);
}

/* --- answers to the rest ------------------------------------------------------------------------*/

static void
update_answered(struct ua *u, struct ua_txn *t, const struct race_msg *m)
{
	struct ua_dialog *d = t->d;

	if (m->status >= 300) {
		offer_refused(u, t);
		return;
	}
	if (m->contact[0] != '\0')
		snprintf(d->target, sizeof(d->target), "%s", m->contact);
	take_session(u, d, t, m);
}

void
ua_take_response(struct ua *u, struct ua_txn *t, const struct race_msg *m)
{
	if (m->cseq != t->cseq)
		race_fail("%c: the answer to %s %u bears %u", race_names[u->who], t->method,
		    t->cseq, m->cseq);
	if (t->invite) {
		invite_answered(u, t, m);
		return;
	}
	if (m->status < 200) {
		t->provisional = true;
		return;
	}
	if (t->status != 0)
		return;
	t->status = m->status;
	t->over = true;
	t->resend_ms = t->give_up_ms = 0;
	if (strcmp(t->method, "UPDATE") == 0)
		update_answered(u, t, m);
	else if (strcmp(t->method, "REFER") == 0 && m->status >= 300)
		t->d->referring = false;
}
