/* A phone's transactions over UDP: what is repeated, and until when (RFC 3261 17, RFC 6026). */
#include <stdio.h>
#include <string.h>

#include "race_ua.h"

struct ua_txn *
ua_txn_new(struct ua *u, struct ua_dialog *d, const char *method, bool client)
{
	static struct ua_txn none;
	struct ua_txn *t;

	if (u->n_txns == UA_TXNS) {
		race_fail("%c has too many transactions", race_names[u->who]);
		return &none;
	}
	t = &u->txns[u->n_txns++];
	snprintf(t->method, sizeof(t->method), "%s", method);
	t->client = client;
	t->invite = strcmp(method, "INVITE") == 0;
	t->d = d;
	return t;
}

struct ua_txn *
ua_txn_find(struct ua *u, const char *method, const char *branch, bool client)
{
	for (unsigned i = 0; i < u->n_txns; i++) {
		struct ua_txn *t = &u->txns[i];

		if (t->client == client && strcmp(t->branch, branch) == 0 &&
		    strcmp(t->method, method) == 0)
			return t;
	}
	return NULL;
}

void
ua_txn_send(struct ua *u, struct ua_txn *t, const char *request)
{
	t->request = t->last = request;
	t->interval_ms = RACE_T1_MS;
	t->resend_ms = race->now_ms + RACE_T1_MS;
	t->give_up_ms = race->now_ms + 64 * RACE_T1_MS;
	net_send(u->who, request);
}

void
ua_txn_respond(struct ua *u, struct ua_txn *t, unsigned status, const char *text)
{
	t->last = text;
	if (status < 200) {
		t->provisional = true;
	} else {
		t->status = status;
		t->over = !t->invite;
		if (t->invite) { /* repeated until its ACK comes */
			t->interval_ms = RACE_T1_MS;
			t->resend_ms = race->now_ms + RACE_T1_MS;
			t->give_up_ms = race->now_ms + 64 * RACE_T1_MS;
		}
	}
	net_send(u->who, text);
}

/* The caller acknowledges nothing, and with him goes the answer to an offer in our 2xx (13.3.1.4). */
static bool
is_left_open(const struct ua_txn *t)
{
	return race->script->habits[0] & HABIT_NEVER_ACKS && t->d != NULL && !t->client &&
	       t->status < 300;
}

static void
gave_up(struct ua *u, struct ua_txn *t)
{
	struct ua_dialog *d = t->d;

	t->over = true;
	t->resend_ms = t->give_up_ms = 0;
	if (is_left_open(t)) {
		d->in = d->in == t ? NULL : d->in;
		ua_bye(u, d);
		return;
	}
	race_fail("%c: %s %u was never %s", race_names[u->who], t->method, t->cseq,
	    t->client ? "answered" : "acknowledged");
	if (d == NULL)
		return;
	if (d->in == t)
		d->in = NULL;
	if (d->out == t)
		d->out = NULL;
	d->state = UA_OVER;
}

void
ua_txn_time(struct ua *u, struct ua_txn *t)
{
	if (t->give_up_ms != 0 && t->give_up_ms <= race->now_ms) {
		gave_up(u, t);
		return;
	}
	if (t->resend_ms == 0 || t->resend_ms > race->now_ms)
		return;
	/* Timer A doubles without end; E, G and that of a 2xx up to T2. */
	t->interval_ms *= 2;
	if (!(t->client && t->invite) && t->interval_ms > RACE_T2_MS)
		t->interval_ms = RACE_T2_MS;
	if (t->client && !t->invite && t->provisional)
		t->interval_ms = RACE_T2_MS;
	t->resend_ms = race->now_ms + t->interval_ms;
	net_send(u->who, t->last);
}
