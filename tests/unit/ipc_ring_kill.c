/*
 * A ring whose ends are killed with SIGKILL at random points, thousands of times. Their successors
 * find every record that was published, whole, in order, and none twice but the one in hand.
 *
 * A record's length follows from its number, so the head says how many were published: it must always
 * be the end of a record.
 */
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "ipc_temp.h"

enum { SECONDS = 3, BATCH = 8 };

/* The consumer's own memory outside the ring, as a worker has its calls. */
struct consumed {
	uint64_t handled;    /* records handled */
	uint64_t given_back; /* ahead mode: records given back */
	uint64_t in_hand, twice;
};

static struct temp dir;
static struct consumed *consumed;
static volatile uint32_t
    *finish; /* 1: the producer may stop, and the consumer when all is handled */

static _Noreturn void
fail(const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "ring_kill: %s: %llu, %llu\n", what, (unsigned long long)a,
	    (unsigned long long)b);
	_exit(1);
}

static uint32_t
length_of(uint64_t n)
{
	return 8 + (uint32_t)(n * 2654435761u >> 7) % 200;
}

static uint64_t
bytes_of(uint64_t n)
{
	return 8 + ((length_of(n) + 7ull) & ~7ull);
}

/* --- the producer ------------------------------------------------------------------------------ */

static _Noreturn void
produce(uint64_t n)
{
	struct ring r;

	if (temp_ring(&dir, true, &r) != ERR_NONE)
		fail("open producer", 0, 0);
	while (*finish == 0) {
		for (uint64_t batch = n % BATCH + 1; batch > 0; batch--) {
			/* Reserves more than it needs, as one does who formats. */
			char *at = ring_reserve(&r, WIRE_CDR, length_of(n) + 50);

			if (at == NULL)
				break;
			memset(at, (int)(n & 0xff), length_of(n));
			memcpy(at, &n, sizeof(n));
			ring_commit(&r, length_of(n));
			n++;
		}
		ring_publish(&r);
	}
	_exit(0);
}

/* --- the consumer ------------------------------------------------------------------------------ */

static uint64_t
number_of(const struct ring *r, const struct ring_record *rec)
{
	uint64_t n;

	memcpy(&n, rec->payload, sizeof(n));
	if (ring_type(r) != WIRE_CDR || ring_len(r) != length_of(n))
		fail("length", n, ring_len(r));
	for (uint32_t i = 8; i < ring_len(r); i++)
		if ((uint8_t)rec->payload[i] != (n & 0xff))
			fail("contents", n, i);
	return n;
}

static bool
drained(const struct ring *r)
{
	return *finish == 2 && ring_fill(r) == 0;
}

static _Noreturn void
consume(void)
{
	struct ring r;
	bool first = true;

	if (temp_ring(&dir, false, &r) != ERR_NONE)
		fail("open consumer", 0, 0);
	while (!drained(&r)) {
		const struct ring_record *rec = ring_peek(&r);
		uint64_t n;

		if (ring_broken(&r) != ERR_NONE)
			fail("broken", consumed->handled, 0);
		if (rec == NULL)
			continue;
		n = number_of(&r, rec);
		if (ring_was_in_hand(&r)) {
			if (!first)
				fail("in hand, but not the first", n, 0);
			consumed->in_hand++;
			if (n + 1 == consumed->handled)
				consumed->twice++;
			else if (n != consumed->handled)
				fail("lost or twice", n, consumed->handled);
		} else if (n != consumed->handled) {
			fail("lost or twice, not in hand", n, consumed->handled);
		}
		first = false;
		__atomic_store_n(&consumed->handled, n + 1, __ATOMIC_RELEASE);
		ring_next(&r);
	}
	_exit(0);
}

/* As the store does: keeps up to a batch, then gives all back. What it handled of a batch that it could
 * not give back comes again. */
static _Noreturn void
consume_ahead(void)
{
	struct ring r;
	bool first = true;

	if (temp_ring(&dir, false, &r) != ERR_NONE)
		fail("open consumer", 0, 0);
	for (uint64_t next = 0; !drained(&r);) {
		const struct ring_record *rec = NULL;

		for (int kept = 0; kept < BATCH && (rec = ring_ahead(&r)) != NULL; kept++) {
			uint64_t n = number_of(&r, rec);

			if (first && (n > consumed->handled || n < consumed->given_back))
				fail("ahead: lost or given back", n, consumed->handled);
			if (!first && n != next)
				fail("ahead: out of order", n, next);
			first = false;
			next = n + 1;
			if (next > consumed->handled)
				__atomic_store_n(&consumed->handled, next, __ATOMIC_RELEASE);
		}
		ring_give_back(&r);
		if (!first) /* the last one shown is still in hand */
			__atomic_store_n(
			    &consumed->given_back, rec == NULL ? next : next - 1, __ATOMIC_RELEASE);
	}
	_exit(0);
}

/* --- the killer -------------------------------------------------------------------------------- */

static pid_t
start(bool producer, bool ahead, uint64_t n)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		fail("fork", 0, 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before the kernel was told */
		_exit(1);
	if (producer)
		produce(n);
	if (ahead)
		consume_ahead();
	consume();
}

static void
end(pid_t pid, bool killed)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		fail("wait", 0, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !killed)
		return;
	if (!killed || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("a process failed", (uint64_t)status, 0);
}

static uint64_t counted, counted_bytes; /* as far as published has come */

/* How many records end at the head; it must be a whole number. */
static uint64_t
published(const struct ring *r)
{
	uint64_t head = __atomic_load_n(r->head, __ATOMIC_ACQUIRE);

	while (counted_bytes < head)
		counted_bytes += bytes_of(counted++);
	if (counted_bytes != head)
		fail("head within a record", counted, head);
	return counted;
}

static uint64_t
now_ns(void)
{
	struct clock c;

	clock_read(&c);
	return c.mono_ns;
}

static void
run(bool ahead)
{
	uint64_t until = now_ns() + SECONDS * NS_PER_S;
	unsigned kills[2] = { 0, 0 };
	struct ring r;
	pid_t p, c;

	*consumed = (struct consumed){ 0 };
	*finish = 0;
	counted = counted_bytes = 0;
	if (ring_make(dir.fd, "data", "tail", 64, 32, 2) != ERR_NONE ||
	    temp_ring(&dir, false, &r) != ERR_NONE)
		fail("make", 0, 0);
	p = start(true, ahead, 0);
	c = start(false, ahead, 0);
	srand48(ahead ? 1 : 2);
	while (now_ns() < until) {
		struct timespec nap = { 0, lrand48() % 300000 };
		bool producer = lrand48() % 2 != 0;

		nanosleep(&nap, NULL);
		kill(producer ? p : c, SIGKILL);
		end(producer ? p : c, true);
		if (producer)
			p = start(true, ahead, published(&r));
		else
			c = start(false, ahead, 0);
		kills[producer]++;
	}
	*finish = 1;
	end(p, false);
	*finish = 2;
	end(c, false);
	if (consumed->handled != published(&r))
		fail("lost at the end", consumed->handled, published(&r));
	printf("%s: %llu records, %u producers and %u consumers killed, %llu in hand, %llu of them "
	       "handled before\n",
	    ahead ? "ahead" : "one by one", (unsigned long long)consumed->handled, kills[1],
	    kills[0], (unsigned long long)consumed->in_hand, (unsigned long long)consumed->twice);
	if (kills[0] + kills[1] < 100)
		fail("too few kills to mean anything", kills[0], kills[1]);
	ring_close(&r);
}

int
main(void)
{
	void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return 1;
	consumed = shared;
	finish = (uint32_t *)shared + 512;
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(60);
	for (int ahead = 0; ahead < 2; ahead++) {
		dir = temp_new();
		run(ahead != 0);
		temp_drop(&dir);
	}
	return 0;
}
