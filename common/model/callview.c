/* One writer, many readers, no lock: a version that is odd while the view changes. */
#include "model/callview.h"

#include <string.h>

#include "ipc/process.h"

size_t
call_views_bytes(uint32_t calls)
{
	return sizeof(struct call_views) +
	       (size_t)calls * (sizeof(struct call_view) + sizeof(struct call_view_users)) +
	       call_whos_bytes(calls);
}

struct call_view_users *
call_view_users_at(const struct call_views *views, uint32_t i)
{
	const struct call_view *v = (const void *)(views + 1);

	return (struct call_view_users *)(uintptr_t)(v + views->count) + i;
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

/* Of the view that was copied. False: the region ends before them. */
static bool
read_users(const struct call_views *views, size_t size, uint32_t i, const struct call_view *v,
    struct call_view_users *users_r)
{
	const char *end = (const char *)views + size;
	const struct call_view_users *u = call_view_users_at(views, i);

	if ((const char *)(u + 1) > end || (const char *)u < (const char *)views)
		return false;
	if (v->has_users)
		memcpy(users_r, u, sizeof(*users_r));
	else
		users_r->n = users_r->used = 0;
	if (users_r->n > CALL_VIEW_USERS)
		users_r->n = CALL_VIEW_USERS;
	return true;
}

enum err
call_view_read(const void *region, size_t size, uint32_t i, struct call_view *v_r,
    struct call_view_users *users_r)
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
	if (users_r != NULL && !read_users(views, size - PROCESS_HEAD, i, v_r, users_r))
		return ERR_RANGE;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&v->version, __ATOMIC_RELAXED) != version)
		return ERR_AGAIN;
	v_r->from[sizeof(v_r->from) - 1] = '\0';
	v_r->to[sizeof(v_r->to) - 1] = '\0';
	v_r->connected[sizeof(v_r->connected) - 1] = '\0';
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
