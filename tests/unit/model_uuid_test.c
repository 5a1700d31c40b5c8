/* uuid: versions and order of call ids, ids of segments that a replay makes again. */
#include <string.h>

#include <criterion/criterion.h>

#include "model/uuid.h"

static const char *
text_of(const uint8_t uuid[16])
{
	static char memory[40];
	struct buf b = buf_on(memory, sizeof(memory));

	uuid_put(&b, uuid);
	memory[b.len] = '\0';
	return memory;
}

Test(model_uuid, calls_sort_by_time)
{
	uint8_t a[16], b[16], c[16];

	uuid_v7(a, 1795255200123);
	uuid_v7(b, 1795255200123);
	uuid_v7(c, 1795255200124);
	cr_expect_eq(strlen(text_of(a)), 36);
	cr_expect_eq(text_of(a)[14], '7');
	cr_expect_not_null(strchr("89ab", text_of(a)[19]));
	cr_expect_neq(memcmp(a, b, 16), 0, "two calls of one millisecond");
	cr_expect_lt(memcmp(a, c, 16), 0);
	cr_expect_lt(memcmp(b, c, 16), 0);
}

Test(model_uuid, segments_are_deterministic)
{
	uint8_t dns[16], a[16], b[16];

	/* RFC 4122's name space for DNS and the name "1": what PostgreSQL's uuid_generate_v5 gives. */
	cr_assert_eq(uuid_read(SPAN("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), dns), ERR_NONE);
	uuid_of_segment(a, dns, 1);
	uuid_of_segment(b, dns, 1);
	cr_expect_arr_eq(a, b, 16);
	cr_expect_str_eq(text_of(a), "b04965e6-a9bb-591f-8f8a-1adcb2c8dc39");
	uuid_of_segment(b, dns, 2);
	cr_expect_neq(memcmp(a, b, 16), 0);
}

Test(model_uuid, reads_what_it_writes_and_nothing_else)
{
	uint8_t u[16];

	cr_expect_eq(uuid_read(SPAN("01234567-89AB-cdef-0123-456789abcdef"), u), ERR_NONE);
	cr_expect_str_eq(text_of(u), "01234567-89ab-cdef-0123-456789abcdef");
	cr_expect_eq(uuid_read(SPAN("01234567-89ab-cdef-0123-456789abcde"), u), ERR_SYNTAX);
	cr_expect_eq(uuid_read(SPAN("01234567-89ab-cdef-0123-456789abcdeg"), u), ERR_SYNTAX);
	cr_expect_eq(uuid_read(SPAN("0123456789ab-cdef-0123-456789abcdef----"), u), ERR_SYNTAX);
	cr_expect_eq(uuid_read(SPAN("01234567x89ab-cdef-0123-456789abcdef"), u), ERR_SYNTAX);
	cr_expect_eq(uuid_read(SPAN_NONE, u), ERR_SYNTAX);
}
