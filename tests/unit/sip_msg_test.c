/* msg: the check of a record that came from another process, and the walks over its headers. */
#include "sip_message.h"

#define TEXT                                                                                       \
	"INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1;rport\r\nf: A "              \
	"<sip:a@b>;tag=1\r\n"                                                                      \
	"t: <sip:b@c>;tag=2\r\ni: 1\r\nCSeq: 1 INVITE\r\nm: <sip:a@h>\r\nRoute: <sip:r1;lr>\r\n"   \
	"X-One: 1\r\nroute: <sip:x,y@r2>, \"a,b\" <sip:r3> ,,\r\nx-one: 2\r\nc: a/b\r\nl: "        \
	"1\r\n\r\nz"

Test(sip_msg, valid)
{
	struct message x = message_of(SPAN(TEXT));

	cr_assert_eq(x.verdict.status, 0, "%s", x.verdict.reason);
	cr_expect(sip_msg_valid(x.m, x.m->size));
	cr_expect_not(sip_msg_valid(x.m, x.m->size - 1));
	cr_expect_not(sip_msg_valid(x.m, x.m->size + 1));
	cr_expect_not(sip_msg_valid(x.m, sizeof(*x.m) - 1));
	cr_expect_not(sip_msg_valid(x.m, 0));
	message_done(&x);
}

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Each slice of the record, pushed out of the text by a random amount. */
Test(sip_msg, slices_outside)
{
	struct message x = message_of(SPAN(TEXT));
	struct sip_msg *m = x.m;
	struct sip_slice *const all[] = { &m->method_text, &m->uri, &m->reason, &m->call_id,
		&m->from, &m->from_uri, &m->from_tag, &m->to, &m->to_uri, &m->to_tag,
		&m->cseq_method, &m->via, &m->via_host, &m->via_branch, &m->contact_uri,
		&m->content_type, &m->body, &sip_headers(m)[0].name, &sip_headers(m)[3].value,
		&sip_headers(m)[11].value };
	uint32_t seed = 4475;

	for (unsigned round = 0; round < 2000; round++) {
		struct sip_slice *s = all[next(&seed) % (sizeof(all) / sizeof(all[0]))];
		const struct sip_slice kept = *s;
		const uint32_t beyond = m->raw_len + 1u + next(&seed) % (UINT16_MAX - m->raw_len);

		if (next(&seed) & 1)
			s->len =
			    (uint16_t)(beyond - s->off > UINT16_MAX ? UINT16_MAX : beyond - s->off);
		else
			*s = (struct sip_slice){ (uint16_t)(beyond - 1), 2 };
		cr_assert_not(sip_msg_valid(m, m->size), "round %u", round);
		*s = kept;
	}
	cr_expect(sip_msg_valid(m, m->size));
	message_done(&x);
}

#define REJECTS(field, bad)                                                                        \
	do {                                                                                       \
		struct sip_msg kept_ = *m;                                                         \
		m->field = (bad);                                                                  \
		cr_expect_not(sip_msg_valid(m, kept_.size), #field " = " #bad);                    \
		*m = kept_;                                                                        \
	} while (0)

Test(sip_msg, numbers_outside)
{
	struct message x = message_of(SPAN(TEXT));
	struct sip_msg *m = x.m;

	REJECTS(size, m->size + 8);
	REJECTS(raw_len, (uint16_t)(m->raw_len + 8));
	REJECTS(raw_len, UINT16_MAX);
	REJECTS(n_headers, (uint16_t)(m->n_headers + 1));
	REJECTS(n_headers, UINT16_MAX);
	REJECTS(request, 2);
	REJECTS(request, 0);
	REJECTS(method, SIP_N_METHODS);
	REJECTS(status, 200);
	REJECTS(cseq, 1u << 31);
	REJECTS(via_transport, SIP_N_TRANSPORTS);
	REJECTS(via_rport, 2);
	REJECTS(max_forwards, 256);
	REJECTS(max_forwards, -2);
	REJECTS(present[0], m->present[0] ^ 4);
	REJECTS(present[1], m->present[1] | 1ull << 60);
	REJECTS(flow.transport, SIP_N_TRANSPORTS);
	REJECTS(flow.peer.family, 5);
	REJECTS(flow.local.family, 1);
	REJECTS(uri.len, 0);
	REJECTS(call_id.len, 0);
	REJECTS(from_uri.len, 0);
	REJECTS(to_uri.len, 0);
	REJECTS(cseq_method.len, 0);
	REJECTS(via_host.len, 0);
	sip_headers(m)[2].id = SIP_N_HEADERS;
	cr_expect_not(sip_msg_valid(m, m->size));
	message_done(&x);
}

/* Whatever the bytes of a record are: valid or not, and if valid, every walk stays inside. */
Test(sip_msg, random_bytes)
{
	struct message x = message_of(SPAN(TEXT));
	const size_t size = x.m->size;
	struct sip_msg *m = malloc(size);
	struct sip_values v;
	struct span one;
	uint32_t seed = 5118;

	for (unsigned round = 0; round < 20000; round++) {
		memcpy(m, x.m, size);
		for (unsigned i = next(&seed) % 4; i < 4; i++)
			((uint8_t *)m)[next(&seed) % size] = (uint8_t)next(&seed);
		if (!sip_msg_valid(m, size))
			continue;
		for (unsigned id = 0; id < SIP_N_HEADERS; id++) {
			v = sip_values(m, id);
			while (sip_values_next(&v, &one))
				cr_assert(one.p >= sip_raw(m) &&
					  one.p + one.len <= sip_raw(m) + m->raw_len);
		}
	}
	free(m);
	message_done(&x);
}

Test(sip_msg, get)
{
	struct message x = message_of(SPAN(TEXT));

	expect_span(sip_header_get(x.m, SIP_H_ROUTE), "<sip:r1;lr>");
	cr_expect_null(sip_header_get(x.m, SIP_H_SUBJECT).p);
	cr_expect_not(sip_has(x.m, SIP_H_SUBJECT));
	expect_span(sip_header_named(x.m, SPAN("X-ONE")), "1");
	cr_expect_null(sip_header_named(x.m, SPAN("X-Two")).p);
	message_done(&x);
}

Test(sip_msg, values)
{
	static const char *const routes[] = { "<sip:r1;lr>", "<sip:x,y@r2>", "\"a,b\" <sip:r3>" };
	struct message x = message_of(SPAN(TEXT));
	struct sip_values v = sip_values(x.m, SIP_H_ROUTE);
	struct span one;

	for (size_t i = 0; i < 3; i++) {
		cr_assert(sip_values_next(&v, &one));
		expect_span(one, routes[i]);
	}
	cr_expect_not(sip_values_next(&v, &one));
	cr_expect_not(sip_values_next(&v, &one));
	v = sip_values(x.m, SIP_H_SUBJECT);
	cr_expect_not(sip_values_next(&v, &one));
	message_done(&x);
}

Test(sip_msg, value_cut_of_what_is_not_closed)
{
	struct span rest = SPAN(" , a, \"b, c"), one;

	cr_expect(sip_value_cut(&rest, &one));
	expect_span(one, "a");
	cr_expect(sip_value_cut(&rest, &one));
	expect_span(one, "\"b, c");
	cr_expect_not(sip_value_cut(&rest, &one));
	rest = SPAN("<a,b");
	cr_expect(sip_value_cut(&rest, &one));
	expect_span(one, "<a,b");
}
