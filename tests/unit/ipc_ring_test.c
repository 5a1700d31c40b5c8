/* ring: both ends in one process, each as it is after a kill at a given point. */
#include <criterion/criterion.h>

#include <string.h>

#include "ipc_temp.h"

static struct temp dir;
static struct ring p, c;

static void
setup(void)
{
	dir = temp_new();
	cr_assert_eq(ring_make(dir.fd, "data", "tail", 4, 16, 32), ERR_NONE);
	cr_assert_eq(temp_ring(&dir, true, &p), ERR_NONE);
	cr_assert_eq(temp_ring(&dir, false, &c), ERR_NONE);
}

static void
teardown(void)
{
	ring_close(&p);
	ring_close(&c);
	temp_drop(&dir);
}

static void
reopen(struct ring *r)
{
	bool producer = r->producer;

	ring_close(r);
	cr_assert_eq(temp_ring(&dir, producer, r), ERR_NONE);
}

static bool
put(const char *text)
{
	uint32_t len = (uint32_t)strlen(text);
	char *at = ring_reserve(&p, WIRE_CDR, len);

	if (at == NULL)
		return false;
	memcpy(at, text, len);
	ring_commit(&p, len);
	ring_publish(&p);
	return true;
}

static void
expect(const struct ring_record *rec, const char *text)
{
	cr_assert_not_null(rec);
	cr_assert_eq(ring_type(&c), WIRE_CDR);
	cr_assert_eq(ring_len(&c), strlen(text));
	cr_assert_eq(memcmp(rec->payload, text, strlen(text)), 0);
	cr_assert_eq((uintptr_t)rec->payload % 8, 0);
}

TestSuite(ring, .init = setup, .fini = teardown);

Test(ring, knows_its_ends)
{
	cr_assert_eq(p.from, 16);
	cr_assert_eq(c.to, 32);
	cr_assert_eq(p.size, 4096);
	cr_assert_eq(ring_room(&p), 4096);
}

Test(ring, carries_records_in_order)
{
	cr_assert_null(ring_peek(&c));
	cr_assert_not(ring_waiting(&c));
	put("one");
	put("two, longer");
	cr_assert(ring_waiting(&c));
	expect(ring_peek(&c), "one");
	expect(ring_peek(&c), "one");
	ring_next(&c);
	expect(ring_peek(&c), "two, longer");
	ring_next(&c);
	cr_assert_null(ring_peek(&c));
	cr_assert_eq(ring_fill(&c), 0);
	cr_assert_eq(ring_room(&p), 4096);
}

Test(ring, nothing_is_seen_before_publish)
{
	memcpy(ring_reserve(&p, WIRE_CDR, 100), "abc", 3);
	ring_commit(&p, 3);
	cr_assert(p.dirty);
	cr_assert_null(ring_peek(&c));
	ring_publish(&p);
	expect(ring_peek(&c), "abc");
}

Test(ring, a_producer_killed_before_publish_leaves_nothing)
{
	put("one");
	memcpy(ring_reserve(&p, WIRE_CDR, 100), "abc", 3);
	ring_commit(&p, 3);
	reopen(&p);
	put("two");
	expect(ring_peek(&c), "one");
	ring_next(&c);
	expect(ring_peek(&c), "two");
}

Test(ring, records_do_not_wrap)
{
	char text[700];

	for (int lap = 0; lap < 100; lap++) {
		memset(text, 'a' + lap % 26, sizeof(text));
		text[(size_t)(lap * 37) % 690 + 1] = '\0';
		for (int i = 0; i < 3; i++)
			cr_assert(put(text));
		for (int i = 0; i < 3; i++) {
			expect(ring_peek(&c), text);
			ring_next(&c);
		}
	}
}

Test(ring, full_means_null_and_room_comes_back)
{
	int n = 0;

	while (put("0123456789"))
		n++;
	cr_assert_eq(n, 4096 / 24);
	cr_assert_lt(ring_room(&p), 24);
	ring_peek(&c);
	ring_next(&c);
	cr_assert(put("0123456789"));
	cr_assert_not(put("0123456789"));
	cr_assert_null(ring_reserve(&p, WIRE_CDR, 5000));
	cr_assert_null(ring_reserve(&p, WIRE_CDR, UINT32_MAX));
}

Test(ring, the_largest_record_fills_it)
{
	char *at = ring_reserve(&p, WIRE_CDR, 4088);

	cr_assert_not_null(at);
	memset(at, 'x', 4088);
	ring_commit(&p, 4088);
	ring_publish(&p);
	cr_assert_not_null(ring_peek(&c));
	cr_assert_eq(ring_len(&c), 4088);
	ring_next(&c);
	cr_assert_not_null(ring_reserve(&p, WIRE_CDR, 0));
	cr_assert_null(ring_reserve(&p, WIRE_CDR, 4089));
}

Test(ring, in_hand_is_found_by_the_next_consumer)
{
	put("one");
	put("two");
	cr_assert_not(ring_was_in_hand(&c));
	ring_peek(&c);
	reopen(&c);
	expect(ring_peek(&c), "one");
	cr_assert(ring_was_in_hand(&c));
	cr_assert_not(ring_was_in_hand(&c));
	/* It kills the next one as well. */
	reopen(&c);
	cr_assert(ring_was_in_hand(&c));
	ring_peek(&c);
	ring_next(&c);
	reopen(&c);
	expect(ring_peek(&c), "two");
	cr_assert_not(ring_was_in_hand(&c));
}

Test(ring, in_hand_ends_with_its_record)
{
	put("one");
	put("two");
	ring_peek(&c);
	reopen(&c);
	ring_peek(&c);
	ring_next(&c);
	ring_peek(&c);
	cr_assert_not(ring_was_in_hand(&c));
}

Test(ring, ahead_keeps_until_given_back)
{
	put("one");
	put("two");
	put("three");
	expect(ring_ahead(&c), "one");
	expect(ring_ahead(&c), "two");
	cr_assert_eq(ring_fill(&c), 16 + 16 + 16);
	reopen(&c);
	expect(ring_peek(&c), "one");
	cr_assert(ring_was_in_hand(&c));
	expect(ring_ahead(&c), "two");
	expect(ring_ahead(&c), "three");
	cr_assert(ring_waiting(&c));
	cr_assert_null(ring_ahead(&c));
	cr_assert_not(ring_waiting(&c));
	cr_assert_null(ring_ahead(&c));
	cr_assert_eq(ring_fill(&c), 48);
	ring_give_back(&c);
	cr_assert_eq(ring_fill(&c), 0);
	reopen(&c);
	cr_assert_null(ring_peek(&c));
	cr_assert_not(ring_was_in_hand(&c));
}

Test(ring, what_is_shown_is_not_given_back)
{
	put("one");
	put("two");
	ring_ahead(&c);
	expect(ring_ahead(&c), "two");
	ring_give_back(&c);
	expect(ring_peek(&c), "two");
	reopen(&c);
	expect(ring_peek(&c), "two");
	cr_assert(ring_was_in_hand(&c));
}

/* A producer that was taken over. */
static void
expect_broken(void)
{
	cr_assert_null(ring_peek(&c));
	cr_assert_eq(ring_broken(&c), ERR_SYNTAX);
	cr_assert_eq(ring_broken(&c), ERR_NONE);
	cr_assert_null(ring_peek(&c));
}

Test(ring, a_length_beyond_what_was_published_breaks_it)
{
	put("one");
	((struct ring_record *)p.data)->len = 9;
	expect_broken();
	put("two");
	expect(ring_peek(&c), "two");
	((struct ring_record *)p.data)[2].len = UINT32_MAX;
	ring_next(&c);
	put("three");
	((struct ring_record *)(p.data + 32))->len = UINT32_MAX;
	expect_broken();
}

Test(ring, a_head_out_of_range_breaks_it)
{
	put("one");
	*p.head = 5000;
	expect_broken();
	*p.head = 5004;
	expect_broken();
	*p.head = 4000;
	expect_broken();
	/* A producer that starts anew meets the consumer. */
	reopen(&p);
	cr_assert_eq(ring_room(&p), 4096);
	put("two");
	expect(ring_peek(&c), "two");
}

Test(ring, a_length_changed_after_the_check_changes_nothing)
{
	put("one");
	put("two");
	ring_peek(&c);
	((struct ring_record *)p.data)->len = 4000;
	cr_assert_eq(ring_len(&c), 3);
	ring_next(&c);
	expect(ring_peek(&c), "two");
}

Test(ring, a_tail_that_cannot_be_leaves_no_room)
{
	*c.tail = 64;
	p.seen = *c.tail;
	cr_assert_null(ring_reserve(&p, WIRE_CDR, 8));
	cr_assert_eq(ring_room(&p), 0);
}

Test(ring, the_two_files_are_made_together)
{
	put("one");
	cr_assert_eq(ring_make(dir.fd, "data", "tail", 4, 16, 32), ERR_NONE);
	reopen(&c);
	expect(ring_peek(&c), "one");
	cr_assert_eq(unlinkat(dir.fd, "tail", 0), 0);
	cr_assert_eq(ring_make(dir.fd, "data", "tail", 4, 16, 32), ERR_NONE);
	reopen(&p);
	reopen(&c);
	cr_assert_null(ring_peek(&c));
	put("two");
	expect(ring_peek(&c), "two");
}
