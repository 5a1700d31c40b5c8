/*
 * Call barring (TS 24.611, TS 22.088): what a subscriber may not call, and whether he can be called.
 *
 *     A (barring=international)  tandem              tandem        B (barring=incoming)
 *     |INVITE 0044...----------->|                   |<------INVITE|
 *     |<---- 403 Outgoing barred |                   |403--------->|
 *
 *     outgoing       every number that is not of his tenant
 *     international  with + or an international prefix (00; 011 in country code 1), and another country
 *                    code than his own number has; any such when he has none
 *     premium        those of tandem.number_class, of the number's country, his own for a national one
 *     incoming       every call to him, before any forwarding
 *
 * It acts on what he dials, and on what he sends calls on to: that is his call. An emergency number is
 * never barred (emergency.c). His record says barred.
 *
 * Settings: tandem.subscriber_service.barring. Codes: *33*PIN# #33*PIN# outgoing, 331 and 332
 * international, 35 incoming, #330 #333 #353 several; **03**PIN*NEW*NEW# the PIN. State: none.
 */
#include "worker/worker.h"

#include <string.h>

/* ITU-T E.164: 1 and 7 alone, these two digits, all others three. */
static struct span
country_of(struct span number)
{
	static const char two[] = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 "
				  "54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 "
				  "95 98";
	size_t len = 3;

	if (number.len < 3)
		return SPAN_NONE;
	if (number.p[0] == '1' || number.p[0] == '7')
		len = 1;
	for (const char *t = two; len == 3 && t < two + sizeof(two) - 1; t += 3)
		if (memcmp(t, number.p, 2) == 0)
			len = 2;
	return span_of(number.p, len);
}

static bool
starts(struct span s, const char *with)
{
	struct span head = span_str(with);

	return s.len >= head.len && memcmp(s.p, head.p, head.len) == 0;
}

/* The number as the world dials it, without its +; empty: it is a national one. */
static struct span
world_number(struct span dialled, struct span home)
{
	if (starts(dialled, "+"))
		return span_from(dialled, 1);
	if (!span_eq(home, SPAN("1")) && starts(dialled, "00"))
		return span_from(dialled, 2);
	if ((home.len == 0 || span_eq(home, SPAN("1"))) && starts(dialled, "011"))
		return span_from(dialled, 3);
	return SPAN_NONE;
}

static bool
is_premium(struct worker *w, uint32_t tenant, struct span country, struct span number)
{
	struct buf b = scratch_buf(w, DIR_PREFIX_MAX + 4);

	buf_put(&b, country);
	buf_put(&b, span_first(number, DIR_PREFIX_MAX));
	return country.len > 0 && directory_premium(&w->directory, tenant, buf_span(&b));
}

static unsigned
classes_of(struct worker *w, uint32_t tenant, struct span dialled, struct span own)
{
	struct span home = starts(own, "+") ? country_of(span_from(own, 1)) : SPAN_NONE;
	struct span world = world_number(dialled, home), country = country_of(world);
	unsigned classes = BAR_OUTGOING;

	if (world.len > 0) {
		if (home.len == 0 || !span_eq(country, home))
			classes |= BAR_INTERNATIONAL;
		dialled = span_from(world, country.len);
	} else {
		country = home;
		if (starts(dialled, span_eq(home, SPAN("1")) ? "1" : "0"))
			dialled = span_from(dialled, 1);
	}
	return is_premium(w, tenant, country, dialled) ? classes | BAR_PREMIUM : classes;
}

static bool
is_ours(struct worker *w, uint32_t tenant, struct span dialled)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));

	return rec != NULL && (route_subscriber(w, tenant, dialled, rec) != NULL ||
				  directory_number(&w->directory, tenant, dialled, rec) != NULL);
}

static struct feature_verdict
originate(struct worker *w, struct call *c, const struct origin *o, const struct route_query *q)
{
	const struct dir_subscriber *s = o->subscriber;

	if (q == NULL || o->kind != ORIGIN_SUBSCRIBER || (s->barring & ~BAR_INCOMING) == 0 ||
	    starts(q->dialled, "*") || starts(q->dialled, "#") || is_ours(w, c->tenant, q->dialled))
		return (struct feature_verdict){ 0 };
	if ((classes_of(w, c->tenant, q->dialled, dir_text(s, s->number)) & s->barring) == 0)
		return (struct feature_verdict){ 0 };
	return (struct feature_verdict){ .status = 403, .reason = "Outgoing call barred" };
}

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	(void)w;
	(void)c;
	if (!(called->barring & BAR_INCOMING))
		return (struct feature_verdict){ 0 };
	return (struct feature_verdict){ .status = 403, .reason = "Incoming calls barred" };
}

const struct feature feature_barring = {
	.name = "barring", .originate = originate, .terminate = terminate
};
