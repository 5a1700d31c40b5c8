/* watched: bits of users. */
#include <criterion/criterion.h>
#include <string.h>

#include "model/watched.h"

Test(model_watched, put_has_replace)
{
	static struct watched w, other;
	uint64_t user = 0x123456789abcdef0;

	cr_expect_not(watched_has(&w, user));
	watched_put(&w, user);
	cr_expect(watched_has(&w, user));
	cr_expect_not(watched_has(&w, user ^ 1));
	cr_expect_not(watched_has(&w, user ^ 64));
	watched_put(&w, UINT64_MAX);
	cr_expect(watched_has(&w, UINT64_MAX));
	watched_put(&other, 7);
	watched_replace(&w, &other);
	cr_expect(watched_has(&w, 7) && !watched_has(&w, user));
}
