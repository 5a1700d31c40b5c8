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

	cr_expect_eq(call_view_read(region, SIZE, 0, &seen, NULL), ERR_RANGE, "never used");
	views->count = views->used = COUNT;
	cr_expect_eq(call_view_read(region, SIZE, 0, &seen, NULL), ERR_ABSENT);
	cr_expect_eq(call_view_read(region, SIZE, COUNT, &seen, NULL), ERR_RANGE);
	cr_expect_eq(call_view_read(region, PROCESS_HEAD, 0, &seen, NULL), ERR_RANGE);
	call_view_begin(&v[1]);
	v[1].state = CALL_VIEW_RINGING;
	memset(v[1].from, 'x', sizeof(v[1].from));
	cr_expect_eq(call_view_read(region, SIZE, 1, &seen, NULL), ERR_AGAIN);
	/* The writer died and its successor writes it again. */
	call_view_begin(&v[1]);
	cr_expect_eq(call_view_read(region, SIZE, 1, &seen, NULL), ERR_AGAIN);
	call_view_end(&v[1]);
	cr_assert_eq(call_view_read(region, SIZE, 1, &seen, NULL), ERR_NONE);
	cr_expect_eq(strlen(seen.from), sizeof(seen.from) - 1);
	cr_expect_str_eq(call_view_state_name((enum call_view_state)seen.state), "ringing");
	views->used = COUNT + 1;
	cr_expect_eq(
	    call_view_read(region, SIZE, COUNT, &seen, NULL), ERR_RANGE, "a count that lies");
	free(region);
}
