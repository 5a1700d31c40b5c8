/*
 * How stores are seen (x86-64): the memory is read-only while the worker works. A store faults and is logged, and is
 * then made in a single step with its pages open.
 *
 *     store --SIGSEGV--> logged, opened, trap flag set --SIGTRAP--> closed again
 */
#include "race_stores.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "worker_rig.h"

enum {
	AREAS = 64,
	STORES = 1 << 16,
	INPUTS = 1 << 16,
	TRAP_FLAG = 0x100,
	PAGE = 4096,
	WIDTH = 64,
	AMID = 2
};

struct area {
	char *at;
	size_t size;
};

struct store {
	uint32_t offset;
	uint16_t input;
	uint8_t area, before, after; /* which of the input's; how much of it, around the offset */
	bool point;
	uint16_t sent; /* messages of this input, before it */
	uint32_t place;
	char old[2 * WIDTH];
};

static struct {
	struct store *log;
	unsigned n;
	bool recording, killing;
	unsigned kill;			/* a place in the log */
	unsigned inputs;		/* so far */
	uint64_t said;			/* a hash of what workers said so far */
	uint64_t *said_by;		/* by each input, as recorded */
	unsigned n_log;			/* the bench's, when this input began */
	struct area areas[AREAS], open; /* open: while a store is made there */
	unsigned n_areas;
	uintptr_t last;	  /* the instruction of the store before */
	uintptr_t own[2]; /* of the last two that are no library's */
	unsigned repeats;
} s;

extern const char __executable_start, etext;

/* --- recording ----------------------------------------------------------------------------------*/

static void
protect(const struct area *a, int prot)
{
	if (mprotect(a->at, a->size, prot) != 0)
		abort();
}

static bool
is_library(uintptr_t pc)
{
	return pc < (uintptr_t)&__executable_start || pc >= (uintptr_t)&etext;
}

static bool
is_point(uintptr_t pc)
{
	bool again = pc == s.last || (is_library(pc) && s.last != 0 && is_library(s.last));

	if (!is_library(pc) && pc != s.own[0]) {
		s.own[1] = s.own[0];
		s.own[0] = pc;
	}
	s.last = pc;
	s.repeats = again ? s.repeats + 1 : 0;
	return s.repeats < AMID;
}

static void
log_store(const struct area *a, const char *p, uintptr_t pc)
{
	size_t before = (size_t)(p - a->at), after = a->size - before;
	struct store *e = &s.log[s.n++];

	if (s.n == STORES)
		abort();
	*e = (struct store){ .offset = (uint32_t)before,
		.input = (uint16_t)s.inputs,
		.area = (uint8_t)(a - s.areas),
		.before = (uint8_t)(before < WIDTH ? before : WIDTH),
		.after = (uint8_t)(after < WIDTH ? after : WIDTH),
		.point = is_point(pc),
		.sent = (uint16_t)(rig->n_log - s.n_log),
		.place = (uint32_t)(s.own[0] * 2 + s.own[1] * 0x9e3779b1u + is_library(pc)) };
	memcpy(e->old, p - e->before, (size_t)e->before + e->after);
}

/* The two pages that one store can reach. */
static struct area
around(const struct area *a, char *p)
{
	struct area r = { p - (uintptr_t)p % PAGE, (size_t)2 * PAGE };

	if (r.at + r.size > a->at + a->size)
		r.size = PAGE;
	return r;
}

static void
on_store(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	char *p = info->si_addr;
	unsigned i = 0;

	while (i < s.n_areas && (p < s.areas[i].at || p >= s.areas[i].at + s.areas[i].size))
		i++;
	if (i == s.n_areas || s.open.at != NULL) { /* a fault of ours: let it be one */
		signal(sig, SIG_DFL);
		return;
	}
	log_store(&s.areas[i], p, (uintptr_t)c->uc_mcontext.gregs[REG_RIP]);
	s.open = around(&s.areas[i], p);
	protect(&s.open, PROT_READ | PROT_WRITE);
	c->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void
on_step(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)sig;
	(void)info;
	c->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	protect(&s.open, PROT_READ);
	s.open.at = NULL;
}

/* --- killing ------------------------------------------------------------------------------------*/

static void
listen_to(const char *text)
{
	for (; *text != '\0'; text++)
		s.said = (s.said ^ (unsigned char)*text) * 0x100000001b3u;
}

/* What was stored and sent from that point on has not been. */
static void
take_back(void)
{
	const struct store *k = &s.log[s.kill];

	for (unsigned i = s.n; i-- > s.kill;) {
		const struct store *e = &s.log[i];
		char *p = s.areas[e->area].at + e->offset - e->before;
		size_t n = (size_t)e->before + e->after;

		if (e->input != s.inputs)
			continue;
		memcpy(p, e->old, n);
	}
	while (rig->n_log > s.n_log + k->sent)
		free(rig->log[--rig->n_log].text);
}

/* --- what is watched ----------------------------------------------------------------------------*/

static void
add(void *at, size_t size)
{
	if (s.n_areas == AREAS)
		abort();
	s.areas[s.n_areas++] = (struct area){ at, size };
}

static void
add_ring(const struct ring *r)
{
	if (r->data == NULL)
		return;
	if (r->producer) {
		add(r->data, 2 * r->size);
		add(r->files[0].mem, r->files[0].size);
	} else {
		add(r->files[1].mem, r->files[1].size);
	}
}

static void
begins(struct worker *w)
{
	s.inputs++;
	s.n_log = rig->n_log;
	s.last = 0;
	s.n_areas = 0;
	add(w->region, w->child.self_size);
	for (unsigned i = 0; i < PROC_MAX; i++) {
		add_ring(&w->child.in[i]);
		add_ring(&w->child.out[i]);
	}
	for (unsigned i = 0; s.recording && i < s.n_areas; i++)
		protect(&s.areas[i], PROT_READ);
}

static void
ends(void)
{
	for (unsigned i = 0; s.recording && i < s.n_areas; i++)
		protect(&s.areas[i], PROT_READ | PROT_WRITE);
	for (unsigned i = s.n_log; i < rig->n_log; i++)
		listen_to(rig->log[i].text);
	if (s.recording && s.inputs < INPUTS)
		s.said_by[s.inputs] = s.said;
	if (s.killing && s.inputs == s.log[s.kill].input) {
		s.killing = false;
		if (s.said != s.said_by[s.inputs])
			race_fail("it is not the run that was recorded");
		take_back();
		rig_die();
	}
}

/* Each part of a turn that a worker may not survive is an input. */
static void
watch(struct worker *w)
{
	if (w != NULL)
		begins(w);
	else
		ends();
}

static void catch (int sig, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (sigaction(sig, &sa, NULL) != 0)
		abort();
}

static void
begin(bool recording)
{
	s.recording = recording;
	s.killing = !recording;
	s.inputs = 0;
	s.said = 0;
	rig->watch = watch;
}

void
stores_record(void)
{
	if (s.log == NULL) {
		s.log = malloc(STORES * sizeof(*s.log));
		s.said_by = malloc(INPUTS * sizeof(*s.said_by));
	}
	if (s.log == NULL || s.said_by == NULL)
		abort();
	s.n = 0;
	catch (SIGSEGV, on_store);
	catch (SIGTRAP, on_step);
	begin(true);
}

void
stores_kill(unsigned n)
{
	if (n >= s.n) {
		race_fail("there is no store %u: they are %u", n, s.n);
		return;
	}
	s.kill = n;
	begin(false);
}

unsigned
stores_recorded(void)
{
	return s.n;
}

uint32_t
stores_place(unsigned n)
{
	return s.log[n].place;
}

bool
stores_is_point(unsigned n)
{
	return s.log[n].point;
}
