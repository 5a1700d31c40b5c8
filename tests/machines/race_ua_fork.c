/*
 * Several early dialogs of one INVITE (RFC 3261 12.1, 16.7): a proxy behind a phone's address has forked it.
 * Each of those phones has its To tag. All 2xx reach the worker; of the refusals one, when all have refused.
 */
#include <stdio.h>
#include <string.h>

#include "race_ua.h"

enum { CANCELLED_MS = 30 };

static struct ua_dialog *
next(struct ua *u, const struct ua_dialog *d, unsigned *i)
{
	while (*i < u->n_dialogs) {
		struct ua_dialog *o = &u->dialogs[(*i)++];

		if (o != d && o->fork != NULL && o->fork == d->fork)
			return o;
	}
	return NULL;
}

void
ua_fork(struct ua *u, struct ua_dialog *d)
{
	struct ua_dialog *o = &u->dialogs[u->n_dialogs];
	struct ua_txn *t;
	struct race_msg m;

	if (u->n_dialogs == UA_DIALOGS || d->lost_ms != 0)
		return;
	u->n_dialogs++;
	d->fork = d->fork != NULL ? d->fork : d;
	race_read(d->in->request, &m);
	memcpy(o->call_id, d->call_id, sizeof(o->call_id));
	memcpy(o->local, d->local, sizeof(o->local));
	memcpy(o->remote, d->remote, sizeof(o->remote));
	memcpy(o->remote_tag, d->remote_tag, sizeof(o->remote_tag));
	snprintf(o->target, sizeof(o->target), "%s", m.contact);
	ua_new_name(u, "tag", o->local_tag, sizeof(o->local_tag));
	o->fork = d->fork;
	o->remote_cseq = m.cseq;
	o->state = UA_EARLY;
	t = o->in = ua_txn_new(u, o, "INVITE", false);
	memcpy(t->branch, d->in->branch, sizeof(t->branch));
	t->cseq = m.cseq;
	t->request = d->in->request;
	race_sdp_read(m.body, &o->remote_offer);
	o->offer = o->remote_offer.there ? UA_ASKED : UA_STABLE;
}

void
ua_fork_won(struct ua *u, struct ua_dialog *d)
{
	struct ua_dialog *o;

	if (d->fork == NULL || d->state == UA_UP)
		return;
	d->has_won = true;
	d->lost_ms = 0;
	for (unsigned i = 0; (o = next(u, d, &i)) != NULL;)
		if (o->state == UA_EARLY && o->lost_ms == 0)
			o->lost_ms = race->now_ms + CANCELLED_MS;
}

bool
ua_fork_lost(struct ua *u, struct ua_dialog *d)
{
	struct ua_dialog *o;

	d->lost_ms = 0;
	if (d->fork == NULL || d->state == UA_UP)
		return true;
	for (unsigned i = 0; (o = next(u, d, &i)) != NULL;)
		if (o->state == UA_EARLY || o->has_won)
			return false;
	return true;
}

struct ua_dialog *
ua_fork_cancel(struct ua *u, struct ua_dialog *d)
{
	struct ua_dialog *o, *last = d->state == UA_EARLY && ua_rings(d) ? d : NULL;

	if (d->fork == NULL)
		return ua_rings(d) ? d : NULL;
	for (unsigned i = 0; (o = next(u, d, &i)) != NULL;) {
		if (o->state != UA_EARLY || !ua_rings(o))
			continue;
		if (last != NULL)
			ua_refuse(u, last, 487);
		last = o;
	}
	return last;
}

void
ua_fork_time(struct ua *u, struct ua_dialog *d)
{
	if (d->lost_ms == 0 || d->lost_ms > race->now_ms)
		return;
	d->lost_ms = 0;
	if (d->state == UA_EARLY && ua_rings(d))
		ua_refuse(u, d, 487);
}
