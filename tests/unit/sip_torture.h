/* The torture messages as files, and what is done with each. */
#ifndef TANDEM_TESTS_SIP_TORTURE_H
#define TANDEM_TESTS_SIP_TORTURE_H

#include <stdio.h>

#include "sip/build.h"
#include "sip_message.h"

/* The message of this name; tests run with srcdir set. */
static inline struct message
torture(const char *name)
{
	static char text[SIP_RAW_MAX];
	const char *srcdir = getenv("srcdir");
	char path[1024];
	FILE *f;
	size_t n;

	snprintf(
	    path, sizeof(path), "%s/tests/torture/%s.dat", srcdir == NULL ? "." : srcdir, name);
	f = fopen(path, "rb");
	cr_assert_not_null(f, "%s", path);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return message_of(span_of(text, n));
}

static inline struct message
accepted(const char *name)
{
	struct message x = torture(name);

	cr_expect_eq(x.verdict.status, 0, "%u %s", x.verdict.status, x.verdict.reason);
	cr_expect(sip_msg_valid(x.m, x.m->size));
	return x;
}

/* The status and the phrase; the answer that is built from it can be parsed itself. */
static inline void
refused(const char *name, unsigned status, const char *reason)
{
	static char answer[SIP_RAW_MAX];
	struct message x = torture(name), back;
	struct buf b = buf_on(answer, sizeof(answer));

	cr_expect_eq(x.verdict.status, status, "%u %s", x.verdict.status, x.verdict.reason);
	cr_expect_str_eq(x.verdict.reason, reason);
	if (status != VERDICT_DROP) {
		sip_put_refusal(&b, x.m, x.verdict.status, x.verdict.reason, SPAN("t"), SPAN_NONE);
		cr_assert(buf_ok(&b));
		back = message_of(buf_span(&b));
		cr_expect_eq(back.m->status, status);
		expect_slice(back.m, reason, reason);
		message_done(&back);
	}
	message_done(&x);
}

#endif
