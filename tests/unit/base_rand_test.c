/* rand: never the same twice, not after fork either; rand_below stays below and reaches all. */
#include <criterion/criterion.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"

Test(base_rand, differs)
{
	uint8_t a[5000], b[5000];

	cr_expect_neq(rand_u64(), rand_u64());
	rand_bytes(a, 16);
	rand_bytes(b, 16);
	cr_expect_arr_neq(a, b, 16);
	rand_bytes(a, sizeof(a)); /* more than is in stock */
	rand_bytes(b, sizeof(b));
	cr_expect_arr_neq(a, b, sizeof(a));
	rand_bytes(NULL, 0);
}

Test(base_rand, every_byte_is_filled)
{
	/* Sizes about the stock's edges; a byte that stays 0 in 64 fillings was not filled. */
	static const size_t sizes[] = { 1, 7, 255, 256, 257, 1023, 1024, 1025 };
	uint8_t seen[1026], bytes[1026];

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		memset(seen, 0, sizeof(seen));
		for (int i = 0; i < 64; i++) {
			memset(bytes, 0, sizeof(bytes));
			rand_bytes(bytes, sizes[s]);
			for (size_t j = 0; j < sizeof(bytes); j++)
				seen[j] |= bytes[j];
		}
		for (size_t j = 0; j < sizeof(bytes); j++)
			cr_assert((seen[j] != 0) == (j < sizes[s]), "%zu of %zu", j, sizes[s]);
	}
}

Test(base_rand, parent_and_child_differ)
{
	uint64_t mine[4], childs[4];
	int pipes[2];
	pid_t child;

	rand_u64(); /* there is stock to share */
	cr_assert_eq(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		rand_bytes(childs, sizeof(childs));
		_exit(write(pipes[1], childs, sizeof(childs)) != sizeof(childs));
	}
	cr_assert_gt(child, 0);
	rand_bytes(mine, sizeof(mine));
	cr_assert_eq(read(pipes[0], childs, sizeof(childs)), (ssize_t)sizeof(childs));
	waitpid(child, NULL, 0);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			cr_expect_neq(mine[i], childs[j]);
}

Test(base_rand, below)
{
	unsigned hits[5] = { 0 };

	for (int i = 0; i < 5000; i++) {
		uint32_t n = rand_below(5);

		cr_assert_lt(n, 5);
		hits[n]++;
	}
	/* 1000 each; further off than this once in some 10^20 runs. */
	for (int i = 0; i < 5; i++)
		cr_expect(hits[i] > 700 && hits[i] < 1300, "%u", hits[i]);
	cr_expect_eq(rand_below(1), 0);
	cr_expect_lt(rand_below(UINT32_MAX), UINT32_MAX);
}
