/* An Authorization value, in a message: found or refused, its parts inside the text, its response
 * and nonce judged. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sip/digest.h"
#include "sip/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char head[] = "INVITE sip:bob@example.com SIP/2.0\r\n"
			   "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
			   "From: <sip:a@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
			   "Call-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n"
			   "Authorization: ";

static void
check_inside(const struct sip_msg *m, struct span s)
{
	must(s.p == NULL || (s.p >= sip_raw(m) && s.p + s.len <= sip_raw(m) + m->raw_len));
	must(s.len <= SIP_URI_MAX);
}

static void
check(const struct sip_msg *m)
{
	static const struct hash_key key = { 1, 2 };
	static const struct digest_ha1 ha1 = { .has = 7 };
	struct digest_credentials c;
	uint64_t id;

	if (digest_find(m, SIP_H_AUTHORIZATION, SPAN("r"), &c) != ERR_NONE)
		return;
	must(span_eq(c.realm, SPAN("r")) && c.algorithm < DIGEST_N);
	check_inside(m, c.username);
	check_inside(m, c.nonce);
	check_inside(m, c.uri);
	check_inside(m, c.response);
	check_inside(m, c.cnonce);
	check_inside(m, c.opaque);
	must(!c.has_qop || c.nc_text.len == 8);
	must(!digest_response_right(&c, SPAN("INVITE"), sip_span(m, m->uri), &ha1));
	must(digest_nonce_check(&key, c.nonce, c.realm, 1000, 60, &id) == DIGEST_NONCE_BAD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_msg *m;
	size_t raw = sizeof(head) - 1 + size + 4, room = SIP_MSG_ROOM(raw);

	if (size > 8192)
		return 0;
	m = calloc(1, room);
	if (m == NULL)
		return 0;
	m->raw_len = (uint16_t)raw;
	memcpy(sip_raw(m), head, sizeof(head) - 1);
	if (size > 0)
		memcpy(sip_raw(m) + sizeof(head) - 1, data, size);
	memcpy(sip_raw(m) + raw - 4, "\r\n\r\n", 4);
	if (sip_parse(m, room).status == 0)
		check(m);
	free(m);
	return 0;
}
