/* bytes: order, bound, and that nothing is kept of an empty queue. */
#include <criterion/criterion.h>

#include <string.h>

#include "front/front.h"

Test(front_bytes, first_in_first_out_through_growth)
{
	struct bytes b = { 0 };
	unsigned put = 0, cut = 0;
	char text[701];

	for (unsigned round = 0; round < 500; round++) {
		unsigned n = (round * 37) % 700, take;

		for (unsigned i = 0; i < n; i++)
			text[i] = (char)(put++ * 7);
		cr_assert_eq(bytes_put(&b, span_of(text, n), 1 << 20), ERR_NONE);
		take = b.len / (1 + round % 3);
		for (unsigned i = 0; i < take; i++)
			cr_assert_eq(bytes_span(&b).p[i], (char)(cut++ * 7));
		bytes_cut(&b, take);
	}
	cr_expect_eq(b.len, put - cut);
	bytes_drop(&b);
}

Test(front_bytes, the_bound_is_kept_and_an_empty_one_has_no_memory)
{
	struct bytes b = { 0 };
	char text[100] = { 0 };

	for (unsigned i = 0; i < 10; i++)
		cr_expect_eq(bytes_put(&b, span_of(text, 100), 1000), ERR_NONE);
	cr_expect_eq(bytes_put(&b, span_of(text, 1), 1000), ERR_FULL);
	cr_expect_eq(b.len, 1000);
	cr_expect_eq(bytes_put(&b, SPAN_NONE, 1000), ERR_NONE);
	bytes_cut(&b, 1000);
	cr_expect_null(b.p);
	cr_expect_eq(b.cap, 0);
}
