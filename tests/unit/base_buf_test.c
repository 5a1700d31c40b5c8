/* buf: an exact fit is good, one byte more is not, and after that nothing is. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/buf.h"

static char memory[8];

static struct buf
fresh(void)
{
	memset(memory, '#', sizeof(memory));
	return buf_on(memory, 4);
}

Test(base_buf, exact_fit)
{
	struct buf b = fresh();

	buf_lit(&b, "ab");
	buf_str(&b, "c");
	buf_char(&b, 'd');
	buf_put(&b, SPAN_NONE);
	cr_expect(buf_ok(&b));
	cr_expect(span_eq(buf_span(&b), SPAN("abcd")));
	cr_expect_eq(memory[4], '#');
}

Test(base_buf, overrun_sticks)
{
	struct buf b = fresh();

	buf_lit(&b, "abc");
	buf_lit(&b, "de");
	cr_expect_not(buf_ok(&b));
	buf_char(&b, 'f'); /* would fit */
	buf_lit(&b, "");
	buf_u64(&b, 1);
	buf_hex(&b, "", 0);
	buf_printf(&b, "%s", "");
	cr_expect_not(buf_ok(&b));
	cr_expect(span_eq(buf_span(&b), SPAN("abc")));
	cr_expect_eq(memory[3], '#');
}

Test(base_buf, numbers)
{
	char text[20];
	struct buf b = buf_on(text, sizeof(text));

	buf_u64(&b, UINT64_MAX);
	cr_expect(span_eq(buf_span(&b), SPAN("18446744073709551615")));
	b = fresh();
	buf_u64(&b, 0);
	buf_u64(&b, 10);
	cr_expect(span_eq(buf_span(&b), SPAN("010")));
	buf_u64(&b, 10);
	cr_expect_not(buf_ok(&b));
}

Test(base_buf, hex)
{
	struct buf b = fresh();

	buf_hex(&b, "\x00\xfe", 2);
	cr_expect(span_eq(buf_span(&b), SPAN("00fe")));
	buf_hex(&b, "", 0);
	cr_expect(buf_ok(&b));
	buf_hex(&b, "\x01", 1);
	cr_expect_not(buf_ok(&b));
	b = fresh();
	buf_hex(&b, "", SIZE_MAX / 2 + 1); /* twice that is 0 */
	cr_expect_not(buf_ok(&b));
	cr_expect_eq(b.len, 0);
}

Test(base_buf, printf_needs_a_byte_more)
{
	struct buf b = fresh();

	buf_printf(&b, "%d%s", 12, "x");
	cr_expect(buf_ok(&b));
	cr_expect(span_eq(buf_span(&b), SPAN("12x")));
	buf_printf(&b, "y");
	cr_expect_not(buf_ok(&b));
	cr_expect_eq(b.len, 3);
	cr_expect_eq(memory[4], '#');
}

Test(base_buf, no_memory_at_all)
{
	struct buf b = buf_on(NULL, 0);

	buf_put(&b, SPAN(""));
	cr_expect(buf_ok(&b));
	buf_printf(&b, "x");
	cr_expect_not(buf_ok(&b));
}
