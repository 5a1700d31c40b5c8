/* Regions of shared memory: made by the supervisor, mapped by all. */
#include "ipc/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t
shm_layout(uint64_t so_far, size_t size)
{
	uint64_t x = so_far * 0x9e3779b97f4a7c15ull + size + 1;

	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	return x ^ x >> 27;
}

static enum err
map(int fd, size_t size, bool writable, struct region *r)
{
	void *mem = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);

	if (mem == MAP_FAILED)
		return ERR_IO;
	*r = (struct region){ .mem = mem, .size = size, .fd = -1, .writable = writable };
	return ERR_NONE;
}

static enum err
file_size(int fd, size_t *size_r)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ERR_IO;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct shm_head))
		return ERR_VERSION;
	*size_r = (size_t)st.st_size;
	return ERR_NONE;
}

/* The magic is stored last: a supervisor killed while it makes a region leaves one that is made
 * anew. */
static enum err
make_new(int dirfd, const char *name, size_t size, const struct shm_head *head, struct region *r)
{
	int fd;
	enum err e;
	struct shm_head *h;

	/* Never truncated in place: who still has the old one mapped would get SIGBUS. */
	if (unlinkat(dirfd, name, 0) != 0 && errno != ENOENT)
		return ERR_IO;
	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ERR_IO;
	e = ftruncate(fd, (off_t)size) == 0 ? map(fd, size, true, r) : ERR_IO;
	close(fd);
	if (e != ERR_NONE)
		return e;
	h = r->mem;
	h->layout = head->layout;
	h->size = head->size;
	h->owner = head->owner;
	__atomic_store_n(&h->magic, SHM_MAGIC, __ATOMIC_RELEASE);
	r->fresh = true;
	return ERR_NONE;
}

static enum err
take_old(int dirfd, const char *name, size_t size, const struct shm_head *want, struct region *r)
{
	const struct shm_head *h;
	size_t has;
	enum err e;
	int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? ERR_ABSENT : ERR_IO;
	e = file_size(fd, &has);
	if (e == ERR_NONE && has != size)
		e = ERR_VERSION;
	if (e == ERR_NONE)
		e = map(fd, size, true, r);
	close(fd);
	if (e != ERR_NONE)
		return e;
	h = r->mem;
	if (__atomic_load_n(&h->magic, __ATOMIC_ACQUIRE) == SHM_MAGIC &&
	    h->layout == want->layout && h->size == want->size && h->owner == want->owner)
		return ERR_NONE;
	shm_unmap(r);
	return ERR_VERSION;
}

enum err
shm_make(
    int dirfd, const char *name, size_t size, uint64_t layout, unsigned owner, struct region *r)
{
	struct shm_head want = { .layout = layout, .size = size, .owner = owner };
	enum err e;

	must(size >= sizeof(struct shm_head));
	e = take_old(dirfd, name, size, &want, r);
	if (e == ERR_ABSENT || e == ERR_VERSION)
		e = make_new(dirfd, name, size, &want, r);
	return e;
}

enum err
shm_reopen(int dirfd, const char *name, bool writable, int *fd_r)
{
	int fd = openat(dirfd, name, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? ERR_ABSENT : ERR_IO;
	*fd_r = fd;
	return ERR_NONE;
}

enum err
shm_map(int fd, bool writable, uint64_t layout, struct region *r)
{
	const struct shm_head *h;
	size_t size;
	enum err e = file_size(fd, &size);

	if (e == ERR_NONE)
		e = map(fd, size, writable, r);
	if (e != ERR_NONE)
		return e;
	h = r->mem;
	if (__atomic_load_n(&h->magic, __ATOMIC_ACQUIRE) == SHM_MAGIC && h->size == size &&
	    (layout == 0 || h->layout == layout))
		return ERR_NONE;
	shm_unmap(r);
	return ERR_VERSION;
}

void
shm_unmap(struct region *r)
{
	if (r->mem != NULL)
		munmap(r->mem, r->size);
	*r = (struct region){ .fd = -1 };
}
