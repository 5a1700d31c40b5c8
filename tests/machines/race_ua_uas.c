/* What a phone is asked, and how it answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "race_ua.h"

enum { LATE_MS = 60, TRYING_MS = 200 };

bool
ua_rings(const struct ua_dialog *d)
{
	return d->in != NULL && d->in->status == 0;
}

static void
respond(struct ua *u, struct ua_txn *t, unsigned status, const char *body)
{
	ua_txn_respond(u, t, status,
	    ua_response(u, t->request, status, t->d == NULL ? "stray" : t->d->local_tag, body));
}

static struct ua_txn *
txn_of(struct ua *u, struct ua_dialog *d, const struct race_msg *m)
{
	struct ua_txn *t = ua_txn_new(u, d, m->method, false);

	snprintf(t->branch, sizeof(t->branch), "%s", m->branch);
	t->cseq = m->cseq;
	t->request = m->text;
	return t;
}

static void
answer_once(struct ua *u, struct ua_dialog *d, const struct race_msg *m, unsigned status)
{
	respond(u, txn_of(u, d, m), status, "");
}

/* --- answers of an INVITE -----------------------------------------------------------------------*/

void
ua_progress(struct ua *u, struct ua_dialog *d, unsigned status, bool sdp)
{
	if (sdp && d->early_body == NULL && d->offer == UA_ASKED)
		d->early_body = ua_body(u, d, &d->remote_offer);
	respond(u, d->in, status, sdp && d->early_body != NULL ? d->early_body : "");
}

void
ua_answer(struct ua *u, struct ua_dialog *d)
{
	const char *body = d->early_body;

	d->answer_ms = 0;
	if (ua_waits_for_prack(d)) {
		d->answer_wanted = true;
		return;
	}
	ua_reliable_over(d);
	ua_fork_won(u, d);
	if (d->in->negotiated) {
		d->state = UA_UP;
		respond(u, d->in, 200, "");
		return;
	}
	if (body == NULL)
		body = ua_body(u, d, d->offer == UA_ASKED ? &d->remote_offer : NULL);
	d->early_body = NULL;
	if (d->offer == UA_ASKED) {
		race_sdp_read(body, &d->local_sdp);
		d->remote_sdp = d->remote_offer;
		d->offer = UA_STABLE;
	} else { /* we were asked for an offer; the ACK answers it */
		race_sdp_read(body, &d->local_offer);
		d->offer = UA_OFFERED;
		d->in->offered = true;
	}
	d->state = UA_UP;
	respond(u, d->in, 200, body);
}

void
ua_refuse(struct ua *u, struct ua_dialog *d, unsigned status)
{
	struct ua_txn *t = d->in;

	d->in = NULL;
	d->answer_ms = 0;
	ua_reliable_over(d);
	if (d->offer == UA_ASKED)
		d->offer = UA_STABLE;
	if (d->state != UA_UP)
		d->state = UA_OVER;
	if (ua_fork_lost(u, d))
		respond(u, t, status, "");
	else
		t->over = true;
}

/* --- INVITE -------------------------------------------------------------------------------------*/

static void
untagged(const char *value, char *to, size_t cap)
{
	snprintf(to, cap, "%.*s", (int)strcspn(value, ";"), value);
}

static struct ua_dialog *
dialog_of_invite(struct ua *u, const struct race_msg *m)
{
	struct ua_dialog *d;

	for (unsigned i = 0; i < u->n_dialogs; i++)
		if (strcmp(u->dialogs[i].call_id, m->call_id) == 0)
			return NULL; /* it has come another way already */
	if (u->n_dialogs == UA_DIALOGS)
		return NULL;
	d = &u->dialogs[u->n_dialogs++];
	snprintf(d->call_id, sizeof(d->call_id), "%s", m->call_id);
	untagged(m->to, d->local, sizeof(d->local));
	untagged(m->from, d->remote, sizeof(d->remote));
	snprintf(d->remote_tag, sizeof(d->remote_tag), "%s", m->from_tag);
	snprintf(d->target, sizeof(d->target), "%s", m->contact);
	ua_new_name(u, "tag", d->local_tag, sizeof(d->local_tag));
	d->remote_cseq = m->cseq;
	d->state = UA_EARLY;
	return d;
}

static void
take_offer(struct ua_dialog *d, const struct race_msg *m)
{
	struct race_sdp s;

	race_sdp_read(m->body, &s);
	if (!s.there)
		return;
	d->remote_offer = s;
	d->offer = UA_ASKED;
}

static void
first_invite(struct ua *u, const struct race_msg *m)
{
	struct ua_dialog *d = dialog_of_invite(u, m);

	if (d == NULL) {
		answer_once(u, NULL, m, 482);
		return;
	}
	d->in = txn_of(u, d, m);
	take_offer(d, m);
	/* At once, or when nothing else was said for so long (17.2.1). */
	d->trying_ms = race->now_ms + (u->habits & HABIT_NO_100 ? TRYING_MS : 0);
	ua_time(u);
}

/* Two at once are refused (14.2). */
static unsigned
crossing(const struct ua_dialog *d)
{
	if (d->out != NULL || d->offer == UA_OFFERED)
		return 491;
	return ua_rings(d) || d->offer == UA_ASKED ? 500 : 0;
}

static void
later_invite(struct ua *u, struct ua_dialog *d, const struct race_msg *m)
{
	unsigned no = crossing(d);

	if (no == 0 && u->habits & HABIT_REFUSES_OFFERS)
		no = 488;
	if (no != 0) {
		answer_once(u, d, m, no);
		return;
	}
	if (m->contact[0] != '\0')
		snprintf(d->target, sizeof(d->target), "%s", m->contact);
	d->in = txn_of(u, d, m);
	take_offer(d, m);
	if (u->habits & HABIT_ANSWERS_LATE) {
		respond(u, d->in, 100, "");
		d->answer_ms = race->now_ms + LATE_MS;
	} else {
		ua_answer(u, d);
	}
}

static void
take_ack(struct ua *u, const struct race_msg *m)
{
	struct ua_txn *t = NULL;
	struct race_sdp s;

	for (unsigned i = 0; i < u->n_txns && t == NULL; i++)
		if (!u->txns[i].client && u->txns[i].invite && u->txns[i].cseq == m->cseq &&
		    u->txns[i].status != 0 &&
		    (u->txns[i].status < 300 ? u->txns[i].d != NULL &&
						   strcmp(u->txns[i].d->call_id, m->call_id) == 0 &&
						   strcmp(u->txns[i].d->local_tag, m->to_tag) == 0
					     : strcmp(u->txns[i].branch, m->branch) == 0))
			t = &u->txns[i];
	if (t == NULL) {
		race_fail("%c: an ACK %u for nothing", race_names[u->who], m->cseq);
		return;
	}
	if (t->acked)
		return;
	t->acked = t->over = true;
	t->resend_ms = t->give_up_ms = 0;
	if (t->status >= 300 || t->d->in != t)
		return;
	t->d->in = NULL;
	race_sdp_read(m->body, &s);
	if (t->offered && t->d->offer == UA_OFFERED) {
		t->d->offer = UA_STABLE;
		if (s.there) {
			t->d->local_sdp = t->d->local_offer;
			t->d->remote_sdp = s;
		}
	}
	if (t->d->bye_wanted) {
		t->d->bye_wanted = false;
		ua_bye(u, t->d);
	}
}

/* --- the rest -----------------------------------------------------------------------------------*/

static void
take_cancel(struct ua *u, const struct race_msg *m)
{
	struct ua_txn *t = ua_txn_find(u, "INVITE", m->branch, false);
	struct ua_dialog *d = t == NULL ? NULL : t->d;

	answer_once(u, d, m, t == NULL ? 481 : 200);
	d = d == NULL ? NULL : ua_fork_cancel(u, d);
	if (d != NULL)
		ua_refuse(u, d, 487);
}

static void
take_bye(struct ua *u, struct ua_dialog *d, const struct race_msg *m)
{
	answer_once(u, d, m, 200);
	d->retry_ms = 0;
	d->bye_wanted = false;
	if (ua_rings(d))
		ua_refuse(u, d, 487);
	if (d->in != NULL) { /* its ACK does not come any more, or may have been lost */
		d->in->resend_ms = d->in->give_up_ms = 0;
		d->in->over = true;
		d->in = NULL;
	}
	d->state = UA_OVER;
}

static void
take_update(struct ua *u, struct ua_dialog *d, const struct race_msg *m)
{
	struct ua_txn *t = txn_of(u, d, m);
	const char *body = "";
	struct race_sdp s;

	race_sdp_read(m->body, &s);
	if (s.there && d->offer != UA_STABLE) {
		respond(u, t, d->offer == UA_OFFERED ? 491 : 500, "");
		return;
	}
	if (s.there && u->habits & HABIT_REFUSES_OFFERS) {
		respond(u, t, 488, "");
		return;
	}
	if (m->contact[0] != '\0')
		snprintf(d->target, sizeof(d->target), "%s", m->contact);
	if (s.there) {
		body = ua_body(u, d, &s);
		d->remote_sdp = s;
		race_sdp_read(body, &d->local_sdp);
	}
	respond(u, t, 200, body);
}

/* RFC 3515 2.4.4; it may come after our BYE (RFC 5057 4.2). */
static void
take_notify(struct ua *u, struct ua_dialog *d, const struct race_msg *m)
{
	char state[64];

	answer_once(u, d, m, d->referring ? 200 : 481);
	race_header(m->text, "Subscription-State", state, sizeof(state));
	if (strncmp(state, "terminated", 10) == 0)
		d->referring = false;
}

static bool
is_for(const struct ua_dialog *d, const struct race_msg *m)
{
	return strcmp(d->call_id, m->call_id) == 0 && strcmp(d->local_tag, m->to_tag) == 0 &&
	       (d->state != UA_OVER || (d->referring && strcmp(m->method, "NOTIFY") == 0));
}

static void
in_dialog(struct ua *u, struct ua_dialog *d, const struct race_msg *m)
{
	if (m->cseq <= d->remote_cseq) {
		answer_once(u, d, m, 500);
		return;
	}
	d->remote_cseq = m->cseq;
	if (strcmp(m->method, "BYE") == 0)
		take_bye(u, d, m);
	else if (strcmp(m->method, "INVITE") == 0)
		later_invite(u, d, m);
	else if (strcmp(m->method, "UPDATE") == 0)
		take_update(u, d, m);
	else if (strcmp(m->method, "NOTIFY") == 0)
		take_notify(u, d, m);
	else if (strcmp(m->method, "PRACK") == 0)
		ua_take_prack(u, d, m, txn_of(u, d, m));
	else
		answer_once(u, d, m, 200);
}

void
ua_take_request(struct ua *u, const struct race_msg *m)
{
	struct ua_txn *t = ua_txn_find(u, m->method, m->branch, false);

	if (strcmp(m->method, "ACK") == 0) {
		take_ack(u, m);
		return;
	}
	if (t != NULL) { /* again; after the ACK of a refusal it is absorbed */
		if (t->last != NULL && !(t->invite && t->acked))
			net_send(u->who, t->last);
		return;
	}
	if (strcmp(m->method, "CANCEL") == 0) {
		take_cancel(u, m);
		return;
	}
	if (m->to_tag[0] == '\0' && strcmp(m->method, "INVITE") == 0) {
		first_invite(u, m);
		return;
	}
	for (unsigned i = 0; i < u->n_dialogs; i++) {
		struct ua_dialog *d = &u->dialogs[i];

		if (is_for(d, m)) {
			in_dialog(u, d, m);
			return;
		}
	}
	answer_once(u, NULL, m, 481);
}
