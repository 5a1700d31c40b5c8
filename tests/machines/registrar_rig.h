/*
 * A bench for the registrar's real code: its region is private memory, the clock is set, the network is an
 * array of what was sent. The watcher here answers when the test says so; what is watched is the
 * registrations of "bob", who watches himself. One bench per test, so it stands in a global.
 */
#ifndef TANDEM_TESTS_REGISTRAR_RIG_H
#define TANDEM_TESTS_REGISTRAR_RIG_H

#include <criterion/criterion.h>
#include <setjmp.h>

#include "registrar/registrar.h"

enum { SENT_MAX = 512 };

struct life { /* of a registrar; those that were killed are not lost memory */
	struct registrar r;
	struct life *before;
};

struct bench {
	struct life *life;
	struct registrar *r;
	struct directory owned; /* the store's side of it */
	struct exchange *exchange;
	void *region, *directory;
	size_t directory_size;
	struct settings settings;
	struct clock clock;
	char *sent[SENT_MAX];
	unsigned n_sent, heard; /* messages; those the test has looked at */
	unsigned die_at;	/* dies when it sends so many more; 0: lives */
	bool mortal;
	jmp_buf death;
	struct subscription *s;
};
extern struct bench bench;

void bench_begin(void);
void bench_forget(void); /* what was sent */
/* Kill -9 and a new start: everything private is made anew over the same memory. */
void bench_restart(void);
/* Moves the clock and fires in order what becomes due. */
void bench_wait_ms(uint64_t ms);
/* Bob watches himself: his registrations, or another package. Makes bench.s. */
void bench_subscribe(uint32_t expires_s);
void bench_subscribe_to(enum package_id package, uint32_t expires_s);
/* The state that is watched: bob at so many contacts. */
void bench_registered(unsigned n);
/* The next message; NULL: none came. */
const char *bench_next(void);
/* It must be a NOTIFY with this CSeq and so many contacts in it. */
const char *bench_expect(unsigned cseq, unsigned contacts);
/* The watcher's answer to it. */
void bench_answer(const char *notify, unsigned status);
/* The number behind the first `what` of a text; UINT_MAX: it is not there. */
unsigned bench_number_after(const char *text, const char *what);
unsigned bench_contacts_in(const char *text);
/* After the transactions' timers nothing is left. */
void bench_expect_empty(void);

#endif
