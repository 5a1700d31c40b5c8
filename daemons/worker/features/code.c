/*
 * Service codes (SERVICES.md): a subscriber dials what begins with * or #, and changes a setting of his
 * or asks for it. What a code does stands in tandem.feature_code; the longest that fits is it.
 *
 *     *72 1003        a code and a number: North America
 *     *61*1003**20#   number, seconds; what ends in # is ETSI's; # may come as %23
 *     *51*3*1003#     a place and a number
 *
 *     *67 1003        a code and a number, for this call alone: it goes on as a call to 1003; the number
 *     *70*67 1003     may be another code
 *
 * 404: there is no such code; 484: its number is not all there, or none. No code ever goes to a
 * gateway. A PIN stands in no record, whatever becomes of the call. Settings: tandem.feature_code. State:
 * call.code (call_code.c), call.once.
 */
#include "worker/worker.h"

#include <ctype.h>

enum { CODE_MAX = 64, DIGITS_MAX = 32, PATTERN_MAX = 32, PLACE_MAX = 8, ONCES_MAX = 4 };

static size_t
digits_of(struct span s)
{
	size_t n = s.len > 0 && s.p[0] == '+';
	size_t from = n;

	while (n < s.len && isdigit((unsigned char)s.p[n]))
		n++;
	return n == from || n - from > DIGITS_MAX ? 0 : n;
}

/* What follows the code: nothing, N, N#, N**T# (or N*BS*T#: which bearer services it is for, 3GPP
 * TS 22.030, is nothing to us). */
static struct code_args
read_rest(struct span s)
{
	struct code_args d = { .form = "" };
	struct span bs, t;

	if (s.len == 0)
		return d;
	d.number = span_first(s, digits_of(s));
	s = span_from(s, d.number.len);
	d.form = d.number.len == 0 ? NULL : s.len == 0 ? "N" : NULL;
	if (d.number.len == 0 || s.len == 0)
		return d;
	if (span_eq(s, SPAN("#"))) {
		d.form = "N#";
		return d;
	}
	if (s.p[0] != '*' || s.p[s.len - 1] != '#')
		return d;
	t = span_cut(span_of(s.p + 1, s.len - 2), '*', &bs);
	if (t.p == NULL)
		return d;
	if (span_u32(t, 600, &d.seconds) == ERR_NONE && d.seconds > 0)
		d.form = "N**T#";
	return d;
}

/* A PIN, a new one, and that once more: old*new*new#. */
static bool
read_pins(struct span s, struct code_args *a_r)
{
	struct span rest, one;

	if (s.len < 2 || s.len > DIGITS_MAX || s.p[s.len - 1] != '#')
		return false;
	rest = a_r->number = span_first(s, s.len - 1);
	for (unsigned i = 0; i < 3; i++) {
		rest = span_cut(rest, '*', &one);
		if (one.len == 0 || digits_of(one) != one.len || (rest.p == NULL) != (i == 2))
			return false;
	}
	return true;
}

/* A place and a number: place*number#. Which places there are is known to who does it (sql/0035). */
static bool
read_place(struct span s, struct code_args *a_r)
{
	struct span place, number;

	if (s.len < 2 || s.p[s.len - 1] != '#')
		return false;
	a_r->number = span_first(s, s.len - 1);
	number = span_cut(a_r->number, '*', &place);
	return place.len > 0 && place.len <= PLACE_MAX && digits_of(place) == place.len &&
	       number.len > 0 && digits_of(number) == number.len;
}

static bool
is_code(
    struct worker *w, uint32_t tenant, struct span code, const char *form, struct dir_code *found)
{
	char text[CODE_MAX + 8];
	struct buf b =
	    buf_on(text, sizeof(text)); /* one dialled text is asked for thousands of times */

	buf_put(&b, code);
	buf_str(&b, form);
	return buf_ok(&b) && directory_code(&w->directory, tenant, buf_span(&b), found) &&
	       found->action[0] != '\0';
}

/* 0: *code_r and *d_r; 484: it begins as one does; 404. */
static unsigned
find(struct worker *w, uint32_t tenant, struct span s, struct dir_code *code_r,
    struct code_args *d_r)
{
	static const char *const forms[] = { "N", "N#", "N**T#", "N*N#" };
	unsigned status = 404;

	for (size_t n = s.len; n >= 2; n--) {
		struct span code = span_first(s, n);

		*d_r = read_rest(span_from(s, n));
		if (d_r->form != NULL && is_code(w, tenant, code, d_r->form, code_r))
			return 0;
		if (read_pins(span_from(s, n), d_r) && is_code(w, tenant, code, "N*N*N#", code_r))
			return 0;
		if (read_place(span_from(s, n), d_r) && is_code(w, tenant, code, "N*N#", code_r))
			return 0;
		for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]) && status == 404; i++)
			if (is_code(w, tenant, code, forms[i], code_r))
				status = 484;
	}
	return status;
}

/* Those that change no setting. */
static const struct {
	const char *action;
	struct feature_verdict (*act)(
	    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
} acts[] = {
	{ "pickup.directed", pickup_directed },
	{ "pickup.group", pickup_group },
	{ "park", park_code },
	{ "return.call", again_refused },
	{ "redial", redial_refused },
	{ "speed.dial", speed_refused },
	{ "vm.own", voicemail_refused },
	{ "vm.any", voicemail_refused },
	{ "ccbs.set", completion_set },
	{ "ccbs.clear", completion_clear },
	{ "ccbs.query", completion_query },
};

static unsigned
once_of(const struct dir_code *code)
{
	struct span a = span_str(code->action);

	if (span_eq(a, SPAN("clir.call")))
		return ONCE_HIDDEN;
	if (span_eq(a, SPAN("clip.call")))
		return ONCE_SHOWN;
	return span_eq(a, SPAN("cw.off.call")) ? ONCE_ALONE : 0;
}

/* What follows such a code is a code again. */
static unsigned
before_another(struct worker *w, uint32_t tenant, struct span s, struct span *rest_r)
{
	struct dir_code code;

	for (size_t n = s.len < 4 ? 0 : s.len - 2; n >= 2; n--)
		if ((s.p[n] == '*' || s.p[n] == '#') &&
		    is_code(w, tenant, span_first(s, n), "N", &code) && once_of(&code) != 0) {
			*rest_r = span_from(s, n);
			return once_of(&code);
		}
	return 0;
}

static bool
takes_pin(struct span action)
{
	return span_eq(span_first(action, 4), SPAN("bar.")) ||
	       span_eq(span_first(action, 4), SPAN("pin."));
}

/* In what is no code: wherever in it one begins that takes a PIN. */
static size_t
pin_in_mistyped(struct worker *w, uint32_t tenant, struct span s)
{
	static const char *const forms[] = { "N#", "N*N*N#" };
	struct dir_code code;

	for (size_t from = 0; from < s.len; from++) {
		size_t most = s.len - from < PATTERN_MAX ? s.len - from : PATTERN_MAX;

		if (s.p[from] != '*' && s.p[from] != '#')
			continue;
		for (size_t n = most; n >= 2; n--)
			for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
				if (is_code(w, tenant, span_of(s.p + from, n), forms[i], &code) &&
				    takes_pin(span_str(code.action)))
					return from + n;
	}
	return 0;
}

/* Where a PIN begins in what was dialled, be it a right one or mistyped; 0: there is none in it. A code
 * is what it is, whatever a part of it looks like; behind one for this call alone there may be another. */
static size_t
pin_at(struct worker *w, uint32_t tenant, struct span dialled)
{
	struct span s = dialled, rest;
	struct dir_code code;
	struct code_args a;
	size_t at;

	for (unsigned onces = 0; onces < ONCES_MAX; onces++, s = rest) {
		if (find(w, tenant, s, &code, &a) == 0) {
			bool pin = takes_pin(span_str(code.action)) && a.number.len > 0;

			return pin ? (size_t)(a.number.p - dialled.p) : 0;
		}
		if (before_another(w, tenant, s, &rest) == 0)
			break;
	}
	at = pin_in_mistyped(w, tenant, s);
	return at == 0 ? 0 : at + (size_t)(s.p - dialled.p);
}

/* What is longer than a code may be is none: it is not looked through, and so not kept. */
struct kept
code_without_pin(struct worker *w, struct call *c, struct kept dialled)
{
	struct span s = kept_span(&w->heap, dialled), begin = span_first(s, CODE_MAX);
	size_t at = s.len > 0 && (s.p[0] == '*' || s.p[0] == '#') ? pin_at(w, c->tenant, begin) : 0;
	char text[CODE_MAX + sizeof("PIN#")];
	struct buf b = buf_on(text, sizeof(text));

	if (at == 0)
		return s.len > begin.len && (s.p[0] == '*' || s.p[0] == '#')
			   ? call_keep(w, c, begin)
			   : dialled;
	buf_put(&b, span_first(s, at));
	buf_lit(&b, "PIN#");
	return call_keep(w, c, buf_span(&b));
}

static struct feature_verdict
ask(struct worker *w, struct call *c, const struct origin *o, const struct dir_code *code,
    const struct code_args *d)
{
	struct span action = span_str(code->action);
	bool asked;

	for (unsigned i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (span_eq(action, span_str(acts[i].action)))
			return acts[i].act(w, c, o, d);
	if (span_eq(action, SPAN("return.clear")) && !c->dry)
		again_forget(w, o->account);
	/* What is asked for twice is done once: which way it turns is decided here. */
	if (span_eq(action, SPAN("dnd.toggle")))
		action = o->subscriber->dnd ? SPAN("dnd.clear") : SPAN("dnd.set");
	asked = code_ask(w, c, action, d->number, d->seconds);
	if (!asked)
		return (struct feature_verdict){ .status = 503,
			.reason = "Settings cannot be changed now" };
	return (struct feature_verdict){ .taken = true,
		.because = "a service code, which calls nobody" };
}

/* --- for this call alone ------------------------------------------------------------------------*/

static unsigned
next_once(struct worker *w, uint32_t tenant, struct span s, struct span *rest_r)
{
	struct dir_code code;
	struct code_args d;

	if (s.len < 4 || s.len > CODE_MAX || (s.p[0] != '*' && s.p[0] != '#'))
		return 0;
	if (find(w, tenant, s, &code, &d) != 0)
		return before_another(w, tenant, s, rest_r);
	*rest_r = d.number;
	return once_of(&code);
}

unsigned
code_once(struct worker *w, uint32_t tenant, struct span dialled, struct span *rest_r)
{
	unsigned all = 0, one = next_once(w, tenant, dialled, &dialled);

	while (one != 0 && (all & one) == 0) {
		all |= one;
		*rest_r = dialled;
		one = next_once(w, tenant, dialled, &dialled);
	}
	return all;
}

bool
code_action(struct worker *w, const struct call *c, struct span dialled, struct dir_code *code_r,
    struct code_args *a_r)
{
	return dialled.len >= 2 && dialled.len <= CODE_MAX &&
	       (dialled.p[0] == '*' || dialled.p[0] == '#') &&
	       find(w, c->tenant, dialled, code_r, a_r) == 0;
}

/* --- of a setting -------------------------------------------------------------------------------*/

static struct feature_verdict
originate(struct worker *w, struct call *c, const struct origin *o, const struct route_query *q)
{
	struct span s = kept_span(&w->heap, c->dialled);
	struct dir_code *code = scratch_take(w, sizeof(*code));
	struct code_args d;
	unsigned status;

	(void)q;
	if (s.len < 2 || (s.p[0] != '*' && s.p[0] != '#') || o->kind != ORIGIN_SUBSCRIBER ||
	    c->state != CALL_RINGING || c->attempt.forwards > 0 || code == NULL)
		return (struct feature_verdict){ 0 };
	c->dialled = code_without_pin(w, c, c->dialled); /* the phone shows it (call_code.c) */
	status = s.len > CODE_MAX ? 404 : find(w, c->tenant, s, code, &d);
	if (status == 0 && once_of(code) != 0) /* the same twice */
		status = 404;
	if (status == 484)
		return (struct feature_verdict){ .status = 484, .reason = "Number incomplete" };
	if (status != 0)
		return (struct feature_verdict){ .status = 404, .reason = "No such service code" };
	return ask(w, c, o, code, &d);
}

const struct feature feature_code = { .name = "code", .originate = originate };
