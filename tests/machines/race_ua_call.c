/* Calls that a phone begins, and its part in making one of several: REFER and Replaces (RFC 3515, 3891). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "race_ua.h"

void
ua_call(struct ua *u, const char *user, bool offer, const char *more)
{
	struct ua_dialog *d = &u->dialogs[u->n_dialogs];

	if (u->n_dialogs == UA_DIALOGS)
		return;
	u->n_dialogs++;
	d->uac = true;
	ua_new_name(u, "call", d->call_id, sizeof(d->call_id));
	ua_new_name(u, "tag", d->local_tag, sizeof(d->local_tag));
	snprintf(d->local, sizeof(d->local), "<sip:%s@example.com>", u->user);
	snprintf(d->remote, sizeof(d->remote), "<sip:%s@example.com>", user);
	snprintf(d->target, sizeof(d->target), "sip:%s@example.com", user);
	ua_ask_with(u, d, "INVITE", offer, more);
}

static void
refer(struct ua *u, struct ua_dialog *d, const char *refer_to)
{
	if (d->referring)
		return;
	d->referring = true;
	ua_ask_with(u, d, "REFER", false, refer_to);
}

void
ua_refer(struct ua *u, struct ua_dialog *d)
{
	refer(u, d, "Refer-To: <sip:carol@example.com>\r\n");
}

static void
escape(const char *text, char *to, size_t cap)
{
	size_t n = 0;

	for (; *text != '\0' && n + 4 < cap; text++)
		if (isalnum((unsigned char)*text))
			to[n++] = *text;
		else
			n += (size_t)snprintf(to + n, cap - n, "%%%02X", (unsigned char)*text);
	to[n] = '\0';
}

/* The other call: one that it began, or that was answered, and of which it knows the tags. */
static const struct ua_dialog *
other_dialog(const struct ua *u, const struct ua_dialog *d)
{
	for (unsigned i = 0; i < u->n_dialogs; i++) {
		const struct ua_dialog *o = &u->dialogs[i];

		if (o != d && o->remote_tag[0] != '\0' &&
		    (o->state == UA_UP || (o->state == UA_EARLY && o->uac)))
			return o;
	}
	return NULL;
}

void
ua_refer_replaces(struct ua *u, struct ua_dialog *d)
{
	const struct ua_dialog *o = other_dialog(u, d);
	char name[512], escaped[1024], line[1200];

	if (o == NULL)
		return;
	snprintf(name, sizeof(name), "%s;to-tag=%s;from-tag=%s", o->call_id, o->remote_tag,
	    o->local_tag);
	escape(name, escaped, sizeof(escaped));
	snprintf(line, sizeof(line), "Refer-To: <sip:carol@example.com?Replaces=%s>\r\n", escaped);
	refer(u, d, line);
}

void
ua_replace(struct ua *u, unsigned whose)
{
	char name[512], lines[600];

	if (whose == u->who || !ua_dialog_name(race->ua[whose], name, sizeof(name)))
		return;
	snprintf(lines, sizeof(lines), "Require: replaces\r\nReplaces: %s\r\n", name);
	ua_call(u, "bob", true, lines);
}
