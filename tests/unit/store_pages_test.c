/* A page of the directory that came and waits: what is put after directory_load_settle() stays. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "store/store.h"

static struct store s;
static void *memory;

static void
make(void)
{
	size_t size = directory_bytes(100);

	memory = calloc(1, size);
	s = (struct store){ 0 };
	cr_assert_eq(directory_own(&s.directory, memory, size, 100), ERR_NONE);
}

static void
end(void)
{
	records_close(&s.directory.records);
	free(memory);
}

TestSuite(store_pages, .init = make, .fini = end);

/* Rows of table number_class in tenant 1, prefixes from this one on: the prefix, and whether it is at a premium. */
static struct pg_result *
classes(unsigned prefix, const char *premium, int rows)
{
	static char names[3][2] = { "i", "n", "p" };
	PGresAttDesc columns[3] = { { .name = names[0] }, { .name = names[1] },
		{ .name = names[2] } };
	char text[16];
	const char *values[3] = { "1", text, premium };
	struct pg_result *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	cr_assert(PQsetResultAttrs(res, 3, columns));
	for (int row = 0; row < rows; row++) {
		snprintf(text, sizeof(text), "%u", prefix + (unsigned)row);
		for (int i = 0; i < 3; i++)
			cr_assert(
			    PQsetvalue(res, row, i, (char *)values[i], (int)strlen(values[i])));
	}
	return res;
}

Test(store_pages, what_is_put_after_it_stays)
{
	struct pg_result *later = classes(900, "f", 1);

	s.load.page = classes(900, "t", 1);
	s.load.page_kind = DIR_CLASS;
	directory_load_settle(&s);
	cr_expect(directory_premium(&s.directory, 1, SPAN("900123")));
	cr_expect_null(s.load.page);
	dir_rows(&s.directory, DIR_CLASS, later, &s.load.tally);
	directory_load_settle(&s);
	cr_expect_not(directory_premium(&s.directory, 1, SPAN("900123")), "the page came back");
	PQclear(later);
}

Test(store_pages, the_next_begins_after_the_last_row)
{
	struct dir_cursor c = { .id = "0", .name = "" };
	struct pg_result *none = classes(900, "t", 0), *two = classes(901, "t", 2);

	cr_expect_not(dir_last(none, &c));
	cr_expect_str_eq(c.id, "0");
	cr_expect(dir_last(two, &c));
	cr_expect_str_eq(c.id, "1");
	cr_expect_str_eq(c.name, "902");
	PQclear(none);
	PQclear(two);
}
