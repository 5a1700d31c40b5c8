/*
 * Dialogs. What changes in a dialog's life (remote tag, target, route set) stands in two places by
 * turns: the new text is written beside the old one and switched to with one store, so a process
 * killed meanwhile leaves a dialog that can still be ended with a BYE, and a call of many hours with
 * a target refresh every minute does not grow.
 */
#include "sip/dialog.h"

#include <string.h>

#include "sip/addr.h"
#include "sip/build.h"

enum { SEVERAL = DIALOG_ROUTES_MAX + 1 };

/* --- text that is replaced ----------------------------------------------------------------------*/

struct place { /* stands before the text; the pair lies behind one another */
	uint32_t cap;
	uint32_t second;
};

static struct place *
place_pair(const struct dialog_memory *mem, uint32_t cap)
{
	size_t one = sizeof(struct place) + cap;
	struct place *p = arena_take(mem->heap, mem->arena, mem->owner, 2 * one);

	if (p == NULL)
		return NULL;
	*p = (struct place){ cap, 0 };
	*(struct place *)((char *)p + one) = (struct place){ cap, 1 };
	return p;
}

static struct place *
place_other(struct place *p)
{
	ptrdiff_t one = (ptrdiff_t)(sizeof(*p) + p->cap);

	return (struct place *)((char *)p + (p->second ? -one : one));
}

/* One store of eight bytes. */
static void
switch_to(struct kept *k, struct kept to)
{
	uint64_t word;

	memcpy(&word, &to, sizeof(word));
	__atomic_signal_fence(__ATOMIC_RELEASE);
	memcpy(k, &word, sizeof(word));
}

static size_t
joined_len(const struct span *parts, size_t n)
{
	size_t len = n > 1 ? 2 * (n - 1) : 0;

	for (size_t i = 0; i < n; i++)
		len += parts[i].len;
	return len;
}

/* The parts, joined by ", ", become the text of k. */
static enum err
replace(const struct dialog_memory *mem, struct kept *k, const struct span *parts, size_t n)
{
	struct place *p = k->at == 0 ? NULL : (struct place *)heap_at(mem->heap, k->at) - 1;
	size_t len = joined_len(parts, n), cap;
	struct buf b;

	if (len == 0) {
		switch_to(k, (struct kept){ k->at, 0 });
		return ERR_NONE;
	}
	if (p == NULL || len > p->cap) {
		cap = p == NULL || len > 2 * (size_t)p->cap ? len : 2 * (size_t)p->cap;
		p = cap > HEAP_TAKE_MAX / 2 - 2 * sizeof(*p)
			? NULL
			: place_pair(mem, (uint32_t)(cap + 7) & ~7u);
		if (p == NULL)
			return ERR_FULL;
	} else {
		p = place_other(p);
	}
	b = buf_on(p + 1, p->cap);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_lit(&b, ", ");
		buf_put(&b, parts[i]);
	}
	switch_to(k, (struct kept){ heap_offset(mem->heap, p + 1), (uint32_t)len });
	return ERR_NONE;
}

static enum err
keep(const struct dialog_memory *mem, struct span s, struct kept *k_r)
{
	return arena_keep(mem->heap, mem->arena, mem->owner, s, k_r);
}

/* --- the parts of a dialog ----------------------------------------------------------------------*/

/* A From or To value without its tag parameter. */
static enum err
keep_untagged(const struct dialog_memory *mem, struct span value, struct kept *k_r)
{
	struct span name, word, addr_part = value;
	struct sip_addr addr;
	struct buf b;
	char *p;

	if (sip_addr_parse(value, &addr) != ERR_NONE || addr.star)
		return ERR_SYNTAX;
	p = arena_take(mem->heap, mem->arena, mem->owner, value.len);
	if (p == NULL)
		return ERR_FULL;
	b = buf_on(p, value.len);
	if (addr.params.p != NULL)
		addr_part = span_first(value, (size_t)(addr.params.p - value.p) - 1);
	buf_put(&b, span_trim(addr_part));
	while (sip_param_cut(&addr.params, &name, &word)) {
		if (span_ieq(name, SPAN("tag")))
			continue;
		buf_char(&b, ';');
		buf_put(&b, span_of(name.p, (size_t)(word.p + word.len - name.p)));
	}
	*k_r = (struct kept){ heap_offset(mem->heap, p), (uint32_t)b.len };
	return ERR_NONE;
}

static enum err
set_routes(
    struct dialog *d, const struct dialog_memory *mem, const struct sip_msg *m, bool reversed)
{
	struct sip_values v = sip_values(m, SIP_H_RECORD_ROUTE);
	struct span found[SEVERAL], ordered[DIALOG_ROUTES_MAX];
	size_t n = 0;

	while (n < SEVERAL && sip_values_next(&v, &found[n]))
		n++;
	if (n > DIALOG_ROUTES_MAX)
		return ERR_RANGE;
	for (size_t i = 0; i < n; i++)
		ordered[i] = found[reversed ? n - 1 - i : i];
	return replace(mem, &d->routes, ordered, n);
}

static bool
is_sips(struct span uri)
{
	return span_ieq(span_first(uri, 5), SPAN("sips:"));
}

enum err
dialog_of_request(struct dialog *d, const struct dialog_memory *mem, const struct sip_msg *request,
    struct span local_tag)
{
	struct span target = sip_span(request, request->contact_uri);
	struct span remote_tag = sip_span(request, request->from_tag);
	enum err e;

	*d = (struct dialog){ .remote_cseq = request->cseq, .has_remote_cseq = 1 };
	if (target.len == 0)
		return ERR_ABSENT;
	d->secure = is_sips(sip_span(request, request->uri)) &&
		    (request->flow.transport == SIP_T_TLS || request->flow.transport == SIP_T_WSS);
	if ((e = keep(mem, sip_span(request, request->call_id), &d->call_id)) == ERR_NONE &&
	    (e = keep(mem, local_tag, &d->local_tag)) == ERR_NONE &&
	    (e = replace(mem, &d->remote_tag, &remote_tag, 1)) == ERR_NONE &&
	    (e = keep_untagged(mem, sip_span(request, request->to), &d->local_addr)) == ERR_NONE &&
	    (e = keep_untagged(mem, sip_span(request, request->from), &d->remote_addr)) ==
		ERR_NONE &&
	    (e = replace(mem, &d->target, &target, 1)) == ERR_NONE)
		e = set_routes(d, mem, request, false);
	return e;
}

enum err
dialog_start(struct dialog *d, const struct dialog_memory *mem, struct span call_id,
    struct span local_addr, struct span local_tag, struct span remote_addr, struct span target,
    struct span routes, uint32_t cseq)
{
	enum err e;

	*d = (struct dialog){ .uac = 1, .local_cseq = cseq, .secure = is_sips(target) };
	if ((e = keep(mem, call_id, &d->call_id)) == ERR_NONE &&
	    (e = keep(mem, local_addr, &d->local_addr)) == ERR_NONE &&
	    (e = keep(mem, local_tag, &d->local_tag)) == ERR_NONE &&
	    (e = keep(mem, remote_addr, &d->remote_addr)) == ERR_NONE &&
	    (e = replace(mem, &d->target, &target, 1)) == ERR_NONE)
		e = replace(mem, &d->routes, &routes, 1);
	return e;
}

static bool
has_tag(const struct dialog *d, const struct heap *heap, struct span tag)
{
	return span_ieq(kept_span(heap, d->remote_tag), tag);
}

/* Tag last: with it the dialog is another one. */
static enum err
take_over(struct dialog *d, const struct dialog_memory *mem, const struct sip_msg *response)
{
	struct span tag = sip_span(response, response->to_tag);
	enum err e = dialog_retarget(d, mem, response);

	/* A response without Contact makes a dialog too; its requests go where the INVITE went. */
	if (e == ERR_NONE || e == ERR_ABSENT)
		e = set_routes(d, mem, response, true);
	if (e == ERR_NONE)
		e = replace(mem, &d->remote_tag, &tag, 1);
	return e;
}

enum err
dialog_of_response(
    struct dialog *d, const struct dialog_memory *mem, const struct sip_msg *response)
{
	struct span tag = sip_span(response, response->to_tag);
	bool final = response->status >= 200;
	enum err e = ERR_NONE;

	if (response->status <= 100 || response->status >= 300 || (tag.len == 0 && !final))
		return ERR_ABSENT;
	switch ((enum dialog_state)d->state) {
	case DIALOG_ENDED:
		return ERR_CLOSED;
	case DIALOG_CONFIRMED:
		return has_tag(d, mem->heap, tag) ? ERR_NONE : ERR_EXISTS;
	case DIALOG_EARLY:
		if (final || !has_tag(d, mem->heap, tag))
			e = take_over(d, mem, response);
		break;
	case DIALOG_NONE:
		e = take_over(d, mem, response);
		break;
	}
	if (e == ERR_NONE)
		d->state = final ? DIALOG_CONFIRMED : DIALOG_EARLY;
	return e;
}

enum err
dialog_retarget(struct dialog *d, const struct dialog_memory *mem, const struct sip_msg *m)
{
	struct span target = sip_span(m, m->contact_uri);

	if (target.len == 0)
		return ERR_ABSENT;
	if (span_eq(target, kept_span(mem->heap, d->target)))
		return ERR_NONE;
	return replace(mem, &d->target, &target, 1);
}

/* --- matching -----------------------------------------------------------------------------------*/

bool
dialog_matches(const struct dialog *d, const struct heap *heap, const struct sip_msg *m)
{
	struct span from = sip_span(m, m->from_tag), to = sip_span(m, m->to_tag);
	struct span local = m->request ? to : from, remote = m->request ? from : to;

	return span_eq(sip_span(m, m->call_id), kept_span(heap, d->call_id)) &&
	       span_ieq(local, kept_span(heap, d->local_tag)) && has_tag(d, heap, remote);
}

unsigned
dialog_check(struct dialog *d, const struct heap *heap, const struct sip_msg *request)
{
	if (!dialog_matches(d, heap, request))
		return 481;
	/* They bear the number of their INVITE. */
	if (request->method == SIP_ACK || request->method == SIP_CANCEL)
		return 0;
	if (d->has_remote_cseq && request->cseq < d->remote_cseq)
		return 500;
	d->remote_cseq = request->cseq;
	d->has_remote_cseq = 1;
	return 0;
}

/* --- requests -----------------------------------------------------------------------------------*/

/* The first route's URI, and what stands behind it; false without routes. */
static bool
first_route(
    const struct dialog *d, const struct heap *heap, struct span *uri_r, struct span *rest_r)
{
	struct span value;
	struct sip_addr addr;

	*rest_r = kept_span(heap, d->routes);
	if (!sip_value_cut(rest_r, &value) || sip_addr_parse(value, &addr) != ERR_NONE)
		return false;
	*uri_r = addr.uri;
	return true;
}

struct span
dialog_next_hop(const struct dialog *d, const struct heap *heap)
{
	struct span uri, rest;

	return first_route(d, heap, &uri, &rest) ? uri : kept_span(heap, d->target);
}

static bool
is_loose(struct span route)
{
	struct sip_uri uri;
	struct span value;

	return sip_uri_parse(route, &uri) == ERR_NONE && sip_param(uri.params, SPAN("lr"), &value);
}

/* A route as Request-URI of a strict router: without headers and ;method (12.2.1.1). */
static void
put_strict_line(struct buf *b, struct span method, struct span route)
{
	char text[SIP_URI_MAX];
	struct buf u = buf_on(text, sizeof(text));
	struct span params, name, value, head = route;
	struct sip_uri uri;

	if (sip_uri_parse(route, &uri) != ERR_NONE)
		uri = (struct sip_uri){ .text = route };
	params = uri.params;
	if (params.p != NULL)
		head = span_first(route, (size_t)(params.p - route.p) - 1);
	else if (uri.headers.p != NULL)
		head = span_first(route, (size_t)(uri.headers.p - route.p) - 1);
	buf_put(&u, head);
	while (sip_param_cut(&params, &name, &value)) {
		if (span_ieq(name, SPAN("method")))
			continue;
		buf_char(&u, ';');
		buf_put(&u, span_of(name.p, (size_t)(value.p + value.len - name.p)));
	}
	if (!buf_ok(&u))
		b->overrun = true;
	sip_put_request_line(b, method, buf_span(&u));
}

/* The values stand as the peer wrote them; the parser let no line end through. */
static void
put_party(struct buf *b, struct span name, struct span addr, struct span tag)
{
	buf_put(b, name);
	buf_put(b, addr);
	if (tag.len > 0) {
		buf_lit(b, ";tag=");
		buf_put(b, tag);
	}
	buf_lit(b, "\r\n");
}

static void
put_strict_routes(struct buf *b, struct span rest, struct span target)
{
	buf_lit(b, "Route: ");
	rest = span_trim(rest);
	if (rest.len > 0) {
		buf_put(b, rest);
		buf_lit(b, ", ");
	}
	buf_char(b, '<');
	buf_put(b, target);
	buf_lit(b, ">\r\n");
}

void
dialog_put_request(
    struct buf *b, const struct dialog *d, const struct heap *heap, const struct dialog_request *r)
{
	struct span target = kept_span(heap, d->target), route, rest;
	bool routed = first_route(d, heap, &route, &rest);
	bool strict = routed && !is_loose(route);

	if (strict)
		put_strict_line(b, r->method, route);
	else
		sip_put_request_line(b, r->method, target);
	sip_put_header(b, SPAN("Via"), r->via);
	sip_put_header_u32(b, SPAN("Max-Forwards"), r->max_forwards);
	put_party(b, SPAN("From: "), kept_span(heap, d->local_addr), kept_span(heap, d->local_tag));
	put_party(b, SPAN("To: "), kept_span(heap, d->remote_addr), kept_span(heap, d->remote_tag));
	put_party(b, SPAN("Call-ID: "), kept_span(heap, d->call_id), SPAN_NONE);
	buf_lit(b, "CSeq: ");
	buf_u64(b, r->cseq);
	buf_char(b, ' ');
	buf_put(b, r->method);
	buf_lit(b, "\r\n");
	if (strict)
		put_strict_routes(b, rest, target);
	else if (routed)
		put_party(b, SPAN("Route: "), kept_span(heap, d->routes), SPAN_NONE);
}
