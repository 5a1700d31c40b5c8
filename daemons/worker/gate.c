/*
 * Requests outside any dialog of ours. One gate for every method (THREATS.md A1): what is not named
 * here is refused, and nothing is remembered of a request before it is known who sends it.
 *
 * A Route of the sender's ends here, whomever it names (RFC 3261 16.4 would have a proxy go on by the
 * next one): we are no proxy, the Request-URI alone says where a call goes (FLOWS.md S3-01), and nobody
 * is sent through us to a place of his choice (THREATS.md A13). A phone whose outbound proxy is a name
 * of ours that we do not know of is served all the same.
 */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/fields.h"
#include "sip/via.h"

#define RETRY_SOON SPAN("Retry-After: 5\r\n")

static struct span
allow_lines(struct worker *w)
{
	struct buf b = scratch_buf(w, 1024);

	sip_put_allow(&b);
	scratch_end(w, &b);
	return buf_span(&b);
}

/* --- what is checked before anything else (RFC 3261 8.2, 16.3) -----------------------------------*/

/* Our own branch below the top with a hash of this very Request-URI: it has been here before
 * (FLOWS.md S4-06). With another Request-URI it is a spiral, and Max-Forwards limits it. */
static bool
is_loop(struct worker *w, const struct sip_msg *m)
{
	uint32_t here = (uint32_t)hash_span(&w->key, sip_span(m, m->uri)), then;
	struct sip_values vias = sip_values(m, SIP_H_VIA);
	struct sip_via via;
	struct span value;

	while (sip_values_next(&vias, &value))
		if (sip_via_parse(value, &via) == ERR_NONE &&
		    txn_branch_loop(&w->txns, via.branch, &then) && then == here)
			return true;
	return false;
}

/* OPTIONS for the exchange itself: with Max-Forwards 0 it is answered (RFC 3261 11.1). */
static bool
is_for_us(const struct sip_msg *m)
{
	struct sip_uri uri;

	return m->method == SIP_OPTIONS &&
	       (sip_uri_parse(sip_span(m, m->uri), &uri) != ERR_NONE || uri.user.len == 0);
}

/* True: it may go on; false: it has been answered. */
static bool
passes_checks(struct worker *w, const struct sip_msg *m)
{
	struct span unsupported;

	if (m->max_forwards == 0 && !is_for_us(m)) {
		answer_stateless(w, m, 483, NULL, SPAN_NONE);
		return false;
	}
	if (is_loop(w, m)) {
		answer_stateless(w, m, 482, NULL, SPAN_NONE);
		return false;
	}
	if (txn_is_merged(&w->txns, m)) {
		answer_stateless(w, m, 482, "Merged request", SPAN_NONE);
		return false;
	}
	unsupported = options_unsupported(w, m);
	if (unsupported.len > 0) {
		answer_stateless(w, m, 420, NULL, unsupported);
		return false;
	}
	return true;
}

static bool
has_too_many_routes(const struct sip_msg *m)
{
	struct sip_values routes = sip_values(m, SIP_H_RECORD_ROUTE);
	struct span value;
	unsigned n = 0;

	while (n <= DIALOG_ROUTES_MAX && sip_values_next(&routes, &value))
		n++;
	return n > DIALOG_ROUTES_MAX;
}

/* An INVITE that begins a call. True: it may go on; false: it has been answered. */
static bool
is_acceptable(struct worker *w, const struct sip_msg *m)
{
	struct span lines = SPAN_NONE;
	struct verdict v = body_check(m, &lines);

	if (v.status == 0 && m->contact_uri.len == 0)
		v = (struct verdict){ 400, "Missing Contact header" };
	else if (v.status == 0 && has_too_many_routes(m))
		v = (struct verdict){ 400, "Too many Record-Route values" };
	if (v.status != 0)
		answer_stateless(w, m, v.status, v.reason, lines);
	return v.status == 0;
}

/* --- by method ----------------------------------------------------------------------------------*/

static void
shed(struct worker *w, const struct sip_msg *m)
{
	count(w->child.self, COUNT_SHED, 1);
	answer_stateless(w, m, 503, NULL, RETRY_SOON);
}

/* A new call that has heard its caller. What its record needs is kept before the transaction is made, so that
 * whoever is owed an answer after a kill is owed a record too, and there are both (recover.c). NULL: no room,
 * which was said. */
static struct call *
take(struct worker *w, struct setup *in)
{
	struct call *c = call_new(w);
	struct leg *l = c == NULL ? NULL : leg_new(w, pool_handle(&w->calls, c));
	struct txn *t = NULL;

	if (l != NULL) {
		in->leg = pool_handle(&w->legs, l);
		call_mark(w, pool_handle(&w->calls, c));
		call_hear(w, c, in);
		t = txn_server_new(&w->txns, in->invite, false);
	}
	if (t != NULL && leg_accept(w, l, t, in->invite)) {
		if (in->origin->kind == ORIGIN_GATEWAY)
			leg_of_gateway(w, l, in->origin->account);
		return c;
	}
	if (t != NULL)
		txn_drop(&w->txns, t);
	if (l != NULL)
		leg_drop(w, l);
	if (c != NULL)
		call_drop(w, c);
	shed(w, in->invite);
	return NULL;
}

static void
place(struct worker *w, const struct sip_msg *m, const struct origin *o)
{
	struct setup in = { .invite = m, .origin = o };
	struct call *c = take(w, &in);

	if (c != NULL)
		call_begin(w, c, &in);
}

void
gate_refuse(struct worker *w, const struct sip_msg *m)
{
	struct setup in = { .invite = m };
	struct origin *o = scratch_take(w, sizeof(*o));
	struct span lines;
	struct verdict v;
	struct call *c;

	if (!passes_checks(w, m) || !is_acceptable(w, m))
		return;
	if (!worker_has_tables(w)) {
		shed(w, m);
		return;
	}
	if (!auth_again(w, m, o))
		return;
	v = leg_timer_check(w, m, &lines);
	if (v.status != 0) {
		answer_stateless(w, m, v.status, v.reason, lines);
		return;
	}
	in.origin = o;
	c = take(w, &in);
	if (c != NULL)
		call_lost(w, c);
}

/* Also behind codes for this call alone (*67911, #31#112), which a gateway's callers have none of. */
static bool
is_in_need(struct worker *w, const struct sip_msg *m, const struct origin *o)
{
	struct buf user = scratch_buf(w, 256);
	struct route_query q = { .uri = sip_span(m, m->uri), .local = &m->flow.local };
	struct sip_uri uri;

	if (sip_uri_parse(q.uri, &uri) != ERR_NONE || !sip_uri_user(&uri, &user))
		return false;
	q.dialled = buf_span(&user);
	if (o->kind == ORIGIN_SUBSCRIBER && code_once(w, o->tenant, q.dialled, &q.dialled) != 0)
		return emergency_is(w, o->tenant, q.dialled);
	return emergency_is_called(w, o, &q);
}

/* Where it is not so set, records wait in memory, and a call is refused when that is full. */
bool
gate_is_unrecordable(struct worker *w)
{
	size_t size;
	const struct process *store = w->settings->refuse_unrecorded
					  ? child_region(&w->child, proc_of(ROLE_STORE, 0), &size)
					  : NULL;

	return store != NULL && store->counters[COUNT_JOURNAL_REFUSED] != 0;
}

static void
invite(struct worker *w, const struct sip_msg *m)
{
	struct origin *o = scratch_take(w, sizeof(*o));
	struct span lines;
	struct verdict v;

	if (!is_acceptable(w, m))
		return;
	/* What a call that has no room costs is taken from those that have: it is not asked who it is. */
	if (!call_may_begin(w)) {
		shed(w, m);
		return;
	}
	if (!auth_request(w, m, o))
		return;
	if ((gate_is_unrecordable(w) ||
		(o->kind == ORIGIN_SUBSCRIBER && ringing_is_full(w, o->account))) &&
	    !is_in_need(w, m, o)) {
		shed(w, m);
		return;
	}
	v = leg_timer_check(w, m, &lines);
	if (v.status != 0)
		answer_stateless(w, m, v.status, v.reason, lines);
	else
		place(w, m, o);
}

/* The same of a subscriber, in the order of his features (doc/tandem-features.7): where somebody else is rung in
 * his place, the call is taken. */
static unsigned
presence_of(struct worker *w, const struct dir_subscriber *s, struct loc_buf *loc)
{
	struct span user = dir_text(s, s->user);
	unsigned n;

	if (s->disabled)
		return 480;
	if (s->cfu.len > 0)
		return 200;
	if (s->dnd || limit_is_reached(w, s->tenant, NULL, s, &n))
		return s->cfb.len > 0 ? 200 : 486;
	if (locations_find(&w->locations, s->tenant, user, child_steady_ms(&w->child), loc) == NULL)
		return s->cfnrc.len > 0 ? 200 : 480;
	return 200;
}

/* What an INVITE to this user would meet just now; lines: what goes with it. */
static unsigned
presence(struct worker *w, const struct sip_msg *m, const struct origin *o, struct span user,
    struct buf *lines)
{
	struct loc_buf *loc = scratch_take(w, sizeof(*loc));
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	struct route_query q = { sip_span(m, m->uri), user, &m->flow.local };
	const struct dir_subscriber *s;
	struct route_result to;

	if (loc == NULL || rec == NULL)
		return 500;
	to = route_decide(w, o->tenant, &q, o, rec, &s);
	buf_put(lines, to.headers);
	if (to.status != 0 || s == NULL)
		return to.status != 0 ? to.status : 200;
	return presence_of(w, s, loc);
}

/* To the exchange itself: what it can do (RFC 3261 11.2). To a user: what an INVITE would meet
 * (FLOWS.md S2-28). */
static void
options(struct worker *w, const struct sip_msg *m)
{
	struct origin *o = scratch_take(w, sizeof(*o));
	struct buf user = scratch_buf(w, 256), lines = scratch_buf(w, 3584);
	struct sip_uri uri;
	unsigned status = 200;

	if (sip_uri_parse(sip_span(m, m->uri), &uri) == ERR_NONE)
		sip_uri_user(&uri, &user);
	if (user.len > 0) {
		if (!auth_request(w, m, o))
			return;
		status = presence(w, m, o, buf_span(&user), &lines);
	}
	sip_put_allow(&lines);
	buf_lit(&lines, "Accept: application/sdp, multipart/mixed\r\nAccept-Encoding: identity\r\n"
			"Accept-Language: en\r\n");
	options_put_supported(&lines, 0);
	if (user.len > 0)
		answer_request(w, m, status, NULL, buf_span(&lines));
	else
		answer_stateless(w, m, status, NULL, buf_span(&lines));
}

void
gate_request(struct worker *w, const struct sip_msg *m)
{
	if (!passes_checks(w, m))
		return;
	if (!worker_has_tables(w)) {
		shed(w, m);
		return;
	}
	switch ((enum sip_method)m->method) {
	case SIP_INVITE:
		invite(w, m);
		break;
	case SIP_OPTIONS:
		options(w, m);
		break;
	case SIP_MESSAGE:
		message_request(w, m);
		break;
	case SIP_REFER:
		referral_request(w, m);
		break;
	case SIP_NOTIFY:
		referral_notify(w, m);
		break;
	case SIP_BYE:
	case SIP_UPDATE:
	case SIP_PRACK:
	case SIP_INFO:
		answer_stateless(w, m, 481, NULL, SPAN_NONE); /* these live in dialogs only */
		break;
	case SIP_UNKNOWN:
		answer_stateless(w, m, 501, NULL, allow_lines(w));
		break;
	case SIP_ACK:
	case SIP_CANCEL:
	case SIP_REGISTER:
	case SIP_SUBSCRIBE:
	case SIP_PUBLISH:
	case SIP_N_METHODS:
		answer_stateless(w, m, 405, NULL, allow_lines(w));
		break;
	}
}
