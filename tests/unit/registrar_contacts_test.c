/* What a REGISTER asks for, and where its contacts are reached. */
#include "registrar/registrar.h"

#include <stdio.h>

#include "sip_message.h"

static const struct settings settings = {
	.n_domains = 1,
	.n_listeners = 2,
	.domains = { "example.com" },
	.listeners = { { .transport = SIP_T_UDP,
			   .address = { .ip = { 192, 0, 2, 5 }, .port = 5060, .family = 4 } },
	    { .transport = SIP_T_TCP,
		.address = { .ip = { 192, 0, 2, 5 }, .port = 5060, .family = 4 } } },
	.registrar = { .default_s = 3600, .min_s = 60, .max_s = 7200 },
};

static struct message
request(const char *lines)
{
	char text[8192];
	struct message x;

	snprintf(text, sizeof(text),
	    "REGISTER sip:example.com SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
	    "From: <sip:a@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\n"
	    "Call-ID: c\r\nCSeq: 7 REGISTER\r\n%sContent-Length: 0\r\n\r\n",
	    lines);
	x = message_of(span_str(text));
	cr_assert_eq(x.verdict.status, 0, "%s: %s", lines, x.verdict.reason);
	return x;
}

struct row {
	const char *lines;
	unsigned status, n;
	uint32_t seconds; /* of the first */
};

Test(contacts, expiry)
{
	static const struct row rows[] = {
		{ "", 0, 0, 0 },
		{ "Contact: <sip:a@192.0.2.1>\r\n", 0, 1, 3600 },
		{ "Contact: <sip:a@192.0.2.1>\r\nExpires: 100\r\n", 0, 1, 100 },
		{ "Contact: <sip:a@192.0.2.1>;expires=200\r\nExpires: 100\r\n", 0, 1, 200 },
		{ "Contact: <sip:a@192.0.2.1;Expires=1800>;EXPIRES=2970\r\n", 0, 1, 2970 },
		{ "Contact: <sip:a@192.0.2.1;Expires=1800>\r\n", 0, 1, 3600 },
		{ "Contact: sip:a@192.0.2.1;expires=90\r\n", 0, 1, 90 },
		{ "Contact: <sip:a@192.0.2.1>;expires=soon\r\nExpires: 100\r\n", 0, 1, 3600 },
		{ "Contact: <sip:a@192.0.2.1>;expires\r\n", 0, 1, 3600 },
		{ "Contact: <sip:a@192.0.2.1>;expires=99999999999999\r\n", 0, 1, 7200 },
		{ "Contact: <sip:a@192.0.2.1>;expires=0\r\n", 0, 1, 0 },
		{ "Contact: <sip:a@192.0.2.1>;expires=59\r\n", 423, 1, 59 },
		{ "Contact: <sip:a@192.0.2.1>, <sip:b@192.0.2.1>;q=0.1\r\n", 0, 2, 3600 },
		{ "m: <sip:a@192.0.2.1>\r\nm: \"A, B\" <sip:b@192.0.2.1>\r\n", 0, 2, 3600 },
		{ "Contact: *\r\nExpires: 0\r\n", 0, 0, 0 },
		{ "Contact: *\r\nExpires: 1\r\n", 400, 0, 0 },
		{ "Contact: *\r\n", 400, 0, 0 },
		{ "Contact: <mailto:a@example.com>\r\n", 400, 1, 0 },
		{ "Contact: <tel:+15551234>\r\n", 400, 1, 0 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct message x = request(rows[i].lines);
		struct registration reg = { 0 };
		struct verdict v = contacts_read(x.m, &settings, &reg);

		cr_expect_eq(v.status, rows[i].status, "%s: %u", rows[i].lines, v.status);
		cr_expect_eq(reg.n, rows[i].n, "%s: n %u", rows[i].lines, reg.n);
		cr_expect(reg.n == 0 || reg.asked[0].expires_s == rows[i].seconds, "%s: %u",
		    rows[i].lines, reg.asked[0].expires_s);
		message_done(&x);
	}
}

Test(contacts, what_else_is_kept)
{
	struct message x =
	    request("Contact: <sip:a@192.0.2.1;expires=5>;q=0.25;+sip.instance=\"<urn:uuid:9>\""
		    ";reg-id=3\r\nSupported: path, outbound\r\n"
		    "Path: <sip:p1.example.com;lr>\r\nPath: <sip:p2.example.com;lr>\r\n"
		    "User-Agent: A\tB\r\n");
	struct registration reg = { 0 };

	cr_assert_eq(contacts_read(x.m, &settings, &reg).status, 0);
	cr_expect_eq(reg.cseq, 7);
	cr_expect_eq(reg.asked[0].ring_s, 5);
	cr_expect_eq(reg.asked[0].q, 250);
	cr_expect_eq(reg.asked[0].reg_id, 3);
	expect_span(reg.asked[0].instance, "\"<urn:uuid:9>\"");
	expect_span(reg.path, "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>");
	expect_span(reg.user_agent, "A?B");
	expect_span(reg.call_id, "c");
	message_done(&x);
}

Test(contacts, reg_id_needs_outbound_and_instance)
{
	static const char *const lines[] = {
		"Contact: <sip:a@192.0.2.1>;+sip.instance=\"<urn:uuid:9>\";reg-id=3\r\n",
		"Supported: outbound\r\nContact: <sip:a@192.0.2.1>;reg-id=3\r\n",
	};

	for (unsigned i = 0; i < 2; i++) {
		struct message x = request(lines[i]);
		struct registration reg = { 0 };

		cr_assert_eq(contacts_read(x.m, &settings, &reg).status, 0);
		cr_expect_eq(reg.asked[0].reg_id, 0);
		message_done(&x);
	}
}

Test(contacts, seventeen_are_too_many)
{
	char lines[4096];
	struct buf b = buf_on(lines, sizeof(lines) - 1);
	struct registration reg = { 0 };
	struct message x;

	for (unsigned i = 0; i < 17; i++)
		buf_printf(&b, "Contact: <sip:a@192.0.2.%u>\r\n", i);
	lines[b.len] = '\0';
	x = request(lines);
	cr_expect_eq(contacts_read(x.m, &settings, &reg).status, 400);
	message_done(&x);
}

/* --- reach -------------------------------------------------------------------------------------*/

struct way {
	const char *contact;
	enum sip_transport came;
	const char *path;
	bool for_another;
	const char *peer; /* "flow": as it came; else where requests go */
	unsigned status;
};

Test(reach, ways)
{
	static const struct way ways[] = {
		{ "sip:a@192.168.1.9", SIP_T_UDP, "", false, "flow", 0 }, /* behind NAT */
		{ "sip:a@xyz.invalid", SIP_T_UDP, "", false, "flow", 0 },
		{ "sip:a@203.0.113.7:5070", SIP_T_UDP, "", false, "203.0.113.7:5070", 0 },
		{ "sip:a@203.0.113.7", SIP_T_UDP, "", false, "203.0.113.7:5060", 0 },
		{ "sip:a@198.51.100.1", SIP_T_UDP, "", false, "198.51.100.1:5060", 0 },
		{ "sip:a@198.51.100.1", SIP_T_UDP, "Path: <sip:p.test;lr>\r\n", false, "flow", 0 },
		{ "sip:a@198.51.100.1", SIP_T_TCP, "", false, "flow", 0 },
		{ "sip:a@192.168.1.9", SIP_T_UDP, "", true, "192.168.1.9:5060", 0 },
		{ "sip:a@203.0.113.7;transport=tls", SIP_T_UDP, "", false, "flow", 0 },
		{ "sip:a@203.0.113.7;transport=tcp", SIP_T_UDP, "", false, "203.0.113.7:5060", 0 },
		{ "sip:a@192.0.2.5", SIP_T_UDP, "", false, "flow", 403 },
		{ "sip:a@192.0.2.5:5080", SIP_T_UDP, "", false, "192.0.2.5:5080", 0 },
		{ "sip:a@EXAMPLE.com", SIP_T_UDP, "", false, "flow", 403 },
		{ "sip:0900@198.51.100.9", SIP_T_UDP, "", false, "flow", 403 }, /* a gateway */
	};
	const struct dir_gateway gateway = {
		.id = 1, .tenant = 1, .address = { .ip = { 198, 51, 100, 9 }, .family = 4 }
	};
	size_t size = directory_bytes(100);
	struct registrar *r = calloc(1, sizeof(*r));
	char *mem = calloc(1, size), lines[256], peer[64];

	r->settings = &settings;
	cr_assert_eq(directory_own(&r->directory, mem, size, 100), ERR_NONE);
	directory_put_domain(&r->directory, SPAN("example.com"), 1);
	directory_put_gateway(&r->directory, &gateway,
	    &(struct dir_gateway_text){ .name = SPAN("g"), .host = SPAN("198.51.100.9") });
	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct way *w = &ways[i];
		struct registration reg = { 0 };
		struct buf b = buf_on(peer, sizeof(peer));
		struct message x;

		snprintf(lines, sizeof(lines), "Contact: <%s>\r\n%s", w->contact, w->path);
		x = request(lines);
		x.m->flow = (struct sip_flow){ .transport = (uint8_t)w->came,
			.listener = w->came == SIP_T_TCP,
			.conn = w->came == SIP_T_TCP ? 77 : 0,
			.peer = { .ip = { 203, 0, 113, 7 }, .port = 40000, .family = 4 } };
		cr_assert_eq(contacts_read(x.m, &settings, &reg).status, 0);
		reg.by = w->for_another ? SPAN("boss") : SPAN_NONE;
		cr_expect_eq(reach_contacts(r, x.m, &reg).status, w->status, "%s", w->contact);
		if (w->status == 0) {
			netaddr_put(&b, &reg.asked[0].flow.peer);
			cr_expect(span_eq(buf_span(&b),
				      span_str(strcmp(w->peer, "flow") == 0 ? "203.0.113.7:40000"
									    : w->peer)),
			    "%s: %.*s", w->contact, SPAN_F(buf_span(&b)));
		}
		message_done(&x);
	}
	records_close(&r->directory.records);
	free(mem);
	free(r);
}
