/*
 * Presence: what a subscriber's devices publish (RFC 3903), and what watchers see of it (RFC 3856). Part of
 * registrar.h, sectioned by file.
 */
#ifndef TANDEM_REGISTRAR_PUBLICATION_H
#define TANDEM_REGISTRAR_PUBLICATION_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/registrar_shape.h"
#include "sip/msg.h"

struct registrar;

/* --- pidf.c: a document of PIDF, read into what we show of it; pure ----------------------------*/
enum { NOTE_MAX = 128, PUBLISH_MAX = 16384, PUBLICATION_NAME_MAX = 128 };
/* The activities of RFC 4480 that are shown. */
#define ACTIVITIES(X)                                                                              \
	X(APPOINTMENT, "appointment") X(AWAY, "away") X(BREAKFAST, "breakfast") X(BUSY, "busy")    \
	X(DINNER, "dinner") X(HOLIDAY, "holiday") X(IN_TRANSIT, "in-transit") X(MEAL, "meal")      \
	X(MEETING, "meeting") X(ON_THE_PHONE, "on-the-phone") X(OTHER, "other")                    \
	X(PERFORMANCE, "performance") X(PERMANENT_ABSENCE, "permanent-absence")                    \
	X(PLAYING, "playing") X(PRESENTATION, "presentation") X(SHOPPING, "shopping")              \
	X(SLEEPING, "sleeping") X(STEERING, "steering") X(TRAVEL, "travel") X(VACATION, "vacation") \
	X(WORKING, "working")
enum activity {
#define X(id, name) ACTIVITY_##id,
	ACTIVITIES(X)
#undef X
	N_ACTIVITIES
};
struct pidf {
	uint32_t activities; /* bits 1 << ACTIVITY_x */
	bool open;	     /* one of its tuples is, or it has none that says */
	uint8_t note_len;
	char note[NOTE_MAX]; /* the first; UTF-8 or not */
};
/* ERR_SYNTAX: no presence document. */
enum err pidf_read(struct span document, struct pidf *p_r);
void pidf_put(struct buf *b, struct span entity, const struct pidf *p);

/* --- publication.c -----------------------------------------------------------------------------*/
struct publication { /* in shared memory; one device's word on its subscriber */
	struct slot slot;
	uint64_t user;	     /* call_user_hash of whose presence it is */
	uint64_t publisher;  /* subscriber id */
	uint64_t expires_ns; /* deadline */
	uint64_t made_ns;
	uint32_t serial; /* of its entity-tag; raised at each refresh */
	uint32_t tenant;
	struct pidf pidf;
	uint8_t name_len;
	char name[PUBLICATION_NAME_MAX]; /* the user's, to tell his watchers */
};
_Static_assert(sizeof(struct publication) <= REGISTRAR_PUBLICATION_BYTES,
    "a publication's slot is too small");

struct publishing { /* what a PUBLISH says */
	const struct dir_subscriber *owner;
	const struct pidf *pidf; /* NULL: only refreshed */
	uint32_t expires_s;	 /* 0: it is to go */
};

/* By its entity-tag, of this publisher; NULL: 412. */
struct publication *publication_find(
    struct registrar *r, struct span etag, const struct dir_subscriber *owner);
/* A new one, or (old not NULL) one in its place. NULL: no room, and the old one stays. */
struct publication *publication_put(
    struct registrar *r, struct publication *old, const struct publishing *p);
void publication_refresh(struct registrar *r, struct publication *p, uint32_t expires_s);
void publication_drop(struct registrar *r, struct publication *p);
void publication_put_etag(struct registrar *r, struct buf *b, const struct publication *p);
void publication_on_timer(struct registrar *r, struct publication *p);
unsigned publications_of(const struct registrar *r, uint64_t user);
/* All of a user's put together: open when one is; the newest note. False: there is none. */
bool publications_join(struct registrar *r, uint64_t user, struct pidf *all_r);
void publications_lay_out(struct registrar *r, char *region);
void publications_recover(struct registrar *r);

/* --- publish.c ---------------------------------------------------------------------------------*/
/* A PUBLISH that belongs to no transaction. */
void publish_request(struct registrar *r, const struct sip_msg *m);

#endif
