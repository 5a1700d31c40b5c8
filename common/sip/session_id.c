/* Session-ID of a B2BUA. */
#include "sip/session_id.h"

#include <string.h>

#include "sip/chars.h"
#include "sip/uri.h"

static int
digit_of(char c)
{
	return sip_char_is(c, SIP_C_DIGIT) ? c - '0' : (c | 0x20) - 'a' + 10;
}

static bool
read_uuid(struct span hex, struct session_uuid *u)
{
	if (hex.len != 2 * sizeof(u->byte) ||
	    sip_skip(hex.p, hex.p + hex.len, SIP_C_HEX) != hex.p + hex.len)
		return false;
	for (size_t i = 0; i < sizeof(u->byte); i++)
		u->byte[i] = (uint8_t)(digit_of(hex.p[2 * i]) * 16 + digit_of(hex.p[2 * i + 1]));
	return true;
}

enum err
sip_session_id_parse(struct span value, struct sip_session_id *id_r)
{
	struct span params = span_cut(value, ';', &value), remote;
	struct sip_session_id id = { .has_remote = false };

	if (!read_uuid(span_trim(value), &id.local))
		return ERR_SYNTAX;
	if (sip_param(params, SPAN("remote"), &remote)) {
		if (!read_uuid(remote, &id.remote))
			return ERR_SYNTAX;
		id.has_remote = true;
	}
	*id_r = id;
	return ERR_NONE;
}

bool
session_uuid_null(const struct session_uuid *u)
{
	static const struct session_uuid null;

	return memcmp(u, &null, sizeof(null)) == 0;
}

/* RFC 4122 4.4: the version and the variant stand in bytes 6 and 8. */
struct session_uuid
session_uuid_make(const uint8_t random[16])
{
	struct session_uuid u;

	memcpy(u.byte, random, sizeof(u.byte));
	u.byte[6] = (uint8_t)((u.byte[6] & 0x0f) | 0x40);
	u.byte[8] = (uint8_t)((u.byte[8] & 0x3f) | 0x80);
	return u;
}

void
session_end_heard(
    struct session_end *from, const struct sip_session_id *said, const uint8_t random[16])
{
	if (said != NULL && !session_uuid_null(&said->local)) {
		*from = (struct session_end){ .uuid = said->local, .older = !said->has_remote };
		return;
	}
	if (session_uuid_null(&from->uuid))
		*from = (struct session_end){ .uuid = session_uuid_make(random), .lent = 1 };
}

void
sip_put_session_id(struct buf *b, const struct session_end *to, const struct session_end *other)
{
	static const struct session_end nobody;

	if (other == NULL)
		other = &nobody;
	if (session_uuid_null(&to->uuid) && session_uuid_null(&other->uuid))
		return;
	buf_lit(b, "Session-ID: ");
	if (to->older) {
		buf_hex(b, to->uuid.byte, sizeof(to->uuid.byte));
	} else {
		buf_hex(b, other->uuid.byte, sizeof(other->uuid.byte));
		buf_lit(b, ";remote=");
		buf_hex(b, to->uuid.byte, sizeof(to->uuid.byte));
	}
	buf_lit(b, "\r\n");
}
