/*
 * The referee stands where the worker stands: it hears what reached it and sees what it sends, in that
 * order, so whatever the network did, it knows whether a message is lawful. The rules are at rules().
 */
#include "race_referee.h"

#include <stdio.h>
#include <string.h>

struct referee *
referee_new(void)
{
	return race_take(sizeof(struct referee));
}

static struct ref_dialog *
new_dialog(unsigned who, const char *call_id, const char *peer_tag)
{
	struct referee *r = race->referee;
	struct ref_dialog *d;

	if (r->n_dialogs == REF_DIALOGS) {
		race_fail("more dialogs than the referee keeps");
		return &r->dialogs[0];
	}
	d = &r->dialogs[r->n_dialogs++];
	d->who = who;
	snprintf(d->call_id, sizeof(d->call_id), "%s", call_id);
	snprintf(d->peer_tag, sizeof(d->peer_tag), "%s", peer_tag);
	return d;
}

struct ref_dialog *
ref_dialog(unsigned who, const char *call_id, const char *peer_tag)
{
	struct referee *r = race->referee;
	struct ref_dialog *d, *some = NULL;

	for (unsigned i = 0; i < r->n_dialogs; i++) {
		d = &r->dialogs[i];
		if (d->who != who || strcmp(d->call_id, call_id) != 0)
			continue;
		if (peer_tag[0] == '\0' || strcmp(d->peer_tag, peer_tag) == 0)
			return d;
		some = some == NULL ? d : some;
	}
	if (some == NULL)
		return new_dialog(who, call_id, peer_tag);
	if (some->peer_tag[0] == '\0') {
		snprintf(some->peer_tag, sizeof(some->peer_tag), "%s", peer_tag);
		return some;
	}
	d = new_dialog(who, call_id, peer_tag);
	d->cseq = some->first_cseq;
	d->sdp = d->first_sdp = some->first_sdp;
	d->first_cseq = some->first_cseq;
	return d;
}

bool
ref_concerns(const struct ref_txn *t, const struct ref_dialog *d)
{
	return t->d == d || (t->ours && t->first && t->final == 0 && t->d->who == d->who &&
				strcmp(t->d->call_id, d->call_id) == 0);
}

struct ref_txn *
ref_find(unsigned who, bool ours, const char *method, const char *branch)
{
	struct referee *r = race->referee;

	for (unsigned i = 0; i < r->n_txns; i++) {
		struct ref_txn *t = &r->txns[i];

		if (t->ours == ours && t->d->who == who && strcmp(t->branch, branch) == 0 &&
		    strcmp(t->method, method) == 0)
			return t;
	}
	return NULL;
}

struct ref_txn *
ref_new(unsigned who, bool ours, const struct race_msg *m)
{
	struct referee *r = race->referee;
	struct race_sdp s;
	struct ref_txn *t;

	if (r->n_txns == REF_TXNS) {
		race_fail("more transactions than the referee keeps");
		return &r->txns[0];
	}
	race_sdp_read(m->body, &s);
	t = &r->txns[r->n_txns++];
	t->ours = ours;
	t->d = ref_dialog(who, m->call_id, ours ? m->to_tag : m->from_tag);
	t->cseq = m->cseq;
	t->request = m->text;
	t->offered = s.there;
	t->first = m->to_tag[0] == '\0';
	t->at_ms = race->now_ms;
	snprintf(t->method, sizeof(t->method), "%s", m->method);
	snprintf(t->branch, sizeof(t->branch), "%s", m->branch);
	return t;
}

/* The INVITE that an ACK or a PRACK speaks of. */
struct ref_txn *
ref_invite(struct ref_dialog *d, bool ours, unsigned cseq)
{
	struct referee *r = race->referee;

	for (unsigned i = r->n_txns; i-- > 0;) {
		struct ref_txn *t = &r->txns[i];

		if (t->ours == ours && t->cseq == cseq && strcmp(t->method, "INVITE") == 0 &&
		    ref_concerns(t, d))
			return t;
	}
	return NULL;
}

/* --- calls --------------------------------------------------------------------------------------*/

static struct referee_call *
call_of(const struct ref_txn *t, bool is_new)
{
	struct referee_facts *f = &race->referee->facts;
	static struct referee_call none;

	for (unsigned i = 0; i < f->n_calls && t->first; i++)
		if (strcmp(f->calls[i].call_id, t->d->call_id) == 0)
			return &f->calls[i];
	if (!is_new || f->n_calls == RACE_CALLS)
		return &none;
	memcpy(f->calls[f->n_calls].call_id, t->d->call_id, sizeof(t->d->call_id));
	return &f->calls[f->n_calls++];
}

void
ref_call_answered(const struct ref_txn *t)
{
	call_of(t, false)->final = t->final;
}

/* --- what reached the worker --------------------------------------------------------------------*/

static void
ended(unsigned by)
{
	struct referee_facts *f = &race->referee->facts;

	if (f->answered_ms == 0 || f->ended_ms != 0)
		return;
	f->ended_ms = race->now_ms;
	f->ended_by = by;
}

static void
heard_bye(struct ref_txn *t)
{
	struct referee *r = race->referee;
	struct referee_facts *f = &r->facts;
	bool caller = t->d->who == 0;

	if (caller && f->final == 0)
		f->cancelled = true;
	if (caller || t->d == r->called)
		ended(t->d->who);
	t->d->over = true;
}

static void
heard_prack(unsigned who, const struct race_msg *m)
{
	struct ref_txn *invite =
	    ref_invite(ref_dialog(who, m->call_id, m->from_tag), false, m->rack_cseq);

	if (invite != NULL && invite->rseq == m->rack_rseq)
		invite->pracked = m->rack_rseq;
}

static void
begun(const struct ref_txn *t)
{
	struct referee_facts *f = &race->referee->facts;

	f->invites += t->d->who == 0;
	call_of(t, true);
}

/* It stands for the ACK of what was answered before, where that had its answer (RFC 5407 3.1.4). */
static void
heard_reinvite(const struct ref_txn *invite)
{
	struct referee *r = race->referee;

	for (unsigned i = 0; i < r->n_txns; i++) {
		struct ref_txn *t = &r->txns[i];

		if (t->d == invite->d && !t->ours && t != invite && t->offered &&
		    strcmp(t->method, "INVITE") == 0 && t->final >= 200 && t->final < 300)
			t->acked = true;
	}
}

static void
heard_request(unsigned who, const struct race_msg *m)
{
	struct referee_facts *f = &race->referee->facts;
	struct ref_txn *t;

	if (strcmp(m->method, "ACK") == 0) {
		t = ref_invite(ref_dialog(who, m->call_id, m->from_tag), false, m->cseq);
		if (t == NULL || t->final == 0)
			return;
		t->acked = true;
		call_of(t, false)->acked = true;
		if (who == 0 && t->first && t->final < 300)
			f->acked = true;
		return;
	}
	if (ref_find(who, false, m->method, m->branch) != NULL)
		return;
	t = ref_new(who, false, m);
	if (strcmp(m->method, "BYE") == 0)
		heard_bye(t);
	else if (strcmp(m->method, "PRACK") == 0)
		heard_prack(who, m);
	else if (strcmp(m->method, "CANCEL") == 0 && who == 0 && f->final == 0)
		f->cancelled = true;
	else if (strcmp(m->method, "INVITE") == 0 && t->first)
		begun(t);
	else if (strcmp(m->method, "INVITE") == 0)
		heard_reinvite(t);
}

static void
heard_reliable(const struct ref_txn *t, const struct race_msg *m, bool sdp)
{
	struct ref_dialog *d = ref_dialog(t->d->who, m->call_id, m->to_tag);

	if (!m->reliable || (d->rseq != 0 && m->rseq != d->rseq + 1))
		return;
	d->rseq = m->rseq;
	d->negotiated = d->negotiated || sdp;
}

/* Another of a fork answers as well: that dialog wants its own ACK and BYE (13.2.2.4). */
static void
heard_another_2xx(const struct ref_txn *t, const struct race_msg *m)
{
	struct referee *r = race->referee;
	struct ref_dialog *d = ref_dialog(t->d->who, m->call_id, m->to_tag);

	if (m->status >= 300 || !t->first || strcmp(t->method, "INVITE") != 0 ||
	    ref_invite(d, true, m->cseq) != NULL || r->n_txns == REF_TXNS)
		return;
	r->txns[r->n_txns] = *t;
	r->txns[r->n_txns].d = d;
	r->txns[r->n_txns].acked = false;
	r->txns[r->n_txns++].final = m->status;
}

static void
heard_response(unsigned who, const struct race_msg *m)
{
	struct referee *r = race->referee;
	struct ref_txn *t = ref_find(who, true, m->method, m->branch);
	struct race_sdp s;

	if (t == NULL)
		return;
	race_sdp_read(m->body, &s);
	if (m->status < 200) {
		t->provisional = true;
		heard_reliable(t, m, s.there);
		return;
	}
	if (t->final != 0) {
		heard_another_2xx(t, m);
		return;
	}
	if (t->first && strcmp(t->method, "INVITE") == 0)
		t->d = ref_dialog(who, m->call_id, m->to_tag);
	t->final = m->status;
	t->late = t->d->over;
	t->answer = s.there;
	/* The other side has lost the dialog (12.2.1.2). */
	if (!t->first && strcmp(t->method, "BYE") != 0 && (who == 0 || t->d == r->called) &&
	    (m->status == 481 || m->status == 408))
		ended(RACE_PHONES);
	if (t->first && strcmp(t->method, "INVITE") == 0 && m->status < 300 && r->called == NULL &&
	    !r->facts.cancelled)
		r->called = t->d;
}

void
referee_heard(unsigned who, const char *text)
{
	struct race_msg m;

	if (!race_read(text, &m)) {
		race_fail("a phone wrote:\n%s", text);
		return;
	}
	if (m.request)
		heard_request(who, &m);
	else
		heard_response(who, &m);
}

void
referee_hangup(void)
{
	ended(RACE_OPERATOR);
}

/* --- the end ------------------------------------------------------------------------------------*/

void
referee_end(void)
{
	struct referee *r = race->referee;

	for (unsigned i = 0; i < r->n_txns; i++) {
		struct ref_txn *t = &r->txns[i];
		const char *whose = t->ours ? "the worker" : "a phone";

		/* A kill drops what is in hand; what was in hand comes again, or not. */
		if (t->final == 0 && race->deaths == 0)
			race_fail("%s's %s %u to or of %c was never answered", whose, t->method,
			    t->cseq, race_names[t->d->who]);
		else if (t->ours && !t->acked && !t->late && t->final != 0 &&
			 !(race->deaths > 0 && t->d->over) && strcmp(t->method, "INVITE") == 0)
			race_fail("the worker never acknowledged the %u to its INVITE %u to %c",
			    t->final, t->cseq, race_names[t->d->who]);
	}
}

void
referee_facts(struct referee_facts *f_r)
{
	*f_r = race->referee->facts;
}
