/*
 * The registrar: REGISTER into the location table, RFC 3261 10.3 step by step; and the state agent of
 * the event packages, which have a header of their own (events.h).
 *
 *     inbox -> gate (1-5: domain, extensions, who, may he, address-of-record)
 *              -> contacts (what is asked) -> bindings (6-7: what that makes of what is there)
 *              -> table (one atomic change, told to the store) -> answer (8)
 *
 * Nothing is kept of a request before its digest was found right: until then answers are
 * stateless. A request changes all of its bindings or none, by one record written beside the old
 * one, so that a registrar killed at any instruction leaves a table that is right. What stands in
 * the region is all that it knows; struct registrar is private and made anew at start.
 *
 * This header is private to the registrar, sectioned by file.
 */
#ifndef TANDEM_REGISTRAR_REGISTRAR_H
#define TANDEM_REGISTRAR_REGISTRAR_H

#include "base/arena.h"
#include "base/table.h"
#include "base/wheel.h"
#include "ipc/child.h"
#include "model/challenge.h"
#include "model/directory.h"
#include "model/location.h"
#include "model/outbox.h"
#include "model/registrar_shape.h"
#include "model/settings.h"
#include "model/watched.h"
#include "sip/parse.h"
#include "sip/txn.h"
#include "sip/uri.h"

#include "registrar/events.h"
#include "registrar/publication.h"

struct registrar;

enum {
	CONTACTS_MAX = LOCATION_BINDINGS_MAX, /* of one REGISTER */
	TEXT_LINE_MAX = 1024,		      /* a contact, a Path: what the database takes */
	RETRY_S = 5,
};

/* --- contacts.c: what a REGISTER asks for ------------------------------------------------------*/
struct asked { /* one Contact */
	struct sip_uri uri;
	uint32_t expires_s; /* granted; 0: to be removed */
	uint32_t ring_s;
	uint16_t q, reg_id;
	struct span instance;
	struct sip_flow flow; /* where requests for it will go */
};
struct registration { /* slices into the message and into `text` */
	uint32_t tenant;
	struct span user; /* whose address-of-record */
	struct span by;	  /* who registers, when it is a delegate; else empty */
	struct span call_id, path, user_agent;
	uint32_t cseq;
	bool star, outbound; /* outbound: RFC 5626 was asked for */
	unsigned n;
	struct asked asked[CONTACTS_MAX];
	char path_text[TEXT_LINE_MAX], agent_text[256];
};
/* Fills all but tenant, user and by. status 0: good. */
struct verdict contacts_read(
    const struct sip_msg *m, const struct settings *s, struct registration *reg_r);

/* --- reach.c: where a contact is reached -------------------------------------------------------*/
/* By the flow that its REGISTER came on, unless its address is plainly another. Fills asked->flow.
 * Refuses contacts that lead back to us or out through a gateway. */
struct verdict reach_contacts(
    const struct registrar *r, const struct sip_msg *m, struct registration *reg);

/* A listener of ours that speaks this transport in this family, best the one that `came`; -1. */
int reach_listener(
    const struct settings *s, const struct sip_flow *came, enum sip_transport t, unsigned family);
/* Where requests of ours go in a dialog that m began or refreshed: to its next hop, when that is
 * plainly meant, else the way m came. */
struct sip_flow reach_dialog(
    const struct settings *s, const struct sip_msg *m, struct span next_hop);

/* --- bindings.c: the rules of RFC 3261 10.3 (6) and (7), pure ----------------------------------*/
struct policy {
	enum dir_contacts contacts;
	unsigned most; /* bindings of one address-of-record */
	struct span node;
	int64_t now_ms; /* wall */
};
struct bound {
	struct binding binding;
	struct loc_binding_text text;
	struct sip_uri uri;
	bool touched; /* by this request */
};
struct bindings { /* of one address-of-record */
	unsigned n;
	bool tell; /* the database's copy must follow now */
	struct bound of[LOCATION_BINDINGS_MAX + CONTACTS_MAX];
};
/* The spans point into loc, which may be NULL. Those that have expired are left out (and told). */
void bindings_read(const struct location *loc, int64_t now_ms, struct bindings *b_r);
/* All that is asked for, or (status not 0) nothing: *b is to be thrown away then. */
struct verdict bindings_apply(
    const struct registration *reg, const struct policy *p, struct bindings *b);
/* As a value for the table; p NULL: too large. */
struct span bindings_write(const struct bindings *b, uint32_t tenant, struct loc_buf *to);

/* --- record.c: the location table, and its copy in the database --------------------------------*/
/* What stands there now, the expired included; NULL: nothing. */
const struct location *record_find(
    struct registrar *r, uint32_t tenant, struct span user, struct loc_buf *to);
/* Puts the bindings in place of what was there; tells the store when b->tell says so. before: how
 * many there were. */
enum err record_put(struct registrar *r, uint32_t tenant, struct span user,
    const struct bindings *b, unsigned before);
/* Once a second: a part of the table, to find what has expired and what lost its flow. */
void record_walk(struct registrar *r);
/* The connection ended. Its outbound bindings go at the next pass of the walk (RFC 5626 5.3). */
void record_flow_down(struct registrar *r, handle conn);
/* What the database had at a cold start; what a phone has said since is newer. */
void record_load(struct registrar *r, const struct wire_binding *w, uint32_t len);
void record_loaded(struct registrar *r);

/* --- register.c --------------------------------------------------------------------------------*/
/* A REGISTER that belongs to no transaction. */
void register_request(struct registrar *r, const struct sip_msg *m);

/* --- gate.c: steps 1 to 5 ----------------------------------------------------------------------*/
/* Whose address is it, and may he who sends this change it? The subscriber it belongs to, in
 * *owner; reg->tenant, user and by are set. NULL: it was answered. */
const struct dir_subscriber *gate_request(
    struct registrar *r, const struct sip_msg *m, struct registration *reg, struct dir_buf *owner);
/* Who is it? False: he was told to prove it (401), or refused. */
bool gate_authenticate(struct registrar *r, const struct sip_msg *m, uint32_t tenant,
    struct challenge_user *who_r);
/* Whose address-of-record is it: the user part, decoded, without parameters; a number is its
 * subscriber's (FLOWS.md S0-31). NULL: nobody's. */
const struct dir_subscriber *gate_owner(
    struct registrar *r, const struct sip_uri *to, uint32_t tenant, struct dir_buf *owner);

/* --- answer.c ----------------------------------------------------------------------------------*/
/* A refusal, once and without a transaction: nothing is kept for strangers. The header that goes
 * with its status is added. */
void answer_stranger(
    struct registrar *r, const struct sip_msg *m, unsigned status, const char *reason);
void answer_unsupported(struct registrar *r, const struct sip_msg *m, struct span options);
void answer_challenge(struct registrar *r, const struct sip_msg *m, struct span realm, bool stale);
/* To somebody whose digest was right: in a transaction, while there is room for one. */
void answer_refuse(
    struct registrar *r, const struct sip_msg *m, unsigned status, const char *reason);
/* The answer in a transaction; `headers` are complete lines. */
void answer_in(struct registrar *r, struct txn *t, unsigned status, struct span to_tag,
    struct span headers);
void answer_bindings(struct registrar *r, const struct sip_msg *m, const struct registration *reg,
    const struct bindings *b);

/* --- inbox.c -----------------------------------------------------------------------------------*/
void inbox_record(struct registrar *r, const struct ring_record *record, unsigned from);

/* --- registrar.c -------------------------------------------------------------------------------*/
struct registrar {
	struct child child;
	const struct settings *settings;
	struct directory directory;
	bool directory_open;
	struct locations locations;
	struct registrar_head *head;
	struct registrar_shape shape;
	struct challenge challenge;
	struct pool txn_pool;
	struct heap heap;
	struct txns txns;
	struct pool subscriptions, publications;
	struct wheel *wheel;
	struct wheel_timer *timers, *subscription_timers, *publication_timers; /* beside the pools */
	struct outbox *outbox;
	struct sip_msg *message; /* own copy of the one in hand */
	char *text;		 /* one message */
	char *document;		 /* one state, for a NOTIFY */
	/* record.c */
	uint64_t cursor;	    /* of the walk */
	uint32_t live, counted;	    /* bindings; of the walk under way */
	bool missed, missed_before; /* the store's ring was full: tell everything once more */
	struct table downs[2];	    /* connections that ended: new ones, those the walk looks for */
	struct table said;	    /* addresses-of-record changed before the load was done */
	/* subscription.c */
	struct table subjects, watchers; /* subscriptions by whom they watch, and by who does */
	/* summary.c */
	uint64_t summaries_version; /* of the directory, at the last pass */
	uint32_t summaries_next;    /* of the pass under way; 0: none is */
	/* publication.c */
	struct table published; /* publications by whose they are */
	/* calls.c */
	struct watched *watched;	/* in the region */
	struct worker_seen *workers;	/* what was seen of each */
	struct view_copy *views;	/* of one look */
	struct table calls;		/* a watched user's hash to worker and view */
	bool look_due, forgot;		/* new users are watched; some are no more */
};

enum { TEXT_BYTES = SIP_RAW_MAX, DOCUMENT_BYTES = 32 << 10 };

/* Bindings are measured by it (process.h). */
static inline int64_t
registrar_steady_ms(const struct registrar *r)
{
	return child_steady_ms(&r->child);
}

/* Private memory and the pools; takes up what a predecessor left. The child has been started. */
void registrar_init(struct registrar *r);
/* Others are in force: a reload. */
void registrar_settings(struct registrar *r);
/* The directory, when the store has made and filled it. */
bool registrar_has_directory(struct registrar *r);
void registrar_timers(struct registrar *r);

#endif
