/* shm: regions are made, taken over or replaced, and mapped with just the right given. */
#include <criterion/criterion.h>

#include <sys/stat.h>

#include "ipc_temp.h"

enum { SIZE = 3 * 4096 };

static struct temp dir;

static void
setup(void)
{
	dir = temp_new();
}

static void
teardown(void)
{
	temp_drop(&dir);
}

TestSuite(shm, .init = setup, .fini = teardown);

Test(shm, a_new_region_is_zero_and_private)
{
	struct region r;
	struct stat st;

	cr_assert_eq(shm_make(dir.fd, "r", SIZE, 7, 33, &r), ERR_NONE);
	cr_assert(r.fresh && r.writable);
	cr_assert_eq(r.size, SIZE);
	for (size_t i = sizeof(struct shm_head); i < SIZE; i++)
		cr_assert_eq(((char *)r.mem)[i], 0);
	cr_assert_eq(fstatat(dir.fd, "r", &st, 0), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	shm_unmap(&r);
	cr_assert_null(r.mem);
}

Test(shm, the_next_process_takes_over)
{
	struct region r;

	shm_make(dir.fd, "r", SIZE, 7, 33, &r);
	((char *)r.mem)[5000] = 'x';
	shm_unmap(&r);
	cr_assert_eq(shm_make(dir.fd, "r", SIZE, 7, 33, &r), ERR_NONE);
	cr_assert_not(r.fresh);
	cr_assert_eq(((char *)r.mem)[5000], 'x');
	shm_unmap(&r);
}

Test(shm, another_layout_size_or_owner_is_replaced)
{
	struct region old, r;

	shm_make(dir.fd, "r", SIZE, 7, 33, &old);
	((char *)old.mem)[5000] = 'x';
	cr_assert_eq(shm_make(dir.fd, "r", SIZE, 8, 33, &r), ERR_NONE);
	cr_assert(r.fresh);
	shm_unmap(&r);
	/* Who has the old one mapped keeps it. */
	cr_assert_eq(((char *)old.mem)[5000], 'x');
	shm_unmap(&old);
	shm_make(dir.fd, "r", SIZE, 8, 34, &r);
	cr_assert(r.fresh);
	shm_unmap(&r);
	shm_make(dir.fd, "r", SIZE + 4096, 8, 34, &r);
	cr_assert(r.fresh);
	shm_unmap(&r);
}

Test(shm, one_half_made_is_made_again)
{
	struct region r;

	shm_make(dir.fd, "r", SIZE, 7, 33, &r);
	((struct shm_head *)r.mem)->magic = 0;
	shm_unmap(&r);
	shm_make(dir.fd, "r", SIZE, 7, 33, &r);
	cr_assert(r.fresh);
	shm_unmap(&r);
}

Test(shm, a_descriptor_has_just_its_right)
{
	struct region made, r;
	int fd;

	shm_make(dir.fd, "r", SIZE, 7, 33, &made);
	cr_assert_eq(shm_reopen(dir.fd, "r", false, &fd), ERR_NONE);
	cr_assert_eq(shm_map(fd, true, 7, &r), ERR_IO);
	cr_assert_eq(shm_map(fd, false, 8, &r), ERR_VERSION);
	cr_assert_eq(shm_map(fd, false, 0, &r), ERR_NONE);
	cr_assert_not(r.writable);
	((char *)made.mem)[100] = 'y';
	cr_assert_eq(((const char *)r.mem)[100], 'y');
	close(fd);
	shm_unmap(&r);
	shm_unmap(&made);
	cr_assert_eq(shm_reopen(dir.fd, "none", false, &fd), ERR_ABSENT);
}

Test(shm, what_is_no_region_is_refused)
{
	struct region r;
	int fd = openat(dir.fd, "r", O_RDWR | O_CREAT, 0600);

	cr_assert_eq(shm_map(fd, false, 0, &r), ERR_VERSION);
	cr_assert_eq(ftruncate(fd, SIZE), 0);
	cr_assert_eq(shm_map(fd, false, 0, &r), ERR_VERSION);
	cr_assert_eq(shm_map(dir.fd, false, 0, &r), ERR_VERSION);
	close(fd);
	cr_assert_eq(symlinkat("/etc/passwd", dir.fd, "link"), 0);
	cr_assert_neq(shm_make(dir.fd, "link", SIZE, 7, 33, &r), ERR_NONE);
}
