/* A call's beginning: who calls, what was dialled, what the features and the route say. */
#include "worker/worker.h"

#include "base/rand.h"
#include "sip/addr.h"
#include "sip/fields.h"

/* A name of 256 bytes with each escaped, a user of 256 as %hh, a realm of 128. */
enum { ADDRESS_MAX = 1536 };

/* --- targets ------------------------------------------------------------------------------------*/

struct target *
target_at(struct worker *w, uint32_t offset)
{
	return offset == 0 ? NULL : heap_at(&w->heap, offset);
}

struct target *
target_new(
    struct worker *w, struct call *c, enum target_kind kind, struct span uri, struct span routes)
{
	uint32_t *last = &c->attempt.targets;
	struct target *t;

	if (c->attempt.n_targets == TARGETS_MAX)
		return NULL;
	t = arena_take(&w->heap, &c->arena, pool_handle(&w->calls, c), sizeof(*t));
	if (t == NULL)
		return NULL;
	t->kind = (uint8_t)kind;
	t->uri = call_keep(w, c, uri);
	t->routes = call_keep(w, c, routes);
	t->segment = c->segments;
	t->next = 0;
	/* In the order in which they were found: of equal q the most recent contact is first. */
	while (*last != 0)
		last = &target_at(w, *last)->next;
	*last = heap_offset(&w->heap, t);
	c->attempt.n_targets++;
	return t;
}

/* --- who calls, toward the called side ----------------------------------------------------------*/

static void
keep_caller(struct worker *w, struct call *c, const struct sip_msg *m, const struct origin *o)
{
	struct buf user = scratch_buf(w, 256), name = scratch_buf(w, 256);
	struct sip_addr from;
	struct sip_uri uri;

	if (sip_addr_parse(sip_span(m, m->from), &from) == ERR_NONE)
		sip_put_display_text(&name, from.display);
	if (o->kind == ORIGIN_SUBSCRIBER) {
		const struct dir_subscriber *s = o->subscriber;

		c->user = call_keep(w, c, dir_text(s, s->user));
		c->number = call_keep(w, c, dir_text(s, s->number));
		/* The name the directory has goes before the one that the phone claims. */
		c->name = call_keep(
		    w, c, s->display_name.len > 0 ? dir_text(s, s->display_name) : buf_span(&name));
		return;
	}
	if (sip_uri_parse(sip_span(m, m->from_uri), &uri) == ERR_NONE)
		sip_uri_user(&uri, &user);
	c->user = call_keep(w, c, user.len > 0 ? buf_span(&user) : SPAN("anonymous"));
	c->name = call_keep(w, c, buf_span(&name));
}

static void
keep_addresses(struct worker *w, struct call *c)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_tenant *t =
	    rec == NULL ? NULL : directory_tenant(&w->directory, c->tenant, rec);
	struct span realm = span_str(t == NULL ? w->settings->domains[0] : t->realm);
	struct span name = kept_span(&w->heap, c->name);
	struct buf b = scratch_buf(w, ADDRESS_MAX);

	if (name.len > 0) {
		sip_put_quoted(&b, name);
		buf_char(&b, ' ');
	}
	buf_lit(&b, "<sip:");
	sip_put_user(&b, kept_span(&w->heap, c->user));
	buf_char(&b, '@');
	buf_put(&b, realm);
	buf_char(&b, '>');
	c->attempt.from = call_keep(w, c, buf_span(&b));
	b = scratch_buf(w, ADDRESS_MAX);
	buf_lit(&b, "<sip:");
	sip_put_user(&b, kept_span(&w->heap, c->dialled));
	buf_char(&b, '@');
	buf_put(&b, realm);
	buf_char(&b, '>');
	c->attempt.to = call_keep(w, c, buf_span(&b));
}

/* At least 128 random bits and no address of ours inside (FLOWS.md S3-05). */
static struct kept
make_call_id(struct worker *w, struct call *c)
{
	uint8_t bytes[20];
	char text[40];
	struct buf b = buf_on(text, sizeof(text));

	rand_bytes(bytes, sizeof(bytes));
	buf_hex(&b, bytes, sizeof(bytes));
	return call_keep(w, c, buf_span(&b));
}

static void
keep_dialled(struct worker *w, struct call *c, const struct sip_msg *m)
{
	struct buf b = scratch_buf(w, 256);
	struct sip_uri uri;

	if (sip_uri_parse(sip_span(m, m->uri), &uri) == ERR_NONE)
		sip_uri_user(&uri, &b);
	c->dialled = call_keep(w, c, buf_span(&b));
}

static void
keep_offer(struct worker *w, struct call *c, const struct sip_msg *m)
{
	c->attempt.offer_type = call_keep(w, c, sip_span(m, m->content_type));
	c->attempt.offer = call_keep(w, c, sip_span(m, m->body));
	c->attempt.headers = call_keep(w, c, headers_through(w, m));
	c->attempt.reliable =
	    ((sip_option_set(m, SIP_H_SUPPORTED, NULL) | sip_option_set(m, SIP_H_REQUIRE, NULL)) &
		1u << SIP_O_100REL) != 0;
	c->max_forwards = m->max_forwards < 0 ? 70 : (uint32_t)m->max_forwards - 1;
	c->loop = (uint32_t)hash_span(&w->key, sip_span(m, m->uri));
}

/* --- the decision -------------------------------------------------------------------------------*/

static void
refuse(struct worker *w, struct call *c, unsigned status, const char *reason)
{
	call_because(c, BY_SYSTEM, END_NORMAL);
	call_refuse(w, c, status, span_str(reason), SPAN_NONE);
}

static bool
is_sdp_readable(struct worker *w, const struct sip_msg *m)
{
	struct sdp *sdp;

	if (m->body.len == 0 || !sip_type_is(sip_span(m, m->content_type), SPAN("application/sdp")))
		return true;
	sdp = scratch_take(w, sizeof(*sdp));
	return sdp != NULL && sdp_parse(sip_span(m, m->body), sdp) == ERR_NONE;
}

static void
set_ring_limit(struct worker *w, struct call *c, const struct sip_msg *m)
{
	uint32_t s = w->settings->timers.ring_s;

	if (m->expires != UINT32_MAX && m->expires > 0 && m->expires < s)
		s = m->expires;
	c->attempt.ring_until_ns = worker_now(w) + s * NS_PER_S;
}

void
call_setup(void *step, const void *setup)
{
	struct call_step *s = step;
	const struct setup *in = setup;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct party *caller = party_new(w, c, PARTY_CALLER, in->leg);
	struct feature_refusal no;
	struct route_result route;

	must(caller != NULL); /* call_new saw to it */
	c->caller = heap_offset(&w->heap, caller);
	caller->flow = in->invite->flow;
	c->origin = (uint8_t)in->origin->kind;
	c->direction = c->origin == ORIGIN_GATEWAY ? DIRECTION_INBOUND : DIRECTION_INTERNAL;
	c->tenant = in->origin->tenant;
	c->account = in->origin->account;
	c->setup_ms = w->child.clock.wall_ms;
	caller->sip_call_id = call_keep(w, c, sip_span(in->invite, in->invite->call_id));
	keep_dialled(w, c, in->invite);
	keep_caller(w, c, in->invite, in->origin);
	keep_addresses(w, c);
	keep_offer(w, c, in->invite);
	c->attempt.call_id = make_call_id(w, c);
	c->attempt.waiting = c->caller;
	segment_open(w, c, in->origin);
	set_ring_limit(w, c, in->invite);
	if (!is_sdp_readable(w, in->invite)) {
		refuse(w, c, 488, "The session description cannot be read");
		return;
	}
	no = features_originate(w, c, in->origin);
	if (no.status != 0) {
		refuse(w, c, no.status, no.reason);
		return;
	}
	route = route_call(w, c, in->invite, in->origin);
	if (route.status != 0)
		refuse(w, c, route.status, route.reason);
	else if (!call_dial_next(w, c))
		refuse(w, c, 480, NULL);
	else
		cdr_send(w, c, CDR_OPEN); /* one that is refused at once has its closed record */
}
