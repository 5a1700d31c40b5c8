/* Reliable provisional responses of a phone, asked and asking (RFC 3262). */
#include <stdio.h>
#include <string.h>

#include "race_ua.h"

/* --- asked --------------------------------------------------------------------------------------*/

static bool
is_supported(const struct ua_txn *invite)
{
	char value[128];

	race_header(invite->request, "Supported", value, sizeof(value));
	return strstr(value, "100rel") != NULL;
}

bool
ua_waits_for_prack(const struct ua_dialog *d)
{
	return d->reliable.text != NULL && d->reliable.sdp;
}

/* With a description it is the answer; where nobody offered, the first reliable one offers (13.2.1). */
static const char *
put_session(struct ua *u, struct ua_dialog *d, bool sdp)
{
	const char *body;

	if (d->in->negotiated || (d->offer == UA_ASKED && !sdp))
		return "";
	body = d->early_body;
	if (body == NULL)
		body = ua_body(u, d, d->offer == UA_ASKED ? &d->remote_offer : NULL);
	d->early_body = NULL;
	if (d->offer == UA_ASKED) {
		race_sdp_read(body, &d->local_sdp);
		d->remote_sdp = d->remote_offer;
		d->offer = UA_STABLE;
	} else {
		race_sdp_read(body, &d->local_offer);
		d->offer = UA_OFFERED;
	}
	d->in->negotiated = true;
	return body;
}

void
ua_progress_reliably(struct ua *u, struct ua_dialog *d, unsigned status, bool sdp)
{
	const char *body;
	char lines[64];

	if (d->reliable.text != NULL || !is_supported(d->in))
		return;
	body = put_session(u, d, sdp);
	d->reliable.rseq = d->in->rseq == 0 ? 1 + race_below(1000) : d->in->rseq + 1;
	d->in->rseq = d->reliable.rseq;
	d->reliable.sdp = body[0] != '\0';
	d->reliable.offers = d->reliable.sdp && d->offer == UA_OFFERED;
	snprintf(lines, sizeof(lines), "Require: 100rel\r\nRSeq: %u\r\n", d->reliable.rseq);
	d->reliable.text = ua_response_with(u, d->in->request, status, d->local_tag, lines, body);
	d->reliable.interval_ms = RACE_T1_MS;
	d->reliable.resend_ms = race->now_ms + RACE_T1_MS;
	d->reliable.give_up_ms = race->now_ms + 64 * RACE_T1_MS;
	ua_txn_respond(u, d->in, status, d->reliable.text);
}

void
ua_reliable_over(struct ua_dialog *d)
{
	d->reliable.text = NULL;
	d->reliable.resend_ms = d->reliable.give_up_ms = 0;
	d->answer_wanted = false;
}

void
ua_reliable_time(struct ua *u, struct ua_dialog *d)
{
	if (d->reliable.give_up_ms != 0 && d->reliable.give_up_ms <= race->now_ms) {
		ua_reliable_over(d);
		race_fail("%c: the reliable response %u was never acknowledged", race_names[u->who],
		    d->reliable.rseq);
	} else if (d->reliable.resend_ms != 0 && d->reliable.resend_ms <= race->now_ms) {
		d->reliable.interval_ms *= 2;
		d->reliable.resend_ms = race->now_ms + d->reliable.interval_ms;
		net_send(u->who, d->reliable.text);
	}
}

/* After the final answer a PRACK is still answered, and moves nothing (3). */
void
ua_take_prack(struct ua *u, struct ua_dialog *d, const struct race_msg *m, struct ua_txn *t)
{
	bool wanted = d->answer_wanted;
	struct race_sdp s;

	if (m->rack_rseq != d->reliable.rseq || d->reliable.rseq == 0) {
		race_fail("%c: PRACK for nothing", race_names[u->who]);
		return;
	}
	ua_txn_respond(u, t, 200, ua_response(u, m->text, 200, d->local_tag, ""));
	if (d->reliable.text == NULL)
		return;
	ua_reliable_over(d);
	race_sdp_read(m->body, &s);
	if (d->reliable.offers) {
		d->offer = UA_STABLE;
		if (!s.there)
			race_fail("%c: PRACK without the answer", race_names[u->who]);
		d->local_sdp = d->local_offer;
		d->remote_sdp = s;
	}
	if (wanted && ua_rings(d))
		ua_answer(u, d);
}

/* --- asking -------------------------------------------------------------------------------------*/

static const char *
take_session(struct ua *u, struct ua_txn *invite, const struct race_msg *m)
{
	struct ua_dialog *d = invite->d;
	const char *body;
	struct race_sdp s;

	race_sdp_read(m->body, &s);
	if (!s.there || invite->negotiated)
		return "";
	invite->negotiated = true;
	d->remote_sdp = s;
	d->offer = UA_STABLE;
	if (invite->offered) {
		d->local_sdp = d->local_offer;
		return "";
	}
	body = ua_body(u, d, &s);
	race_sdp_read(body, &d->local_sdp);
	return body;
}

bool
ua_prack(struct ua *u, struct ua_txn *invite, const struct race_msg *m)
{
	struct ua_dialog *d = invite->d;
	struct ua_txn *t;
	const char *body;
	char rack[64];

	if (!m->reliable)
		return true;
	if (invite->rseq != 0 && m->rseq != invite->rseq + 1)
		return false; /* again, or too early */
	invite->rseq = m->rseq;
	if (d->state == UA_OVER || u->habits & HABIT_NEVER_PRACKS)
		return false;
	snprintf(d->remote_tag, sizeof(d->remote_tag), "%s", m->to_tag);
	snprintf(d->target, sizeof(d->target), "%s", m->contact);
	body = take_session(u, invite, m);
	t = d->prack = ua_txn_new(u, d, "PRACK", true);
	ua_new_name(u, "z9hG4bK", t->branch, sizeof(t->branch));
	t->cseq = ++d->local_cseq;
	snprintf(rack, sizeof(rack), "RAck: %u %u INVITE\r\n", m->rseq, invite->cseq);
	ua_txn_send(u, t, ua_request_with(u, d, "PRACK", t->cseq, t->branch, rack, body));
	return true;
}
