/* What the worker may send: the referee's rules, each with its place in the RFCs. */
#include <stdio.h>
#include <string.h>

#include "race_referee.h"

static bool
is(const char *method, const char *other)
{
	return strcmp(method, other) == 0;
}

static void
foul(unsigned who, const struct race_msg *m, const char *why)
{
	race_fail("to %c: %s: %s %u", race_names[who], why, m->method, m->cseq);
	race_note("   ^ %s", why);
}

/* RFC 3264 8 (INV-8): one identity for the dialog, its version raised exactly when something changed.
 * A kill may raise it once more. */
static void
check_origin(struct ref_dialog *d, const struct race_msg *m)
{
	struct race_sdp s, *was = &d->sdp;

	race_sdp_read(m->body, &s);
	if (!s.there)
		return;
	if (was->there) {
		if (s.id != was->id)
			foul(d->who, m, "another o= identity");
		if (s.media < was->media)
			foul(d->who, m, "m-lines are gone");
		if (s.hash == was->hash && s.version != was->version && race->deaths == 0)
			foul(d->who, m, "o= version raised, and nothing changed");
		if (s.hash != was->hash && (s.version <= was->version ||
					       (s.version > was->version + 1 && race->deaths == 0)))
			foul(d->who, m, "the description changed, o= version did not follow");
	}
	*was = s;
}

/* --- requests -----------------------------------------------------------------------------------*/

static void
sent_ack(unsigned who, const struct race_msg *m)
{
	struct ref_txn *t = ref_find(who, true, "INVITE", m->branch);
	bool again;

	if (t != NULL) { /* 17.1.1.3: hop by hop */
		if (t->final < 300)
			foul(who, m, "an ACK of a refusal that did not come");
		t->acked = true;
		return;
	}
	t = ref_invite(ref_dialog(who, m->call_id, m->to_tag), true, m->cseq);
	if (t == NULL || t->final == 0 || t->final >= 300) {
		foul(who, m, "an ACK for nothing");
		return;
	}
	again = t->acked;
	t->acked = true;
	if (!again)
		check_origin(t->d, m);
}

static void
sent_cancel(unsigned who, const struct race_msg *m)
{
	struct ref_txn *t = ref_find(who, true, "INVITE", m->branch);

	if (t == NULL)
		foul(who, m, "a CANCEL of nothing (9.1)");
	else if (!t->provisional)
		foul(who, m, "a CANCEL before the first 1xx (9.1)");
	else if (t->final != 0 && race->deaths == 0)
		foul(who, m, "a CANCEL after the answer (9.1)");
	ref_new(who, true, m);
}

/* An INVITE in one direction excludes one in the other (14.1). */
static bool
is_invite_pending(const struct ref_dialog *d)
{
	const struct referee *r = race->referee;

	for (unsigned i = 0; i < r->n_txns; i++)
		if (r->txns[i].d == d && is(r->txns[i].method, "INVITE") && r->txns[i].final == 0)
			return true;
	return false;
}

/* An offer excludes another (RFC 3264 4, RFC 3311 5.1, RFC 6337). */
static bool
is_offer_pending(const struct ref_dialog *d)
{
	const struct referee *r = race->referee;

	for (unsigned i = 0; i < r->n_txns; i++) {
		const struct ref_txn *t = &r->txns[i];

		if (!ref_concerns(t, d))
			continue;
		if (t->offered && t->final == 0 && !(t->ours ? d->negotiated : t->negotiated) &&
		    (is(t->method, "INVITE") || is(t->method, "UPDATE")))
			return true;
		/* An offer in a 2xx is open until the ACK. */
		if (is(t->method, "INVITE") && !t->offered && t->answer && !t->acked)
			return true;
		/* One in a reliable response until the PRACK. */
		if (is(t->method, "INVITE") && !t->offered && t->final == 0 &&
		    (t->ours ? d->negotiated && d->pracked != d->rseq
			     : t->negotiated && t->pracked != t->rseq))
			return true;
	}
	return false;
}

/* 15: a called side waits for the ACK of its 2xx, or until it gives up. */
static bool
is_ack_awaited(const struct ref_dialog *d)
{
	const struct referee *r = race->referee;

	for (unsigned i = 0; i < r->n_txns; i++) {
		const struct ref_txn *t = &r->txns[i];

		if (t->d == d && !t->ours && t->first && is(t->method, "INVITE") &&
		    t->final >= 200 && t->final < 300 && !t->acked &&
		    race->now_ms < t->final_ms + 64 * RACE_T1_MS)
			return true;
	}
	return false;
}

static void
check_request(struct ref_dialog *d, const struct race_msg *m, const struct race_sdp *s)
{
	if (m->cseq <= d->cseq && (race->deaths == 0 || m->cseq == d->cseq))
		foul(d->who, m, "CSeq does not grow (12.2.1.1)");
	/* After a kill: a BYE too much, where it came between the answer to theirs and the end of the
	 * leg; and what was lost with the worker is repeated, and so seen for the first time. */
	if (d->over && race->deaths == 0 && !(is(m->method, "NOTIFY") && d->refers))
		foul(d->who, m, "a request after the BYE");
	if (is(m->method, "INVITE") && is_invite_pending(d))
		foul(d->who, m, "two INVITEs at once (14.1)");
	if (s->there && is_offer_pending(d))
		foul(d->who, m, "an offer beside another");
	if (is(m->method, "BYE") && is_ack_awaited(d) && race->deaths == 0)
		foul(d->who, m, "a BYE before the ACK (15)");
	if (is(m->method, "BYE") && m->to_tag[0] == '\0')
		foul(d->who, m, "a BYE of no dialog");
}

/* RFC 3262 4: once for each reliable response, in the dialog that it made. */
static void
check_prack(struct ref_dialog *d, const struct race_msg *m)
{
	if (d->rseq == 0 || m->rack_rseq != d->rseq)
		foul(d->who, m, "a PRACK for nothing (3262 4)");
	else if (d->pracked == m->rack_rseq)
		foul(d->who, m, "a second PRACK for one response (3262 4)");
	else
		d->pracked = m->rack_rseq;
}

static void
sent_request(unsigned who, const struct race_msg *m)
{
	struct ref_txn *t;
	struct ref_dialog *d;
	struct race_sdp s;

	if (is(m->method, "ACK")) {
		sent_ack(who, m);
		return;
	}
	t = ref_find(who, true, m->method, m->branch);
	if (t != NULL) {
		if (strcmp(t->request, m->text) != 0)
			foul(who, m, "not what it was when it was sent first (17.1.1.2)");
		if (race->deaths == 0 &&
		    (t->final != 0 || (t->provisional && is(m->method, "INVITE"))))
			foul(who, m, "repeated after an answer (17.1.1.2)");
		return;
	}
	if (is(m->method, "CANCEL")) {
		sent_cancel(who, m);
		return;
	}
	d = ref_dialog(who, m->call_id, m->to_tag);
	race_sdp_read(m->body, &s);
	if (is(m->method, "PRACK"))
		check_prack(d, m);
	check_request(d, m, &s);
	check_origin(d, m);
	d->cseq = m->cseq;
	d->over = d->over || is(m->method, "BYE");
	t = ref_new(who, true, m);
	if (!t->first || !is(m->method, "INVITE"))
		return;
	d->first_cseq = m->cseq;
	d->first_sdp = s;
	race->referee->facts.branches++;
}

/* --- responses ----------------------------------------------------------------------------------*/

/* RFC 3262 3: numbered without gaps, the next not before the PRACK of the one before. False: again. */
static bool
reliable_sent(struct ref_txn *t, const struct race_msg *m, const struct race_sdp *s)
{
	char supported[128], required[128];

	if (m->rseq == t->rseq)
		return false;
	race_header(t->request, "Supported", supported, sizeof(supported));
	race_header(t->request, "Require", required, sizeof(required));
	if (strstr(supported, "100rel") == NULL && strstr(required, "100rel") == NULL)
		foul(t->d->who, m, "reliable, and nobody asked for it (3262 3)");
	if (t->rseq != 0 && (m->rseq != t->rseq + 1 || t->pracked != t->rseq) && race->deaths == 0)
		foul(t->d->who, m, "RSeq out of order, or before the PRACK (3262 3)");
	t->rseq = m->rseq;
	t->negotiated = t->negotiated || s->there;
	return true;
}

static void
final_sent(struct ref_txn *t, const struct race_msg *m, const struct race_sdp *s)
{
	struct referee_facts *f = &race->referee->facts;

	t->final = m->status;
	t->final_ms = race->now_ms;
	t->answer = s->there;
	if (is(t->method, "REFER") && m->status < 300)
		f->transferred = t->d->refers = true;
	if (!is(t->method, "INVITE"))
		return;
	if (m->status < 300 && !s->there && !t->negotiated)
		foul(t->d->who, m,
		    t->offered ? "a 2xx without the answer" : "a 2xx without an offer");
	if (t->first)
		ref_call_answered(t);
	if (!t->first || t->d->who != 0 || f->final != 0)
		return;
	f->final = m->status;
	if (m->status < 300)
		f->answered_ms = race->now_ms;
}

static void
sent_response(unsigned who, const struct race_msg *m)
{
	struct ref_txn *t = ref_find(who, false, m->method, m->branch);
	struct race_sdp s;

	if (t == NULL) {
		foul(who, m, "an answer to nothing");
		return;
	}
	if (t->last != NULL && strcmp(t->last, m->text) == 0)
		return; /* again */
	if (t->final != 0) {
		race_fail("to %c: %s %u was answered by %u, now by %u", race_names[who], m->method,
		    m->cseq, t->final, m->status);
		return;
	}
	race_sdp_read(m->body, &s);
	if (m->reliable && !reliable_sent(t, m, &s))
		return;
	t->last = m->text;
	check_origin(t->d, m);
	if (m->status > 100 && t->first && is(m->method, "INVITE")) { /* 12.1 (INV-5) */
		if (t->d->to_tag[0] == '\0')
			snprintf(t->d->to_tag, sizeof(t->d->to_tag), "%s", m->to_tag);
		else if (strcmp(t->d->to_tag, m->to_tag) != 0)
			foul(who, m, "another To tag");
	}
	if (m->status >= 200)
		final_sent(t, m, &s);
}

void
referee_sent(unsigned who, const char *text)
{
	struct race_msg m;

	if (!race_read(text, &m))
		race_fail("the worker wrote:\n%s", text);
	else if (m.request)
		sent_request(who, &m);
	else
		sent_response(who, &m);
}
