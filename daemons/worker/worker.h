/*
 * The worker: back-to-back user agents. A message comes in from a front (inbox), finds its
 * transaction (sip/txn) or its leg, moves the leg, whose events move the call, whose commands move
 * the other legs; what they write goes out at the end of the turn (outbox).
 *
 *     inbox -> gate -> txn -> leg  --events-->  call -> features, route
 *     outbox <-------- txn <- leg <--commands-- call -> segments -> store
 *
 * A leg knows SIP, a call knows only events and commands (note.c). Calls, legs and transactions stand
 * in this worker's region of shared memory and outlive the process (recover.c); everything in struct
 * worker itself is private and made anew at start.
 *
 * This header is private to the worker, sectioned by file; the two objects and what they say to each
 * other have their own: call.h, join.h, leg.h, note.h.
 */
#ifndef TANDEM_WORKER_WORKER_H
#define TANDEM_WORKER_WORKER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fsm.h"
#include "base/wheel.h"
#include "ipc/child.h"
#include "model/callview.h"
#include "model/cdr.h"
#include "model/challenge.h"
#include "model/directory.h"
#include "model/domain.h"
#include "model/location.h"
#include "model/outbox.h"
#include "model/plans.h"
#include "model/settings.h"
#include "model/worker_shape.h"
#include "sip/dialog.h"
#include "sip/offer.h"
#include "sip/token.h"
#include "sip/txn.h"
#include "worker/call.h"
#include "worker/feature.h"
#include "worker/completion.h"
#include "worker/join.h"
#include "worker/leg.h"
#include "worker/login.h"
#include "worker/message.h"
#include "worker/note.h"
#include "worker/recent.h"
#include "worker/resolve.h"

enum {
	NOTES_MAX = 256,	 /* events waiting within one turn */
	MARKS_MAX = 16,		 /* calls that one input can touch */
	SCRATCH_BYTES = 1 << 18, /* what one turn may build */
	OUT_TEXT = SIP_RAW_MAX,	 /* one message */
};

/* --- origin.c: who calls ------------------------------------------------------------------------*/
enum origin_kind { ORIGIN_SUBSCRIBER, ORIGIN_GATEWAY };
enum call_direction {
	DIRECTION_INTERNAL,
	DIRECTION_OUTBOUND,
	DIRECTION_INBOUND,
	DIRECTION_TRANSIT
};
struct origin {
	enum origin_kind kind;
	uint32_t tenant;
	uint64_t account;      /* subscriber or gateway id */
	struct dir_buf record; /* the subscriber or gateway */
	const struct dir_subscriber *subscriber;
	const struct dir_gateway *gateway;
};

/* --- caller.c -----------------------------------------------------------------------------------*/
/* Who calls goes into the call: name, number, privacy, From and To toward the called side. */
void caller_keep(
    struct worker *w, struct call *c, const struct setup *in, const struct route_query *q);
bool caller_is_hidden(const struct call *c);
/* He asked for privacy that we cannot give, and for nothing less (RFC 3323 5). */
bool caller_privacy_unmet(const struct call *c);
/* The domain of the caller's tenant. */
struct span caller_realm(struct worker *w, const struct call *c);
/* "name" <sip:user@realm>, in scratch. */
struct span caller_address(struct worker *w, struct span name, struct span user, struct span realm);
#define ANONYMOUS SPAN("\"Anonymous\" <sip:anonymous@anonymous.invalid>")
/* Any party of a call by its name, also one that was called. */
/* A party that changed its partner is told, in an offer, who it is that it talks with now (RFC 3325,
 * 4916): From in any case, P-Asserted-Identity when it is trusted. */
void party_present(struct worker *w, struct call *c, const struct party *to, const struct party *p,
    struct note *n);
struct span party_address(struct worker *w, const struct call *c, const struct party *p);
/* Does it not hide from whom it talks with? */
bool party_is_shown(struct worker *w, const struct call *c, const struct party *p);
/* P-Asserted-Identity of who answered in another's place, in scratch; empty: he hides. */
struct span party_identity(struct worker *w, struct call *c, const struct party *p);
/* The same as those may see it whom it talks with. */
struct span party_shown(struct worker *w, const struct call *c, const struct party *p);
/* The attempt is made for this party: whom the targets are shown. */
void caller_present(struct worker *w, struct call *c, const struct party *p);
/* Does this peer stand in the configuration's `trusted`? */
bool peer_is_trusted(struct worker *w, const struct netaddr *peer);

/* --- gate.c: requests that are in no dialog of ours ---------------------------------------------*/
/* The one gate (THREATS.md A1): default deny, challenges are stateless. */
void gate_request(struct worker *w, const struct sip_msg *m);
/* An INVITE that was in hand when the process died, and that nobody will repeat: who may call at all hears 500,
 * and his call has its record, though his nonce was counted already; anybody else is challenged as ever, and what
 * an INVITE is refused for before it makes a call is said here too. */
void gate_refuse(struct worker *w, const struct sip_msg *m);
/* Nothing can be written of a new call, and the operator wants none without its record (THREATS.md F11). */
bool gate_is_unrecordable(struct worker *w);
/* auth.c: who sends this? True: *o is filled. False: it was answered (challenge, refusal). */
bool auth_request(struct worker *w, const struct sip_msg *m, struct origin *o);
/* The same of a request that was in hand when the process died, which may have counted its nonce already: that it
 * was used before is no fault then. */
bool auth_again(struct worker *w, const struct sip_msg *m, struct origin *o);
/* answer.c: answers without a transaction, or in one that needs nothing else. `headers` are complete
 * lines. */
void answer_stateless(struct worker *w, const struct sip_msg *m, unsigned status,
    const char *reason, struct span headers);
void answer_txn(struct worker *w, struct txn *t, unsigned status, const char *reason,
    struct span to_tag, struct span headers);
/* Non-INVITE: makes the transaction, then answers in it. */
void answer_request(struct worker *w, const struct sip_msg *m, unsigned status, const char *reason,
    struct span headers);

/* --- body.c -------------------------------------------------------------------------------------*/
/* The session description in a body: the whole, or one of its parts. Empty: there is none. */
struct span body_sdp(struct worker *w, struct span type, struct span body);
bool note_has_sdp(struct worker *w, const struct note *n);
/* The m-lines of what came from this leg's peer are remembered: they stay in their places. True: it is a
 * description, and another than his last. */
bool body_heard(struct worker *w, struct leg *l, const struct sip_msg *m);
/* What refuses an INVITE or UPDATE for its body, or for the one it wants: 415, which goes with *lines_r, or
 * 406 (RFC 3261 8.2.3, 21.4.7; RFC 5621 3.2). */
struct verdict body_check(const struct sip_msg *m, struct span *lines_r);
/* A body as it goes to this leg, in scratch: its SDP with our origin; what is not for it left out. The
 * type may become another. */
struct span body_toward(struct worker *w, struct leg *l, struct span *type, struct span body);
/* A description that takes the streams of this one and sends and hears nothing, in scratch; of none: an
 * offer of that kind. */
struct span body_silence(
    struct worker *w, struct span type, struct span body, const struct netaddr *ours);

/* --- options.c: extensions ----------------------------------------------------------------------*/
/* An Unsupported line for what m requires and we do not know (420); empty when there is nothing. */
struct span options_unsupported(struct worker *w, const struct sip_msg *m);
/* Our Supported line; without: bits 1 << enum sip_option that are not said. */
void options_put_supported(struct buf *b, uint32_t without);

/* --- route.c: where to --------------------------------------------------------------------------*/
struct route_result {
	unsigned status; /* 0: there are targets; else refuse with it */
	const char *reason;
	struct span headers; /* complete lines that go with it, in scratch: Contact of a 302 */
	struct span confirmed; /* of a code that is done: what the phone shows */
	bool nobody;	       /* 404: it is no number of anybody's, and no route's */
};
struct route_query {
	struct span uri, dialled;    /* dialled: its user part, as sip_uri_user() gives it */
	const struct netaddr *local; /* the address of ours that the asker used */
};
/* Does it name this tenant's domain, or an address of ours? status 0: yes. */
struct route_result route_is_home(
    struct worker *w, uint32_t tenant, const struct route_query *q);
/* And somebody in it? */
struct route_result route_is_ours(
    struct worker *w, uint32_t tenant, const struct route_query *q);
/* Decides by the URI alone (FLOWS.md S3-01) and adds targets to the call's attempt; a call that begins
 * and goes to gateways gets its direction here. */
struct route_result route_call(
    struct worker *w, struct call *c, const struct route_query *q, const struct origin *o);
/* The contacts of a user of the call's tenant, whatever he has set. */
struct route_result route_user(struct worker *w, struct call *c, struct span user);
/* The same without a call, and nothing is tried: a subscriber of ours (in *rec, who may be disabled), or
 * *s_r NULL: a number for gateways. Tenants do not meet here. */
struct route_result route_decide(struct worker *w, uint32_t tenant, const struct route_query *q,
    const struct origin *o, struct dir_buf *rec, const struct dir_subscriber **s_r);
/* Is it still the call that its caller placed? A transfer or a redirection changes nothing of whom it was
 * for. */
bool route_begins(const struct call *c);
/* route_gateway.c: the gateways that the number's route names become targets; nobody: it has none. */
struct route_result route_gateways(struct worker *w, struct call *c, struct span dialled);
void route_put_gateway(struct buf *b, const struct dir_gateway *g, struct span number);
/* Whose name or number of ours is it? In *rec; NULL: nobody's. */
const struct dir_subscriber *route_subscriber(
    struct worker *w, uint32_t tenant, struct span dialled, struct dir_buf *rec);
/* Whose number is it? In *rec; NULL: no group's. */
const struct dir_group *route_group(
    struct worker *w, uint32_t tenant, struct span dialled, struct dir_buf *rec);

/* --- group.c, group_memory.c: hunt groups -------------------------------------------------------*/
/* The call is for this group: its members become targets. */
struct route_result group_call(struct worker *w, struct call *c, const struct dir_group *g);
/* The segment of the group whose members are being rung, behind s; NULL: none. */
const struct segment *group_segment(
    struct worker *w, const struct call *c, const struct segment *s);
/* A target is rung: the next circle begins behind it, if it is a member's. */
void group_rung(struct worker *w, const struct call *c, const struct target *t);
/* Whom this group rang last (a subscriber's id), whichever worker did; 0: nobody it knows of. */
uint64_t group_last(struct worker *w, const struct dir_group *g);
/* The call of a party ends. */
void group_idle(struct worker *w, const struct party *p);
/* When his last answered call ended, whichever worker had it (monotonic); now, while he is in another
 * call than c; 0: he had none. */
uint64_t group_idle_since(
    struct worker *w, const struct call *c, const struct dir_subscriber *s);
/* The same without a look at the calls he is in. */
uint64_t group_idle_last(struct worker *w, uint64_t account);
/* p refused for good: nothing more of his rings. False: he is no member, and speaks for all. */
bool group_refused(struct worker *w, struct call *c, const struct party *p);
/* p did not answer, or cannot be reached: true, he is a member of a group that follows its members' forwards,
 * and somebody else is rung in his turn. */
bool group_member_onward(struct worker *w, struct call *c, const struct party *p, unsigned status);
/* It rang as long as it may: true, now the overflow is due, and nobody else is tried before. */
bool group_time_over(struct worker *w, struct call *c);
/* Nobody took it: true, it goes on to the overflow number; *status_r as call_overflow. */
bool group_overflow(struct worker *w, struct call *c, unsigned *status_r);

/* target.c: a SIP URI with a literal address to a flow. ERR_ABSENT: it is a name;
 * ERR_DENIED: we have no listener that could send there, or nobody may. */
enum err target_flow(struct worker *w, const struct sip_uri *uri, struct sip_flow *f_r);
/* The address of ours that its peer will see, where the flow does not know it yet: asks the kernel, so
 * not for what came in and goes back. */
void target_source(struct worker *w, struct sip_flow *f);

/* --- rest.c: whom 503 with a Retry-After came from (RFC 3261 21.5.4) ----------------------------*/
void rest_learn(struct worker *w, const struct sip_flow *f, uint32_t seconds);
/* How many seconds it is to be left alone; 0: it is not. */
uint32_t rest_left(struct worker *w, const struct sip_flow *f);

/* --- ringing.c: how many calls of a subscriber ring ---------------------------------------------*/
struct ringing *ringing_new(uint32_t calls); /* fatal() without memory */
/* A call that begins, or was found there; of gateways nothing is kept. */
void ringing_add(struct worker *w, const struct call *c);
void ringing_remove(struct worker *w, const struct call *c);
bool ringing_is_full(struct worker *w, uint64_t account);

/* --- large.c: what is too large for a datagram ---------------------------------------------------*/
bool large_invite(const struct call *c, const struct target *t);
/* Should this target, whose flow is known, be tried over TCP first? Then its places are in *r_r. */
bool large_by_tcp(
    struct worker *w, const struct call *c, const struct target *t, struct resolved *r_r);
/* A message came this way. */
void large_learn(struct worker *w, const struct sip_flow *came);

/* --- segment.c, cdr.c ---------------------------------------------------------------------------*/
enum { SEGMENTS_MAX = 16 }; /* of one call: its record must fit */
enum segment_kind {
	SEGMENT_DIRECT,
	SEGMENT_TRANSFER_BLIND,
	SEGMENT_TRANSFER_CONSULT,
	SEGMENT_DEFLECTION,
	SEGMENT_FORWARD,
	SEGMENT_FEATURE_CODE,
	SEGMENT_CALLBACK,
	SEGMENT_VOICEMAIL
};
enum disposition {
	D_ANSWERED,
	D_BUSY,
	D_NOANSWER,
	D_CANCELLED,
	D_REJECTED,
	D_UNREACHABLE,
	D_FAILED,
	D_BARRED,
	D_REDIRECTED
};
struct segment *segment_at(struct worker *w, uint32_t offset);
struct segment *segment_first(struct worker *w, const struct call *c);
/* Wall time now, as a record of this call has it: its setup and the time since. */
int64_t call_wall_ms(struct worker *w, const struct call *c);
/* The one that a party was dialled for. */
struct segment *segment_of(struct worker *w, const struct call *c, const struct party *p);
/* The first, of the caller whose INVITE made the call. */
void segment_open(struct worker *w, struct call *c, const struct origin *o);
/* What it was before it was sent on; NULL: it is the first, or was begun by another cause. */
struct segment *segment_before(struct worker *w, const struct call *c, const struct segment *s);
/* One more, behind its parent: asked for by `from`, at the cost that the caller then writes into it. NULL:
 * no room, or too many. */
struct segment *segment_new(
    struct worker *w, struct call *c, enum segment_kind kind, struct party *from);
/* What `parent` was for is sent on by this party, whose cost it is from now on (BILLING.md R6 to R9): its
 * numbers, who pays. NULL: no room. */
struct segment *segment_onward(struct worker *w, struct call *c, struct segment *parent,
    enum segment_kind kind, const struct dir_subscriber *by, struct span dialled);
/* Nobody of the group took it: it goes on at the tenant's cost. NULL: no room. */
struct segment *segment_overflow(struct worker *w, struct call *c, struct segment *parent,
    const struct dir_group *g, struct span dialled);
void segment_ringing(struct worker *w, struct call *c, struct segment *s);
void segment_answered(struct worker *w, struct call *c, struct segment *s, struct party *by);
/* The call was answered; those that did not lead there are over. */
void segments_lost(struct worker *w, struct call *c);
/* It is over; status: what came of it, 200 when it was answered. */
void segment_close(
    struct worker *w, struct call *c, struct segment *s, unsigned status, enum released_by by);
/* One side holds the other from now on, or no longer. */
void segments_hold(struct worker *w, struct call *c, bool held);
/* Those that are open end with their call. */
void segments_close(struct worker *w, struct call *c);
unsigned q850_of_status(unsigned status);
/* Writes the call's record as it is by now, into room for CDR_RECORD_MAX. */
void cdr_write(struct worker *w, struct call *c, enum cdr_kind kind, struct buf *b);
/* Writes the call's record into the store's ring. False: no room now; it is tried again. */
bool cdr_send(struct worker *w, struct call *c, enum cdr_kind kind);
/* Tries again the calls that ended while the store's ring was full. */
void worker_cdrs(struct worker *w);

/* --- view.c -------------------------------------------------------------------------------------*/
void view_update(struct worker *w, struct call *c);
void view_clear(struct worker *w, const struct call *c);

/* --- callstate.c: who is in the call, for who watches him -----------------------------------------*/
/* Another number when anything of it has changed. Cheap: it is asked at every event of a call. */
uint64_t callstate_signature(struct worker *w, const struct call *c);
/* Who is in it, each once, and who of them is rung. */
void callstate_who(struct worker *w, const struct call *c, struct call_who *who_r);
/* In how many calls but c (NULL: in all) is this user of the tenant, whichever worker has them? Made from
 * the calls that exist each time, so that nothing can leak. Two that begin in two workers at the very same
 * moment do not see each other. */
unsigned callstate_count(
    struct worker *w, uint32_t tenant, const struct call *c, struct span user);
/* Does he want to be alone in one of them (ONCE_ALONE)? */
bool callstate_alone(
    struct worker *w, uint32_t tenant, const struct call *c, struct span user);
/* Of the calls that ring the one that began first, in whichever worker, in which this user is rung or a
 * member of this group; CALL_WHO_IN: of those that are up and he is in the last. 0: none. It may be over
 * when it is asked. */
handle callstate_find(struct worker *w, uint64_t hash, enum call_who_as as);
/* Is this user, or orbit, in any call, in whichever worker? */
bool callstate_has(struct worker *w, uint64_t hash);
/* Makes the entries. */
void callstate_put(struct worker *w, const struct call *c, struct call_view_users *u);
/* The registrar, of those who are watched and whose entries came, changed or went. */
void callstate_tell(struct worker *w, const struct call *c, const struct call_view_users *before,
    const struct call_view_users *now);

/* --- inbox.c ------------------------------------------------------------------------------------*/
void inbox_record(struct worker *w, const struct ring_record *r, unsigned from);
void inbox_message(struct worker *w, struct sip_msg *m);
/* inbox_hash.c: by what it is known when it comes again (ipc/poison.h). */
uint64_t inbox_hash(const struct worker *w, const struct sip_msg *m);
/* The message that was in hand when our predecessor died, for the `deaths`th time (ipc/poison.h). */
void inbox_lost(struct worker *w, const struct sip_msg *m, unsigned deaths);

/* --- operator.c: what control asks on his behalf -------------------------------------------------*/
/* WIRE_HANGUP, WIRE_SHOW or WIRE_EXPLAIN, and its payload. */
void operator_asks(struct worker *w, unsigned type, const void *payload);

/* --- explain.c ----------------------------------------------------------------------------------*/
/* What a call from one to the other would do, as lines (explain.c). False: they say in one why that
 * cannot be told. Leaves nothing behind; takes some of the turn's scratch. */
bool explain(struct worker *w, struct span from, struct span to, struct buf *out);
struct explain_asked {
	struct span from, to;
	struct span at;       /* "2026-12-24 18:30" by the caller's tenant's clock; empty: now */
	struct span priority; /* of the INVITE; empty: none */
};
bool explain_asked(struct worker *w, const struct explain_asked *x, struct buf *out);

/* --- call_code.c: a service code that the store is asked to put into force ------------------------*/
enum call_code { CODE_NONE, CODE_ASKED, CODE_DONE };
/* R28: nobody pays for it. */
void code_is_free(struct worker *w, struct call *c);
/* False: it cannot be asked now. */
bool code_ask(
    struct worker *w, struct call *c, struct span action, struct span number, uint32_t seconds);
/* It was done at once, without the store; the phone shows this. */
void code_confirm(struct call_step *s, struct span shown);
/* The store's answer. */
void code_done(struct worker *w, const struct wire_code_done *d);
void call_code_answered(void *step, const void *done);
void call_code_refused(void *step, const void *done);
/* The time of a code's call is over: true, it was one. */
bool code_over(struct call_step *s);
/* call.c: the same, as an event of the call. */
void call_on_code(struct worker *w, struct call *c, const struct wire_code_done *d);

/* --- recover.c ----------------------------------------------------------------------------------*/
/* Lays the pools over the region. */
void recover_lay_out(struct worker *w);
/* Takes up what a predecessor left: sweeps, arms, ends what was in hand. */
void recover(struct worker *w);

/* --- worker.c -----------------------------------------------------------------------------------*/
struct source { /* which of our addresses a peer sees; asked anew after a while */
	struct netaddr peer, local;
	uint64_t until_ns;
};
enum { SOURCES = 64, SOURCE_S = 10 };
struct known_tcp { /* who has used TCP; large.c */
	struct netaddr peer;
	uint64_t until_ns;
};
enum { KNOWN_TCP = 64 };
struct resting { /* who is to be left alone; rest.c */
	struct netaddr peer;
	uint64_t until_ns;
};
enum { RESTING = 64 };

struct worker {
	struct child child;
	const struct settings *settings;
	struct directory directory;
	struct locations locations;
	struct plans plans;
	struct resolver_wait *resolving; /* resolve.c */
	struct hash_key key;		 /* the exchange's: tokens, tags */
	char *region;
	struct worker_shape shape;
	struct heap heap;
	struct pool calls, legs, txn_pool;
	struct call_view *views;
	const struct call_views *views_of[PROC_MAX]; /* the other workers'; NULL: not seen yet */
	struct group_word *group_words; /* in the region: group_memory.c */
	struct recent *recents;		/* in the region: recent.c */
	const struct recent *recents_of[PROC_MAX]; /* the other workers'; NULL: not seen yet */
	struct completion *completions;	   /* in the region: completion.c */
	const struct completion *completions_of[PROC_MAX]; /* the other workers'; NULL: not seen yet */
	struct wheel_timer completion_timer;
	const struct group_word *words_of[PROC_MAX]; /* the other workers'; NULL: not seen yet */
	const struct watched *watched; /* in the registrar's region; NULL: not seen yet */
	struct txns txns;
	struct challenge challenge;
	struct wheel *wheel;
	struct wheel_timer *call_timers, *leg_timers, *txn_timers; /* beside the pools */
	struct wheel_timer *relay_timers; /* beside txn_pool: of MESSAGE's server transactions */
	struct outbox *outbox;
	struct note notes[NOTES_MAX]; /* events of this turn, first in first out */
	unsigned notes_first, notes_n;
	handle marked[MARKS_MAX]; /* calls that the input in hand has touched */
	unsigned n_marked;
	handle asked;  /* the leg whose peer's request is in hand; 0: none (ladder.c) */
	char *scratch; /* of this turn */
	size_t scratch_used;
	char *text;		 /* one outgoing message, OUT_TEXT */
	struct sip_msg *message; /* own copy of the one in hand */
	struct source sources[SOURCES];
	struct known_tcp known_tcp[KNOWN_TCP];
	struct resting resting[RESTING];
	struct login logins[LOGINS];
	uint32_t next_login;
	struct ringing *ringing;
	struct note_waiting *backlog, **backlog_end; /* notes that wait for room in a ring */
	size_t backlog_bytes;
	bool noted; /* other workers were told something that they cannot see yet */
	bool cdrs_waiting; /* there may be ended calls whose record found no room yet */
};

static inline uint64_t
worker_now(const struct worker *w)
{
	return w->child.clock.mono_ns;
}

/* Private memory, the tables that are there, and what was left in the region, which may have to ask them;
 * the child has been started. */
void worker_init(struct worker *w);
/* Others are in force: a reload. */
void worker_settings(struct worker *w);
/* Can a call be decided? Their owners may be ready only now; main looks for them once a second. */
bool worker_has_tables(struct worker *w);
/* tables.c: directory, location, plans: when made by their owners. */
void worker_open_tables(struct worker *w);
/* Handles the events that wait, until none is left; then the turn's scratch is free again. */
void worker_drain(struct worker *w);
void worker_timers(struct worker *w);
void *scratch_take(struct worker *w, size_t n);
struct span scratch_keep(struct worker *w, struct span s);
struct buf scratch_buf(struct worker *w, size_t cap);
void scratch_end(struct worker *w, const struct buf *b); /* gives back what b did not use */

#endif
