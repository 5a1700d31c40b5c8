/*
 * A bench for the worker's real code: one or two struct worker on private memory, a clock that is
 * set, a directory and a location table filled by hand, and rings whose other ends the bench holds.
 * What would leave by the outbox is recorded here instead (this file's own outbox); what is said to
 * the worker is text (worker_phone.h). One bench per test, so it stands in a global.
 */
#ifndef TANDEM_TESTS_WORKER_RIG_H
#define TANDEM_TESTS_WORKER_RIG_H

#include <criterion/criterion.h>
#include <setjmp.h>

#include "ipc/nonces.h"
#include "worker/worker.h"

enum {
	RIG_WORKERS = 2,
	RIG_LOG = 2048,
	RIG_TEXT = 4096,
	RIG_CDR = 32768,
	RIG_PHONES = 16,
	RIG_CALLS = 128,
	RIG_MAPS = 8
};

struct phone;

struct rig_sent {
	char *text;
	struct netaddr to;
	uint64_t at_ms;
	unsigned worker; /* whose it is */
	bool heard;
};

struct rig_size { /* of a worker's pools; a reserve test makes them small before rig_new */
	uint32_t calls, legs, txns, blocks[HEAP_CLASSES];
};

struct rig {
	struct worker *w[RIG_WORKERS];
	unsigned n_workers;
	void *regions[RIG_WORKERS];
	struct ring store[RIG_WORKERS], from_store[RIG_WORKERS]; /* the store's ends */
	struct {
		void *mem;
		size_t size;
	} maps[RIG_MAPS];
	unsigned n_maps;
	char dir[64];
	int dir_fd;
	struct clock clock;
	uint64_t began_ns;
	struct settings settings;
	struct directory directory;
	struct locations locations;
	struct nonces_region *nonces;
	struct exchange exchange;
	struct process store_self;
	struct rig_sent log[RIG_LOG];
	unsigned n_log;
	struct phone *phones[RIG_PHONES];
	unsigned n_phones;
	unsigned opened, answered, closed; /* call records by kind */
	struct {
		uint8_t id[16];
		unsigned opened, closed;
		char *cdr; /* as cdr below, when it is closed */
	} calls[RIG_CALLS]; /* records by call */
	unsigned n_calls;
	char cdr[RIG_CDR];   /* the last closed one: "segment.1.sip_code=200\n..." */
	bool apart;	     /* what workers say to one another is on its way */
	bool no_tables;	     /* their owners have made none yet */
	bool store_is_stuck; /* nobody reads the call records */
	unsigned kept; /* messages handed to the store, each answered with kept_status (0: not at all) */
	unsigned kept_status;
	char message[RIG_CDR]; /* the last of them: "message.0.to_user=bob\n..." */
	uint8_t message_id[16];
	char record[RIG_CDR]; /* its bytes, to be delivered */
	uint32_t record_len;
	unsigned told; /* how many DONE came; the last of them */
	unsigned told_status, told_of;
	/* The worker dies in the middle of writing its n-th message: 0 = never. */
	unsigned die_at, deaths;
	bool die_before;    /* that message is lost with it */
	unsigned die_again; /* the same for the next worker, while it takes up what was left */
	/* What comes was in hand at so many deaths, of which this is the last: 0 = never. */
	unsigned in_hand;
	bool tcp; /* it came over a connection */
	jmp_buf death;
	bool mortal;
	/* Told when that worker begins with something that it may not survive, and NULL when it is over. */
	void (*watch)(struct worker *w);
};

extern struct rig *rig;
extern struct rig_size rig_size;

void rig_new(unsigned n_workers);
/* For a TestSuite: one worker, alice and bob. */
void rig_begin(void);
void rig_forget_bindings(void);
void rig_default_settings(void);
void rig_end(void);
/* The worker that is at work is dead, here and now. */
void rig_die(void);
/* Kill -9 and a new start: everything private is made anew over the same memory and rings. */
void rig_restart(unsigned worker);
/* Moves the clock and fires in order what becomes due. */
void rig_wait_ns(uint64_t ns);
static inline void
rig_wait_ms(uint64_t ms)
{
	rig_wait_ns(ms * NS_PER_MS);
}
uint64_t rig_now_ms(void);
/* Hands text to a worker as a front would, from that address. False: the parser refused it. */
bool rig_deliver(unsigned worker, const char *text, const struct netaddr *from);
/* A connection that the worker could not have. */
void rig_unreachable(struct phone *p);
void rig_operator_hangup(unsigned worker);
/* What the others read of a worker's region. */
void rig_open_region(struct worker *w, unsigned other);

/* A subscriber "user" with password "secret" of tenant 1 (example.com). */
void rig_subscriber(const char *user, const char *number, enum dir_trust trust);
void rig_subscriber_put(struct dir_subscriber *s, const char *user, const char *number);
/* One more binding of a user; host "": it is reached by the contact's name. */
void rig_bind(const char *user, const char *contact, const char *host, unsigned q, uint32_t ring_s);
/* host: an address, or a name that says nothing of transport and port. */
/* The same, registered through a proxy. */
void rig_bind_path(const char *user, const char *contact, const char *host, const char *path);
void rig_gateway(uint64_t id, const char *host, bool trusted);
void rig_gateway_behind(uint64_t id, const char *host, const char *proxy);
void rig_route(const char *prefix, unsigned n, const uint64_t *gateways);

/* Takes what stands in the store's ring of a worker. */
void rig_read_store(unsigned worker);
/* The last message that was kept comes back to be delivered. */
void rig_due(unsigned worker);
/* A column of the last message that was kept. */
const char *rig_message(const char *name);
/* Every call that was opened was closed too. */
void rig_expect_all_closed(void);
/* A column of the last closed record; "" when it is not there. */
const char *rig_cdr(const char *name);
/* The same of one of rig->calls that is closed. */
const char *rig_cdr_of(unsigned call, const char *name);
/* No call, leg, transaction and block now. */
void rig_expect_empty(void);
/* Nothing is left after the transactions' timers: no call, leg, transaction, block; no message that
 * nobody expected; exactly one closed record, which says "DISPOSITION CODE Q850 RELEASED_BY REASON"
 * and this many billed milliseconds. */
void rig_ends_clean(const char *cdr, long bill_ms);
/* The same for a test that wrote n records, of which the last was looked at (NULL: not even that). */
void rig_ends_empty(unsigned closed);

#endif
