/* span: the edges of text: nothing, all of it, and bytes that are not letters. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/span.h"

Test(base_span, none_is_empty_everywhere)
{
	struct span head;

	cr_expect_null(span_str(NULL).p);
	cr_expect(span_eq(SPAN_NONE, SPAN("")));
	cr_expect(span_ieq(SPAN_NONE, SPAN("")));
	cr_expect(span_starts(SPAN_NONE, SPAN_NONE));
	cr_expect_eq(span_cmp(SPAN_NONE, SPAN("")), 0);
	cr_expect_eq(span_index(SPAN_NONE, 'a'), -1);
	cr_expect_null(span_from(SPAN_NONE, 3).p);
	cr_expect_null(span_trim(SPAN_NONE).p);
	cr_expect_null(span_cut(SPAN_NONE, ',', &head).p);
	cr_expect_eq(head.len, 0);
}

Test(base_span, eq)
{
	cr_expect(span_eq(SPAN("a\0b"), span_of("a\0b", 3)));
	cr_expect_not(span_eq(SPAN("a\0b"), SPAN("a\0c")));
	cr_expect_not(span_eq(SPAN("ab"), SPAN("abc")));
	cr_expect_not(span_eq(SPAN("ab"), SPAN("aB")));
}

Test(base_span, ieq_is_ascii_letters_only)
{
	cr_expect(span_ieq(SPAN("Call-ID"), SPAN("cALL-id")));
	/* '@' and '`', '[' and '{' differ by 0x20 only. */
	cr_expect_not(span_ieq(SPAN("@"), SPAN("`")));
	cr_expect_not(span_ieq(SPAN("["), SPAN("{")));
	cr_expect_not(span_ieq(SPAN("\xc4"), SPAN("\xe4")));
	cr_expect_not(span_ieq(SPAN("a"), SPAN("ab")));
}

Test(base_span, starts)
{
	cr_expect(span_starts(SPAN("sip:bob"), SPAN("sip:")));
	cr_expect(span_starts(SPAN("sip:"), SPAN("sip:")));
	cr_expect_not(span_starts(SPAN("sip"), SPAN("sip:")));
	cr_expect_not(span_starts(SPAN("SIP:"), SPAN("sip:")));
}

Test(base_span, from_and_first_stay_inside)
{
	struct span s = SPAN("abc");

	cr_expect(span_eq(span_from(s, 1), SPAN("bc")));
	cr_expect_eq(span_from(s, 3).len, 0);
	cr_expect_eq(span_from(s, SIZE_MAX).len, 0);
	cr_expect_eq(span_from(s, SIZE_MAX).p, s.p + 3);
	cr_expect(span_eq(span_first(s, 2), SPAN("ab")));
	cr_expect_eq(span_first(s, SIZE_MAX).len, 3);
}

Test(base_span, trim)
{
	cr_expect(span_eq(span_trim(SPAN(" \t\r\na b\t ")), SPAN("a b")));
	cr_expect_eq(span_trim(SPAN(" \r\n\t")).len, 0);
	/* Vertical tab and form feed are no LWS (RFC 3261 25.1). */
	cr_expect_eq(span_trim(SPAN("\va\f")).len, 3);
}

Test(base_span, cut)
{
	struct span rest, head;

	rest = span_cut(SPAN("a,b,"), ',', &head);
	cr_expect(span_eq(head, SPAN("a")));
	cr_expect(span_eq(rest, SPAN("b,")));
	rest = span_cut(rest, ',', &head);
	cr_expect(span_eq(head, SPAN("b")));
	cr_expect_eq(rest.len, 0);
	cr_expect_not_null(rest.p, "an empty last element is not the end");
	rest = span_cut(rest, ',', &head);
	cr_expect_eq(head.len, 0);
	cr_expect_null(rest.p);
	rest = span_cut(SPAN(",a"), ',', &head);
	cr_expect_eq(head.len, 0);
	cr_expect(span_eq(rest, SPAN("a")));
}

Test(base_span, index_of_any_byte)
{
	cr_expect_eq(span_index(SPAN("a\0\xff"), '\xff'), 2);
	cr_expect_eq(span_index(SPAN("a\0\xff"), '\0'), 1);
	cr_expect_eq(span_index(SPAN("aa"), 'a'), 0);
	cr_expect_eq(span_index(span_of("ab", 1), 'b'), -1);
}

static void
number(struct span s, uint32_t max, enum err e, uint32_t value)
{
	uint32_t got = 4711;

	cr_expect_eq(span_u32(s, max, &got), e, "%.*s", SPAN_F(s));
	cr_expect_eq(got, e == ERR_NONE ? value : 4711, "%.*s: %u", SPAN_F(s), got);
}

Test(base_span, u32)
{
	number(SPAN("0"), 0, ERR_NONE, 0);
	number(SPAN("4294967295"), UINT32_MAX, ERR_NONE, UINT32_MAX);
	number(SPAN("0000000000000000000000005"), 9, ERR_NONE, 5);
	number(SPAN("4294967296"), UINT32_MAX, ERR_RANGE, 0);
	number(SPAN("18446744073709551617"), UINT32_MAX, ERR_RANGE, 0); /* 2^64 + 1 */
	number(SPAN("10"), 9, ERR_RANGE, 0);
	number(SPAN("1"), 0, ERR_RANGE, 0);
	number(SPAN(""), 9, ERR_SYNTAX, 0);
	number(SPAN("-1"), 9, ERR_SYNTAX, 0);
	number(SPAN("+1"), 9, ERR_SYNTAX, 0);
	number(SPAN(" 1"), 9, ERR_SYNTAX, 0);
	number(SPAN("1\0"), 9, ERR_SYNTAX, 0);
	number(SPAN("99999999999999999999x"), 9, ERR_SYNTAX, 0);
}

Test(base_span, cstr)
{
	char to[4];

	cr_expect(span_cstr(SPAN("abc"), to, sizeof(to)));
	cr_expect_str_eq(to, "abc");
	cr_expect_not(span_cstr(SPAN("abcd"), to, sizeof(to)));
	cr_expect_str_eq(to, "abc");
	cr_expect(span_cstr(SPAN_NONE, to, 1));
	cr_expect_str_eq(to, "");
	cr_expect_not(span_cstr(SPAN(""), to, 0));
}

Test(base_span, cmp_orders_bytes_as_unsigned)
{
	cr_expect_lt(span_cmp(SPAN("a"), SPAN("ab")), 0);
	cr_expect_gt(span_cmp(SPAN("b"), SPAN("ab")), 0);
	cr_expect_gt(span_cmp(SPAN("\xff"), SPAN("a")), 0);
	cr_expect_eq(span_cmp(SPAN("ab"), SPAN("ab")), 0);
}

Test(base_span, words)
{
	struct span rest = SPAN(" a\t\tbc \r\n d "), word;

	cr_assert(span_word(&rest, &word));
	cr_expect(span_eq(word, SPAN("a")));
	cr_assert(span_word(&rest, &word));
	cr_expect(span_eq(word, SPAN("bc")));
	cr_assert(span_word(&rest, &word));
	cr_expect(span_eq(word, SPAN("d")));
	cr_expect_not(span_word(&rest, &word));
	cr_expect_eq(word.len, 0);
	rest = SPAN_NONE;
	cr_expect_not(span_word(&rest, &word));
}
