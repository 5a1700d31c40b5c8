/*
 * The resolver: DNS for the workers, who sleep on their rings alone and have no sockets to ask with.
 *
 *     inbox -> questions -> dns (c-ares) -> the DNS servers
 *       ^         |  ^-------- reply -----------'
 *       '-- plans'
 *
 * A worker asks where a SIP URI leads; the answer is a plan (sip/locate.h), which is also kept in our
 * region, where all workers look first (model/plans.h). What is being asked for already is not asked
 * for again: whoever asks meanwhile waits for the same answer.
 *
 * Nothing here is needed after a kill: the plans are in the region, and workers ask again for what
 * they did not get. This header is private to the resolver, sectioned by file.
 */
#ifndef TANDEM_RESOLVER_RESOLVER_H
#define TANDEM_RESOLVER_RESOLVER_H

#include "base/loop.h"
#include "ipc/child.h"
#include "model/plans.h"
#include "model/settings.h"
#include "sip/locate.h"

struct dns;
struct questions;

struct resolver {
	struct child child;
	const struct settings *settings;
	struct loop *loop;
	struct loop_watch bell;
	struct plans plans;
	struct dns *dns;
	struct questions *questions;
	uint64_t titled_ns, swept_ns;
};

/* --- reply.c: a message of DNS ------------------------------------------------------------------*/
/* Reads the records of this type and name out of a message, through its CNAMEs, and how long that is
 * good. alias_r: not empty when the message has a CNAME and not what it leads to: that is to be asked
 * for then. ERR_SYNTAX: not a message of DNS. Reads bytes of strangers. */
enum err reply_read(const unsigned char *msg, size_t len, const struct locate_ask *ask,
    struct locate_answer *a_r, char alias_r[LOCATE_NAME]);

/* --- dns.c: the servers -------------------------------------------------------------------------*/
typedef void dns_told(void *ctx, const struct locate_ask *ask, const struct locate_answer *a);
struct dns *dns_new(struct resolver *r);
void dns_drop(struct dns *d);
/* Others are in force: a reload. What is under way is asked again of the new servers. */
void dns_settings(struct dns *d);
/* Calls back exactly once, perhaps at once. */
void dns_ask(struct dns *d, const struct locate_ask *ask, dns_told *told, void *ctx);
/* Once a turn: what has waited too long; a new resolv.conf. */
void dns_turn(struct dns *d);
/* Until dns_turn has something to do. */
uint64_t dns_wait_ns(const struct dns *d);

/* --- questions.c: what is being looked up -------------------------------------------------------*/
struct questions *questions_new(void);
void questions_drop(struct questions *all);
/* Looks it up for a worker, who is told when all is known. */
void question_ask(
    struct resolver *r, const struct locate_question *q, unsigned worker, uint64_t ticket);

/* --- inbox.c ------------------------------------------------------------------------------------*/
void inbox_record(struct resolver *r, const struct ring_record *record, unsigned from);
/* A worker whose ring is full asks again by itself. */
void tell_worker(
    struct resolver *r, unsigned worker, uint64_t ticket, const struct locate_plan *plan);

#endif
