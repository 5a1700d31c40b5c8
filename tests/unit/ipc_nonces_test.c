/* nonces: no count is accepted twice, whoever races. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "ipc/nonces.h"

enum { LIFETIME = 300 };

static struct nonces_region *
make(uint32_t words)
{
	struct nonces_region *n = aligned_alloc(64, nonces_bytes(words));

	cr_assert_not_null(n);
	memset(n, 0, nonces_bytes(words));
	nonces_init(n, words, LIFETIME);
	return n;
}

/* Nonces that all fall on the first line. */
static uint64_t
nonce(uint32_t i)
{
	return (uint64_t)(i + 1) << 32;
}

Test(nonces, counts_must_grow)
{
	struct nonces_region *n = make(64);

	cr_assert_eq(nonces_use(n, nonce(1), 0), NONCE_STALE);
	cr_assert_eq(nonces_use(n, nonce(1), 1), NONCE_GOOD);
	cr_assert_eq(nonces_use(n, nonce(1), 1), NONCE_REPLAYED);
	cr_assert_eq(nonces_use(n, nonce(1), 2), NONCE_GOOD);
	cr_assert_eq(nonces_use(n, nonce(1), 7), NONCE_GOOD);
	cr_assert_eq(nonces_use(n, nonce(1), 6), NONCE_REPLAYED);
	cr_assert_eq(nonces_use(n, nonce(1), 7), NONCE_REPLAYED);
	cr_assert_eq(nonces_use(n, nonce(1), NONCES_NC_MAX), NONCE_GOOD);
	cr_assert_eq(nonces_use(n, nonce(1), NONCES_NC_MAX + 1), NONCE_STALE);
	cr_assert_eq(nonces_use(n, nonce(1), UINT32_MAX), NONCE_STALE);
	free(n);
}

/* THREATS.md A4, F12: a datagram comes twice, another between the two. What was refused is never good. */
Test(nonces, overtaken_is_spent)
{
	struct nonces_region *n = make(64);

	cr_assert_eq(nonces_use(n, nonce(1), 2), NONCE_STALE);
	cr_assert_neq(nonces_use(n, nonce(1), 1), NONCE_GOOD);
	cr_assert_neq(nonces_use(n, nonce(1), 2), NONCE_GOOD);
	cr_assert_neq(nonces_use(n, nonce(1), 3), NONCE_GOOD);
	cr_assert_eq(nonces_use(n, nonce(2), 1), NONCE_GOOD);
	free(n);
}

Test(nonces, none_is_forgotten_while_it_could_be_replayed)
{
	struct nonces_region *n = make(8);

	for (uint32_t i = 0; i < 8; i++)
		cr_assert_eq(nonces_use_at(n, nonce(i), 1, 1000), NONCE_GOOD);
	cr_assert_eq(nonces_use_at(n, nonce(8), 1, 1000 + LIFETIME), NONCE_STALE);
	for (uint32_t i = 0; i < 8; i++)
		cr_assert_eq(nonces_use_at(n, nonce(i), 1, 1000 + LIFETIME), NONCE_REPLAYED);
	cr_assert_eq(nonces_use_at(n, nonce(8), 1, 1000 + LIFETIME + 12), NONCE_GOOD);
	cr_assert_eq(nonces_use_at(n, nonce(8), 2, 1000 + LIFETIME + 12), NONCE_GOOD);
	/* What was displaced is stale, whatever its count. */
	cr_assert_eq(nonces_use_at(n, nonce(0), 2, 1000 + LIFETIME + 12), NONCE_STALE);
	free(n);
}

Test(nonces, the_time_may_wrap)
{
	struct nonces_region *n = make(8);
	uint64_t now = 4096 * 4 - 8;

	for (uint32_t i = 0; i < 8; i++)
		cr_assert_eq(nonces_use_at(n, nonce(i), 1, now), NONCE_GOOD);
	cr_assert_eq(nonces_use_at(n, nonce(9), 1, now + 100), NONCE_STALE);
	cr_assert_eq(nonces_use_at(n, nonce(9), 1, now + 2 * LIFETIME), NONCE_GOOD);
	free(n);
}

/* A process that was slow between reading the clock and looking. */
Test(nonces, one_of_the_future_is_young)
{
	struct nonces_region *n = make(8);

	for (uint32_t i = 0; i < 8; i++)
		cr_assert_eq(nonces_use_at(n, nonce(i), 1, 1000), NONCE_GOOD);
	cr_assert_eq(nonces_use_at(n, nonce(8), 1, 995), NONCE_STALE);
	cr_assert_eq(nonces_use_at(n, nonce(3), 1, 995), NONCE_REPLAYED);
	free(n);
}

Test(nonces, many)
{
	struct nonces_region *n = make(1 << 16);
	unsigned stale = 0;

	/* A quarter of the table: next to none finds its line full. */
	for (int i = 0; i < 1 << 14; i++) {
		uint64_t id = rand_u64();

		if (nonces_use(n, id, 1) != NONCE_GOOD)
			stale++;
		else
			cr_assert_eq(nonces_use(n, id, 2), NONCE_GOOD);
	}
	cr_assert_lt(stale, 20);
	free(n);
}

enum { THREADS = 4, EPOCHS = 200, EACH = 64, ROUNDS = EPOCHS * EACH };

struct racer {
	struct nonces_region *n;
	pthread_barrier_t *epoch;
	uint32_t *good;
};

/* Ten seconds go by in an epoch, so that the nonces of the first are displaced by those of the last. */
static void *
race(void *arg)
{
	struct racer *r = arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t id = nonce(i) | i;

		if (i % EACH == 0)
			pthread_barrier_wait(r->epoch);
		if (nonces_use_at(r->n, id, 1, i / EACH * 10) == NONCE_GOOD)
			__atomic_fetch_add(&r->good[i], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* All present the same nonces at once: none may be accepted twice. */
Test(nonces, a_race_has_at_most_one_winner)
{
	struct nonces_region *n = make(1 << 10);
	uint32_t *good = calloc(ROUNDS, sizeof(*good));
	pthread_barrier_t epoch;
	struct racer r = { n, &epoch, good };
	pthread_t threads[THREADS];
	unsigned won = 0;

	pthread_barrier_init(&epoch, NULL, THREADS);
	for (int t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, race, &r);
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	for (int i = 0; i < ROUNDS; i++) {
		cr_assert_leq(good[i], 1, "nonce %d was accepted %u times", i, good[i]);
		won += good[i];
	}
	cr_assert_gt(won, 1000);
	free(good);
	free(n);
}

enum { PAIRS = 50000 };

struct pair {
	struct nonces_region *n;
	uint32_t nc, *turn;
	uint8_t *got;
};

/* Round for round both at once: each waits until the other is there too. */
static void *
present(void *arg)
{
	struct pair *p = arg;

	for (uint32_t i = 0; i < PAIRS; i++) {
		__atomic_fetch_add(p->turn, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(p->turn, __ATOMIC_SEQ_CST) < 2 * (i + 1))
			sched_yield();
		p->got[i] = (uint8_t)nonces_use_at(p->n, nonce(i) | i, p->nc, 1000);
	}
	return NULL;
}

/* THREATS.md A4: the first two uses at two processes at once. What was refused is never good, though the first
 * was being taken in meanwhile. */
Test(nonces, a_race_with_the_first_use_spends_it_too, .timeout = 120)
{
	struct nonces_region *n = make(PAIRS * 4);
	uint8_t *first = calloc(PAIRS, 1), *second = calloc(PAIRS, 1);
	uint32_t turn = 0;
	struct pair pairs[2] = { { n, 1, &turn, first }, { n, 2, &turn, second } };
	pthread_t threads[2];

	for (int t = 0; t < 2; t++)
		pthread_create(&threads[t], NULL, present, &pairs[t]);
	for (int t = 0; t < 2; t++)
		pthread_join(threads[t], NULL);
	for (uint32_t i = 0; i < PAIRS; i++) {
		if (second[i] == NONCE_GOOD)
			continue;
		cr_assert_neq(nonces_use_at(n, nonce(i) | i, 2, 1000), NONCE_GOOD, "nonce %u", i);
		cr_assert_neq(nonces_use_at(n, nonce(i) | i, 3, 1000), NONCE_GOOD, "nonce %u", i);
	}
	free(first);
	free(second);
	free(n);
}
