/* For the tests of common/sip: a message made from text, in memory of just the size it needs, so that
 * the sanitizers see a read beyond it. */
#ifndef TANDEM_TESTS_SIP_MESSAGE_H
#define TANDEM_TESTS_SIP_MESSAGE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sip/parse.h"

struct message {
	struct sip_msg *m;
	struct verdict verdict;
};

static inline struct message
message_of(struct span text)
{
	const size_t room = SIP_MSG_ROOM(text.len);
	struct message x = { .m = calloc(1, room) };

	x.m->raw_len = (uint16_t)text.len;
	memcpy(sip_raw(x.m), text.p, text.len);
	x.verdict = sip_parse(x.m, room);
	return x;
}

static inline void
message_done(struct message *x)
{
	free(x->m);
	x->m = NULL;
}

#define expect_span(s, text)                                                                       \
	cr_expect(span_eq((s), span_str(text)), "\"%.*s\" is not \"%s\"", SPAN_F(s), (text))
#define expect_slice(m, slice, text) expect_span(sip_span((m), (m)->slice), (text))

#endif
