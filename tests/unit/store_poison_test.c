/* Messages that were in hand at a death: files in spool_dir, so many and no more. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ipc_temp.h"
#include "store/store.h"

static unsigned
files(int dir)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY));
	const struct dirent *e;
	unsigned n = 0;

	cr_assert_not_null(d);
	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, "poison-worker-0-", 16) == 0;
	closedir(d);
	return n;
}

static void
die(struct store *s, unsigned hash)
{
	const uint32_t len = sizeof(struct wire_poison) + 7;
	struct wire_poison *w = calloc(1, len);

	w->len = 7;
	w->hash = hash;
	memcpy(w->data, "BYE sip", 7);
	poison_keep(s, proc_of(ROLE_WORKER, 0), w, len);
	free(w);
}

/* As many as there may be, whoever wrote them: a store that was started again begins at no new count. */
Test(store_poison, F3_no_more_than_so_many_files)
{
	struct store *s = calloc(1, sizeof(*s));
	struct temp t = temp_new();

	s->child.spool = t.fd;
	for (unsigned i = 0; i < 40; i++)
		die(s, i);
	cr_expect_eq(files(s->child.spool), 40);
	for (unsigned i = 0; i < 40; i++)
		die(s, i); /* the same again */
	cr_expect_eq(files(s->child.spool), 40);
	memset(s, 0, sizeof(*s)); /* another life */
	s->child.spool = t.fd;
	for (unsigned i = 0; i < 40; i++)
		die(s, 100 + i);
	cr_expect_eq(files(s->child.spool), 64);
	cr_expect_eq(unlinkat(s->child.spool, "poison-worker-0-0000000000000000", 0), 0);
	die(s, 1000); /* somebody made room */
	cr_expect_eq(files(s->child.spool), 64);
	temp_drop(&t);
	free(s);
}
