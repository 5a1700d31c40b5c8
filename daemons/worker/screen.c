/*
 * Lists of callers: is who calls in one of the called subscriber's (model/directory.h, dir_list)?
 *
 * A caller is looked for by his number and by his name, with and without + or 00 in front. One who hides
 * is found as "anonymous"; by what he hides only to be blocked, which tells the called side nothing.
 */
#include "worker/worker.h"

#include <string.h>

enum { FORMS = 4 };

/* How a caller may stand in a list, in scratch; all empty: he cannot. */
static void
forms_of(struct worker *w, struct span caller, struct span form_r[FORMS])
{
	static const char *const fronts[FORMS - 1] = { "", "+", "00" };
	struct span rest = caller;

	memset(form_r, 0, FORMS * sizeof(form_r[0]));
	if (caller.len == 0 || caller.len > DIR_CALLER_MAX)
		return;
	if (caller.p[0] == '+')
		rest = span_from(caller, 1);
	else if (caller.len > 2 && span_eq(span_first(caller, 2), SPAN("00")))
		rest = span_from(caller, 2);
	form_r[0] = caller;
	for (unsigned i = 1; i < FORMS; i++) {
		struct buf b = scratch_buf(w, DIR_CALLER_MAX + 2);

		buf_str(&b, fronts[i - 1]);
		buf_put(&b, rest);
		form_r[i] = buf_span(&b);
	}
}

static bool
is_in(struct worker *w, const struct dir_subscriber *s, enum dir_list list, struct span caller)
{
	struct span forms[FORMS];

	forms_of(w, caller, forms);
	for (unsigned i = 0; i < FORMS; i++)
		if (forms[i].len > 0 && directory_listed(&w->directory, s->id, list, forms[i]))
			return true;
	return false;
}

bool
screen_lists(
    struct worker *w, const struct call *c, const struct dir_subscriber *s, enum dir_list list)
{
	bool hidden = caller_is_hidden(c);

	if (!(s->lists & 1u << list))
		return false;
	if (hidden && directory_listed(&w->directory, s->id, list, SPAN("anonymous")))
		return true;
	if (hidden && list != DIR_LIST_BLOCK)
		return false;
	return is_in(w, s, list, kept_span(&w->heap, c->number)) ||
	       is_in(w, s, list, kept_span(&w->heap, c->user));
}

/* --- a list that is written out (a rule's) ------------------------------------------------------*/

static bool
is_meant(struct span word, struct span caller)
{
	if (caller.len == 0 || word.len == 0)
		return false;
	if (word.p[word.len - 1] != '*')
		return span_eq(word, caller);
	return span_starts(caller, span_first(word, word.len - 1));
}

static bool
is_among(struct worker *w, struct span words, struct span caller)
{
	struct span forms[FORMS], word;

	forms_of(w, caller, forms);
	while (words.len > 0) {
		words = span_cut(words, ',', &word);
		for (unsigned i = 0; i < FORMS; i++)
			if (is_meant(word, forms[i]))
				return true;
	}
	return false;
}

bool
screen_words(struct worker *w, const struct call *c, struct span words)
{
	if (caller_is_hidden(c))
		return is_among(w, words, SPAN("anonymous"));
	return is_among(w, words, kept_span(&w->heap, c->number)) ||
	       is_among(w, words, kept_span(&w->heap, c->user));
}
