/* pool: handles that outlive their slot find nothing, the reserve is kept, and what a kill leaves at
 * each store is a pool. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

enum { COUNT = 4, OWNER = 7 };

struct thing {
	struct slot slot;
	uint64_t value;
};

static struct thing things[COUNT];
static struct pool pool;

static void
open_pool(void)
{
	pool_init(&pool, things, sizeof(things[0]), COUNT, OWNER, 1);
}

static void
close_pool(void)
{
	pool_done(&pool);
}

TestSuite(base_pool, .init = open_pool, .fini = close_pool);

Test(base_pool, handles)
{
	struct thing *a = pool_take(&pool, false), *b = pool_take(&pool, false);
	handle ha = pool_handle(&pool, a);

	cr_assert(a != NULL && b != NULL && a != b);
	cr_expect_eq(handle_owner(ha), OWNER);
	cr_expect_eq(handle_generation(ha), 1);
	cr_expect_neq(pool_handle(&pool, b), ha);
	cr_expect_eq(pool_find(&pool, ha), a);
	cr_expect_null(pool_find(&pool, 0));
	cr_expect_null(pool_find(&pool, handle_make(OWNER + 1, 0, 1)));
	cr_expect_null(pool_find(&pool, handle_make(OWNER, COUNT, 1)));
	cr_expect_null(pool_find(&pool, handle_make(OWNER, 0xffffff, 1)));
	cr_expect_null(pool_find(&pool, handle_make(OWNER, 3, 1)), "a free slot");
}

Test(base_pool, a_late_handle_finds_nothing)
{
	struct thing *a = pool_take(&pool, false), *again;
	handle old = pool_handle(&pool, a);

	a->value = 5;
	pool_drop(&pool, a);
	cr_expect_null(pool_find(&pool, old));
	again = pool_take(&pool, false);
	cr_assert_eq(again, a);
	cr_expect_null(pool_find(&pool, old));
	cr_expect_eq(again->value, 0, "a slot is zeroed");
}

Test(base_pool, generation_skips_zero)
{
	struct thing *a = pool_take(&pool, false);

	a->slot.generation = UINT32_MAX;
	pool_drop(&pool, a);
	cr_expect_eq(a->slot.generation, 1);
}

Test(base_pool, reserve)
{
	for (int i = 0; i < COUNT - 1; i++)
		cr_assert_not_null(pool_take(&pool, false));
	cr_expect_not(pool_has(&pool, 1, false));
	cr_expect(pool_has(&pool, 1, true));
	cr_expect_not(pool_has(&pool, 2, true));
	cr_expect(pool_has(&pool, 0, false));
	cr_expect_null(pool_take(&pool, false));
	cr_expect_not_null(pool_take(&pool, true));
	cr_expect_null(pool_take(&pool, true));
	cr_expect(pool_has(&pool, 0, true));
	cr_expect_not(pool_has(&pool, 0, false), "the reserve itself is in use");
	cr_expect_eq(pool.live, COUNT);
}

Test(base_pool, walks_the_used)
{
	struct thing *a = pool_take(&pool, true), *b = pool_take(&pool, true);
	struct thing *c = pool_take(&pool, true);

	pool_drop(&pool, b);
	cr_expect_eq(pool_next(&pool, NULL), a);
	cr_expect_eq(pool_next(&pool, a), c);
	cr_expect_null(pool_next(&pool, c));
	cr_expect_eq(pool_index(&pool, c), 2);
	cr_expect_eq(pool_at(&pool, 2), c);
}

Test(base_pool, survives_its_process)
{
	struct thing *a = pool_take(&pool, false), *b = pool_take(&pool, false);
	handle ha = pool_handle(&pool, a), hb = pool_handle(&pool, b);

	a->value = 42;
	pool_drop(&pool, b);
	pool_done(&pool);
	open_pool();
	cr_expect_eq(pool.live, 1);
	cr_expect_eq(pool.n_free, 1);
	cr_expect_eq(pool.touched, 2);
	cr_expect(pool_has(&pool, COUNT - 1, true));
	cr_expect_eq(((struct thing *)pool_find(&pool, ha))->value, 42);
	cr_expect_null(pool_find(&pool, hb));
	for (int i = 0; i < COUNT - 1; i++)
		cr_expect_neq(pool_take(&pool, true), a);
	cr_expect_null(pool_find(&pool, hb));
}

/* Killed in pool_drop between its two stores: the generation was handed out already. */
Test(base_pool, killed_while_dropping)
{
	struct thing *a = pool_take(&pool, false);
	handle old = pool_handle(&pool, a);

	a->slot.used = 0;
	pool_done(&pool);
	open_pool();
	cr_assert_eq(pool_take(&pool, false), a);
	cr_expect_null(pool_find(&pool, old));
}

Test(base_pool, view_writes_nothing)
{
	struct thing *a = pool_take(&pool, false), before[COUNT];
	struct pool view;

	a->value = 9;
	memcpy(before, things, sizeof(things));
	pool_view(&view, things, sizeof(things[0]), COUNT, OWNER);
	cr_expect_eq(pool_find(&view, pool_handle(&pool, a)), a);
	cr_expect_eq(pool_next(&view, NULL), a);
	cr_expect_null(pool_next(&view, a));
	pool_done(&view);
	cr_expect_arr_eq(before, things, sizeof(things));
}
