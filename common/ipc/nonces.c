/* Nonce counts by compare-and-swap. */
#include "ipc/nonces.h"

#include <stdbool.h>
#include <time.h>

#include "base/err.h"
#include "base/rand.h"

enum {
	WAYS = 8,
	QUARTET_MASK = 0xfff,
	COUNT_MASK = (1 << 20) - 1,
	HELD = COUNT_MASK,
	SPENT =
	    NONCES_NC_MAX, /* refuses every count too, and is not what take_in() expects of its own word */
	FUTURE = 3072
};

static uint32_t
lines_for(uint32_t words)
{
	uint32_t lines = 1;

	while (lines < 1u << 24 && lines * WAYS < words)
		lines <<= 1;
	return lines;
}

size_t
nonces_bytes(uint32_t words)
{
	return sizeof(struct nonces_region) + (size_t)lines_for(words) * WAYS * sizeof(uint64_t);
}

void
nonces_init(struct nonces_region *n, uint32_t words, uint32_t lifetime_s)
{
	must(lifetime_s <= NONCES_LIFETIME_MAX);
	rand_bytes(&n->key, sizeof(n->key));
	rand_bytes(&n->dummy, sizeof(n->dummy));
	n->mask = lines_for(words) - 1;
	n->lifetime_s = lifetime_s;
}

static uint64_t
make_word(uint64_t nonce_id, uint64_t now_s, uint32_t nc)
{
	return nonce_id >> 32 << 32 | (now_s / 4 & QUARTET_MASK) << 20 | nc;
}

static bool
is_of(uint64_t word, uint64_t nonce_id)
{
	return (word & COUNT_MASK) != 0 && word >> 32 == nonce_id >> 32;
}

/* Empty, or of a nonce that is refused by its age. The time wraps after 4.5 hours. The last hour of it
 * counts as the future: another process took the nonce in after this one read its clock. An old word
 * may look young again for that long, which only makes it unusable. */
static bool
may_displace(const struct nonces_region *n, uint64_t word, uint64_t now_s)
{
	uint64_t age = (now_s / 4 - (word >> 20)) & QUARTET_MASK;

	return (word & COUNT_MASK) == 0 || (age < FUTURE && age * 4 > (uint64_t)n->lifetime_s + 4);
}

/* *was: what the word was, also when it was not as expected. */
static bool
swap(uint64_t *at, uint64_t *was, uint64_t to)
{
	return __atomic_compare_exchange_n(at, was, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Raises the count of a word that stood for this nonce; NONCE_STALE when it was displaced meanwhile. */
static enum nonce_use
raise_count(uint64_t *at, uint64_t word, uint64_t nonce_id, uint32_t nc)
{
	while (is_of(word, nonce_id)) {
		uint64_t next = (word & ~(uint64_t)COUNT_MASK) | nc;

		if (nc <= (word & COUNT_MASK))
			return NONCE_REPLAYED;
		if (swap(at, &word, next))
			return NONCE_GOOD;
	}
	return NONCE_STALE;
}

static uint64_t *
find(uint64_t *line, uint64_t nonce_id, const uint64_t *but, uint64_t *word_r)
{
	for (int i = 0; i < WAYS; i++) {
		*word_r = __atomic_load_n(&line[i], __ATOMIC_SEQ_CST);
		if (&line[i] != but && is_of(*word_r, nonce_id))
			return &line[i];
	}
	return NULL;
}

/* NULL: no word of the line can be had. */
static uint64_t *
hold(struct nonces_region *n, uint64_t *line, uint64_t held, uint64_t now_s)
{
	for (int i = 0; i < WAYS; i++) {
		uint64_t word = __atomic_load_n(&line[i], __ATOMIC_SEQ_CST);

		/* When somebody is faster, the next word will do. */
		if (may_displace(n, word, now_s) && swap(&line[i], &word, held))
			return &line[i];
	}
	return NULL;
}

/*
 * Two that take the same nonce in at once may choose two words of the line. So a word is first stored
 * as HELD, which refuses every count; then each looks for the other's. At least one of them sees both
 * and gives way, and only a word that stands alone is made good.
 */
static enum nonce_use
take_in(struct nonces_region *n, uint64_t *line, uint64_t nonce_id, uint64_t now_s)
{
	uint64_t held = make_word(nonce_id, now_s, HELD), good = make_word(nonce_id, now_s, 1);
	uint64_t word, *at = hold(n, line, held, now_s);
	bool alone;

	if (at == NULL)
		return NONCE_STALE;
	alone = find(line, nonce_id, at, &word) == NULL;
	word = held;
	if (!swap(at, &word, alone ? good : 0))
		return NONCE_STALE;
	return alone ? NONCE_GOOD : NONCE_REPLAYED;
}

/*
 * One that has overtaken the first use is refused, and must not be good when that is there and the network brings
 * it a second time. The first use may be taken in at this very moment, in another word: whichever of the two looks
 * later sees the other's. So every word of this nonce is spent, one's own stays, and the other's take_in() finds
 * that its word is not what it left there.
 */
static void
spend(struct nonces_region *n, uint64_t *line, uint64_t nonce_id, uint64_t now_s)
{
	hold(n, line, make_word(nonce_id, now_s, SPENT), now_s);
	for (int i = 0; i < WAYS; i++) {
		uint64_t word = __atomic_load_n(&line[i], __ATOMIC_SEQ_CST);

		while (is_of(word, nonce_id) && (word & COUNT_MASK) != SPENT &&
		       !swap(&line[i], &word, (word & ~(uint64_t)COUNT_MASK) | SPENT))
			;
	}
}

enum nonce_use
nonces_use_at(struct nonces_region *n, uint64_t nonce_id, uint32_t nc, uint64_t now_s)
{
	uint64_t *line = &n->words[((uint32_t)nonce_id & n->mask) * (size_t)WAYS];
	uint64_t word;
	uint64_t *at = find(line, nonce_id, NULL, &word);

	if (nc == 0 || nc > NONCES_NC_MAX)
		return NONCE_STALE;
	if (at == NULL && nc == 1)
		return take_in(n, line, nonce_id, now_s);
	if (at != NULL && (nc == 1 || (word & COUNT_MASK) != HELD))
		return raise_count(at, word, nonce_id, nc);
	spend(n, line, nonce_id, now_s);
	return NONCE_STALE;
}

enum nonce_use
nonces_use(struct nonces_region *n, uint64_t nonce_id, uint32_t nc)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return nonces_use_at(n, nonce_id, nc, (uint64_t)now.tv_sec);
}
