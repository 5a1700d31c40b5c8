/*
 * Random bytes, a page at a time. The page is wiped by the kernel in a forked child
 * (MADV_WIPEONFORK): there `left` reads as 0 and the child fills it anew, so that parent and child
 * never hand out the same bytes, not even after a bare clone().
 */
#include "base/rand.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/err.h"

enum { PAGE = 4096, STOCK = 1024 };

static struct stock {
	size_t left;
	uint8_t bytes[STOCK];
} * stock;

static void
from_kernel(void *p, size_t n)
{
	uint8_t *to = p;

	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			fatal(errno, "getrandom");
		to += got;
		n -= (size_t)got;
	}
}

static void
stock_open(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		fatal(errno, "a page for random bytes");
	if (madvise(page, PAGE, MADV_WIPEONFORK) < 0)
		fatal(errno, "MADV_WIPEONFORK");
	stock = page;
}

void
rand_bytes(void *p, size_t n)
{
	if (n > STOCK / 4) {
		from_kernel(p, n);
		return;
	}
	if (n == 0)
		return;
	if (stock == NULL)
		stock_open();
	if (stock->left < n) {
		from_kernel(stock->bytes, STOCK);
		stock->left = STOCK;
	}
	stock->left -= n;
	memcpy(p, stock->bytes + stock->left, n);
	/* What was handed out may become a key: it does not stay here. */
	explicit_bzero(stock->bytes + stock->left, n);
}

uint32_t
rand_u32(void)
{
	uint32_t n;

	rand_bytes(&n, sizeof(n));
	return n;
}

uint64_t
rand_u64(void)
{
	uint64_t n;

	rand_bytes(&n, sizeof(n));
	return n;
}

uint32_t
rand_below(uint32_t n)
{
	uint32_t unfair, got;

	must(n > 0);
	/* The numbers below 2^32 mod n would make small results likelier. */
	unfair = -n % n;
	do
		got = rand_u32();
	while (got < unfair);
	return got % n;
}
