/*
 * The relay of a MESSAGE: to all contacts of who it is for at once, or to gateways one after the
 * other. The first that takes it decides, its answer goes back; else the best refusal does, once all
 * have said theirs (RFC 3261 16.7). When nobody was there the store may keep it (message_keep.c).
 *
 *     sender             tandem            phones              store
 *       | MESSAGE ---------->|                 |                 |
 *       |                    |--- MESSAGE ---->| (each)          |
 *       |                    |<---------- 200 -| (the first)     |
 *       |<------------- 200 -|                                   |
 *       or, when nobody is there:                                |
 *       |                    |--- MESSAGE_KEEP ----------------->| on disk
 *       |<------------- 202 -|<----------------- MESSAGE_KEPT ---|
 *
 * A 408 is never said (RFC 4320 4.2): before the sender's own timer ends he hears 480, or 202.
 */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/token.h"

struct relay_step { /* one event of one relay */
	struct worker *w;
	struct txn *t;
	struct relay *r;
};
struct relay_input {
	unsigned status;
	const struct sip_msg *m; /* NULL: said by nobody, or lost by a kill */
};

struct relay *
relay_of(struct worker *w, const struct txn *t)
{
	return t == NULL || t->kind != TXN_NIST || t->user_data == 0 ||
		       t->user != pool_handle(&w->txn_pool, t)
		   ? NULL
		   : heap_at(&w->heap, t->user_data);
}

struct message_branch *
message_branch_of(struct worker *w, const struct txn *t)
{
	return t->kind == TXN_NICT && t->user_data != 0 ? heap_at(&w->heap, t->user_data) : NULL;
}

static void
arm(struct worker *w, const struct txn *t, uint64_t until_ns)
{
	wheel_set(w->wheel, &w->relay_timers[pool_index(&w->txn_pool, t)], until_ns);
}

static struct kept
keep(struct worker *w, struct txn *t, struct span s, bool *good)
{
	struct kept k;

	if (arena_keep(&w->heap, &t->arena, pool_handle(&w->txn_pool, t), s, &k) != ERR_NONE)
		*good = false;
	return k;
}

/* --- refusals -----------------------------------------------------------------------------------*/

static unsigned
refusal_for_sender(unsigned status)
{
	/* A challenge to us is none to the sender, a redirection is not followed. */
	if (status < 400 || status == 401 || status == 407 || status == 408)
		return 480;
	return status == 503 ? 500 : status; /* 503 speaks of a server of theirs (16.7 step 6) */
}

static bool
is_absence(unsigned status)
{
	return status == 408 || status == 430 || status == 480 || status == 503;
}

/* RFC 3261 16.7 step 6: a 6xx before all, else the lowest class; in 4xx those first that tell the
 * sender what to change. */
static unsigned
rank(unsigned status)
{
	if (status >= 600)
		return 0;
	if (status == 413 || status == 415 || status == 420 || status == 484)
		return 400;
	return status / 100 * 100 + (status == 480 ? 2 : 1);
}

void
relay_note_refusal(
    struct worker *w, struct txn *t, struct relay *r, unsigned status, const struct sip_msg *m)
{
	unsigned said = refusal_for_sender(status);
	bool good = true;

	if (!is_absence(status))
		r->refused = 1;
	if (r->best != 0 && rank(r->best) <= rank(said))
		return;
	r->best = (uint16_t)said;
	r->best_phrase = r->best_headers = (struct kept){ 0 };
	if (m == NULL || said != status)
		return;
	r->best_phrase = keep(w, t, span_first(sip_span(m, m->reason), 256), &good);
	r->best_headers = keep(w, t, message_refusal_headers(w, m), &good);
}

/* --- what a relay does --------------------------------------------------------------------------*/

static bool
step(struct worker *w, struct txn *t, struct relay *r, enum relay_event e,
    const struct relay_input *in)
{
	struct relay_step s = { w, t, r };

	return fsm_step(&relay_fsm, &r->state, (uint8_t)e, &s, in, pool_handle(&w->txn_pool, t));
}

static void
pass_back(void *obj, const void *input)
{
	struct relay_step *s = obj;
	const struct relay_input *in = input;

	if (s->t->method == SIP_REFER && in->m != NULL)
		referral_taken(s->w, s->t, in->m);
	else
		message_answer(s->w, s->t, in->status,
		    in->m == NULL ? SPAN_NONE : sip_span(in->m, in->m->reason), SPAN_NONE);
}

/* It was handed to the store when a phone took it after all: nobody is to get it twice. */
static void
take_back(void *obj, const void *input)
{
	struct relay_step *s = obj;

	for (unsigned i = 0; i < s->r->n_branches; i++) {
		struct txn *c = txn_at(&s->w->txns, s->r->branches[i]);
		struct message_branch *b = c == NULL ? NULL : message_branch_of(s->w, c);

		if (b != NULL && b->kept) {
			message_tell(s->w, b, 200);
			break;
		}
	}
	pass_back(obj, input);
}

static void
refuse(void *obj, const void *input)
{
	struct relay_step *s = obj;
	const struct relay_input *in = input;
	struct relay *r = s->r;
	bool best = in->status == r->best;

	message_answer(s->w, s->t, in->status,
	    best ? kept_span(&s->w->heap, r->best_phrase) : SPAN_NONE,
	    best		? kept_span(&s->w->heap, r->best_headers)
	    : in->status == 503 ? SPAN("Retry-After: 5\r\n")
				: SPAN_NONE);
}

static void
hand_over(void *obj, const void *input)
{
	struct relay_step *s = obj;
	uint64_t t1_ns = s->w->settings->timers.t1_ms * NS_PER_MS;

	(void)input;
	if (!message_keep(s->w, s->t, s->r)) {
		s->r->state = RELAY_ANSWERED;
		refuse(obj, &(struct relay_input){ .status = 503 });
		return;
	}
	s->r->until_ns = s->r->began_ns + RELAY_KEEP_T1S * t1_ns;
	arm(s->w, s->t, s->r->until_ns);
}

static void
say_fate(void *obj, const void *input)
{
	struct relay_step *s = obj;
	const struct relay_input *in = input;

	message_answer(s->w, s->t, in->status,
	    in->status < 300 ? SPAN_NONE : SPAN("Too many messages wait for this user"), SPAN_NONE);
}

static const char *const states[RELAY_N_STATES] = {
	[RELAY_SENT] = "SENT", [RELAY_KEEPING] = "KEEPING", [RELAY_ANSWERED] = "ANSWERED"
};
static const char *const events[RE_N_EVENTS] = {
	[RE_TAKEN] = "TAKEN", [RE_REFUSED] = "REFUSED", [RE_ABSENT] = "ABSENT", [RE_KEPT] = "KEPT"
};

/*
 *                | MESSAGE: send to all contacts
 *                v
 *          +----------+   absent: hand to the store   +----------+
 *          |   SENT   |------------------------------>| KEEPING  |
 *          +----------+                               +----------+
 *     taken:  |    |  refused: say the best             |  |  | taken: pass back, tell the store
 *     pass    |    |                                    |  |  +------------------+
 *     back    |    |       kept: 202, or 480 (full)     |  | refused (time): 503 |
 *             v    v                                    v  v                     |
 *          +----------------------------------------------------+                |
 *          |                     ANSWERED                       |<---------------+
 *          +----------------------------------------------------+
 */
/* clang-format off */
static const struct fsm_row rows[] = {
	/*      in             on          goes to         and does */
	FSM_ROW(RELAY_SENT,    RE_TAKEN,   RELAY_ANSWERED, pass_back),
	FSM_ROW(RELAY_SENT,    RE_REFUSED, RELAY_ANSWERED, refuse),
	FSM_ROW(RELAY_SENT,    RE_ABSENT,  RELAY_KEEPING,  hand_over),
	FSM_ROW(RELAY_KEEPING, RE_TAKEN,   RELAY_ANSWERED, take_back),
	FSM_ROW(RELAY_KEEPING, RE_REFUSED, RELAY_ANSWERED, refuse),
	FSM_ROW(RELAY_KEEPING, RE_KEPT,    RELAY_ANSWERED, say_fate),
};
/* clang-format on */

const struct fsm relay_fsm = { "relay", states, events, RELAY_N_STATES, RE_N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), NULL, 1ull << RELAY_ANSWERED };

/* --- sending ------------------------------------------------------------------------------------*/

/* Toward a gateway the request is ours: it may go twice, with the next CSeq (login.c), which in the
 * sender's own Call-ID his next MESSAGE has. The same each time it is asked for, also after a kill. */
static void
put_own_call_id(struct worker *w, struct buf *b, const struct txn *t, const struct sip_msg *m)
{
	uint64_t whose = hash_span(&w->key, sip_span(m, m->call_id));

	token_put(b, &w->key, TOKEN_TAG, pool_handle(&w->txn_pool, t));
	buf_char(b, '-');
	buf_hex(b, &whose, sizeof(whose));
}

void
relay_send(struct worker *w, struct txn *t, struct relay *r, const struct relay_branch *to)
{
	const struct sip_msg *m = txn_request(&w->txns, t);
	struct message_text x = { .method = (enum sip_method)t->method,
		.uri = to->uri,
		.routes = to->routes,
		.from = kept_span(&w->heap, r->from),
		.to = sip_span(m, m->to),
		.call_id = sip_span(m, m->call_id),
		.headers = kept_span(&w->heap, r->headers),
		.content_type = sip_span(m, m->content_type),
		.body = sip_span(m, m->body),
		.cseq = m->cseq,
		.max_forwards = r->max_forwards,
		.loop = r->loop,
		.branch = { .gateway = to->gateway, .again = to->again } };
	char own[TOKEN_LEN + 32];
	struct buf call_id = buf_on(own, sizeof(own));
	handle *place = to->place;
	unsigned status;

	if (to->gateway != 0) {
		put_own_call_id(w, &call_id, t, m);
		x.call_id = buf_span(&call_id);
		x.cseq = 1 + to->again;
	}

	if (place == NULL && r->n_branches == TARGETS_MAX)
		return;
	/* Counted first: one that was sent is known, whenever this process dies. */
	if (place == NULL)
		place = &r->branches[r->n_branches++];
	if (m->method != SIP_MESSAGE)
		x.headers = referral_headers(w, m, r, to->flow);
	status = message_send(w, &x, to->flow, pool_handle(&w->txn_pool, t), place);
	if (status != 0)
		relay_note_refusal(w, t, r, status, NULL);
}

static bool
is_pending(const struct txn *t)
{
	return t != NULL && t->state <= TXN_PROCEEDING;
}

static bool
waits(struct worker *w, const struct relay *r)
{
	if (r->locating)
		return true;
	for (unsigned i = 0; i < r->n_branches; i++)
		if (is_pending(txn_at(&w->txns, r->branches[i])))
			return true;
	return false;
}

/* All have said their word, or time is over: what the sender is told, or who else is tried. */
static void
conclude(struct worker *w, struct txn *t, struct relay *r)
{
	struct relay_input in = { 0 };

	while (r->state == RELAY_SENT && !waits(w, r) && relay_send_next_way(w, t, r))
		;
	if (r->state != RELAY_SENT || (waits(w, r) && worker_now(w) < r->until_ns))
		return;
	arm(w, t, 0);
	in.status = r->best != 0 ? r->best : 480;
	if (!r->refused) {
		unsigned no = message_keepable(w, r, txn_request(&w->txns, t));

		in.status = no != 0 && no != 480 ? no : in.status;
		if (no == 0) {
			step(w, t, r, RE_ABSENT, &in);
			return;
		}
	}
	step(w, t, r, RE_REFUSED, &in);
}

void
relay_go(struct worker *w, struct txn *t, struct relay *r)
{
	arm(w, t, r->until_ns);
	conclude(w, t, r);
}

/* --- what comes back ----------------------------------------------------------------------------*/

/* Of a relay. One that was given up may be taken all the same: the store is told. */
static void
branch_said(struct worker *w, struct txn *c, unsigned status, const struct sip_msg *m)
{
	struct message_branch *b = message_branch_of(w, c);
	struct txn *t = txn_at(&w->txns, c->user);
	struct relay *r = relay_of(w, t);
	struct relay_input in = { status, m };

	if (r == NULL || r->state == RELAY_ANSWERED) {
		if (status < 300 && b != NULL && b->kept)
			message_tell(w, b, status);
		return;
	}
	if (status < 300) {
		arm(w, t, 0);
		step(w, t, r, RE_TAKEN, &in);
		return;
	}
	if (relay_login(w, t, r, c, m))
		return;
	relay_note_refusal(w, t, r, status, m);
	conclude(w, t, r);
}

/* Of a message that was kept: the store gathers what all of its branches say. */
static void
delivery_said(struct worker *w, struct txn *c, unsigned status)
{
	struct message_branch *b = message_branch_of(w, c);

	if (b != NULL && !b->told)
		b->told = message_tell(w, b, status);
}

void
message_on_txn(struct worker *w, struct txn *t, enum txn_news news, const struct sip_msg *m)
{
	unsigned status = news == TXN_UNREACHABLE ? 503 : m == NULL ? 408 : m->status;
	bool delivery = t->user == pool_handle(&w->txn_pool, t);

	if (t->kind != TXN_NICT)
		return; /* the sender's: what its transport says changes nothing */
	switch (news) {
	case TXN_SUCCESS:
	case TXN_FAILURE:
	case TXN_TIMEOUT:
	case TXN_UNREACHABLE:
		if (delivery)
			delivery_said(w, t, status);
		else
			branch_said(w, t, status, m);
		break;
	case TXN_ENDED: /* the store's ring was full before */
		if (delivery)
			delivery_said(w, t, t->status != 0 ? t->status : 408);
		break;
	case TXN_PROVISIONAL:
	case TXN_REQUEST:
	case TXN_ACKED:
		break;
	}
}

void
message_on_timer(struct worker *w, struct txn *t)
{
	struct relay *r = relay_of(w, t);

	if (r == NULL)
		return;
	if (r->state == RELAY_KEEPING)
		step(w, t, r, RE_REFUSED, &(struct relay_input){ .status = 503 });
	else
		conclude(w, t, r);
}

void
message_kept(struct worker *w, const struct wire_message_fate *f)
{
	struct txn *t = txn_at(&w->txns, f->relay);
	struct relay *r = relay_of(w, t);

	if (r == NULL || r->state != RELAY_KEEPING)
		return;
	arm(w, t, 0);
	step(w, t, r, RE_KEPT, &(struct relay_input){ .status = f->status });
}

/* --- after a kill -------------------------------------------------------------------------------*/

/* The 2xx of a branch that was in hand. */
static bool
was_taken(struct worker *w, const struct relay *r)
{
	for (unsigned i = 0; i < r->n_branches; i++) {
		const struct txn *c = txn_at(&w->txns, r->branches[i]);

		if (c != NULL && c->state == TXN_COMPLETED && c->status < 300)
			return true;
	}
	return false;
}

/* No branch was sent: killed before that, or all were over and the kill was before it heard so. */
static bool
has_no_branch(struct worker *w, const struct relay *r)
{
	for (unsigned i = 0; i < r->n_branches; i++)
		if (txn_at(&w->txns, r->branches[i]) != NULL)
			return false;
	return true;
}

static void
take_up(struct worker *w, struct txn *t, struct relay *r)
{
	/* What its state means may not have been done. */
	if (r->state == RELAY_ANSWERED)
		r->state = RELAY_SENT;
	if (was_taken(w, r)) {
		step(w, t, r, RE_TAKEN, &(struct relay_input){ .status = 200 });
	} else if (r->state == RELAY_KEEPING) { /* the store takes it twice for one */
		message_keep(w, t, r);
		arm(w, t, r->until_ns);
	} else if (has_no_branch(w, r)) {
		txn_drop(&w->txns, t); /* its sender repeats it */
	} else {
		if (r->locating) { /* nobody answers what the process before had asked */
			r->locating = 0;
			r->next_way--;
		}
		relay_go(w, t, r);
	}
}

void
message_recover(struct worker *w)
{
	struct txn *next;

	for (struct txn *t = pool_next(&w->txn_pool, NULL); t != NULL; t = next) {
		struct relay *r = relay_of(w, t);

		next = pool_next(&w->txn_pool, t);
		if (r != NULL && t->state <= TXN_PROCEEDING)
			take_up(w, t, r);
		else if (t->kind == TXN_NICT && t->user == pool_handle(&w->txn_pool, t) &&
			 t->state == TXN_COMPLETED)
			delivery_said(w, t, t->status);
		worker_drain(w);
	}
}
