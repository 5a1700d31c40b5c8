/*
 * What every process's own region begins with, and the exchange's region that the supervisor alone
 * writes: settings, keys, the process table.
 */
#ifndef TANDEM_IPC_PROCESS_H
#define TANDEM_IPC_PROCESS_H

#include <stdint.h>

#include "base/hash.h"
#include "base/netaddr.h"
#include "ipc/shm.h"
#include "ipc/topology.h"

enum counter {
#define COUNTER(id, name, help) COUNT_##id,
#define GAUGE(id, name, help)	COUNT_##id,
#include "ipc/counters.def"
#undef COUNTER
#undef GAUGE
	N_COUNTERS
};
struct counter_info {
	const char *name, *help;
	bool gauge;
};
const struct counter_info *counter_info(enum counter c);

/* First PROCESS_HEAD bytes of a process's region. Written by that process alone. */
enum { PROCESS_HEAD = 4096, POISONS = 8, GUESSERS = 32 };
struct poison { /* poison.h */
	uint64_t hash;
	uint32_t deaths, pad;
};
struct guesser { /* guess.h */
	struct netaddr source;
	uint32_t wrong, pad;
	uint64_t until_ns, last_ns;
};
struct process {
	struct shm_head head;
	uint32_t pid, role, index;
	uint32_t generation; /* as the process table said at its start */
	uint64_t started_ns;
	uint64_t beat_ns;	/* monotonic; at least one a second */
	uint32_t ready;		/* 1: takes work */
	uint32_t settings_seen; /* version of the settings in force here */
	uint64_t counters[N_COUNTERS];
	uint64_t n_poisons; /* ever; they take turns */
	struct poison poisons[POISONS];
	struct guesser guessers[GUESSERS];
};
_Static_assert(sizeof(struct process) <= PROCESS_HEAD, "the head of a region");

/* The process table: one row for each process number. Written by the supervisor. */
enum process_state {
	PROCESS_ABSENT,
	PROCESS_STARTING,
	PROCESS_RUNNING,
	PROCESS_DIED,
	PROCESS_THROTTLED,
	PROCESS_STOPPING
};
struct process_row {
	uint32_t pid, state, generation, restarts;
	uint64_t started_ns;
};

struct exchange { /* the exchange's region; settings (model/settings.h) follow */
	struct shm_head head;
	struct hash_key token_key; /* made at the first start, kept as long as run_dir */
	uint64_t boot;		   /* counts starts of the supervisor on this run_dir */
	int64_t started_wall_ms;
	int64_t steady_epoch_ms; /* made with run_dir: what exchange_steady_ms adds */
	uint32_t stopping;	   /* 1: SIGTERM was taken */
	uint32_t settings_version; /* stored last; children look each turn */
	uint32_t settings_at[2];   /* offsets of the two copies; version % 2 is in force */
	uint32_t settings_size;
	uint32_t operate_serial; /* counts the requests of WIRE_OPERATE done; stored last */
	uint32_t operate_ok;	 /* of the last one: 1 done, 0 refused */
	char operate_text[256];	 /* why it was refused */
	uint32_t pad;
	struct process_row rows[PROC_MAX];
};

/* What expires is measured by this: milliseconds since 1970 as the wall clock had them when run_dir was made,
 * going on with the monotonic clock, whoever sets the other (THREATS.md F14). */
static inline int64_t
exchange_steady_ms(const struct exchange *x, uint64_t mono_ns)
{
	return x->steady_epoch_ms + (int64_t)(mono_ns / 1000000);
}

static inline void
count(struct process *p, enum counter c, uint64_t n)
{
	__atomic_store_n(&p->counters[c], p->counters[c] + n, __ATOMIC_RELAXED);
}
static inline void
gauge(struct process *p, enum counter c, uint64_t n)
{
	__atomic_store_n(&p->counters[c], n, __ATOMIC_RELAXED);
}

#endif
