/* A number that is nobody's here: the gateways of its route (tandem.route) become targets. */
#include "worker/worker.h"

#include "sip/build.h"

void
route_put_gateway(struct buf *b, const struct dir_gateway *g, struct span number)
{
	buf_lit(b, "sip:");
	sip_put_user(b, number);
	buf_char(b, '@');
	if (g->address.family == 6)
		netaddr_put_ip(b, &g->address);
	else
		buf_put(b, dir_text(g, g->host));
	if (g->port != 0) {
		buf_char(b, ':');
		buf_u64(b, g->port);
	}
	/* A name that is said to be reached by UDP is not asked of DNS for others. */
	if (g->transport > SIP_T_UDP || (g->transport == SIP_T_UDP && g->address.family == 0)) {
		buf_lit(b, ";transport=");
		buf_put(b, sip_transport_param(g->transport));
	}
	buf_lit(b, ";user=phone");
}

/* A URI, or a host and perhaps a port, as a loose route (RFC 3261 16.12). */
static void
put_proxy(struct buf *b, struct span proxy)
{
	struct sip_uri uri;
	struct span value;
	bool whole = sip_uri_parse(proxy, &uri) == ERR_NONE &&
		     (uri.scheme == SIP_S_SIP || uri.scheme == SIP_S_SIPS);

	buf_str(b, whole ? "<" : "<sip:");
	buf_put(b, proxy);
	if (!whole || !sip_param(uri.params, SPAN("lr"), &value))
		buf_lit(b, ";lr");
	buf_char(b, '>');
}

/* Where a gateway's requests go first, and by which routes. False: nowhere that we could send to. */
static bool
first_hop(struct worker *w, const struct dir_gateway *g, struct span uri, struct buf *routes,
    struct sip_flow *f_r)
{
	struct span first = uri;
	struct sip_uri parsed;
	enum err e;

	if (g->proxy.len > 0) {
		put_proxy(routes, dir_text(g, g->proxy));
		if (!buf_ok(routes))
			return false;
		first = span_of(routes->p + 1, routes->len - 2);
	}
	*f_r = (struct sip_flow){ 0 };
	if (sip_uri_parse(first, &parsed) != ERR_NONE)
		return false;
	e = target_flow(w, &parsed, f_r);
	if (e == ERR_NONE)
		target_source(w, f_r);
	else /* it may have a name, and call_place.c finds it */
		*f_r = (struct sip_flow){ 0 };
	return e == ERR_NONE || (e == ERR_ABSENT && resolve_may(w, &parsed));
}

static bool
add_gateway(struct worker *w, struct call *c, const struct dir_gateway *g, struct span number,
    unsigned order)
{
	struct buf uri = scratch_buf(w, 512), routes = scratch_buf(w, 512);
	struct sip_flow flow;
	struct target *t;

	route_put_gateway(&uri, g, number);
	if (!buf_ok(&uri) || !first_hop(w, g, buf_span(&uri), &routes, &flow))
		return false;
	t = target_new(w, c, TARGET_GATEWAY, buf_span(&uri), buf_span(&routes));
	if (t == NULL)
		return false;
	t->gateway = g->id;
	t->trusted = g->trusted;
	t->any_transport = g->transport == SIP_T_NONE;
	t->flow = flow;
	t->q = (uint16_t)(1000 - order); /* one after the other, best priority first */
	return true;
}

struct route_result
route_gateways(struct worker *w, struct call *c, struct span dialled)
{
	struct dir_buf *route_rec = scratch_take(w, sizeof(*route_rec));
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_route *r;
	unsigned added = 0;

	r = route_rec == NULL || rec == NULL
		? NULL
		: directory_route(&w->directory, c->tenant, dialled, route_rec);
	if (r == NULL)
		return (struct route_result){ .status = 404, .nobody = true };
	if (route_begins(c))
		c->direction = c->origin == ORIGIN_GATEWAY ? DIRECTION_TRANSIT : DIRECTION_OUTBOUND;
	decision_words(w, c, "route", span_str(r->routes[0].name), "to gateways");
	for (unsigned i = 0; i < r->n; i++) {
		const struct dir_gateway *g =
		    directory_gateway(&w->directory, r->routes[i].gateway, rec);
		struct buf number = scratch_buf(w, 128);

		buf_str(&number, r->routes[i].add);
		buf_put(&number, span_from(dialled, r->routes[i].strip));
		if (g != NULL && buf_ok(&number))
			added += add_gateway(w, c, g, buf_span(&number), i);
	}
	if (added == 0)
		return (struct route_result){ .status = 500,
			.reason = "No gateway of the route can be reached" };
	return (struct route_result){ 0 };
}
