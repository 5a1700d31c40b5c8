/* callview: what a reader sees of a view that is there, empty, changing, or outside. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "ipc/process.h"
#include "model/callview.h"

enum {
	COUNT = 3,
	SIZE = PROCESS_HEAD + sizeof(struct call_views) + COUNT * sizeof(struct call_view)
};

Test(model_callview, read)
{
	char *region = calloc(1, SIZE);
	struct call_views *views = (struct call_views *)(region + PROCESS_HEAD);
	struct call_view *v = (struct call_view *)(views + 1), seen;

	cr_expect_eq(call_view_read(region, SIZE, 0, &seen), ERR_RANGE, "never used");
	views->count = views->used = COUNT;
	cr_expect_eq(call_view_read(region, SIZE, 0, &seen), ERR_ABSENT);
	cr_expect_eq(call_view_read(region, SIZE, COUNT, &seen), ERR_RANGE);
	cr_expect_eq(call_view_read(region, PROCESS_HEAD, 0, &seen), ERR_RANGE);
	call_view_begin(&v[1]);
	v[1].state = CALL_VIEW_RINGING;
	memset(v[1].from, 'x', sizeof(v[1].from));
	cr_expect_eq(call_view_read(region, SIZE, 1, &seen), ERR_AGAIN);
	/* The writer died and its successor writes it again. */
	call_view_begin(&v[1]);
	cr_expect_eq(call_view_read(region, SIZE, 1, &seen), ERR_AGAIN);
	call_view_end(&v[1]);
	cr_assert_eq(call_view_read(region, SIZE, 1, &seen), ERR_NONE);
	cr_expect_eq(strlen(seen.from), sizeof(seen.from) - 1);
	cr_expect_str_eq(call_view_state_name((enum call_view_state)seen.state), "ringing");
	views->used = COUNT + 1;
	cr_expect_eq(call_view_read(region, SIZE, COUNT, &seen), ERR_RANGE, "a count that lies");
	free(region);
}

/* Who is in how many calls: one's own is not counted, nor what is over. */
Test(model_callview, who)
{
	struct call_views *views = calloc(1, call_views_bytes(COUNT));
	const struct call_who both = { .user = { 7, 8 }, .group = { 8 }, .rung = 1 },
			      many = { .user = { 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 8 } };
	uint32_t i = 0;

	views->count = views->used = COUNT;
	cr_expect_eq(call_who_count(views, 8, UINT32_MAX), 0);
	call_who_put(views, 0, &both);
	call_who_put(views, 2, &many);
	cr_expect_eq(call_who_count(views, 7, UINT32_MAX), 1);
	cr_expect_eq(call_who_count(views, 8, UINT32_MAX), 2);
	cr_expect_eq(call_who_count(views, 8, 2), 1);
	cr_expect(call_who_next(views, 7, CALL_WHO_RUNG, &i) && i == 0);
	cr_expect(call_who_next(views, 8, CALL_WHO_GROUP, &i) && i == 0);
	cr_expect_not(call_who_next(views, 8, CALL_WHO_RUNG, &i), "he is only in them");
	i = 0;
	cr_expect_not(call_who_next(views, 7, CALL_WHO_GROUP, &i));
	views->used = COUNT + 100; /* a count that lies */
	call_who_put(views, 2, NULL);
	cr_expect_eq(call_who_count(views, 8, UINT32_MAX), 1);
	free(views);
}
