/* The ring of ring.h: one producer, one consumer, no lock. */
#include "ipc/ring.h"

#include <sys/mman.h>
#include <unistd.h>

enum { LINE = 64, RECORD_HEAD = offsetof(struct ring_record, payload) };

struct data_page { /* the first page of the producer's file; the data follows on the next */
	struct shm_head shm;
	_Alignas(LINE) uint64_t head;
};

struct tail_page { /* all of the consumer's file */
	struct shm_head shm;
	_Alignas(LINE) uint64_t tail;
	_Alignas(LINE) uint64_t in_hand;
};

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

size_t
ring_data_bytes(uint32_t kib)
{
	size_t size = page_size();

	while (size < (size_t)kib << 10)
		size <<= 1;
	return page_size() + size;
}

size_t
ring_tail_bytes(void)
{
	return page_size();
}

uint64_t
ring_layout(void)
{
	uint64_t l = shm_layout(SHM_LAYOUT, sizeof(struct data_page));

	l = shm_layout(l, sizeof(struct tail_page));
	return shm_layout(l, page_size());
}

enum err
ring_make(int dirfd, const char *data_name, const char *tail_name, uint32_t kib, unsigned from,
    unsigned to)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		struct region data, tail;
		bool agree;
		enum err e =
		    shm_make(dirfd, data_name, ring_data_bytes(kib), ring_layout(), from, &data);

		if (e != ERR_NONE)
			return e;
		e = shm_make(dirfd, tail_name, ring_tail_bytes(), ring_layout(), to, &tail);
		if (e != ERR_NONE) {
			shm_unmap(&data);
			return e;
		}
		agree = data.fresh == tail.fresh;
		shm_unmap(&data);
		shm_unmap(&tail);
		if (agree)
			return ERR_NONE;
		if (unlinkat(dirfd, data_name, 0) != 0 || unlinkat(dirfd, tail_name, 0) != 0)
			return ERR_IO;
	}
	return ERR_IO;
}

/* The data twice in a row. */
static char *
map_twice(int fd, size_t size, bool writable)
{
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	off_t at = (off_t)page_size();
	char *mem = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		return NULL;
	if (mmap(mem, size, prot, MAP_SHARED | MAP_FIXED, fd, at) != MAP_FAILED &&
	    mmap(mem + size, size, prot, MAP_SHARED | MAP_FIXED, fd, at) != MAP_FAILED)
		return mem;
	munmap(mem, 2 * size);
	return NULL;
}

static void
take_over(struct ring *r)
{
	uint64_t head = __atomic_load_n(r->head, __ATOMIC_ACQUIRE);
	uint64_t tail = __atomic_load_n(r->tail, __ATOMIC_ACQUIRE);

	r->at = r->next = r->producer ? head : tail;
	r->seen = r->producer ? tail : head;
	r->was_in_hand = !r->producer && *r->in_hand == tail + 1;
}

enum err
ring_open(struct ring *r, int data_fd, int tail_fd, bool producer)
{
	struct data_page *d;
	struct tail_page *t;
	enum err e;

	*r = (struct ring){ .producer = producer };
	r->files[0].fd = r->files[1].fd = -1;
	e = shm_map(data_fd, producer, ring_layout(), &r->files[0]);
	if (e == ERR_NONE)
		e = shm_map(tail_fd, !producer, ring_layout(), &r->files[1]);
	if (e != ERR_NONE)
		goto out;
	r->size = r->files[0].size - page_size();
	if (r->files[0].size < 2 * page_size() || (r->size & (r->size - 1)) != 0 ||
	    r->files[1].size != ring_tail_bytes()) {
		e = ERR_VERSION;
		goto out;
	}
	r->data = map_twice(data_fd, r->size, producer);
	if (r->data == NULL) {
		e = ERR_IO;
		goto out;
	}
	d = r->files[0].mem;
	t = r->files[1].mem;
	r->head = &d->head;
	r->tail = &t->tail;
	r->in_hand = &t->in_hand;
	r->from = (uint8_t)d->shm.owner;
	r->to = (uint8_t)t->shm.owner;
	take_over(r);
out:
	if (e != ERR_NONE)
		ring_close(r);
	return e;
}

void
ring_close(struct ring *r)
{
	if (r->data != NULL)
		munmap(r->data, 2 * r->size);
	shm_unmap(&r->files[0]);
	shm_unmap(&r->files[1]);
	*r = (struct ring){ 0 };
}

static uint64_t
record_bytes(uint32_t len)
{
	return RECORD_HEAD + (((uint64_t)len + 7) & ~7ull);
}

static char *
data_at(const struct ring *r, uint64_t at)
{
	return r->data + (at & (r->size - 1));
}

/* --- the producer ----------------------------------------------------------------------------- */

/* A tail that is ahead of us or more than the ring behind is nonsense and leaves no room. */
static uint64_t
room(const struct ring *r, uint64_t tail)
{
	uint64_t used = r->at - tail;

	return used <= r->size ? r->size - used : 0;
}

void *
ring_reserve(struct ring *r, enum wire_type type, uint32_t len)
{
	uint64_t need = record_bytes(len);
	struct ring_record *rec;

	if (room(r, r->seen) < need) {
		r->seen = __atomic_load_n(r->tail, __ATOMIC_ACQUIRE);
		if (room(r, r->seen) < need)
			return NULL;
	}
	rec = (struct ring_record *)data_at(r, r->at);
	rec->len = len;
	rec->type = (uint16_t)type;
	rec->pad = 0;
	return rec->payload;
}

void
ring_commit(struct ring *r, uint32_t len)
{
	struct ring_record *rec = (struct ring_record *)data_at(r, r->at);

	must(len <= rec->len);
	rec->len = len;
	r->at += record_bytes(len);
	r->dirty = true;
}

void
ring_publish(struct ring *r)
{
	if (*r->head != r->at)
		__atomic_store_n(r->head, r->at, __ATOMIC_RELEASE);
}

uint64_t
ring_room(const struct ring *r)
{
	return room(r, __atomic_load_n(r->tail, __ATOMIC_ACQUIRE));
}

uint64_t
ring_fill(const struct ring *r)
{
	uint64_t tail = __atomic_load_n(r->tail, __ATOMIC_ACQUIRE);
	uint64_t fill = __atomic_load_n(r->head, __ATOMIC_ACQUIRE) - tail;

	return fill <= r->size ? fill : r->size;
}

/* --- the consumer ----------------------------------------------------------------------------- */

/* The producer goes on from its head, so there the consumer meets it again. */
static void
empty_broken(struct ring *r)
{
	r->at = r->next = r->seen = __atomic_load_n(r->head, __ATOMIC_ACQUIRE);
	__atomic_store_n(r->tail, r->at, __ATOMIC_RELEASE);
	r->broken = true;
	r->was_in_hand = false;
}

/* Checks the record at `at` and remembers its length: the record's own word is read once. */
static bool
check(struct ring *r)
{
	const struct ring_record *rec = (const struct ring_record *)data_at(r, r->at);
	uint64_t waiting = r->seen - r->at;

	if (waiting > r->size || waiting < RECORD_HEAD || ((r->at | r->seen) & 7) != 0)
		return false;
	r->len = __atomic_load_n(&rec->len, __ATOMIC_RELAXED);
	r->type = __atomic_load_n(&rec->type, __ATOMIC_RELAXED);
	if (record_bytes(r->len) > waiting)
		return false;
	r->next = r->at + record_bytes(r->len);
	return true;
}

/* in_hand is set before the user can see the record. For a kill the order in this process's program
 * is what counts, so a compiler fence is enough. */
static void
mark(struct ring *r)
{
	uint64_t tail = *r->tail + 1;

	if (*r->in_hand != tail)
		__atomic_store_n(r->in_hand, tail, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

const struct ring_record *
ring_peek(struct ring *r)
{
	if (r->next == r->at) {
		if (r->seen == r->at)
			r->seen = __atomic_load_n(r->head, __ATOMIC_ACQUIRE);
		if (r->seen == r->at)
			return NULL;
		if (!check(r)) {
			empty_broken(r);
			return NULL;
		}
		mark(r);
	}
	return (const struct ring_record *)data_at(r, r->at);
}

void
ring_next(struct ring *r)
{
	must(r->next != r->at);
	r->at = r->next;
	ring_give_back(r);
}

const struct ring_record *
ring_ahead(struct ring *r)
{
	if (r->at != r->next) {
		r->at = r->next;
		r->was_in_hand = false;
	}
	return ring_peek(r);
}

void
ring_give_back(struct ring *r)
{
	if (*r->tail == r->at)
		return;
	__atomic_store_n(r->tail, r->at, __ATOMIC_RELEASE);
	r->was_in_hand = false;
	if (r->next != r->at) /* the record that is shown is now the one at tail */
		mark(r);
}

bool
ring_was_in_hand(struct ring *r)
{
	bool was = r->was_in_hand;

	r->was_in_hand = false;
	return was;
}

enum err
ring_broken(struct ring *r)
{
	bool broken = r->broken;

	r->broken = false;
	return broken ? ERR_SYNTAX : ERR_NONE;
}

bool
ring_waiting(const struct ring *r)
{
	return __atomic_load_n(r->head, __ATOMIC_ACQUIRE) != r->at;
}
