/*
 * The calls of a worker as others may see them (tandemctl calls, metrics): an array of views in the
 * worker's region, one for each slot of its call pool, written by the worker alone. It follows the
 * process head directly:
 *
 *     struct process (PROCESS_HEAD bytes) | struct call_views | struct call_view[count]
 *                                         | struct call_view_users[count]
 *                                         | who is in which call (model/callwho.h) | ...
 *
 * A view also says which subscribers are in the call, for who watches them (RFC 4235, BLF): one entry for
 * each subscriber and direction, however many of his phones ring. They stand apart, because a call between
 * gateways has none and leaves their memory unmade.
 *
 * Who is in a call stands once more behind the views, to be counted.
 */
#ifndef TANDEM_MODEL_CALLVIEW_H
#define TANDEM_MODEL_CALLVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/pool.h"
#include "base/span.h"
#include "model/callwho.h"

enum call_view_state { CALL_VIEW_NONE, CALL_VIEW_ROUTING, CALL_VIEW_RINGING, CALL_VIEW_UP,
	CALL_VIEW_ENDING };

enum call_user_state { CALL_USER_NONE, CALL_USER_TRYING, CALL_USER_EARLY, CALL_USER_CONFIRMED };
enum { CALL_VIEW_USERS = 4, CALL_VIEW_TEXT = 448 };

struct call_view_text { /* in the view's text; len 0: none, or it did not fit */
	uint16_t at, len;
};
struct call_view_user { /* a subscriber in the call */
	uint64_t user;      /* call_user_hash */
	uint8_t state;      /* enum call_user_state: the furthest that one of his phones got */
	uint8_t initiator;  /* 1: he calls; 0: he is called */
	uint8_t pad[6];
	struct call_view_text remote, remote_name; /* the other's user part or number; its display name */
	struct call_view_text call_id, local_tag, remote_tag; /* of the phone that got furthest */
};
struct call_view_users {
	uint32_t n, used;           /* entries; bytes of text */
	struct call_view_user of[CALL_VIEW_USERS];
	char text[CALL_VIEW_TEXT];
};

struct call_view {
	uint32_t version;           /* odd while it is being written */
	uint32_t state;             /* enum call_view_state */
	handle call;
	uint8_t call_id[16];        /* uuid */
	uint32_t tenant;
	uint32_t has_users;         /* 1: there may be subscribers in it; 0: nothing of them is to be read */
	uint64_t signature;         /* the worker's: what that was made from */
	int64_t setup_wall_ms, answer_wall_ms; /* 0 = not yet */
	uint64_t setup_ns, answer_ns;          /* monotonic, for durations */
	char from[64], to[64], connected[64];  /* NUL-terminated, made printable */
};

struct call_views {
	uint32_t count;
	uint32_t used;              /* views below this were used once; the rest's memory is not made */
	uint32_t missed;            /* changes that could not be told the registrar: counts up */
	uint32_t who_version;       /* callwho.c: odd while its chains change */
};

/* What the views of so many calls take, their head and what callwho.h adds included. */
size_t call_views_bytes(uint32_t calls);
/* The subscribers in call i, for the writer; they belong to the view and change with it. */
struct call_view_users *call_view_users_at(const struct call_views *views, uint32_t i);
/* Writer: bracket the change of a view. */
void call_view_begin(struct call_view *v);
void call_view_end(struct call_view *v);
/* Reader: copies view i out, and its subscribers unless users_r is NULL; ERR_ABSENT when the slot is
 * empty, ERR_AGAIN when it was being written (it may be asked again), ERR_RANGE at the end. region: the
 * worker's, PROCESS_HEAD and all. */
enum err call_view_read(const void *region, size_t size, uint32_t i, struct call_view *v_r,
    struct call_view_users *users_r);
/* A subscriber, as views and the registrar's watched.h know him. key: the exchange's. */
uint64_t call_user_hash(const struct hash_key *key, uint32_t tenant, struct span user);
/* A pickup group; never the same as a user's. */
uint64_t call_group_hash(const struct hash_key *key, uint32_t tenant, struct span group);
/* Text of a view's entry; empty when it lies outside. */
struct span call_view_text(const struct call_view_users *u, struct call_view_text t);
const char *call_view_state_name(enum call_view_state s);

#endif
