/*
 * Find-me/follow-me and simultaneous ring (SERVICES.md C33; RFC 5359 2.12): where else a subscriber is rung.
 *
 *     A        tandem         B          M          M in B's list after 10 s
 *     |INVITE--->|            |          |
 *     |          |INVITE----->|          |
 *     |<------180|<-------180 |          |
 *     |          |  (10 s)    |          |
 *     |          |INVITE Diversion: B--->|          simultaneous: both ring
 *     |          |CANCEL----->|          |          sequential: whoever rang before stops
 *     |<------200|<-------------------200|          the others are told that it was taken
 *
 * Each number is called by B, as if his calls were forwarded there: what he may not call is passed over,
 * and he pays for the part that answers (BILLING.md R6); each has its segment. Times count from when the
 * call came to B; when nobody rings any more the next begins at once. What a number refuses, 6xx too, is
 * its refusal alone. Busy (DND, call limit) and CFNRc go before; CFNR begins to count with the last number.
 * In a group it does not act. That the one who answers confirms it by a key needs the media: it is not
 * asked.
 *
 * Settings: tandem.subscriber_service.follow_me, tandem.follow_me_number. Codes: none. State: the targets'
 * begins_ns and alone (call_later.c).
 */
#include "worker/worker.h"

struct number {
	struct span to;
	uint32_t delay_s, ring_s;
};

/* "DELAY RING NUMBER" */
static bool
number_read(struct span line, struct number *n)
{
	struct span word;

	line = span_cut(line, ' ', &word);
	if (span_u32(word, 300, &n->delay_s) != ERR_NONE)
		return false;
	n->to = span_cut(line, ' ', &word);
	return span_u32(word, 300, &n->ring_s) == ERR_NONE && n->to.len > 0;
}

static void
decide(struct worker *w, struct call *c, const struct dir_subscriber *s, const struct number *n)
{
	struct buf b = scratch_buf(w, 192);

	buf_lit(&b, "rings ");
	buf_put(&b, n->to);
	if (n->delay_s > 0) {
		buf_lit(&b, " after ");
		buf_u64(&b, n->delay_s);
		buf_lit(&b, " s");
	}
	decision_note(w, c, "follow_me", dir_text(s, s->user), buf_span(&b));
}

/* Its targets begin so late; the attempt is his as before. */
static void
add(struct worker *w, struct call *c, const struct dir_subscriber *s, const struct number *n)
{
	bool alone = s->follow_me == DIR_FOLLOW_ME_SEQUENTIAL;
	struct attempt *a = &c->attempt, before = *a;
	uint32_t last = targets_last(w, c);
	size_t used = w->scratch_used;

	decide(w, c, s, n);
	call_forward(w, c, s, n->to, alone ? REDIRECT_NO_ANSWER : REDIRECT_UNCONDITIONAL);
	before.targets = a->targets;
	before.n_targets = a->n_targets;
	*a = before;
	targets_begin_later(w, c, last, n->delay_s, n->ring_s, alone);
	w->scratch_used =
	    used; /* what was read of one is done with: many leave room for the INVITEs */
}

static void
ring(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	struct span list = scratch_keep(w, dir_text(called, called->follow_me_numbers)), line;
	struct number n;

	while (called->follow_me != DIR_FOLLOW_ME_OFF && list.len > 0) {
		list = span_cut(list, '\n', &line);
		if (number_read(line, &n))
			add(w, c, called, &n);
	}
}

const struct feature feature_follow_me = { .name = "follow_me", .ring = ring };
