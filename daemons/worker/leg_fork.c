/*
 * Several dialogs of one INVITE of ours: a proxy behind the called address has forked it, and each branch
 * has its To tag (RFC 3261 12.1, 13.2.2.4). The leg is in one of them at a time:
 *
 *     a provisional response with another tag      the leg goes over to that dialog, as long as the one it
 *                                                  is in has no session
 *     the same, once it has one (RFC 3262)         it stays. The other branch's reliable responses get their
 *                                                  PRACK in their own dialog; an answer in them is kept, an
 *                                                  offer in them is answered with inactive streams: one
 *                                                  branch at a time is heard by the other side
 *     the first 2xx                                its dialog is the leg's from now on, with the answer that
 *                                                  it gave before; where the session was another's, the two
 *                                                  ends are brought together anew (NOTE_STALE)
 *     each other 2xx                               ACK and BYE in its own dialog, once
 *
 * The o= line of a dialog is its own: it goes on from what the INVITE said, whatever others were told.
 */
#include "worker/worker.h"

#include "base/hash.h"
#include "base/rand.h"
#include "sip/build.h"
#include "sip/fields.h"
#include "sip/reliable.h"

enum {
	FORKS_MAX = 16, /* dialogs of one INVITE that are followed, or ended */
	BEYOND = 1000	/* requests of a leg before its end, in a dialog that it was not in */
};

struct fork { /* an early dialog; in the leg's arena */
	uint32_t next;
	uint32_t rseq;	  /* of the last reliable response in it */
	uint32_t session; /* 1: such a one gave a description */
	uint32_t pad;
	struct kept tag;    /* empty: the INVITE itself, before any of them */
	struct kept answer; /* to our offer, of one that the leg is not in */
	struct offer offer; /* the same: its o= line, and where its offer and answer are */
};

static struct fork *
fork_find(struct worker *w, const struct leg *l, struct span tag)
{
	struct fork *f;

	for (uint32_t at = l->early_forks; at != 0; at = f->next) {
		f = heap_at(&w->heap, at);
		if (span_eq(kept_span(&w->heap, f->tag), tag))
			return f;
	}
	return NULL;
}

/* Each begins where the INVITE has left it. */
static struct fork *
fork_add(struct worker *w, struct leg *l, struct span tag)
{
	const struct fork *origin = fork_find(w, l, SPAN_NONE);
	handle h = pool_handle(&w->legs, l);
	struct fork *f;
	struct kept kept = { 0 };

	f = arena_take(&w->heap, &l->arena, h, sizeof(*f));
	if (f == NULL ||
	    (tag.len > 0 && arena_keep(&w->heap, &l->arena, h, tag, &kept) != ERR_NONE))
		return NULL;
	*f = (struct fork){ .next = l->early_forks,
		.tag = kept,
		.offer = origin == NULL ? l->offer : origin->offer };
	l->early_forks = heap_offset(&w->heap, f);
	return f;
}

static unsigned
forks_followed(struct worker *w, const struct leg *l)
{
	unsigned n = 0;

	for (uint32_t at = l->early_forks; at != 0; n++)
		at = ((const struct fork *)heap_at(&w->heap, at))->next;
	return n;
}

static struct fork *
fork_of(struct worker *w, struct leg *l, struct span tag)
{
	struct fork *f = fork_find(w, l, tag);

	if (f != NULL)
		return f;
	if (forks_followed(w, l) > FORKS_MAX ||
	    (l->early_forks == 0 && fork_add(w, l, SPAN_NONE) == NULL))
		return NULL;
	return fork_add(w, l, tag);
}

bool
leg_takes_progress(struct worker *w, struct leg *l, const struct sip_msg *m, uint32_t *rseq_r)
{
	struct fork *f;

	*rseq_r = 0;
	if (!sip_reliable(m, rseq_r) || m->to_tag.len == 0)
		return true;
	f = fork_of(w, l, sip_span(m, m->to_tag));
	if (f == NULL || sip_rseq_order(f->rseq, *rseq_r) != SIP_RSEQ_NEXT)
		return false; /* taken before, or too early; it comes again until its PRACK */
	f->rseq = *rseq_r;
	return true;
}

/* --- beside the leg's dialog --------------------------------------------------------------------*/

static struct span
in_hand(struct worker *w, const struct leg *l)
{
	return kept_span(&w->heap, l->dialog.remote_tag);
}

static bool
is_another(struct worker *w, const struct leg *l, const struct sip_msg *m)
{
	return l->dialog.state == DIALOG_EARLY && m->to_tag.len > 0 &&
	       !span_eq(in_hand(w, l), sip_span(m, m->to_tag));
}

static bool
has_session(struct worker *w, const struct leg *l)
{
	const struct fork *f = fork_find(w, l, in_hand(w, l));

	return f != NULL && f->session;
}

void
leg_fork_agrees(struct worker *w, struct leg *l)
{
	struct fork *f = fork_find(w, l, in_hand(w, l));

	if (f != NULL)
		f->session = 1;
}

bool
leg_is_beside(struct worker *w, const struct leg *l, const struct sip_msg *m)
{
	return is_another(w, l, m) && has_session(w, l);
}

bool
leg_knows_fork(struct worker *w, const struct leg *l, const struct sip_msg *m)
{
	struct span tag = sip_span(m, m->from_tag);

	return l->dialog.uac && l->dialog.state == DIALOG_EARLY && tag.len > 0 &&
	       fork_find(w, l, tag) != NULL;
}

/* From or To of a response as a dialog keeps it. */
static struct span
untagged(struct span value)
{
	static const struct span mark = SPAN(";tag=");

	for (size_t i = 0; i + mark.len <= value.len; i++)
		if (span_ieq(span_of(value.p + i, mark.len), mark))
			return span_first(value, i);
	return value;
}

/* Its peer is l's: a branch of the same INVITE is behind the same gateway. */
static void
same_peer(struct leg *x, const struct leg *l)
{
	x->ladder = l->ladder;
	x->number = l->number;
	x->gateway = l->gateway;
	x->home = l->home;
}

/* A leg in the dialog of a response, of no call; its first request has the number after cseq. Without a
 * Contact its requests go where the INVITE went, to `target`. NULL: no room. */
static struct leg *
leg_in(struct worker *w, const struct sip_msg *m, uint32_t cseq, struct span target)
{
	struct leg *x = leg_new(w, 0);
	struct dialog_memory mem;

	if (x == NULL)
		return NULL;
	mem = leg_memory(w, x);
	x->flow = m->flow;
	x->invite_cseq = m->cseq;
	if (dialog_start(&x->dialog, &mem, sip_span(m, m->call_id), untagged(sip_span(m, m->from)),
		sip_span(m, m->from_tag), untagged(sip_span(m, m->to)), target, SPAN_NONE,
		cseq) != ERR_NONE ||
	    dialog_of_response(&x->dialog, &mem, m) != ERR_NONE) {
		leg_drop(w, x);
		return NULL;
	}
	leg_aim(w, x, m);
	return x;
}

/* An offer of a branch that is not heard: its streams, inactive. */
static struct span
nothing_now(struct worker *w, const struct sip_msg *m)
{
	struct span offer = body_sdp(w, sip_span(m, m->content_type), sip_span(m, m->body));
	struct sdp *sdp = offer.len == 0 ? NULL : scratch_take(w, sizeof(*sdp));
	struct buf b;

	if (sdp == NULL || sdp_parse(offer, sdp) != ERR_NONE)
		return SPAN_NONE;
	b = scratch_buf(w, offer.len + 512);
	sdp_put_directed(&b, sdp, SDP_INACTIVE);
	scratch_end(w, &b);
	return buf_ok(&b) ? buf_span(&b) : SPAN_NONE;
}

/* What it says of the session stays in its record; x has it while the PRACK is written. */
static struct span
take_session(
    struct worker *w, struct leg *l, struct leg *x, struct fork *f, const struct sip_msg *m)
{
	handle h = pool_handle(&w->legs, x);
	struct span sdp = body_sdp(w, sip_span(m, m->content_type), sip_span(m, m->body));

	if (sdp.len == 0 || f->session)
		return SPAN_NONE;
	f->session = 1;
	body_heard(w, x, m);
	if (l->offered) {
		if (offer_step(&x->offer, OFFER_E_RECV_ANSWER, h))
			arena_keep(&w->heap, &l->arena, pool_handle(&w->legs, l), sdp, &f->answer);
		return SPAN_NONE;
	}
	offer_step(&x->offer, OFFER_E_RECV_OFFER, h);
	return nothing_now(w, m);
}

void
leg_fork_progress(struct worker *w, struct leg *l, const struct sip_msg *m, uint32_t rseq)
{
	struct fork *f = fork_find(w, l, sip_span(m, m->to_tag));
	struct span target = kept_span(&w->heap, l->dialog.target);
	struct leg *x =
	    rseq == 0 || f == NULL ? NULL : leg_in(w, m, ++l->dialog.local_cseq - 1, target);
	struct note n = { .text = { [T_CONTENT_TYPE] = SPAN("application/sdp") } };

	if (x == NULL)
		return;			/* it comes again */
	x->dialog.state = DIALOG_ENDED; /* nothing is owed in it, should a kill come */
	same_peer(x, l);
	x->offer = f->offer;
	n.text[T_BODY] = take_session(w, l, x, f, m);
	leg_send_prack(w, x, rseq, &n);
	f->offer = x->offer;
	leg_drop(w, x);
}

/* In the dialog of our own request. NULL: no room. */
static struct leg *
leg_of_sent(struct worker *w, const struct sip_msg *m, uint32_t cseq)
{
	struct leg *x = leg_new(w, 0);
	struct dialog_memory mem;

	if (x == NULL)
		return NULL;
	mem = leg_memory(w, x);
	if (dialog_start(&x->dialog, &mem, sip_span(m, m->call_id), untagged(sip_span(m, m->from)),
		sip_span(m, m->from_tag), untagged(sip_span(m, m->to)), sip_span(m, m->uri),
		sip_header_get(m, SIP_H_ROUTE), cseq) == ERR_NONE &&
	    arena_keep(&w->heap, &x->arena, mem.owner, sip_span(m, m->to_tag),
		&x->dialog.remote_tag) == ERR_NONE)
		return x;
	leg_drop(w, x);
	return NULL;
}

bool
leg_is_of_another(struct worker *w, const struct leg *l, const struct sip_msg *m)
{
	return m->to_tag.len > 0 && !span_eq(in_hand(w, l), sip_span(m, m->to_tag));
}

handle
leg_fork_again(struct worker *w, struct leg *l, const struct txn *t, const struct sip_msg *m,
    const struct leg_request *r)
{
	struct leg *x = r->method == SIP_PRACK ? leg_of_sent(w, m, r->cseq) : NULL;
	handle h;

	if (x == NULL)
		return 0;
	x->dialog.state = DIALOG_ENDED; /* nothing is owed in it, should a kill come */
	same_peer(x, l);
	x->flow = t->flow;
	h = leg_send_request(w, x, r);
	leg_drop(w, x);
	return h;
}

/* --- one has won --------------------------------------------------------------------------------*/

/* An UPDATE that is on its way in the dialog that lost: whoever asked for it may ask again. */
static void
drop_update(struct worker *w, struct leg *l)
{
	if (l->upd == UPD_OUT)
		leg_update_step(w, l, UE_GOT_FAILURE, &(struct leg_input){ .status = 491 });
	leg_drop_update(w, l);
	l->update = 0;
}

bool
leg_fork_wins(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	const struct fork *origin = fork_find(w, l, SPAN_NONE);
	const struct fork *f = fork_find(w, l, sip_span(m, m->to_tag));
	bool other = is_another(w, l, m), had = has_session(w, l);

	if (!other || origin == NULL)
		return false;
	drop_update(w, l);
	l->prack_rseq = 0;
	l->offer = f == NULL ? origin->offer : f->offer;
	l->session = f != NULL && f->session && !l->offered;
	l->answer.text.len = 0;
	if (f != NULL && f->answer.len > 0)
		leg_keep(w, l, &l->answer, scratch_keep(w, kept_span(&w->heap, f->answer)));
	return had;
}

/* --- one too many -------------------------------------------------------------------------------*/

/* The tags that have answered an INVITE stand in its transaction, which outlives its leg: in ref, for which
 * an INVITE has no other use, as up to four hashes of 16 bits. Who comes after them is taken for new. */
static uint64_t
hash_of(struct span tag)
{
	static const struct hash_key key = { 0x666f726b, 0x746167 };

	return (hash_bytes(&key, tag.p, tag.len) & 0x7fff) | 0x8000;
}

uint64_t
leg_fork_ref(struct worker *w, const struct leg *l)
{
	return l->dialog.state == DIALOG_CONFIRMED ? hash_of(in_hand(w, l)) : 0;
}

static bool
has_answered(const struct txn *invite, const struct sip_msg *m)
{
	const uint64_t hash = hash_of(sip_span(m, m->to_tag));

	for (uint64_t tags = invite->ref; tags != 0; tags >>= 16)
		if ((tags & 0xffff) == hash)
			return true;
	return false;
}

void
leg_fork_answered(struct txn *invite, const struct sip_msg *m)
{
	if (!has_answered(invite, m) && invite->ref >> 48 == 0)
		invite->ref = invite->ref << 16 | hash_of(sip_span(m, m->to_tag));
}

/* Where a 2xx without a Contact is answered: where the INVITE went. Its text is gone once it was
 * answered and ACKed (txn_forget): then where the leg's own dialog leads. */
static struct span
target_of(struct worker *w, const struct leg *l, const struct txn *invite)
{
	struct span method, uri,
	    rest = span_cut(kept_span(&w->heap, invite->request), ' ', &method);

	span_cut(rest, ' ', &uri);
	return uri.len > 0 || l == NULL ? uri : kept_span(&w->heap, l->dialog.target);
}

/* The leg has ended: the INVITE knows which gateway stood where it went (leg_send_request), one that is a
 * name too. */
static void
peer_of_invite(struct leg *x, const struct txn *invite)
{
	x->gateway = invite->user_peer;
	if (x->gateway != 0)
		x->home = invite->flow.peer;
}

/* With the credentials of that INVITE, which is not x's own to let go of. */
static void
ack_fork(struct worker *w, struct leg *x, const struct txn *invite, uint32_t cseq)
{
	x->invite = pool_handle(&w->txn_pool, invite);
	leg_write_ack(w, x, &x->dialog, cseq, SPAN_NONE, SPAN_NONE);
	x->invite = 0;
}

void
leg_end_fork(struct worker *w, struct leg *l, struct txn *invite, const struct sip_msg *m)
{
	bool again = has_answered(invite, m);
	bool full = l != NULL ? l->forks == FORKS_MAX : invite->ref >> 48 != 0;
	bool ignored = !again && full;
	/* Above the PRACKs that went in that dialog. */
	uint32_t cseq = l == NULL || again ? m->cseq + BEYOND : l->dialog.local_cseq++;
	struct leg *x = ignored ? NULL : leg_in(w, m, cseq, target_of(w, l, invite));
	struct leg_step s = { w, x };

	if (x == NULL)
		return; /* it gives up by itself, without an ACK */
	leg_fork_answered(invite, m);
	if (l == NULL) {
		peer_of_invite(x, invite);
	} else {
		same_peer(x, l);
		l->forks += !again;
		x->fork = l->forks;
	}
	ack_fork(w, x, invite, m->cseq);
	if (again) { /* its ACK was lost; its BYE is on its way */
		x->dialog.state = DIALOG_ENDED;
		leg_drop(w, x);
		return;
	}
	leg_send_bye(&s, NULL);
}
