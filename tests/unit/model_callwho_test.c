/* callwho: who is in how many calls, counted by chains; and what a kill leaves of them. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "model/callview.h"

enum { COUNT = 5, NOBODY = UINT32_MAX };

static struct call_views *views;

static void
begin(void)
{
	views = calloc(1, call_views_bytes(COUNT));
	views->count = views->used = COUNT;
}

static void
end(void)
{
	free(views);
}

TestSuite(model_callwho, .init = begin, .fini = end);

/* One's own call is not counted, nor what is over. */
Test(model_callwho, count)
{
	const struct call_who both = { .user = { 7, 8 }, .group = { 8 }, .rung = 1 };
	const struct call_who many = { .user = { 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 8 } };
	const struct call_who eight = { .user = { 8 } };

	cr_expect_eq(call_who_count(views, 8, NOBODY), 0);
	call_who_put(views, 0, &both);
	call_who_put(views, 2, &many);
	cr_expect_eq(call_who_count(views, 7, NOBODY), 1);
	cr_expect_eq(call_who_count(views, 8, NOBODY), 2);
	cr_expect_eq(call_who_count(views, 8, 2), 1);
	call_who_put(views, 2, &eight);
	cr_expect_eq(call_who_count(views, 8, NOBODY), 2);
	cr_expect_eq(call_who_count(views, 9, NOBODY), 0);
	call_who_put(views, 2, NULL);
	cr_expect_eq(call_who_count(views, 8, NOBODY), 1);
}

/* Who is rung, and in which groups. */
Test(model_callwho, rung)
{
	const struct call_who both = { .user = { 7, 8 }, .group = { 8 }, .rung = 1 };
	uint32_t i = 0;

	call_who_put(views, 1, &both);
	cr_expect(call_who_next(views, 7, CALL_WHO_RUNG, &i) && i == 1);
	cr_expect(call_who_next(views, 8, CALL_WHO_GROUP, &i) && i == 1);
	cr_expect_not(call_who_next(views, 8, CALL_WHO_RUNG, &i), "he is only in it");
	i = 0;
	cr_expect_not(call_who_next(views, 7, CALL_WHO_GROUP, &i));
}

/* Users that share a chain (it is found by the low bits), taken out from its head, middle and end. */
Test(model_callwho, shared_chain)
{
	const uint64_t users[] = { 0x103, 0x203, 0x303, 0x103, 0x203 };
	const uint32_t order[] = { 2, 4, 0, 1, 3 };
	unsigned left[] = { 2, 2, 1 };

	for (uint32_t i = 0; i < COUNT; i++)
		call_who_put(views, i, &(struct call_who){ .user = { users[i] } });
	for (unsigned k = 0; k < COUNT; k++) {
		call_who_put(views, order[k], NULL);
		left[order[k] % 3]--;
		for (unsigned u = 0; u < 3; u++)
			cr_expect_eq(call_who_count(views, users[u], NOBODY), left[u]);
	}
}

/* While the chains change, or when who changed them is dead, the entries themselves are counted. */
Test(model_callwho, killed_in_between)
{
	struct call_who *who = (void *)call_view_users_at(views, COUNT);
	struct call_who_links *links = (void *)(who + COUNT);

	call_who_put(views, 0, &(struct call_who){ .user = { 7, 8 } });
	call_who_put(views, 1, &(struct call_who){ .user = { 7 } });
	views->who_version |= 1;
	links[0].next[0] = 12345;
	links[1].prev[0] = 23456;
	views->used = COUNT + 100; /* a count that lies */
	cr_expect_eq(call_who_count(views, 7, NOBODY), 2);
	call_who_take_up(views);
	cr_expect_eq(views->who_version & 1, 0);
	cr_expect_eq(call_who_count(views, 7, NOBODY), 2);
	cr_expect_eq(call_who_count(views, 7, 1), 1);
	call_who_put(views, 0, NULL);
	call_who_put(views, 1, NULL);
	cr_expect_eq(call_who_count(views, 7, NOBODY), 0);
}
