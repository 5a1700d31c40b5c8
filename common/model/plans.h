/*
 * Plans: where the names lead that were asked for (sip/locate.h), in the resolver's region. The
 * resolver alone writes it; workers look here first, so that a name costs a question to the resolver
 * only once in its time to live, for all of them. Key: the question; value: a struct plan_kept.
 *
 * A plan that is too old stays for a while: it is better than none when DNS does not answer.
 */
#ifndef TANDEM_MODEL_PLANS_H
#define TANDEM_MODEL_PLANS_H

#include "ipc/records.h"
#include "model/settings.h"
#include "sip/locate.h"

enum { PLANS = 4096, PLANS_STALE_S = 86400 };

struct plan_kept {
	uint64_t until_ns; /* it is good; monotonic */
	uint64_t stale_ns; /* it is better than nothing */
	struct locate_plan plan; /* with the places that it has, no more */
};

struct plans {
	struct records records;
};

size_t plans_bytes(void);
enum err plans_own(struct plans *t, void *mem, size_t size);
enum err plans_open(struct plans *t, const void *mem, size_t size);

/* ERR_NONE: *plan_r is good. ERR_AGAIN: it was good once, not more than a day ago. ERR_ABSENT. */
enum err plans_find(const struct plans *t, const struct locate_question *q, uint64_t now_ns,
    struct locate_plan *plan_r);
/* Writer: keeps it for its ttl_s. When there is no room, others are thrown out. */
void plans_put(struct plans *t, const struct locate_question *q, const struct locate_plan *plan,
    uint64_t now_ns);
/* Writer: DNS does not answer, so what it said before is good for so long once more. False: there is
 * nothing, or it is too old. */
bool plans_extend(struct plans *t, const struct locate_question *q, uint64_t now_ns, uint32_t ttl_s,
    struct locate_plan *plan_r);
/* Writer: throws out what is of no use any more. */
void plans_sweep(struct plans *t, uint64_t now_ns);

/* Bytes of a plan with the places that it has, as it is kept and travels. */
size_t plan_bytes(const struct locate_plan *plan);
/* Reads such bytes. False: they are no sound plan (the resolver reads the network and is not trusted). */
bool plan_read(const void *data, size_t len, struct locate_plan *plan_r);
/* The ways of these listeners. */
uint32_t plan_ways(const struct settings *s);
/* The first listener that can send to this place; n_listeners when there is none. */
uint32_t plan_listener(const struct settings *s, const struct locate_place *place);

#endif
