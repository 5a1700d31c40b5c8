/* The list of those who sent a call on, and the Diversion header. History-Info: history.c. */
#include "sip/diversion.h"

#include "sip/build.h"

static const struct span reasons[DIVERSION_N_REASONS] = {
#define X(id, text, cause) [DIVERSION_##id] = { text, sizeof(text) - 1 },
	DIVERSION_REASONS(X)
#undef X
};

static const struct span privacies[] = {
	[DIVERSION_OFF] = { "off", 3 },
	[DIVERSION_NAME] = { "name", 4 },
	[DIVERSION_URI] = { "uri", 3 },
	[DIVERSION_FULL] = { "full", 4 },
};

static struct span
unquoted(struct span s)
{
	return s.len >= 2 && s.p[0] == '"' ? span_of(s.p + 1, s.len - 2) : s;
}

static enum diversion_reason
read_reason(struct span params)
{
	struct span word;

	if (sip_param(params, SPAN("reason"), &word))
		for (unsigned i = 0; i < DIVERSION_N_REASONS; i++)
			if (span_ieq(reasons[i], unquoted(word)))
				return (enum diversion_reason)i;
	return DIVERSION_UNKNOWN;
}

/* A word that we do not know hides, whatever it meant to hide. */
static enum diversion_privacy
read_privacy(struct span params)
{
	struct span word;

	if (!sip_param(params, SPAN("privacy"), &word))
		return DIVERSION_OFF;
	for (unsigned i = DIVERSION_OFF; i < DIVERSION_FULL; i++)
		if (span_ieq(privacies[i], unquoted(word)))
			return (enum diversion_privacy)i;
	return DIVERSION_FULL;
}

static uint32_t
read_counter(struct span params)
{
	struct span word;
	uint32_t n;

	if (!sip_param(params, SPAN("counter"), &word))
		return 1;
	switch (span_u32(word, DIVERSION_COUNTER_MAX, &n)) {
	case ERR_NONE:
		return n == 0 ? 1 : n;
	case ERR_RANGE:
		return DIVERSION_COUNTER_MAX;
	default:
		return 1;
	}
}

static uint32_t
both(uint32_t a, uint32_t b)
{
	return a + b < DIVERSION_COUNTER_MAX ? a + b : DIVERSION_COUNTER_MAX;
}

static bool
read_one(struct span value, struct diversion *d)
{
	struct sip_addr a;
	struct sip_uri u;

	if (sip_addr_parse(value, &a) != ERR_NONE || a.star || sip_uri_parse(a.uri, &u) != ERR_NONE)
		return false;
	*d = (struct diversion){ .uri = a.uri,
		.display = a.display,
		.reason = read_reason(a.params),
		.privacy = read_privacy(a.params),
		.counter = read_counter(a.params) };
	return true;
}

/* They come newest first. The last place is that of the oldest yet: when there are too many, the ones
 * between are counted with it. */
void
diversions_of_diversion(const struct sip_msg *m, struct diversions *list_r)
{
	struct sip_values v = sip_values(m, SIP_H_DIVERSION);
	struct diversion d;
	struct span value;

	list_r->n = 0;
	while (sip_values_next(&v, &value)) {
		if (!read_one(value, &d))
			continue;
		if (list_r->n == DIVERSIONS_MAX)
			d.counter = both(d.counter, list_r->item[--list_r->n].counter);
		list_r->item[list_r->n++] = d;
	}
	for (unsigned i = 0; i < list_r->n / 2; i++) {
		d = list_r->item[i];
		list_r->item[i] = list_r->item[list_r->n - 1 - i];
		list_r->item[list_r->n - 1 - i] = d;
	}
}

unsigned
diversions_count(const struct diversions *list)
{
	unsigned count = 0;

	for (unsigned i = 0; i < list->n; i++)
		count += list->item[i].counter;
	return count;
}

void
diversions(const struct sip_msg *m, struct diversions *list_r)
{
	struct diversions other;

	diversions_of_history(m, list_r);
	diversions_of_diversion(m, &other);
	if (diversions_count(&other) > diversions_count(list_r))
		*list_r = other;
}

bool
diversions_add(struct diversions *list, struct span uri, enum diversion_reason reason,
    enum diversion_privacy privacy)
{
	if (list->n == DIVERSIONS_MAX)
		return false;
	list->item[list->n++] =
	    (struct diversion){ .uri = uri, .reason = reason, .privacy = privacy, .counter = 1 };
	return true;
}

/* Without the cause that a History-Info gave it. */
static void
put_uri(struct buf *b, struct span uri)
{
	struct sip_uri u;

	if (sip_uri_parse(uri, &u) == ERR_NONE)
		sip_put_uri_without(b, &u, SPAN("cause"));
	else
		sip_put_text(b, uri);
}

static void
put_one(struct buf *b, const struct diversion *d)
{
	buf_lit(b, "Diversion: ");
	if (d->display.len > 0) {
		if (d->display.p[0] == '"')
			sip_put_text(b, d->display);
		else
			sip_put_quoted(b, d->display);
		buf_char(b, ' ');
	}
	buf_char(b, '<');
	put_uri(b, d->uri);
	buf_lit(b, ">;reason=");
	buf_put(b, reasons[d->reason]);
	buf_lit(b, ";counter=");
	buf_u64(b, d->counter);
	buf_lit(b, ";privacy=");
	buf_put(b, privacies[d->privacy]);
	buf_lit(b, "\r\n");
}

void
sip_put_diversion(struct buf *b, const struct diversions *list)
{
	for (unsigned i = list->n; i-- > 0;)
		put_one(b, &list->item[i]);
}
