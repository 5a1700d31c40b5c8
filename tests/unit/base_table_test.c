/* table: many under one hash, deletion inside a run and across the end, growth. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/table.h"

static struct table table;

static void
open_table(void)
{
	table_init(&table, 0);
}

static void
close_table(void)
{
	table_done(&table);
}

TestSuite(base_table, .init = open_table, .fini = close_table);

/* The sum of the values under a hash, each counted with its number: 1 + 100 * values. */
static unsigned
found(uint64_t hash)
{
	uint32_t cursor = 0, value;
	unsigned sum = 0;

	while (table_find(&table, hash, &cursor, &value))
		sum += 100 + value;
	return sum;
}

Test(base_table, several_under_one_hash)
{
	cr_expect_eq(found(5), 0);
	table_put(&table, 5, 1);
	table_put(&table, 5, 2);
	table_put(&table, 5, 2);
	table_put(&table, 5, 0);
	cr_expect_eq(found(5), 405);
	cr_expect(table_remove(&table, 5, 2));
	cr_expect_eq(found(5), 303);
	cr_expect_not(table_remove(&table, 5, 7));
	cr_expect_not(table_remove(&table, 6, 1));
	cr_expect(table_remove(&table, 5, 2));
	cr_expect_not(table_remove(&table, 5, 2));
	cr_expect_eq(found(5), 201);
	cr_expect_eq(table.count, 2);
}

Test(base_table, against_a_plain_array)
{
	enum { HASHES = 12, VALUES = 6 };
	/* Few entries in a small table, so that runs meet, wrap round and are cut in the middle. */
	static unsigned there[HASHES][VALUES];
	uint64_t seed = 7;
	uint32_t count = 0;

	for (int turn = 0; turn < 20000; turn++) {
		unsigned h, v, sum = 0;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		h = (seed >> 33) % HASHES;
		v = (seed >> 45) % VALUES;
		if ((seed >> 60) % 2 == 0 && count < 12) {
			table_put(&table, h, v);
			there[h][v]++;
			count++;
		} else {
			cr_assert_eq(table_remove(&table, h, v), there[h][v] > 0);
			count -= there[h][v] > 0;
			there[h][v] -= there[h][v] > 0;
		}
		for (v = 0; v < VALUES; v++)
			sum += there[h][v] * (100 + v);
		cr_assert_eq(found(h), sum, "turn %d", turn);
		cr_assert_eq(table.count, count);
	}
	cr_expect_eq(table.mask, 15, "it never had to grow");
}

Test(base_table, grows_and_empties)
{
	for (uint32_t i = 0; i < 5000; i++)
		table_put(&table, (uint64_t)i << 32, i);
	cr_expect_eq(table.count, 5000);
	cr_expect_lt(table.count, (table.mask + 1ull) * 4 / 5);
	for (uint32_t i = 0; i < 5000; i++)
		cr_assert_eq(found((uint64_t)i << 32), 100 + i);
	for (uint32_t i = 0; i < 5000; i++)
		cr_assert(table_remove(&table, (uint64_t)i << 32, i));
	for (uint32_t i = 0; i <= table.mask; i++)
		cr_assert_eq(table.entries[i].value, UINT32_MAX, "nothing is left behind");
}

Test(base_table, expected_size_never_grows)
{
	struct table_entry *at;

	table_done(&table);
	table_init(&table, 1000);
	at = table.entries;
	for (uint32_t i = 0; i < 1000; i++)
		table_put(&table, i, i);
	cr_expect_eq(table.entries, at);
}
