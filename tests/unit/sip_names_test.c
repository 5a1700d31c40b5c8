/* names: every word of the lists is found by each of its forms, and nothing else is. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "sip/names.h"

static const struct {
	const char *name;
	char compact;
	bool single;
} headers[] = { { "", 0, false },
#define X(id, name, compact, single) { name, compact, single },
	SIP_HEADERS(X)
#undef X
};

Test(sip_names, each_header_by_each_form)
{
	char text[64];

	for (unsigned id = 1; id < SIP_N_HEADERS; id++) {
		const struct span name = span_str(headers[id].name);

		cr_expect_eq(sip_header_of(name), id, "%s", headers[id].name);
		cr_expect(span_eq(sip_header_name(id), name));
		cr_expect_eq(sip_header_single(id), headers[id].single);
		for (size_t i = 0; i <= name.len; i++)
			text[i] = (char)toupper((unsigned char)name.p[i]);
		cr_expect_eq(sip_header_of(span_of(text, name.len)), id, "%s", text);
		if (name.len > 2)
			cr_expect_eq(sip_header_of(span_from(name, 1)), SIP_H_OTHER, "%s", text);
		text[name.len / 2] ^= 0x40;
		cr_expect_eq(sip_header_of(span_of(text, name.len)), SIP_H_OTHER, "%s", text);
		if (headers[id].compact != 0) {
			text[0] = headers[id].compact;
			cr_expect_eq(sip_header_of(span_of(text, 1)), id);
			text[0] = (char)toupper((unsigned char)text[0]);
			cr_expect_eq(sip_header_of(span_of(text, 1)), id);
		}
	}
}

/* One byte is a compact form only if it is one of the letters given to headers. */
Test(sip_names, each_single_byte)
{
	unsigned known = 0;

	for (unsigned c = 0; c < 256; c++) {
		const char byte = (char)c;
		const unsigned id = sip_header_of(span_of(&byte, 1));

		known += id != SIP_H_OTHER;
		cr_expect(id == SIP_H_OTHER || tolower((int)c) == headers[id].compact);
	}
	cr_expect_eq(known, 2 * 17);
}

Test(sip_names, unknown_headers)
{
	cr_expect_eq(sip_header_of(SPAN("Encryption")), SIP_H_OTHER);
	cr_expect_eq(sip_header_of(SPAN("X-Custom")), SIP_H_OTHER);
	cr_expect_eq(sip_header_of(SPAN("")), SIP_H_OTHER);
	cr_expect_eq(sip_header_of(SPAN_NONE), SIP_H_OTHER);
	cr_expect_eq(sip_header_of(SPAN("Call ID")), SIP_H_OTHER);
	cr_expect_null(sip_header_name(SIP_N_HEADERS).p);
	cr_expect_null(sip_header_name(SIP_H_OTHER).p);
}

Test(sip_names, methods_are_compared_with_case)
{
	for (unsigned m = 1; m < SIP_N_METHODS; m++)
		cr_expect_eq(sip_method_of(sip_method_name(m)), m);
	cr_expect_eq(sip_method_of(SPAN("invite")), SIP_UNKNOWN);
	cr_expect_eq(sip_method_of(SPAN("INVITES")), SIP_UNKNOWN);
	cr_expect_eq(sip_method_of(SPAN_NONE), SIP_UNKNOWN);
}

Test(sip_names, transports)
{
	for (unsigned t = 1; t < SIP_N_TRANSPORTS; t++) {
		cr_expect_eq(sip_transport_of(sip_transport_name(t)), t);
		cr_expect_eq(sip_transport_of(sip_transport_param(t)), t);
	}
	cr_expect_eq(sip_transport_of(SPAN("SCTP")), SIP_T_NONE);
	cr_expect_eq(sip_transport_of(SPAN_NONE), SIP_T_NONE);
	cr_expect_eq(sip_transport_port(SIP_T_TLS), 5061);
	cr_expect_eq(sip_transport_port(SIP_T_UDP), 5060);
	cr_expect(sip_transport_reliable(SIP_T_TCP));
	cr_expect_not(sip_transport_reliable(SIP_T_UDP));
}

Test(sip_names, reasons)
{
	cr_expect_str_eq(sip_reason(100), "Trying");
	cr_expect_str_eq(sip_reason(486), "Busy Here");
	cr_expect_str_eq(sip_reason(499), "Bad Request");
	cr_expect_str_eq(sip_reason(699), "Global Failure");
	cr_expect_str_eq(sip_reason(0), "Unknown");
}
