/* History-Info (RFC 7044) to and from the list of diversions, as RFC 7544 maps it. */
#include <string.h>

#include "sip/build.h"
#include "sip/diversion.h"
#include "sip/identity.h"

enum {
	ENTRIES_MAX = 32, /* of a header that are remembered at once */
	DEPTH_MAX = 24,	  /* numbers in an index that we write */
};

#define PLACEHOLDER "sip:unknown@unknown.invalid"

static const uint16_t causes[DIVERSION_N_REASONS] = {
#define X(id, text, cause) [DIVERSION_##id] = (cause),
	DIVERSION_REASONS(X)
#undef X
};

struct entry {
	struct span uri, display, index;
	bool is_private, is_placeholder;
	uint32_t why; /* the cause that a Reason in its URI tells: why it was left; 0: none */
};

struct history {			 /* while it is read */
	struct entry entry[ENTRIES_MAX]; /* a ring */
	unsigned n;			 /* all that were read */
	uint32_t unknown;		 /* placeholders since the last one in the list */
	struct diversions *list;
};

static bool
reason_of(uint32_t cause, enum diversion_reason *reason_r)
{
	if (cause == 487) /* deflected while it rang (RFC 4458 2) */
		cause = causes[DIVERSION_DEFLECTION];
	for (unsigned i = 0; i < DIVERSION_N_REASONS; i++) {
		if (causes[i] == cause) {
			*reason_r = (enum diversion_reason)i;
			return true;
		}
	}
	return false;
}

static uint32_t
read_why(struct span headers)
{
	char text[128];
	struct buf b = buf_on(text, sizeof(text));
	struct span params, protocol, cause;
	uint32_t n;

	if (sip_uri_header(headers, SPAN("Reason"), &b) != ERR_NONE)
		return 0;
	params = span_cut(buf_span(&b), ';', &protocol);
	return span_ieq(span_trim(protocol), SPAN("SIP")) &&
		       sip_param(params, SPAN("cause"), &cause) &&
		       span_u32(cause, 699, &n) == ERR_NONE
		   ? n
		   : 0;
}

static bool
read_private(struct span headers)
{
	char text[128];
	struct buf b = buf_on(text, sizeof(text));

	switch (sip_uri_header(headers, SPAN("Privacy"), &b)) {
	case ERR_NONE:
		return sip_privacy_parse(buf_span(&b)) & ~(1u << SIP_PRIVACY_NONE);
	case ERR_ABSENT:
		return false;
	default:
		return true;
	}
}

/* The entry whose target led to this one: the one that rc, mp or np names, or the one before. */
static const struct entry *
find_parent(const struct history *h, struct span params)
{
	static const struct span tags[] = { { "mp", 2 }, { "rc", 2 }, { "np", 2 } };
	const unsigned first = h->n > ENTRIES_MAX ? h->n - ENTRIES_MAX : 0;
	struct span index;

	for (unsigned t = 0; t < sizeof(tags) / sizeof(tags[0]); t++) {
		if (!sip_param(params, tags[t], &index) || index.len == 0)
			continue;
		for (unsigned i = h->n; i-- > first;)
			if (span_eq(h->entry[i % ENTRIES_MAX].index, index))
				return &h->entry[i % ENTRIES_MAX];
	}
	return h->n == 0 ? NULL : &h->entry[(h->n - 1) % ENTRIES_MAX];
}

/* When there are too many, the second oldest goes, counted with the third. */
static void
append(struct history *h, const struct entry *from, enum diversion_reason reason)
{
	struct diversions *list = h->list;
	uint32_t counter = 1 + h->unknown;

	if (from->is_placeholder) {
		if (h->unknown < DIVERSION_COUNTER_MAX - 1)
			h->unknown++;
		return;
	}
	h->unknown = 0;
	if (list->n == DIVERSIONS_MAX) {
		list->item[2].counter += list->item[1].counter;
		if (list->item[2].counter > DIVERSION_COUNTER_MAX)
			list->item[2].counter = DIVERSION_COUNTER_MAX;
		memmove(
		    &list->item[1], &list->item[2], (DIVERSIONS_MAX - 2) * sizeof(list->item[0]));
		list->n--;
	}
	diversions_add(list, from->uri, reason, from->is_private ? DIVERSION_FULL : DIVERSION_OFF);
	list->item[list->n - 1].counter = counter;
	list->item[list->n - 1].display = from->display;
}

/* A diversion shows in the entry of its target: a cause in the URI, or (before RFC 7044) another user's
 * URI after a response that tells why. Other entries are contacts and routes. */
static void
read_entry(struct history *h, const struct sip_addr *a, const struct sip_uri *u)
{
	const struct entry *parent = find_parent(h, a->params);
	struct entry e = { .uri = u->text, .display = a->display };
	enum diversion_reason reason;
	struct span word;
	uint32_t cause = 0;

	if (sip_param(u->params, SPAN("cause"), &word))
		(void)span_u32(word, 699, &cause);
	else if (parent != NULL && sip_param(a->params, SPAN("mp"), &word))
		cause = parent->why;
	if (parent != NULL && reason_of(cause, &reason))
		append(h, parent, reason);
	/* Without what is history's own. */
	if (u->headers.p != NULL)
		e.uri.len = (size_t)(u->headers.p - 1 - e.uri.p);
	if (!sip_param(a->params, SPAN("index"), &e.index))
		e.index = SPAN_NONE;
	e.is_placeholder =
	    span_ieq(u->user, SPAN("unknown")) && span_ieq(u->host, SPAN("unknown.invalid"));
	e.is_private = read_private(u->headers);
	e.why = read_why(u->headers);
	h->entry[h->n++ % ENTRIES_MAX] = e;
}

/* Placeholders behind which nobody is named. */
static void
count_rest(struct history *h)
{
	struct diversion *last;

	if (h->unknown == 0)
		return;
	if (h->list->n == 0) {
		diversions_add(h->list, SPAN(PLACEHOLDER), DIVERSION_UNKNOWN, DIVERSION_OFF);
		h->unknown--;
	}
	last = &h->list->item[h->list->n - 1];
	last->counter += h->unknown;
	if (last->counter > DIVERSION_COUNTER_MAX)
		last->counter = DIVERSION_COUNTER_MAX;
}

void
diversions_of_history(const struct sip_msg *m, struct diversions *list_r)
{
	struct sip_values v = sip_values(m, SIP_H_HISTORY_INFO);
	struct history h = { .list = list_r };
	struct span value;
	struct sip_addr a;
	struct sip_uri u;

	list_r->n = 0;
	while (sip_values_next(&v, &value))
		if (sip_addr_parse(value, &a) == ERR_NONE && !a.star &&
		    sip_uri_parse(a.uri, &u) == ERR_NONE)
			read_entry(&h, &a, &u);
	count_rest(&h);
}

/* What is written of one entry after the other: the depth is the index "1.1.1". */
struct written {
	unsigned depth;
	unsigned cause; /* why the one before was left; 0: there was none */
};

static void
put_index(struct buf *b, unsigned depth)
{
	buf_char(b, '1');
	for (unsigned i = 1; i < depth; i++)
		buf_lit(b, ".1");
}

static void
put_entry(struct buf *b, struct written *w, struct span text, bool is_private)
{
	struct sip_uri u;

	/* A tel URI has no place for what hides it. */
	if (sip_uri_parse(text, &u) != ERR_NONE || u.scheme == SIP_S_OTHER ||
	    (is_private && u.scheme == SIP_S_TEL))
		sip_uri_parse(SPAN(PLACEHOLDER), &u);
	buf_put(b, w->depth == 0 ? SPAN("<") : SPAN(", <"));
	sip_put_uri_without(b, &u, SPAN("cause"));
	if (w->cause != 0) {
		buf_lit(b, ";cause=");
		buf_u64(b, w->cause);
	}
	if (is_private)
		buf_lit(b, "?Privacy=history");
	buf_lit(b, ">;index=");
	put_index(b, ++w->depth);
	if (w->depth > 1) {
		buf_lit(b, ";mp=");
		put_index(b, w->depth - 1);
	}
}

void
sip_put_history(struct buf *b, const struct diversions *list, struct span target)
{
	struct written w = { .depth = 0 };

	if (list->n == 0)
		return;
	buf_lit(b, "History-Info: ");
	for (unsigned i = 0; i < list->n; i++) {
		const struct diversion *d = &list->item[i];

		for (uint32_t k = 1; k < d->counter && w.depth + list->n - i < DEPTH_MAX; k++) {
			put_entry(b, &w, SPAN(PLACEHOLDER), false);
			w.cause = causes[DIVERSION_UNKNOWN];
		}
		put_entry(b, &w, d->uri, d->privacy != DIVERSION_OFF);
		w.cause = causes[d->reason];
	}
	put_entry(b, &w, target, false);
	buf_lit(b, "\r\n");
}
