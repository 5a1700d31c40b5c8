/*
 * Chains of who is in which call. See callwho.h.
 *
 * A reader walks a chain as long as the version stays as it was: whatever it read until then is whole.
 * When the chains change under its hands again and again, or their writer was killed while they did, it
 * looks through all entries instead, which may be done at any time.
 */
#include "model/callwho.h"

#include <string.h>

#include "model/callview.h"

enum { TRIES = 4 };

static struct call_who *
who_of(const struct call_views *views)
{
	return (struct call_who *)(void *)call_view_users_at(views, views->count);
}

static uint32_t
heads_for(uint32_t calls)
{
	uint32_t n = 1;

	while (n < calls)
		n *= 2;
	return n;
}

static struct call_who_links *
links_of(const struct call_views *views)
{
	return (struct call_who_links *)(void *)(who_of(views) + views->count);
}

static uint32_t *
head_of(const struct call_views *views, uint64_t user)
{
	uint32_t *heads = (uint32_t *)(void *)(links_of(views) + views->count);

	return &heads[user & (heads_for(views->count) - 1)];
}

size_t
call_whos_bytes(uint32_t calls)
{
	return (size_t)calls * (sizeof(struct call_who) + sizeof(struct call_who_links)) +
	       heads_for(calls) * sizeof(uint32_t);
}

static uint32_t
load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void
store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* --- the writer ---------------------------------------------------------------------------------*/

static void
begin(struct call_views *views)
{
	store(&views->who_version, views->who_version | 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void
end(struct call_views *views)
{
	__atomic_store_n(&views->who_version, (views->who_version | 1) + 1, __ATOMIC_RELEASE);
}

static uint32_t *
next_of(struct call_who_links *links, uint32_t at)
{
	return &links[(at - 1) / CALL_WHO_USERS].next[(at - 1) % CALL_WHO_USERS];
}

static uint32_t *
prev_of(struct call_who_links *links, uint32_t at)
{
	return &links[(at - 1) / CALL_WHO_USERS].prev[(at - 1) % CALL_WHO_USERS];
}

static void
link_entry(struct call_views *views, uint32_t i, unsigned k)
{
	struct call_who_links *links = links_of(views);
	uint32_t *head = head_of(views, who_of(views)[i].user[k]), at = i * CALL_WHO_USERS + k + 1;

	store(&links[i].next[k], *head);
	store(&links[i].prev[k], 0);
	if (*head != 0)
		store(prev_of(links, *head), at);
	store(head, at);
}

static void
unlink_entry(struct call_views *views, uint32_t i, unsigned k)
{
	struct call_who_links *links = links_of(views);
	uint32_t next = links[i].next[k], prev = links[i].prev[k];

	if (next != 0)
		store(prev_of(links, next), prev);
	store(prev != 0 ? next_of(links, prev) : head_of(views, who_of(views)[i].user[k]), next);
}

void
call_who_put(struct call_views *views, uint32_t i, const struct call_who *who)
{
	static const struct call_who nobody;
	struct call_who *to = &who_of(views)[i];

	if (who == NULL)
		who = &nobody;
	begin(views);
	__atomic_store_n(&to->rung, 0, __ATOMIC_RELAXED);
	for (unsigned k = 0; k < CALL_WHO_USERS; k++) {
		if (to->user[k] == who->user[k])
			continue;
		if (to->user[k] != 0)
			unlink_entry(views, i, k);
		__atomic_store_n(&to->user[k], who->user[k], __ATOMIC_RELAXED);
		if (who->user[k] != 0)
			link_entry(views, i, k);
	}
	for (unsigned k = 0; k < CALL_WHO_GROUPS; k++)
		__atomic_store_n(&to->group[k], who->group[k], __ATOMIC_RELAXED);
	__atomic_store_n(&to->rung, who->rung, __ATOMIC_RELEASE);
	end(views);
}

void
call_who_take_up(struct call_views *views)
{
	struct call_who *who = who_of(views);

	if (views->used == 0)
		return;
	begin(views);
	memset(links_of(views) + views->count, 0, heads_for(views->count) * sizeof(uint32_t));
	for (uint32_t i = 0; i < views->used && i < views->count; i++)
		for (unsigned k = 0; k < CALL_WHO_USERS; k++)
			if (who[i].user[k] != 0)
				link_entry(views, i, k);
	end(views);
}

/* --- readers ------------------------------------------------------------------------------------*/

/* Is it among these? Where: *k_r. */
static bool
is_among(const uint64_t *these, unsigned n, uint64_t hash, unsigned *k_r)
{
	uint64_t one = ~hash;

	for (*k_r = 0; *k_r < n && one != 0; ++*k_r) {
		one = __atomic_load_n(&these[*k_r], __ATOMIC_RELAXED);
		if (one == hash)
			return true;
	}
	return false;
}

static bool
is_so(const struct call_who *who, uint64_t hash, enum call_who_as as)
{
	unsigned k;

	if (as == CALL_WHO_GROUP)
		return is_among(who->group, CALL_WHO_GROUPS, hash, &k);
	return is_among(who->user, CALL_WHO_USERS, hash, &k) &&
	       (as == CALL_WHO_IN || (__atomic_load_n(&who->rung, __ATOMIC_ACQUIRE) >> k & 1) != 0);
}

bool
call_who_next(const struct call_views *views, uint64_t hash, enum call_who_as as, uint32_t *i)
{
	uint32_t used = __atomic_load_n(&views->used, __ATOMIC_ACQUIRE);

	for (; *i < used && *i < views->count; ++*i)
		if (is_so(&who_of(views)[*i], hash, as))
			return true;
	return false;
}

/* False: the chains changed meanwhile. */
static bool
count_chain(const struct call_views *views, uint64_t user, uint32_t except, unsigned *n_r)
{
	uint32_t version = __atomic_load_n(&views->who_version, __ATOMIC_ACQUIRE);
	uint32_t at = load(head_of(views, user)), most = views->count * CALL_WHO_USERS;
	const struct call_who *who = who_of(views);

	for (*n_r = 0; (version & 1) == 0; at = load(next_of(links_of(views), at))) {
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (load(&views->who_version) != version || at > most)
			return false;
		if (at == 0)
			return true;
		uint32_t i = (at - 1) / CALL_WHO_USERS;
		*n_r += i != except && __atomic_load_n(&who[i].user[(at - 1) % CALL_WHO_USERS],
					   __ATOMIC_RELAXED) == user;
	}
	return false;
}

unsigned
call_who_count(const struct call_views *views, uint64_t user, uint32_t except)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TRIES; i++)
		if (count_chain(views, user, except, &n))
			return n;
	n = 0;
	for (uint32_t i = 0; call_who_next(views, user, CALL_WHO_IN, &i); i++)
		n += i != except;
	return n;
}
