/*
 * A bench for transactions: memory like a worker's segment, a clock that is set, and a record of all
 * that was sent and told. One per test.
 */
#ifndef TANDEM_TESTS_TXN_RIG_H
#define TANDEM_TESTS_TXN_RIG_H

#include <criterion/criterion.h>

#include "sip/txn.h"
#include "sip/txn_machine.h"

enum { RIG_SLOTS = 32, RIG_RECORDS = 256, RIG_TEXT = 2048 };

struct rig_sent {
	char text[RIG_TEXT];
	struct sip_flow to;
	uint64_t at_ms;
};

struct rig_told {
	handle of;
	enum txn_news news;
	unsigned status;
	uint64_t at_ms;
};

struct rig {
	struct txn slots[RIG_SLOTS];
	void *memory;
	struct pool pool;
	struct heap heap;
	struct clock clock;
	struct txns x;
	uint64_t deadline[RIG_SLOTS];
	struct rig_sent sent[RIG_RECORDS];
	struct rig_told told[RIG_RECORDS];
	unsigned n_sent, n_told;
	struct sip_flow flow;
	void (*on_tell)(struct rig *r, struct txn *t, enum txn_news news);
	char via[256];
};

struct rig *rig_new(enum sip_transport transport);
void rig_drop(struct rig *r);
/* As after kill -9: everything private is made anew over the same memory. */
void rig_restart(struct rig *r);
/* Moves the clock and fires, in order, what becomes due. */
void rig_move(struct rig *r, uint64_t ms);
uint64_t rig_now_ms(const struct rig *r);

/* A message from text; the record is the caller's to free(). */
struct sip_msg *rig_msg(const struct rig *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A request of a peer: branch NULL for none, to_tag "" for none. */
struct sip_msg *rig_request(
    const struct rig *r, const char *method, const char *branch, const char *to_tag, unsigned cseq);
/* A response to what the client transaction sent. */
struct sip_msg *rig_response(const struct rig *r, unsigned status, const char *method);
/* Makes a client transaction and sends its request. */
struct txn *rig_client(struct rig *r, enum sip_method method);
/* Hands a request over as a worker would; the server transaction, with user 1. */
struct txn *rig_serve(struct rig *r, const struct sip_msg *request);
bool rig_respond(struct rig *r, struct txn *t, unsigned status);
/* Hands a response over; false when it finds no transaction. */
bool rig_answer(struct rig *r, unsigned status, const char *method);

unsigned rig_count(const struct rig *r, enum txn_news news);
/* The moments of sending, in ms, as "500 1500 ...". */
const char *rig_times(const struct rig *r, unsigned from);
bool rig_sent_has(const struct rig *r, unsigned i, const char *text);

/* Steps every pair of state and event: those of the table go where it says, the others nowhere.
 * make gives a transaction in any state; args[event] is what its action needs. */
void rig_walk(struct rig *r, const struct fsm *m, struct txn *(*make)(struct rig *r),
    const void *const *args);
/* fsm_check, and the figure against doc/fsm/NAME.dot. */
void rig_check_table(const struct fsm *m);

#endif
