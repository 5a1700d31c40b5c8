/* Bits, one word at a time. */
#include "model/watched.h"

static unsigned
word_of(uint64_t user)
{
	return (unsigned)(user >> 6) % WATCHED_WORDS;
}

void
watched_put(struct watched *w, uint64_t user)
{
	uint64_t *word = &w->words[word_of(user)];

	__atomic_store_n(word, *word | 1ull << (user & 63), __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
watched_replace(struct watched *w, const struct watched *by)
{
	for (unsigned i = 0; i < WATCHED_WORDS; i++)
		__atomic_store_n(&w->words[i], by->words[i], __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool
watched_has(const struct watched *w, uint64_t user)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&w->words[word_of(user)], __ATOMIC_RELAXED) >> (user & 63) & 1;
}
