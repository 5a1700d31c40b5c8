/* location: bindings as they were added, without those that have expired; a value that is not sound is
 * nobody's. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "model/location.h"

static struct span
two_bindings(void *to, size_t cap, unsigned most)
{
	struct binding b = { .expires_ms = 1000, .q = 700, .cseq = 5 };
	struct loc_binding_text t = { .contact = SPAN("sip:bob@192.0.2.1"),
		.call_id = SPAN("abc") };
	struct loc_maker m;

	loc_begin(&m, to, cap, 7, most);
	loc_add(&m, &b, &t);
	b.expires_ms = 2000;
	t.contact = SPAN("sip:bob@192.0.2.2;transport=tcp");
	t.node = SPAN("n1");
	loc_add(&m, &b, &t);
	return loc_end(&m);
}

Test(model_location, found_until_expired)
{
	size_t size = locations_bytes(100);
	void *memory = calloc(1, size);
	struct locations own, reader;
	static struct loc_buf b;
	char key_bytes[64];
	struct buf key = buf_on(key_bytes, sizeof(key_bytes));

	cr_assert_eq(locations_open(&reader, memory, size), ERR_AGAIN);
	cr_assert_eq(locations_own(&own, memory, size, 100), ERR_NONE);
	cr_assert_eq(locations_open(&reader, memory, size), ERR_NONE);
	loc_key(&key, 7, SPAN("bob"));
	struct span value = two_bindings(b.words, sizeof(b.words), 2);
	cr_assert_not_null(value.p);
	cr_assert_eq(records_put(&own.records, buf_span(&key), value), ERR_NONE);

	const struct location *l = locations_find(&reader, 7, SPAN("bob"), 999, &b);
	cr_assert_not_null(l);
	cr_expect_eq(l->tenant, 7);
	cr_expect_eq(l->n, 2);
	cr_expect(span_eq(loc_text(l, l->bindings[0].contact), SPAN("sip:bob@192.0.2.1")));
	cr_expect_null(loc_text(l, l->bindings[0].path).p);
	l = locations_find(&reader, 7, SPAN("bob"), 1000, &b);
	cr_assert_not_null(l);
	cr_expect_eq(l->n, 1);
	cr_expect(
	    span_eq(loc_text(l, l->bindings[0].contact), SPAN("sip:bob@192.0.2.2;transport=tcp")));
	cr_expect(span_eq(loc_text(l, l->bindings[0].node), SPAN("n1")));
	cr_expect_null(locations_find(&reader, 7, SPAN("bob"), 2000, &b));
	cr_expect_null(locations_find(&reader, 8, SPAN("bob"), 0, &b));
	records_close(&own.records);
	records_close(&reader.records);
	free(memory);
}

Test(model_location, no_room)
{
	char memory[4096] __attribute__((aligned(8)));
	size_t need = two_bindings(memory, sizeof(memory), 2).len;

	for (size_t cap = 0; cap < need; cap++) {
		char *tight = aligned_alloc(8, (cap + 8) & ~(size_t)7);
		cr_expect_null(two_bindings(tight, cap, 2).p);
		free(tight);
	}
	cr_expect_null(two_bindings(memory, sizeof(memory), 1).p, "more than was said");
	cr_expect_null(two_bindings(memory, sizeof(memory), LOCATION_BINDINGS_MAX + 1).p);
	cr_expect_not_null(two_bindings(memory, sizeof(memory), 3).p, "fewer than was said");
}

Test(model_location, unsound)
{
	static struct loc_buf b;
	struct location *l = (struct location *)b.words;

	b.len = two_bindings(b.words, sizeof(b.words), 2).len;
	l->bindings[1].contact.len = UINT16_MAX;
	cr_expect_null(loc_check(&b, 0), "text beyond the end");
	b.len = two_bindings(b.words, sizeof(b.words), 2).len;
	l->n = 9;
	cr_expect_null(loc_check(&b, 0), "more bindings than bytes");
	l->n = UINT16_MAX;
	cr_expect_null(loc_check(&b, 0));
	b.len = 3;
	cr_expect_null(loc_check(&b, 0));
}
