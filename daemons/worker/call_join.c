/*
 * Join (RFC 3911): a phone calls to be taken into the call of another, which mixes. The call of the named
 * dialog is asked, in whatever worker it is, where that other phone is and what the dialog is called there;
 * then this phone alone is called, with the Join in its own words. It decides, and says isfocus in its
 * Contact to both (capability.h).
 *
 *     C               call Y                          call X: A talks with B            B
 *     |INVITE, Join      |                                  |                           |
 *     |----------------->|  EV_REPLACE, NOTE_JOIN           |                           |
 *     |                  |--------------------------------->|  may he?                  |
 *     |                  |  EV_REPLACED: B's Contact, Join  |                           |
 *     |                  |<---------------------------------|                           |
 *     |                  |  INVITE, Join                                                |
 *     |                  |------------------------------------------------------------->|
 *     |                  |                                                 200, isfocus |
 *     |<-----------------|<-------------------------------------------------------------|
 *
 * Call Y is one like any other, at the cost of who made it; call X changes only as B has it changed. The dialog
 * may be named as A knows it, or as the dialog package tells it of B (RFC 4235). Allowed to who takes part
 * in the call himself and to B's pickup group: barging in is hearing what others say.
 */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/fields.h"
#include "sip/token.h"

/* --- who asks -----------------------------------------------------------------------------------*/

unsigned
join_setup(struct call_step *s, const struct sip_msg *invite)
{
	struct worker *w = s->w;
	struct note with = { .flags = NOTE_JOIN };
	struct sip_replaces r;
	struct span ours;
	handle leg;

	if (sip_replaces_parse(sip_header_get(invite, SIP_H_JOIN), &r) != ERR_NONE)
		return 400;
	/* As who is asked has it: our tag is the other one. */
	if (token_read(&w->key, TOKEN_TAG, r.from_tag, &leg) == ERR_NONE) {
		with.flags |= NOTE_JOIN_OWN;
		ours = r.from_tag;
		r.from_tag = r.to_tag;
		r.to_tag = ours;
	}
	r.early_only = false; /* means nothing in a Join */
	return replace_ask(w, s->c, party_at(w, s->c->caller), &r, &with) ? 0 : 481;
}

/* The phone itself, whatever else its user has set: he is asked for in the call that he is in. So it must know
 * what it is asked: one that does not would ring, past his do-not-disturb (RFC 3911 5: 420 then). Who wants to be
 * alone in a call of his is not asked, but by himself. */
static unsigned
aim(struct call_step *s, const struct note *in)
{
	struct worker *w = s->w;
	struct call *c = s->c;
	struct span user = in->text[T_USER], join = in->text[T_HEADERS];
	struct span through = kept_span(&w->heap, c->attempt.headers);
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *b =
	    rec == NULL ? NULL
			: route_subscriber(w, c->tenant, kept_span(&w->heap, c->dialled), rec);
	struct buf headers = scratch_buf(w, through.len + join.len + 32);
	struct target *t;

	if (b == NULL || !span_eq(dir_text(b, b->user), user))
		return 481; /* it is no dialog of whom he called */
	if (!span_eq(user, kept_span(&w->heap, c->user)) && callstate_alone(w, c->tenant, c, user))
		return 486;
	t = target_new(w, c, TARGET_CONTACT, in->text[T_TARGET], in->text[T_ROUTES]);
	if (t == NULL)
		return 503;
	buf_put(&headers, through);
	buf_put(&headers, join);
	buf_lit(&headers, "Require: join\r\n");
	t->headers = call_keep(w, c, buf_span(&headers));
	t->q = 1000;
	t->flow = in->flow;
	t->account = b->id;
	t->user = call_keep(w, c, user);
	t->no_clip = (b->identity & DIR_NO_CLIP) != 0;
	c->called_account = segment_first(w, c)->called_account = b->id;
	decision_words(w, c, "join", user, "is called in the call that he is in");
	return 0;
}

bool
join_replied(struct call_step *s, const struct note *in)
{
	struct note failed = { 0 };

	if (!(in->flags & NOTE_JOIN))
		return false;
	if (s->c->state != CALL_RINGING || s->c->attempt.waiting == 0 ||
	    s->p != party_at(s->w, s->c->attempt.waiting) || s->c->attempt.n_targets > 0)
		return true; /* it has other things to do by now */
	failed.status = (uint16_t)aim(s, in);
	if (failed.status != 0)
		attempt_keep_best(s->w, s->c, &failed);
	attempt_go_on(s->w, s->c);
	return true;
}

/* --- who is asked -------------------------------------------------------------------------------*/

static bool
may_join(struct worker *w, const struct call *c, const struct party *p, const struct note *in)
{
	struct span by = in->text[T_USER], user = kept_span(&w->heap, p->user);
	const struct party *peer = party_peer(w, p);

	return by.len > 0 && (span_eq(by, user) || span_eq(by, kept_span(&w->heap, peer->user)) ||
				 pickup_same_group(w, c->tenant, by, user));
}

/* 0: he may be called there. l: his leg; NULL: he has none here. */
static unsigned
refusal(struct worker *w, const struct call *c, const struct party *p, const struct leg *l,
    const struct note *in)
{
	const struct party *peer = l == NULL ? NULL : party_peer(w, p);

	if (in->tenant != c->tenant || peer == NULL || p->gone || peer->gone || p->user.len == 0 ||
	    l->dialog.state != DIALOG_CONFIRMED)
		return 481;
	return may_join(w, c, p, in) ? 0 : 403;
}

/* The dialog as his phone has it: our remote tag is its own. */
static struct span
join_line(struct worker *w, const struct leg *l)
{
	struct sip_replaces r = { .call_id = kept_span(&w->heap, l->dialog.call_id),
		.to_tag = kept_span(&w->heap, l->dialog.remote_tag),
		.from_tag = kept_span(&w->heap, l->dialog.local_tag) };
	struct buf value = scratch_buf(w, SIP_REPLACES_MAX);
	struct buf b = scratch_buf(w, SIP_REPLACES_MAX + 16);

	sip_put_replaces_value(&value, &r);
	sip_put_header(&b, sip_header_name(SIP_H_JOIN), buf_span(&value));
	return buf_ok(&value) && buf_ok(&b) ? buf_span(&b) : SPAN_NONE;
}

void
join_asked(struct call_step *s, const struct note *in)
{
	struct worker *w = s->w;
	struct party *p = in->flags & NOTE_JOIN_OWN ? s->p : party_peer(w, s->p);
	const struct leg *l = p == NULL || party_is_bridge(p) ? NULL : leg_at(w, p->leg);
	unsigned status = refusal(w, s->c, p, l, in);
	struct note n = { .what = EV_REPLACED,
		.flags = NOTE_JOIN,
		.status = 200,
		.call = in->ref,
		.leg = in->leg };

	if (status == 0) {
		n.text[T_HEADERS] = join_line(w, l);
		status = n.text[T_HEADERS].len == 0 ? 503 : 0;
	}
	if (status != 0) {
		replace_reply(w, in, NULL, status, SPAN_NONE);
		return;
	}
	n.flow = l->flow;
	n.text[T_USER] = kept_span(&w->heap, p->user);
	n.text[T_TARGET] = kept_span(&w->heap, l->dialog.target);
	n.text[T_ROUTES] = kept_span(&w->heap, l->dialog.routes);
	note_up(w, &n);
}
