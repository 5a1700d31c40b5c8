/* A call's record (model/cdr.h), written straight into the store's ring. The columns are BILLING.md
 * 5.2's; their names and types stand in model/cdr.def. */
#include "worker/worker.h"

#include <string.h>

#include "model/decision.h"
#include "model/ladder.h"

enum {
	LEG_BYTES = 2048, /* a leg never takes more */
	TEXT_SHORT = 48,  /* when the long texts of many segments do not fit */
};

static const char *const kinds[] = { "direct", "transfer_blind", "transfer_consult", "deflection",
	"forward", "feature_code", "callback", "voicemail" };
static const char *const directions[] = { "internal", "outbound", "inbound", "transit" };
static const char *const dispositions[] = { "answered", "busy", "noanswer", "cancelled", "rejected",
	"unreachable", "failed", "barred", "redirected" };
static const char *const releasers[] = { "system", "caller", "callee", "system", "network",
	"timeout" };
static const char *const reasons[] = { "normal", "session_timer", "no_ack", "admin", "shutdown",
	"system_failure" };
static const char *const redirect_reasons[] = { NULL, "deflection", "unconditional", "busy",
	"no_answer", "unreachable", "group" };
static const char *const payers[] = { "subscriber", "trunk_customer", "tenant", "nobody" };

static void
put_kept(struct worker *w, struct cdr_writer *r, uint8_t field, struct kept k)
{
	cdr_text(r, field, kept_span(&w->heap, k));
}

static void
put_ip(struct cdr_writer *r, uint8_t field, const struct netaddr *a)
{
	char text[64];
	struct buf b = buf_on(text, sizeof(text));
	struct netaddr ip = *a;

	if (a->family == 0)
		return;
	netaddr_put_ip(&b, &ip);
	cdr_text(r, field,
	    a->family == 6 ? span_first(span_from(buf_span(&b), 1), b.len - 2) : buf_span(&b));
}

static void
put_address(struct cdr_writer *r, uint8_t field, const struct netaddr *a)
{
	char text[80];
	struct buf b = buf_on(text, sizeof(text));

	if (a->family == 0)
		return;
	netaddr_put(&b, a);
	cdr_text(r, field, buf_span(&b));
}

/* --- call ---------------------------------------------------------------------------------------*/

/* With legs and ladder: at the end, and when somebody asks. */
static bool
is_whole(enum cdr_kind kind)
{
	return kind == CDR_CLOSED || kind == CDR_INTERIM;
}

static void
put_ladder(struct worker *w, struct cdr_writer *r, struct call *c)
{
	char bytes[LADDER_BYTES];
	struct buf b = buf_on(bytes, sizeof(bytes));

	ladder_put_all(w, c, &b);
	if (b.len > 0)
		cdr_copy(r, CDR_CALL_ladder, buf_span(&b));
}

static void
put_decisions(struct worker *w, struct cdr_writer *r, const struct call *c)
{
	char text[DECISIONS_BYTES];
	struct buf b = buf_on(text, sizeof(text));

	decisions_put(w, c, &b);
	if (b.len > 0)
		cdr_copy(r, CDR_CALL_decisions, buf_span(&b));
}

static void
put_call(struct worker *w, struct cdr_writer *r, struct call *c, enum cdr_kind kind)
{
	static const uint8_t nobody[16];
	const struct segment *s = segment_first(w, c);

	cdr_part(r, CDR_P_CALL);
	cdr_uuid(r, CDR_CALL_call_id, c->call_id);
	cdr_int(r, CDR_CALL_tenant_id, c->tenant);
	cdr_time(r, CDR_CALL_setup_at, c->setup_ms);
	cdr_time(r, CDR_CALL_end_at, kind == CDR_CLOSED ? s->end_ms : 0);
	cdr_word(r, CDR_CALL_direction, directions[c->direction]);
	put_kept(w, r, CDR_CALL_from_number, s->calling_number);
	put_kept(w, r, CDR_CALL_to_number, c->dialled);
	cdr_text(r, CDR_CALL_node, span_str(w->settings->node));
	cdr_int(r, CDR_CALL_worker, w->child.index);
	cdr_bool(r, CDR_CALL_closed, kind == CDR_CLOSED);
	if (memcmp(c->merged_into, nobody, sizeof(nobody)) != 0)
		cdr_uuid(r, CDR_CALL_merged_into, c->merged_into);
	if (!is_whole(kind))
		return;
	put_ladder(w, r, c);
	put_decisions(w, r, c);
}

/* --- segments -----------------------------------------------------------------------------------*/

static void
put_times(struct cdr_writer *r, const struct segment *s)
{
	int64_t end = (int64_t)s->end_ns;
	uint64_t waited = s->answer_ns != 0 ? s->answer_ns : s->end_ns;

	cdr_time(r, CDR_SEGMENT_start_at, s->start_ms);
	cdr_time(r, CDR_SEGMENT_ring_at, s->ring_ms);
	cdr_time(r, CDR_SEGMENT_answer_at, s->answer_ms);
	cdr_time(r, CDR_SEGMENT_end_at, s->end_ms);
	if (s->end_ns == 0)
		return;
	/* From the monotonic clock: setting the wall clock changes no bill. */
	cdr_int(r, CDR_SEGMENT_duration_ms, (end - (int64_t)s->start_ns) / (int64_t)NS_PER_MS);
	cdr_int(r, CDR_SEGMENT_bill_ms,
	    s->answer_ns == 0 || s->kind == SEGMENT_FEATURE_CODE
		? 0
		: (end - (int64_t)s->answer_ns) / (int64_t)NS_PER_MS);
	if (s->hold_ns != 0)
		cdr_int(r, CDR_SEGMENT_hold_ms, (int64_t)(s->hold_ns / NS_PER_MS));
	if (s->early_ns != 0)
		cdr_int(r, CDR_SEGMENT_early_media_ms,
		    (int64_t)(waited - s->early_ns) / (int64_t)NS_PER_MS);
	if (s->ring_ns == 0)
		return;
	cdr_int(r, CDR_SEGMENT_pdd_ms, (int64_t)(s->ring_ns - s->start_ns) / (int64_t)NS_PER_MS);
	cdr_int(r, CDR_SEGMENT_ring_ms, (int64_t)(waited - s->ring_ns) / (int64_t)NS_PER_MS);
}

/* The Call-ID toward the targets of a segment. */
static struct kept
first_dialled(struct worker *w, const struct call *c, const struct segment *s)
{
	const struct party *p = party_at(w, c->parties);

	while (p != NULL && (p->target == 0 || p->role == PARTY_CALLER || segment_of(w, c, p) != s))
		p = party_at(w, p->next);
	return p == NULL ? (struct kept){ 0 } : p->sip_call_id;
}

static void
put_sides(struct worker *w, struct cdr_writer *r, struct call *c, const struct segment *s)
{
	const struct party *a = party_at(w, s->from), *b = party_at(w, s->by);

	put_ip(r, CDR_SEGMENT_in_ip, &a->flow.peer);
	put_kept(w, r, CDR_SEGMENT_in_sip_call_id, a->sip_call_id);
	put_kept(w, r, CDR_SEGMENT_user_agent_a, a->user_agent);
	put_kept(w, r, CDR_SEGMENT_out_sip_call_id, first_dialled(w, c, s));
	if (b == NULL)
		return;
	put_ip(r, CDR_SEGMENT_out_ip, &b->flow.peer);
	put_kept(w, r, CDR_SEGMENT_user_agent_b, b->user_agent);
}

static bool
is_voicemail(struct worker *w, const struct party *by)
{
	const struct segment *s = by == NULL ? NULL : segment_at(w, by->segment);

	return s != NULL && s->kind == SEGMENT_VOICEMAIL;
}

static void
put_numbers(struct worker *w, struct cdr_writer *r, const struct segment *s)
{
	const struct party *by = party_at(w, s->by);

	put_kept(w, r, CDR_SEGMENT_payer_number, s->payer_number);
	put_kept(w, r, CDR_SEGMENT_calling_number, s->calling_number);
	put_kept(w, r, CDR_SEGMENT_calling_name, s->calling_name);
	cdr_word(r, CDR_SEGMENT_calling_presentation, s->anonymous ? "restricted" : "allowed");
	if (!s->anonymous)
		put_kept(w, r, CDR_SEGMENT_presented_number, s->calling_number);
	put_kept(w, r, CDR_SEGMENT_dialed_digits, s->dialed);
	put_kept(w, r, CDR_SEGMENT_called_number, s->called);
	put_kept(w, r, CDR_SEGMENT_routed_number, s->routed);
	if (s->redirects > 0) {
		put_kept(w, r, CDR_SEGMENT_original_called_number, s->original);
		put_kept(w, r, CDR_SEGMENT_redirecting_number, s->redirecting);
		cdr_word(r, CDR_SEGMENT_redirect_reason, redirect_reasons[s->redirect_reason]);
		cdr_int(r, CDR_SEGMENT_redirect_count, s->redirects);
	}
	put_kept(w, r, CDR_SEGMENT_connected_number, s->connected);
	if (s->connected.len > 0)
		cdr_word(r, CDR_SEGMENT_connected_reason,
		    by != NULL && party_is_bridge(by) ? "pickup"
		    : is_voicemail(w, by)	      ? "voicemail"
		    : s->group != 0		      ? "group"
						      : "called");
}

static void
put_segment(struct worker *w, struct cdr_writer *r, struct call *c, const struct segment *s)
{
	cdr_part(r, CDR_P_SEGMENT);
	/* Its cdr_id follows from the call's and seq: the store makes it, once, for the row. */
	cdr_int(r, CDR_SEGMENT_seq, s->seq);
	cdr_int(r, CDR_SEGMENT_tenant_id, c->tenant);
	cdr_word(r, CDR_SEGMENT_record_type, "normal");
	cdr_word(r, CDR_SEGMENT_segment_kind, kinds[s->kind]);
	if (s->parent != 0)
		cdr_int(r, CDR_SEGMENT_parent_seq, s->parent);
	cdr_word(r, CDR_SEGMENT_payer_kind, payers[s->payer]);
	cdr_int(r, CDR_SEGMENT_payer_account_id, (int64_t)s->payer_account);
	put_numbers(w, r, s);
	put_times(r, s);
	put_sides(w, r, c, s);
	if (s->in_trunk != 0)
		cdr_int(r, CDR_SEGMENT_in_trunk_id, (int64_t)s->in_trunk);
	if (s->out_trunk != 0)
		cdr_int(r, CDR_SEGMENT_out_trunk_id, (int64_t)s->out_trunk);
	if (s->end_ns == 0)
		return;
	if (c->origin == ORIGIN_SUBSCRIBER &&
	    emergency_is(w, c->tenant, kept_span(&w->heap, s->called)))
		cdr_word(r, CDR_SEGMENT_call_class, "emergency"); /* R22 */
	cdr_word(r, CDR_SEGMENT_disposition, dispositions[s->disposition]);
	cdr_int(r, CDR_SEGMENT_sip_code, s->status);
	cdr_int(r, CDR_SEGMENT_q850_cause, s->q850);
	cdr_word(r, CDR_SEGMENT_released_by, releasers[s->released_by]);
	cdr_word(r, CDR_SEGMENT_end_reason, reasons[s->end_reason]);
	cdr_bool(r, CDR_SEGMENT_estimated, false);
}

/* --- legs ---------------------------------------------------------------------------------------*/

/* Who it is: a subscriber by his name, anybody else by his number. */
static void
put_party(struct worker *w, struct cdr_writer *r, const struct call *c, const struct party *p)
{
	char text[CDR_TEXT_MAX];
	struct buf number = buf_on(text, sizeof(text));
	struct sip_uri uri;

	if (p->user.len > 0)
		put_kept(w, r, CDR_LEG_party, p->user);
	else if (p->role == PARTY_CALLER)
		put_kept(w, r, CDR_LEG_party, c->number);
	else if (sip_uri_parse(kept_span(&w->heap, p->uri), &uri) == ERR_NONE &&
		 sip_uri_user(&uri, &number))
		cdr_text(r, CDR_LEG_party, buf_span(&number));
}

static const char *
leg_kind(struct worker *w, const struct call *c, const struct party *p)
{
	if (p->kind == TARGET_GATEWAY)
		return "trunk";
	return p->role != PARTY_CALLER && segment_of(w, c, p)->group != 0 ? "group_member"
									  : "contact";
}

static void
put_leg(struct worker *w, struct cdr_writer *r, const struct call *c, const struct party *p)
{
	cdr_part(r, CDR_P_LEG);
	cdr_int(r, CDR_LEG_seq, segment_of(w, c, p)->seq);
	cdr_int(r, CDR_LEG_leg_no, p->number);
	cdr_word(r, CDR_LEG_direction, p->role == PARTY_CALLER && p->target == 0 ? "in" : "out");
	cdr_word(r, CDR_LEG_kind, leg_kind(w, c, p));
	put_party(w, r, c, p);
	put_kept(w, r, CDR_LEG_target, p->uri);
	put_kept(w, r, CDR_LEG_sip_call_id, p->sip_call_id);
	put_kept(w, r, CDR_LEG_local_tag, p->local_tag);
	put_kept(w, r, CDR_LEG_remote_tag, p->remote_tag);
	put_address(r, CDR_LEG_local_address, &p->flow.local);
	put_address(r, CDR_LEG_remote_address, &p->flow.peer);
	cdr_time(r, CDR_LEG_start_at, p->start_ms);
	cdr_time(r, CDR_LEG_ring_at, p->ring_ms);
	cdr_time(r, CDR_LEG_answer_at, p->answer_ms);
	cdr_time(r, CDR_LEG_end_at,
	    p->end_ms != 0 || c->state != CALL_ENDING ? p->end_ms : call_wall_ms(w, c));
	if (p->status >= 200) /* else it was given up before a final answer */
		cdr_int(r, CDR_LEG_sip_code, p->status);
	put_kept(w, r, CDR_LEG_reason, p->reason);
	cdr_bool(r, CDR_LEG_cancelled_elsewhere, p->elsewhere);
	cdr_int(r, CDR_LEG_retransmissions, p->retransmissions);
}

/* --- the record ---------------------------------------------------------------------------------*/

/* The caller's leg, and of many others those that were there last: a record never fails to be written
 * for want of room. */
static bool
write_record(struct worker *w, struct call *c, enum cdr_kind kind, struct buf *b, size_t text_max)
{
	const struct party *caller = party_at(w, c->caller);
	struct cdr_writer r;

	cdr_begin(&r, b, kind);
	r.text_max = text_max;
	put_call(w, &r, c, kind);
	for (const struct segment *s = segment_first(w, c); s != NULL; s = segment_at(w, s->next))
		put_segment(w, &r, c, s);
	if (is_whole(kind) && caller != NULL && caller->role == PARTY_CALLER)
		put_leg(w, &r, c, caller);
	for (const struct party *p = party_at(w, c->parties); is_whole(kind) && p != NULL;
	     p = party_at(w, p->next))
		if (!party_is_bridge(p) && p != caller && b->cap - b->len > LEG_BYTES &&
		    p->number != 0)
			put_leg(w, &r, c, p);
	return cdr_end(&r);
}

void
cdr_write(struct worker *w, struct call *c, enum cdr_kind kind, struct buf *b)
{
	struct buf begun = *b;

	if (write_record(w, c, kind, b, CDR_TEXT_MAX))
		return;
	*b = begun;
	must(write_record(w, c, kind, b, TEXT_SHORT)); /* SEGMENTS_MAX fit so */
}

bool
cdr_send(struct worker *w, struct call *c, enum cdr_kind kind)
{
	struct ring *out = child_out(&w->child, ROLE_STORE, 0);
	struct wire_cdr *r;
	struct buf b;

	r = out == NULL ? NULL : ring_reserve(out, WIRE_CDR, sizeof(*r) + CDR_RECORD_MAX);
	if (r == NULL)
		return false;
	b = buf_on(r->data, CDR_RECORD_MAX);
	cdr_write(w, c, kind, &b);
	*r = (struct wire_cdr){ .len = (uint32_t)b.len };
	ring_commit(out, (uint32_t)(sizeof(*r) + b.len));
	/* Before its call is given back: a kill meanwhile leaves the one or the other, or both, and the
	 * store takes a record twice for one. child_flush rings the bell. */
	ring_publish(out);
	count(w->child.self, COUNT_CDRS, 1);
	return true;
}

void
worker_cdrs(struct worker *w)
{
	struct call *c = NULL, *next;

	if (!w->cdrs_waiting)
		return;
	for (c = pool_next(&w->calls, NULL); c != NULL; c = next) {
		next = pool_next(&w->calls, c);
		if (c->state != CALL_ENDING || c->linger_until_ns != 0)
			continue;
		if (!cdr_send(w, c, CDR_CLOSED))
			return;
		call_drop(w, c);
	}
	w->cdrs_waiting = false;
}
