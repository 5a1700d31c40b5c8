/*
 * Replaces (RFC 3891): a party of one call takes the place of a party of another, in this worker or in
 * any. Who asks has a call of his own: the transferee of a REFER with Replaces (RFC 5589 6), or a phone
 * that called with Replaces. The name of the dialog is our own tag, which says whose leg it is.
 *
 *     call X: A talks with B                        call Y: B' talks with C
 *        |  EV_REPLACE  B's leg, Call-ID, tags          |
 *        |--------------------------------------------->|  may it be? a bridge party for X, beside B'
 *        |  EV_REPLACED  Y, or why not                  |
 *        |<---------------------------------------------|
 *        |  a bridge party for Y, as one that rings     |  C is asked for an offer (or given A's)
 *        |  EV_ANSWER  C's offer                        |
 *        |<---------------------------------------------|
 *        |  A answers it                                |
 *        |  EV_ACKED  A's answer                        |
 *        |--------------------------------------------->|  the ACK to C; B' is sent a BYE
 *        |  B is sent a BYE                             |
 *
 * Until then nothing has changed for B' and C, and if it comes to nothing, nothing will. While C still
 * rings, B' waits for the answer and is replaced at once (RFC 5589 7). A phone that rings is replaced
 * by one that takes its call (directed pickup).
 */
#include "worker/worker.h"

#include <string.h>

#include "sip/token.h"

/* --- who asks -----------------------------------------------------------------------------------*/

/* A leg of a worker that there is: our tags name dialogs of the registrar's as well, and a phone may
 * remember those of a time with more workers. */
static bool
is_leg(struct worker *w, handle h)
{
	unsigned proc = handle_proc(h);

	return handle_kind(h) == KIND_LEG && proc_role(proc) == ROLE_WORKER &&
	       (proc == w->child.proc ||
		   child_out(&w->child, ROLE_WORKER, proc_index(proc)) != NULL);
}

struct note
replace_note(struct worker *w, const struct call *c, const struct party *p, const struct note *with)
{
	struct note n = { .what = EV_REPLACE,
		.flags = with->flags,
		.leg = p->leg,
		.ref = pool_handle(&w->calls, c),
		.tenant = c->tenant,
		.flow = p->flow,
		.session = p->session,
		.capable = p->capable };

	n.text[T_USER] = kept_span(&w->heap, p->user);
	n.text[T_RECORD] = span_of((const char *)c->call_id, sizeof(c->call_id));
	if (with->flags & NOTE_REFERRED)
		n.text[T_FROM] = party_shown(w, c, party_peer(w, p));
	else /* there he is who was reached: colr */
		n.text[T_FROM] = connected_hides(w, c, p) ? ANONYMOUS : party_shown(w, c, p);
	n.text[T_CONTENT_TYPE] = with->text[T_CONTENT_TYPE];
	n.text[T_BODY] = with->text[T_BODY];
	return n;
}

bool
replace_ask(struct worker *w, struct call *c, struct party *p, const struct sip_replaces *r,
    const struct note *with)
{
	struct note n = replace_note(w, c, p, with);
	handle leg;

	if (token_read(&w->key, TOKEN_TAG, r->to_tag, &leg) != ERR_NONE || !is_leg(w, leg))
		return false;
	n.call = leg;
	if (r->early_only)
		n.flags |= NOTE_EARLY_ONLY;
	n.text[T_CALL_ID] = r->call_id;
	n.text[T_TAG] = r->to_tag;
	n.text[T_REMOTE_TAG] = r->from_tag;
	note_up(w, &n);
	return true;
}

/* A phone called with Replaces: 0, the other call is asked; else it is refused with this. What it
 * takes is paid for already. */
unsigned
replace_setup(struct call_step *s, const struct sip_msg *invite)
{
	struct segment *first = segment_first(s->w, s->c);
	struct note offer = { 0 };
	struct sip_replaces r;

	first->payer = PAYER_NOBODY;
	first->payer_account = 0;
	if (sip_replaces_parse(sip_header_get(invite, SIP_H_REPLACES), &r) != ERR_NONE ||
	    sip_has(invite, SIP_H_JOIN))
		return 400;
	offer.text[T_CONTENT_TYPE] = kept_span(&s->w->heap, s->c->attempt.offer_type);
	offer.text[T_BODY] = kept_span(&s->w->heap, s->c->attempt.offer);
	return replace_ask(s->w, s->c, party_at(s->w, s->c->caller), &r, &offer) ? 0 : 481;
}

/* A call that nobody asks for any more is let go. */
static void
let_go(struct worker *w, const struct note *in)
{
	struct note n = { .what = EV_RELEASED, .leg = in->call, .call = in->ref };

	if (in->status < 300 && !(in->flags & NOTE_JOIN))
		note_up(w, &n);
}

static bool
is_awaited(struct worker *w, const struct call *c, const struct party *p)
{
	if (c->attempt.waiting == 0)
		return false;
	if (c->state == CALL_RINGING)
		return p == party_at(w, c->attempt.waiting);
	return c->transfer.state == TRANSFER_TRYING && p == party_at(w, c->transfer.transferor);
}

/* The other call is there from now on, as a branch that rings. */
void
call_replaced(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct note failed = { .status = in->status };
	struct party *p;

	if (park_replied(s, in) || join_replied(s, in))
		return;
	if (!is_awaited(w, c, s->p)) {
		let_go(w, in);
		return;
	}
	if (in->status >= 300 && pickup_refused(w, c, in->status))
		return;
	if (in->status >= 300) {
		attempt_keep_best(w, c, &failed);
		attempt_go_on(w, c);
		return;
	}
	p = bridge_new(w, c, SIDE_B, in->ref);
	if (p == NULL) {
		let_go(w, in);
		return;
	}
	p->role = PARTY_BRANCH;
	p->round = ++c->attempt.round;
	p->address = call_keep(w, c, in->text[T_FROM]);
	if (c->state == CALL_RINGING && in->text[T_RECORD].len == sizeof(c->merged_into))
		memcpy(c->merged_into, in->text[T_RECORD].p, sizeof(c->merged_into));
}

void
call_replaced_late(void *step, const void *note)
{
	struct call_step *s = step;

	let_go(s->w, note);
}

/* --- who is asked -------------------------------------------------------------------------------*/

void
replace_reply(
    struct worker *w, const struct note *asked, struct call *c, unsigned status, struct span who)
{
	struct note n = { .what = EV_REPLACED,
		.status = (uint16_t)status,
		.call = asked->ref,
		.leg = asked->leg };

	if (c != NULL) {
		n.ref = pool_handle(&w->calls, c);
		n.text[T_RECORD] = span_of((const char *)c->call_id, sizeof(c->call_id));
		n.text[T_FROM] = who;
	}
	note_up(w, &n);
}

static void
refuse(struct worker *w, const struct note *asked, unsigned status)
{
	replace_reply(w, asked, NULL, status, SPAN_NONE);
}

static bool
is_named(struct worker *w, const struct leg *l, const struct note *n)
{
	const struct dialog *d = &l->dialog;
	struct sip_replaces r = { .call_id = n->text[T_CALL_ID],
		.to_tag = n->text[T_TAG],
		.from_tag = n->text[T_REMOTE_TAG] };

	return sip_replaces_is(&r, kept_span(&w->heap, d->call_id),
	    kept_span(&w->heap, d->local_tag), kept_span(&w->heap, d->remote_tag));
}

/* The contacts of one user share our tag: the one whose token it is may be another's, or gone. */
static struct leg *
leg_named(struct worker *w, const struct note *n)
{
	struct leg *l = leg_at(w, n->call);

	if (l != NULL && is_named(w, l, n))
		return l;
	for (l = pool_next(&w->legs, NULL); l != NULL; l = pool_next(&w->legs, l))
		if (is_named(w, l, n))
			return l;
	return NULL;
}

struct call *
replace_find(struct worker *w, const struct note *n, struct party **p_r)
{
	bool by_call = n->flags & (NOTE_PICKUP | NOTE_PARK);
	struct leg *l = n->what == EV_REPLACE && !by_call ? leg_named(w, n) : NULL;
	struct call *c = call_at(w, l == NULL ? n->call : l->call);

	if (by_call)
		*p_r = c == NULL	      ? NULL
		       : n->flags & NOTE_PARK ? park_of(w, c, n)
					      : pickup_of(w, c, n);
	else
		*p_r = c == NULL
			   ? NULL
			   : party_of_leg(w, c, l == NULL ? n->leg : pool_handle(&w->legs, l));
	if (*p_r != NULL)
		return c;
	if (n->what == EV_REPLACED)
		let_go(w, n);
	else
		refuse(w, n, l == NULL ? 481 : 603); /* RFC 3891 3: it has ended */
	return NULL;
}

void
replace_lost(struct worker *w, const struct note *n)
{
	if (n->what == EV_REPLACED)
		let_go(w, n);
	else
		refuse(w, n, 500);
}

/* RFC 3891 3 wants more than knowing the dialog: its own user, or his device; a call that rings may
 * also be taken by who is in his pickup group. */
static bool
may_replace(struct worker *w, struct call *c, const struct party *p, const struct note *in)
{
	struct span user = kept_span(&w->heap, p->user), by = in->text[T_USER];

	if (in->tenant != c->tenant)
		return false;
	if (in->flags & NOTE_PICKUP) /* whose phone it is has been seen to */
		return true;
	if ((by.len > 0 && span_eq(by, user)) || flow_is_same(&in->flow, &p->flow))
		return true;
	return c->state == CALL_RINGING && p->role == PARTY_BRANCH && by.len > 0 &&
	       pickup_same_group(w, c->tenant, by, user);
}

/* 0: it may be. */
static unsigned
refusal(struct call_step *s, const struct note *in)
{
	struct party *peer = party_peer(s->w, s->p);

	if (in->tenant != s->c->tenant)
		return 481; /* nothing of one tenant is seen by another */
	if (!may_replace(s->w, s->c, s->p, in))
		return 403;
	if (s->c->state == CALL_RINGING)
		return 0;
	if (s->p->gone || peer == NULL || peer->gone)
		return 481;
	if (in->flags & NOTE_EARLY_ONLY)
		return 486;
	return s->c->transfer.state == TRANSFER_NONE ? 0 : 491;
}

struct party *
replace_comes(struct call_step *s, const struct note *in)
{
	struct party *p = bridge_new(s->w, s->c, s->p->side, in->ref);

	if (p == NULL)
		return NULL;
	if (!span_eq(in->text[T_FROM], ANONYMOUS)) /* who hides has none */
		p->address = call_keep(s->w, s->c, in->text[T_FROM]);
	if (!(in->flags & NOTE_REFERRED))
		p->user = call_keep(s->w, s->c, in->text[T_USER]);
	p->session = in->session;
	p->capable = in->capable;
	return p;
}

/* R13: what the transferor began in order to consult is one with the call that he leaves. */
static void
merge(struct call_step *s, const struct note *in)
{
	struct segment *first = segment_first(s->w, s->c);

	if (!(in->flags & NOTE_REFERRED))
		return;
	if (s->p == party_at(s->w, s->c->caller) && first->kind == SEGMENT_DIRECT)
		first->kind = SEGMENT_TRANSFER_CONSULT;
	if (in->text[T_RECORD].len == sizeof(s->c->merged_into))
		memcpy(s->c->merged_into, in->text[T_RECORD].p, sizeof(s->c->merged_into));
}

/* A party that talks. */
void
call_replace(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct transfer *x = &s->c->transfer;
	unsigned status = refusal(s, in);
	struct party *comes;

	if (in->flags & NOTE_PARK) {
		park_asked(s, in);
		return;
	}
	if (in->flags & NOTE_JOIN) {
		join_asked(s, in);
		return;
	}
	if (in->flags & NOTE_PICKUP) {
		park_retrieved(s, in);
		return;
	}
	comes = status != 0 ? NULL : replace_comes(s, in);
	if (comes == NULL) {
		refuse(s->w, in, status != 0 ? status : 503);
		return;
	}
	merge(s, in);
	replace_reply(s->w, in, s->c, 200, party_shown(s->w, s->c, party_peer(s->w, s->p)));
	x->transferor = heap_offset(&s->w->heap, s->p);
	x->transferee = s->p->peer;
	x->target = heap_offset(&s->w->heap, comes);
	x->segment = 0;
	x->offer_type = call_keep(s->w, s->c, in->text[T_CONTENT_TYPE]);
	x->offer = call_keep(s->w, s->c, in->text[T_BODY]);
	transfer_step(s->w, s->c, XE_REPLACE, s->p, NULL);
}

void
replace_begin(void *step, const void *arg)
{
	struct call_step *s = step;

	(void)arg;
	if (s->c->negotiation.owed == 0 || s->c->negotiation.owed != s->c->transfer.transferee)
		transfer_bring(s->w, s->c);
}

void
replace_done(void *step, const void *arg)
{
	struct call_step *s = step;
	struct transfer *x = &s->c->transfer;
	struct party *leaves = party_at(s->w, x->transferor), *comes = party_at(s->w, x->target);

	(void)arg;
	park_done(s, comes);
	party_part(s->w, s->c, leaves);
	party_pair(s->w, party_at(s->w, x->transferee), comes);
	if (!leaves->gone)
		party_release(s->w, s->c, leaves, SPAN_NONE);
	*x = (struct transfer){ .state = x->state };
}

/* --- while it rings -----------------------------------------------------------------------------*/

/* The one who waits is refused, and the other call waits instead. */
static void
replace_waiting(struct call_step *s, const struct note *in)
{
	struct party *comes = replace_comes(s, in);
	struct note out = party_note(s->c, s->w, CMD_REFUSE, s->p);
	struct note rings;

	if (comes == NULL) {
		refuse(s->w, in, 503);
		return;
	}
	merge(s, in);
	replace_reply(s->w, in, s->c, 200, kept_span(&s->w->heap, s->c->attempt.to));
	s->c->attempt.waiting = heap_offset(&s->w->heap, comes);
	s->c->attempt.reliable = 0;
	party_part(s->w, s->c, s->p);
	out.status = s->p->status = 487;
	note_down(s->w, &out);
	rings = party_note(s->c, s->w, CMD_PROGRESS, comes);
	rings.status = s->c->attempt.progress;
	if (rings.status != 0)
		note_down(s->w, &rings);
}

bool
replace_answered(struct call_step *s, const struct note *in, struct party *waits)
{
	struct transfer *x = &s->c->transfer;
	bool offers = in->flags & NOTE_DELAYED_OFFER;

	if (!party_is_bridge(waits))
		return false;
	x->transferor = s->c->caller;
	x->transferee = heap_offset(&s->w->heap, s->p);
	x->target = heap_offset(&s->w->heap, waits);
	x->segment = 0;
	x->offer = (struct kept){ 0 };
	transfer_step(s->w, s->c, XE_REPLACE, s->p, NULL);
	return !offers; /* the answer was to another's offer: it is asked for its own */
}

/* Directed pickup: both have made an offer, and each is given the other's for an answer. */
static void
pick_up(struct call_step *s, const struct note *in)
{
	struct worker *w = s->w;
	struct call *c = s->c;
	struct party *waits = party_waiting(w, c), *comes;
	struct note answer = { .what = EV_ANSWER, .status = 200 }, back;

	if (in->text[T_BODY].len == 0 || c->attempt.offer.len == 0 || party_is_bridge(waits)) {
		refuse(w, in, 488);
		return;
	}
	comes = replace_comes(s, in);
	if (comes == NULL) {
		refuse(w, in, 503);
		return;
	}
	replace_reply(w, in, c, 200, party_shown(w, c, waits));
	pickup_note(w, c, s->p, comes);
	comes->role = PARTY_BRANCH;
	comes->round = c->attempt.round;
	comes->segment = s->p->segment;
	answer.text[T_CONTENT_TYPE] = in->text[T_CONTENT_TYPE];
	answer.text[T_BODY] = in->text[T_BODY];
	answer.text[T_HEADERS] = party_identity(w, c, comes);
	answer.session = in->session;
	answer.capable = in->capable;
	back = party_note(c, w, CMD_ANSWER, comes);
	back.text[T_CONTENT_TYPE] = kept_span(&w->heap, c->attempt.offer_type);
	back.text[T_BODY] = kept_span(&w->heap, c->attempt.offer);
	note_down(w, &back);
	call_step(w, c, CE_ANSWER, comes, &answer);
}

void
call_replace_early(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	unsigned status = in->flags & NOTE_JOIN ? 481 : refusal(s, in);
	bool referred = in->flags & NOTE_REFERRED;

	if (status != 0)
		refuse(s->w, in, status);
	else if (referred && s->p == party_at(s->w, s->c->attempt.waiting))
		replace_waiting(s, in);
	else if (!referred && s->p->role == PARTY_BRANCH && !s->p->gone && !s->p->elsewhere)
		pick_up(s, in);
	else
		refuse(s->w, in, 481); /* RFC 3891 3: an early dialog that its caller began */
}

void
call_replace_late(void *step, const void *note)
{
	struct call_step *s = step;

	refuse(s->w, note, 603);
}
