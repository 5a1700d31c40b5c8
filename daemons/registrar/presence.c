/*
 * The presence of a subscriber (RFC 3856), application/pidf+xml: what his devices published, else open while
 * one is registered; and that he is on the phone, while he is.
 */
#include "registrar/registrar.h"

#include <string.h>

static bool
is_registered(struct registrar *r, const struct subject *of)
{
	struct loc_buf room;

	return locations_find(&r->locations, of->tenant, of->user, registrar_steady_ms(r), &room) !=
	       NULL;
}

static bool
is_on_the_phone(struct registrar *r, uint64_t user)
{
	struct seen_call calls[CALLS_SEEN];
	unsigned n = calls_of(r, user, calls);

	for (unsigned i = 0; i < n; i++)
		if (calls[i].state == CALL_USER_CONFIRMED)
			return true;
	return false;
}

size_t
presence_put(struct registrar *r, struct subject *of, struct buf *b)
{
	static const struct span note = { "On the phone", sizeof("On the phone") - 1 };
	uint64_t user = call_user_hash(&r->challenge.key, of->tenant, of->user);
	struct pidf p = { 0 };

	if (!publications_join(r, user, &p))
		p.open = is_registered(r, of);
	if (is_on_the_phone(r, user)) {
		p.activities |= 1u << ACTIVITY_ON_THE_PHONE;
		if (p.note_len == 0) {
			memcpy(p.note, note.p, note.len);
			p.note_len = (uint8_t)note.len;
		}
	}
	pidf_put(b, of->entity, &p);
	return 0;
}
