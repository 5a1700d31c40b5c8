/* The table of plans; and where a plan and the settings meet. */
#include "model/plans.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"

/* A plan of six places, its name and all. */
enum { PLAN_BYTES = 384 };

size_t
plans_bytes(void)
{
	return records_bytes(PLANS, PLAN_BYTES);
}

enum err
plans_own(struct plans *t, void *mem, size_t size)
{
	return records_own(&t->records, mem, size, PLANS);
}

enum err
plans_open(struct plans *t, const void *mem, size_t size)
{
	return records_open(&t->records, mem, size);
}

/* --- a plan as bytes ----------------------------------------------------------------------------*/

size_t
plan_bytes(const struct locate_plan *plan)
{
	return offsetof(struct locate_plan, places) + plan->n * sizeof(plan->places[0]);
}

static bool
is_sound(const struct locate_place *p)
{
	return p->transport > SIP_T_NONE && p->transport < SIP_N_TRANSPORTS &&
	       p->address.port != 0 && netaddr_is_unicast(&p->address);
}

bool
plan_read(const void *data, size_t len, struct locate_plan *plan_r)
{
	memset(plan_r, 0, sizeof(*plan_r));
	if (len < offsetof(struct locate_plan, places) || len > sizeof(*plan_r))
		return false;
	memcpy(plan_r, data, len);
	if (plan_r->n > LOCATE_PLACES || plan_bytes(plan_r) != len ||
	    plan_r->status > LOCATE_FAILED || (plan_r->status == LOCATE_FOUND) != (plan_r->n > 0))
		return false;
	for (uint32_t i = 0; i < plan_r->n; i++)
		if (!is_sound(&plan_r->places[i]))
			return false;
	return true;
}

/* --- the table ----------------------------------------------------------------------------------*/

static struct span
key_of(const struct locate_question *q)
{
	return span_of(q, offsetof(struct locate_question, name) + strlen(q->name));
}

static bool
get(const struct plans *t, const struct locate_question *q, struct plan_kept *k_r,
    struct locate_plan *plan_r)
{
	size_t len;

	return t->records.head != NULL &&
	       records_get(&t->records, key_of(q), k_r, sizeof(*k_r), &len) == ERR_NONE &&
	       len >= offsetof(struct plan_kept, plan) &&
	       plan_read(&k_r->plan, len - offsetof(struct plan_kept, plan), plan_r);
}

static enum err
put(struct plans *t, const struct locate_question *q, const struct plan_kept *k)
{
	size_t len = offsetof(struct plan_kept, plan) + plan_bytes(&k->plan);

	return records_put(&t->records, key_of(q), span_of(k, len));
}

enum err
plans_find(const struct plans *t, const struct locate_question *q, uint64_t now_ns,
    struct locate_plan *plan_r)
{
	struct plan_kept kept;

	if (!get(t, q, &kept, plan_r))
		return ERR_ABSENT;
	if (now_ns < kept.until_ns)
		return ERR_NONE;
	return now_ns < kept.stale_ns ? ERR_AGAIN : ERR_ABSENT;
}

/* Walks the table: throws out what is too old, and with `hard` every other one too. */
static void
throw_out(struct plans *t, uint64_t now_ns, bool hard)
{
	char key[RECORDS_KEY_MAX];
	struct plan_kept kept;
	uint64_t cursor = 0, n = 0;
	size_t key_len, len;

	while (records_next(&t->records, &cursor, key, &key_len, &kept, sizeof(kept), &len) ==
	       ERR_NONE)
		if (now_ns >= kept.stale_ns || (hard && n++ % 2 == 0))
			(void)records_delete(&t->records, span_of(key, key_len));
}

void
plans_sweep(struct plans *t, uint64_t now_ns)
{
	throw_out(t, now_ns, false);
}

void
plans_put(struct plans *t, const struct locate_question *q, const struct locate_plan *plan,
    uint64_t now_ns)
{
	uint64_t until_ns = now_ns + plan->ttl_s * NS_PER_S;
	uint64_t longer_s = plan->status == LOCATE_FOUND ? PLANS_STALE_S : 0;
	struct plan_kept kept = { until_ns, until_ns + longer_s * NS_PER_S, *plan };

	if (records_count(&t->records) >= PLANS || put(t, q, &kept) == ERR_FULL) {
		throw_out(t, now_ns, true);
		(void)put(t, q, &kept);
	}
}

bool
plans_extend(struct plans *t, const struct locate_question *q, uint64_t now_ns, uint32_t ttl_s,
    struct locate_plan *plan_r)
{
	struct plan_kept kept;

	if (!get(t, q, &kept, plan_r) || plan_r->status != LOCATE_FOUND || now_ns >= kept.stale_ns)
		return false;
	kept.until_ns = now_ns + ttl_s * NS_PER_S;
	(void)put(t, q, &kept);
	return true;
}

/* --- the listeners ------------------------------------------------------------------------------*/

uint32_t
plan_ways(const struct settings *s)
{
	uint32_t ways = 0;

	for (uint32_t i = 0; i < s->n_listeners; i++)
		ways |= locate_way(s->listeners[i].transport, s->listeners[i].address.family);
	return ways;
}

uint32_t
plan_listener(const struct settings *s, const struct locate_place *place)
{
	uint32_t i;

	for (i = 0; i < s->n_listeners; i++)
		if (s->listeners[i].transport == place->transport &&
		    s->listeners[i].address.family == place->address.family)
			break;
	return i;
}
