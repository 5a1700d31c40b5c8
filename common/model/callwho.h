/*
 * Who is in a worker's calls, counted without looking at the calls: behind the views of a worker's region
 * (model/callview.h) stands for each call who is in it, and the users of all calls hang in chains by their
 * hash.
 *
 *     views and their users | struct call_who[count] | struct call_who_links[count]
 *                           | uint32_t heads[a power of two, at least count]
 *
 * The worker alone writes; any process may count, without a lock. `who_version` of the views is odd while
 * a chain changes. Nothing of it is touched for a call that nobody of ours is in.
 */
#ifndef TANDEM_MODEL_CALLWHO_H
#define TANDEM_MODEL_CALLWHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call_views;

enum { CALL_WHO_USERS = 12, CALL_WHO_GROUPS = 3 };

struct call_who { /* of a call; 0: none */
	uint64_t user[CALL_WHO_USERS];   /* call_user_hash of each who is in the call, once */
	uint64_t group[CALL_WHO_GROUPS]; /* call_group_hash of the pickup groups of those who are rung */
	uint64_t rung;                   /* bit i: user[i] is being rung */
};
enum call_who_as { CALL_WHO_IN, CALL_WHO_RUNG, CALL_WHO_GROUP };

struct call_who_links { /* of its users: call * CALL_WHO_USERS + place + 1; 0 = none */
	uint32_t next[CALL_WHO_USERS], prev[CALL_WHO_USERS];
};

/* What all of this takes for so many calls. */
size_t call_whos_bytes(uint32_t calls);
/* Writer: who is in call i from now on; NULL: the call is over. */
void call_who_put(struct call_views *views, uint32_t i, const struct call_who *who);
/* Writer, at start: makes the chains anew from the entries; a kill may have left them half changed. */
void call_who_take_up(struct call_views *views);
/* In how many calls is this user, call `except` not counted (UINT32_MAX: all are)? Any process may ask;
 * an answer may be one event of the writer old. Costs as much as he has calls. */
unsigned call_who_count(const struct call_views *views, uint64_t user, uint32_t except);
/* The first call from *i on in which this user or group is so: true, and it is *i. Of the same age, and a
 * walk over all calls. */
bool call_who_next(const struct call_views *views, uint64_t hash, enum call_who_as as, uint32_t *i);

#endif
