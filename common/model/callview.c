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
call_who_put(struct call_views *views, uint32_t i, const uint64_t *users, unsigned n)
{
	struct call_who *who = &who_of(views)[i];

	for (unsigned k = 0; k < CALL_WHO_USERS; k++)
		__atomic_store_n(&who->user[k], k < n ? users[k] : 0, __ATOMIC_RELAXED);
}

unsigned
call_who_count(const struct call_views *views, uint64_t user, uint32_t except)
{
	uint32_t used = __atomic_load_n(&views->used, __ATOMIC_ACQUIRE);
	const struct call_who *who = who_of(views);
	unsigned n = 0;

	for (uint32_t i = 0; i < used && i < views->count; i++) {
		uint64_t u = ~user;

		for (unsigned k = 0; k < CALL_WHO_USERS && u != user && u != 0; k++)
			u = __atomic_load_n(&who[i].user[k], __ATOMIC_RELAXED);
		n += u == user && i != except;
	}
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
