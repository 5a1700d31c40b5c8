/*
 * The contract between the supervisor and a child, seen from the child: what it was given (a manifest
 * on descriptor 3), how it starts (maps what it may, drops privileges, in plain sight in
 * child_start), how it waits, wakes others, beats and stops.
 *
 *     int main(int argc, char **argv)
 *     {
 *             struct child c;
 *             child_start(&c, ROLE_STORE, argc, argv);   // fatal() when something is wrong
 *             ... take over own region, open tables ...
 *             child_ready(&c);
 *             while (!child_stopping(&c)) { ...; child_flush(&c); child_sleep(&c, ns); }
 *     }
 *
 * The supervisor's side (writing the manifest) is manifest.h.
 */
#ifndef TANDEM_IPC_CHILD_H
#define TANDEM_IPC_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "ipc/process.h"
#include "ipc/ring.h"

struct child {
	enum role role;
	unsigned index, proc;
	struct clock clock; /* read once per turn by child_turn */
	const struct exchange *exchange;
	struct process *self; /* own region, writable */
	size_t self_size;
	struct ring in[PROC_MAX],
	    out[PROC_MAX];		       /* by the other's number; data NULL: no such link */
	uint8_t ins[PROC_MAX], outs[PROC_MAX]; /* their numbers, dense */
	unsigned n_ins, n_outs;
	uint32_t *bells;	   /* one cache line each, by process number (bell.h) */
	int bell_fds[PROC_MAX];	   /* eventfds of those that have one; -1 */
	void *nonces;		   /* HOLD_NONCES, else NULL */
	int udp[16], stream[16];   /* sockets by listener; -1 */
	int admin, spool;	   /* -1 */
	const char *database;	   /* HOLD_DATABASE: the connection string, else NULL */
	struct child_given *given; /* the rest of the manifest; opaque */
};

/* Reads the manifest, checks it is who it is meant to be, maps, drops privileges (setresuid to the
 * user of the settings when root), PR_SET_PDEATHSIG, PR_SET_DUMPABLE 0, title, log, signals. */
void child_start(struct child *c, enum role role, int argc, char **argv);
/* A process's region, read-only but for the own; NULL when the topology does not allow it or it was
 * not given. All are mapped at the start, and their descriptors closed. */
const void *child_region(struct child *c, unsigned proc, size_t *size_r);
/* The settings in force (model/settings.h casts it). Changes only between turns. The supervisor writes
 * the next but one version only after every settings_seen has followed. */
const void *child_settings(const struct child *c);
/* A file given besides (HOLD_TLS: "tls.0.certificate"): an own descriptor on its bytes, or -1. */
int child_file(const struct child *c, const char *name);

void child_ready(struct child *c);
/* Begins a turn: reads the clock, beats, logs what was folded (base/fold.h). True when the settings
 * changed since the last turn (or the start). */
bool child_turn(struct child *c);
/* Now, by the clock that nobody sets (process.h). */
static inline int64_t
child_steady_ms(const struct child *c)
{
	return exchange_steady_ms(c->exchange, c->clock.mono_ns);
}
bool child_stopping(const struct child *c); /* SIGTERM came */
/* What stands in brackets behind the name: child_title(c, "%u calls", n) makes "tandem: worker 2
 * [39 calls]". Cheap enough for once a second, not more. */
void child_title(struct child *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Publishes what was committed on all out rings and wakes those who sleep. */
void child_flush(struct child *c);
/* FUTEX roles: sleeps until the bell or the timeout (ns; at most a second is slept at a time). Does
 * not sleep when a ring has something. */
void child_sleep(struct child *c, uint64_t timeout_ns);
/* EVENTFD roles: the descriptor for epoll (level-triggered; when it is ready, child_bell_heard reads it, and
 * nobody else does); before waiting child_bell_arm (false: do not wait, there is something), after waking,
 * and after a false too, child_bell_disarm. Do not wait longer than a second. */
int child_bell_fd(const struct child *c);
void child_bell_heard(struct child *c);
bool child_bell_arm(struct child *c);
void child_bell_disarm(struct child *c);
/* The next record of any in ring, in turn; NULL when all are empty. *from_r: who sent it. Records
 * whose type this sender may not send (wire.def), or shorter than their struct, are skipped and counted.
 * After handling: ring_next on &c->in[*from_r]. Type and length: ring_type and ring_len of that ring,
 * not the record's own words, which an evil front may change meanwhile. */
const struct ring_record *child_next(struct child *c, unsigned *from_r);
struct ring *child_out(struct child *c, enum role role, unsigned index); /* NULL: no such link */

#endif
