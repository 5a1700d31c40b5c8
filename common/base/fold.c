/* Warnings folded: one table for the process, searched through, for a failure is rare or bounded. */
#include "base/fold.h"

#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum { METHOD_TEXT = 16 };

struct place {
	const char *event, *reason; /* event NULL: free */
	struct netaddr source;	    /* the port is the last one's */
	char user[FOLD_TEXT], method[METHOD_TEXT];
	uint8_t user_len, method_len;
	bool told;	   /* the first was logged */
	uint32_t times;	   /* not told yet */
	uint64_t begin_ns; /* of the minute */
};

static struct place places[FOLD_PLACES];
static uint64_t due_ns = UINT64_MAX; /* no minute ends before */

static struct span
user_of(const struct place *p)
{
	return span_of(p->user, p->user_len);
}

static void
tell(struct place *p)
{
	log_at(LOG_LEVEL_WARN, p->event, LOG_ADDR("source", &p->source),
	    LOG_STR("reason", p->reason), LOG_SPAN("user", user_of(p)),
	    LOG_SPAN("method", span_of(p->method, p->method_len)), LOG_U64("times", p->times));
	p->told = true;
	p->times = 0;
}

/* Told of once more or forgotten. */
static void
minute_over(struct place *p, uint64_t now_ns)
{
	if (p->told && p->times > 0) {
		tell(p);
		p->begin_ns = now_ns;
	} else {
		p->event = NULL;
	}
}

static bool
alike(const struct place *p, const struct fold_warning *w)
{
	return p->event != NULL && strcmp(p->event, w->event) == 0 &&
	       strcmp(p->reason, w->reason) == 0 && netaddr_eq_ip(&p->source, w->source) &&
	       span_eq(user_of(p), span_first(w->user, FOLD_TEXT));
}

/* Its place; else a free one, or the oldest's, made ready for it. */
static struct place *
place_of(const struct fold_warning *w, uint64_t now_ns)
{
	struct span user = span_first(w->user, FOLD_TEXT);
	struct place *to = &places[0];

	for (struct place *p = places; p < places + FOLD_PLACES; p++) {
		if (alike(p, w))
			return p;
		if (to->event != NULL && (p->event == NULL || p->begin_ns < to->begin_ns))
			to = p;
	}
	if (to->event != NULL)
		minute_over(to, now_ns);
	*to = (struct place){ .event = w->event, .reason = w->reason, .begin_ns = now_ns };
	to->user_len = (uint8_t)user.len;
	if (user.len > 0)
		memcpy(to->user, user.p, user.len);
	if (now_ns + FOLD_S * NS_PER_S < due_ns)
		due_ns = now_ns + FOLD_S * NS_PER_S;
	return to;
}

void
fold_warn(const struct fold_warning *w, uint64_t now_ns)
{
	struct span method = span_first(w->method, METHOD_TEXT);
	struct place *p = place_of(w, now_ns);

	p->source = *w->source;
	p->method_len = (uint8_t)method.len;
	if (method.len > 0)
		memcpy(p->method, method.p, method.len);
	p->times++;
	if (!p->told && p->times > w->quiet) {
		tell(p);
		p->begin_ns = now_ns;
	}
}

void
fold_turn(uint64_t now_ns)
{
	if (now_ns < due_ns)
		return;
	due_ns = UINT64_MAX;
	for (struct place *p = places; p < places + FOLD_PLACES; p++) {
		if (p->event != NULL && now_ns >= p->begin_ns + FOLD_S * NS_PER_S)
			minute_over(p, now_ns);
		if (p->event != NULL && p->begin_ns + FOLD_S * NS_PER_S < due_ns)
			due_ns = p->begin_ns + FOLD_S * NS_PER_S;
	}
}
