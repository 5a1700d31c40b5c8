/*
 * Event packages: the registrar as the state agent (RFC 6665). Part of registrar.h, sectioned by file.
 *
 *     watcher            subscribe.c   subscription.c   package.c and the packages
 *       | SUBSCRIBE          |               |               |
 *       |------------------->| gate, checks  |               |
 *       |                    |-- new ------->|               |
 *       | 200, Expires       |               |               |
 *       |<-------------------|               |  what is the  |
 *       | NOTIFY, the whole state            |  state now?   |
 *       |<-----------------------------------|<------------->|
 *       | 200                                |               |
 *       |----------------------------------->|  CHANGED      |
 *       | NOTIFY                             |<--------------| subscriptions_changed
 *       |<-----------------------------------|
 *
 * A document is written when it is sent and not before, from what is true then: so changes that come
 * while a NOTIFY is under way, or faster than the package's pace, are told once and in the right
 * order, and nothing of a resource's state stands twice. What was told last is kept as a hash: a
 * change that changes nothing for the watcher is not told.
 */
#ifndef TANDEM_REGISTRAR_EVENTS_H
#define TANDEM_REGISTRAR_EVENTS_H

#include "base/arena.h"
#include "base/fsm.h"
#include "ipc/topology.h"
#include "model/callview.h"
#include "model/challenge.h"
#include "model/directory.h"
#include "model/registrar_shape.h"
#include "sip/dialog.h"
#include "sip/parse.h"
#include "sip/txn.h"

struct registrar;
struct wire_call_state;

/* Objects of the registrar in handles: it has no calls and no legs. */
enum { KIND_SUBSCRIPTION = KIND_LEG, KIND_PUBLICATION = KIND_CALL };

/* --- package.c: what can be subscribed to ------------------------------------------------------*/
enum package_id { PACKAGE_REG, PACKAGE_DIALOG, PACKAGE_PRESENCE, PACKAGE_SUMMARY, N_PACKAGES };

enum { SHOWN_MAX = 6 };
struct shown { /* what a watcher was shown by name, to be told that it is gone */
	uint64_t of[SHOWN_MAX]; /* 0: none */
};


struct subject { /* whose state is to be written, and for whom */
	uint32_t tenant, version;
	struct span user;    /* as the directory has it */
	struct span entity;  /* his URI as the watcher wrote it, without parameters */
	struct shown before; /* what this watcher was shown last */
	struct shown now;    /* what he is shown by this document: the writer's */
};

struct package {
	const char *name, *type; /* Event and Content-Type */
	uint32_t pace_s;	 /* a NOTIFY each so many seconds, in the long run */
	bool own;		 /* only the subscriber himself may watch it */
	bool calls;		 /* it tells of calls */
	/* Writes the whole state; returns where in the text the facts begin: what stands before is
	 * another each time (a version) and is no reason to tell it. */
	size_t (*put)(struct registrar *r, struct subject *of, struct buf *b);
};
extern const struct package packages[N_PACKAGES];

/* The package of an Event value and its id parameter (p NULL: none); false: not one of ours. */
bool package_of_event(struct span event, enum package_id *id_r, struct span *event_id_r);
/* "Allow-Events: ..." */
void package_put_allow(struct buf *b);

/* reg.c: RFC 3680 */
size_t reg_put(struct registrar *r, struct subject *of, struct buf *b);
/* dialog_info.c: RFC 4235 */
size_t dialog_info_put(struct registrar *r, struct subject *of, struct buf *b);
/* presence.c: RFC 3856 */
size_t presence_put(struct registrar *r, struct subject *of, struct buf *b);
/* summary.c: RFC 3842 */
size_t summary_put(struct registrar *r, struct subject *of, struct buf *b);
/* Once a second: has a mailbox changed? */
void summaries_check(struct registrar *r);

/* --- calls.c: the calls of who is watched, as the workers' views tell --------------------------*/
enum { CALLS_SEEN = 16 }; /* of one user */
struct seen_call { /* one side of a call */
	uint64_t id; /* of the call and the side; the same as long as it lasts */
	bool initiator;
	enum call_user_state state;
	struct span remote, remote_name, call_id, local_tag, remote_tag;
};
struct view_copy {
	struct call_view view;
	struct call_view_users users;
};
struct worker_seen { /* what calls.c has seen of a worker */
	const void *region; /* NULL: none */
	size_t size;
	uint32_t generation, missed;
};
/* Up to CALLS_SEEN, in an order that stays; their text is good until the next look. */
unsigned calls_of(struct registrar *r, uint64_t user, struct seen_call seen_r[CALLS_SEEN]);
/* Somebody begins to watch this user, or the last one has ended. */
void calls_watch(struct registrar *r, uint64_t user);
void calls_forget(struct registrar *r, uint64_t user);
/* A worker says that this user's calls have changed. */
void calls_changed(struct registrar *r, unsigned worker, const struct wire_call_state *w);
/* Once a second: has a worker lost its memory, or words to us? */
void calls_check(struct registrar *r);
/* At the start. */
void calls_open(struct registrar *r);

/* --- subscription.c ----------------------------------------------------------------------------*/
enum subscription_state {
	SUB_NEW,     /* being made; left within the same event */
	SUB_QUIET,   /* the watcher knows all */
	SUB_PACED,   /* a change waits for its moment (send_ns) */
	SUB_SENDING, /* a NOTIFY is under way; nothing has changed since */
	SUB_BEHIND,  /* a NOTIFY is under way, and something has changed since */
	SUB_ENDING,  /* over; the last NOTIFY waits for the one under way, or its moment */
	SUB_LAST,    /* the last NOTIFY is under way */
	SUB_GONE,    /* its slot is given back within the same event */
	SUB_N_STATES
};

enum subscription_event {
	SE_CHANGED,  /* the state that is watched has, or the watcher asks */
	SE_END,	     /* the watcher's wish, or its time is over */
	SE_SAME,     /* its moment came, and nothing is new */
	SE_SEND,     /* its moment came */
	SE_ANSWERED, /* the NOTIFY has been */
	SE_LATER,    /* the watcher wants it again, later (Retry-After) */
	SE_LOST,     /* the watcher knows nothing of us, or does not answer */
	SE_N_EVENTS
};

/* Reasons of Subscription-State (RFC 6665 4.1.3). */
enum subscription_reason { REASON_TIMEOUT, REASON_REJECTED, REASON_NORESOURCE, N_REASONS };

struct subscription { /* in shared memory */
	struct slot slot;
	uint8_t state;	 /* enum subscription_state */
	uint8_t package; /* enum package_id */
	uint8_t reason;	 /* enum subscription_reason; why it ends */
	uint8_t pad;
	uint32_t tenant;
	uint32_t version; /* of the next document; stored before it is sent */
	uint32_t pad2;
	uint64_t watcher;	     /* subscriber id */
	uint64_t told;		     /* hash of the facts told last; 0: to be told in any case */
	uint64_t subject;	     /* call_user_hash of who is watched, for the index */
	handle notify;		     /* transaction of the NOTIFY under way */
	uint64_t expires_ns, send_ns; /* deadlines; 0 = off */
	uint64_t paid_ns;	     /* until when its NOTIFYs are paid for (the pace) */
	struct dialog dialog;
	struct sip_flow flow; /* where NOTIFYs go */
	struct arena arena;   /* its text; owner: this subscription */
	struct kept user, entity, event_id, watcher_user;
	struct shown shown;
};
_Static_assert(sizeof(struct subscription) <= REGISTRAR_SUBSCRIPTION_BYTES,
    "a subscription's slot is too small");

extern const struct fsm subscription_fsm;

struct asking { /* what a SUBSCRIBE asks for */
	const struct sip_msg *m;
	enum package_id package;
	struct span event_id;
	const struct dir_subscriber *watcher, *owner; /* who asks for whose state */
	uint32_t expires_s;			      /* 0: the state once */
};

/* A subscription in SUB_NEW with its dialog; NULL: no room. */
struct subscription *subscription_new(struct registrar *r, const struct asking *a);
/* Gives all back, without a word. */
void subscription_drop(struct registrar *r, struct subscription *s);
/* By the token in the Request-URI, or in the To tag; NULL: 481. */
struct subscription *subscription_of_request(struct registrar *r, const struct sip_msg *m);
/* In force for so long from now on; the whole state is told. 0: ends it. */
void subscription_grant(struct registrar *r, struct subscription *s, uint32_t expires_s);
/* The state it watches has, perhaps. */
void subscription_changed(struct registrar *r, struct subscription *s);
void subscription_on_timer(struct registrar *r, struct subscription *s);
/* What becomes of its NOTIFY. */
void subscription_on_news(
    struct registrar *r, struct txn *t, enum txn_news news, const struct sip_msg *m);
/* Where requests in its dialog go: by the next hop, or the way the request came. */
void subscription_aim(struct registrar *r, struct subscription *s, const struct sip_msg *m);
struct dialog_memory subscription_memory(struct registrar *r, struct subscription *s);

/* --- subscriptions.c ---------------------------------------------------------------------------*/
/* Into the indexes, and out of them. */
void subscriptions_put(struct registrar *r, const struct subscription *s);
void subscriptions_remove(struct registrar *r, const struct subscription *s);
/* Of those packages that tell of calls; of this user only, or (0) of all. */
void subscriptions_calls_changed(struct registrar *r, uint64_t user);
/* Does anybody watch his calls? */
bool subscriptions_of_calls(const struct registrar *r, uint64_t user);
/* The state of this user has changed: who watches it is told. Cheap when nobody does. */
void subscriptions_changed(
    struct registrar *r, enum package_id package, uint32_t tenant, struct span user);
/* How many this subscriber has. */
unsigned subscriptions_of(const struct registrar *r, uint64_t watcher);
/* Lays the pool over the region; takes up what a predecessor left, when the transactions are there. */
void subscriptions_lay_out(struct registrar *r, char *region);
void subscriptions_recover(struct registrar *r);

/* --- notify.c ----------------------------------------------------------------------------------*/
struct document { /* one state, written */
	struct span text;
	uint64_t facts; /* hash; never 0 */
	struct shown shown;
};
/* The present state of what s watches, in a buffer that the next one overwrites. */
struct document notify_document(struct registrar *r, const struct subscription *s);
/* Sends it. False: no room; nothing has been sent. */
bool notify_send(struct registrar *r, struct subscription *s, const struct document *d);
/* "Contact: <sip:TOKEN@host:port>" */
void notify_put_contact(struct registrar *r, struct buf *b, const struct subscription *s);
/* The answer to a NOTIFY ends the subscription (RFC 6665 4.2.2, RFC 5057 5.1). */
bool notify_is_lost(unsigned status);

/* --- subscribe.c -------------------------------------------------------------------------------*/
/* A SUBSCRIBE that belongs to no transaction. */
void subscribe_request(struct registrar *r, const struct sip_msg *m);
/* Who sends this, of whichever tenant? False: it was answered. */
bool subscribe_who(struct registrar *r, const struct sip_msg *m, struct challenge_user *who);
/* How long is it to last? Expires as for a registration: none, or none that can be read, is our default;
 * too short is refused only when it is shorter than an hour (4.2.1.1). status 0: good. */
struct verdict subscribe_expires(
    const struct registrar *r, const struct sip_msg *m, uint32_t *seconds_r);
/* Whose address is the Request-URI? NULL: of nobody in this tenant. */
const struct dir_subscriber *subscribe_whose(
    struct registrar *r, const struct sip_msg *m, uint32_t tenant, struct dir_buf *room);

#endif
