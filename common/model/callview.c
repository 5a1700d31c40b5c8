/* One writer, many readers, no lock: a version that is odd while the view changes. */
#include "model/callview.h"

#include <string.h>

#include "ipc/process.h"

static struct call_who *
who_of(const struct call_views *views)
{
	const struct call_view *v = (const void *)(views + 1);

	return (struct call_who *)(uintptr_t)(v + views->count);
}

size_t
call_views_bytes(uint32_t calls)
{
	return sizeof(struct call_views) +
	       (size_t)calls * (sizeof(struct call_view) + sizeof(struct call_who));
}

void
call_who_put(struct call_views *views, uint32_t i, const struct call_who *who)
{
	static const struct call_who nobody;
	struct call_who *to = &who_of(views)[i];

	if (who == NULL)
		who = &nobody;
	__atomic_store_n(&to->rung, 0, __ATOMIC_RELAXED);
	for (unsigned k = 0; k < CALL_WHO_USERS; k++)
		__atomic_store_n(&to->user[k], who->user[k], __ATOMIC_RELAXED);
	for (unsigned k = 0; k < CALL_WHO_GROUPS; k++)
		__atomic_store_n(&to->group[k], who->group[k], __ATOMIC_RELAXED);
	__atomic_store_n(&to->rung, who->rung, __ATOMIC_RELEASE);
}

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

unsigned
call_who_count(const struct call_views *views, uint64_t user, uint32_t except)
{
	unsigned n = 0;

	for (uint32_t i = 0; call_who_next(views, user, CALL_WHO_IN, &i); i++)
		n += i != except;
	return n;
}

/* The version is odd from begin to end. The fences keep the fields on their side of it. */
void
call_view_begin(struct call_view *v)
{
	__atomic_store_n(&v->version, v->version | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
call_view_end(struct call_view *v)
{
	/* A writer that was killed in between left it odd: the next one makes it even here. */
	__atomic_store_n(&v->version, (v->version | 1) + 1, __ATOMIC_RELEASE);
}

enum err
call_view_read(const void *region, size_t size, uint32_t i, struct call_view *v_r)
{
	const struct call_views *views = (const void *)((const char *)region + PROCESS_HEAD);
	size_t head = PROCESS_HEAD + sizeof(*views);

	if (size < head)
		return ERR_RANGE;
	uint32_t used = __atomic_load_n(&views->used, __ATOMIC_ACQUIRE);
	if (i >= used || (size - head) / sizeof(struct call_view) <= i)
		return ERR_RANGE;
	const struct call_view *v = (const struct call_view *)(views + 1) + i;
	uint32_t version = __atomic_load_n(&v->version, __ATOMIC_ACQUIRE);
	if (version & 1)
		return ERR_AGAIN;
	memcpy(v_r, v, sizeof(*v_r));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&v->version, __ATOMIC_RELAXED) != version)
		return ERR_AGAIN;
	v_r->from[sizeof(v_r->from) - 1] = '\0';
	v_r->to[sizeof(v_r->to) - 1] = '\0';
	v_r->connected[sizeof(v_r->connected) - 1] = '\0';
	if (v_r->users.n > CALL_VIEW_USERS)
		v_r->users.n = CALL_VIEW_USERS;
	return v_r->state == CALL_VIEW_NONE ? ERR_ABSENT : ERR_NONE;
}

uint64_t
call_user_hash(const struct hash_key *key, uint32_t tenant, struct span user)
{
	const uint64_t words[] = { tenant, hash_span(key, user) };
	uint64_t hash = hash_bytes(key, words, sizeof(words));

	return hash == 0 ? 1 : hash;
}

uint64_t
call_group_hash(const struct hash_key *key, uint32_t tenant, struct span group)
{
	const uint64_t words[] = { tenant, hash_span(key, group), 1 };

	return hash_bytes(key, words, sizeof(words));
}

struct span
call_view_text(const struct call_view_users *u, struct call_view_text t)
{
	if (t.len == 0 || t.at > CALL_VIEW_TEXT || t.len > CALL_VIEW_TEXT - t.at)
		return SPAN_NONE;
	return span_of(u->text + t.at, t.len);
}

const char *
call_view_state_name(enum call_view_state s)
{
	switch (s) {
	case CALL_VIEW_NONE:
		return "none";
	case CALL_VIEW_ROUTING:
		return "routing";
	case CALL_VIEW_RINGING:
		return "ringing";
	case CALL_VIEW_UP:
		return "up";
	case CALL_VIEW_ENDING:
		return "ending";
	}
	return "unknown";
}
