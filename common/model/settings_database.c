/*
 * The database's connection string, as far as its grammar goes (libpq, "Connection Strings"). A bare name,
 * which is what one mistakes it for, is none.
 */
#include "model/settings_database.h"

#include <ctype.h>

static struct span
skip_space(struct span s)
{
	while (s.len > 0 && isspace((unsigned char)s.p[0]))
		s = span_from(s, 1);
	return s;
}

/* Cuts a key and its = off; false: there is none. */
static bool
cut_key(struct span *s)
{
	size_t len = 0;

	while (len < s->len && s->p[len] != '=' && !isspace((unsigned char)s->p[len]))
		len++;
	*s = skip_space(span_from(*s, len));
	if (len == 0 || s->len == 0 || s->p[0] != '=')
		return false;
	*s = skip_space(span_from(*s, 1));
	return true;
}

/* In quotes, which must end, or up to a space; a backslash takes what follows as it is. */
static bool
cut_value(struct span *s)
{
	bool quoted = s->len > 0 && s->p[0] == '\'';
	size_t at = quoted;

	for (; at < s->len; at++) {
		if (quoted ? s->p[at] == '\'' : isspace((unsigned char)s->p[at]) != 0)
			break;
		if (s->p[at] == '\\')
			at++;
	}
	if (at >= s->len) {
		*s = SPAN_NONE;
		return !quoted;
	}
	*s = span_from(*s, at + 1);
	return true;
}

bool
settings_is_database(struct span s)
{
	if (span_starts(s, SPAN("postgresql://")) || span_starts(s, SPAN("postgres://")))
		return true;
	for (s = skip_space(s); s.len > 0; s = skip_space(s))
		if (!cut_key(&s) || !cut_value(&s))
			return false;
	return true;
}
