/* One run of a script, from an empty worker to an empty worker. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "race.h"
#include "race_stores.h"

struct race *race;

/* --- what a run keeps ---------------------------------------------------------------------------*/

void *
race_take(size_t n)
{
	void *p = calloc(1, n);

	if (race->n_blocks == race->blocks_cap) {
		race->blocks_cap = race->blocks_cap * 2 + 256;
		race->blocks = realloc(race->blocks, race->blocks_cap * sizeof(void *));
	}
	if (p == NULL || race->blocks == NULL)
		abort();
	race->blocks[race->n_blocks++] = p;
	return p;
}

char *
race_keep(const char *text)
{
	size_t n = strlen(text) + 1;

	return memcpy(race_take(n), text, n);
}

unsigned
race_below(unsigned n)
{
	race->chance = race->chance * 6364136223846793005u + 1442695040888963407u;
	return n == 0 ? 0 : (unsigned)(race->chance >> 33) % n;
}

bool
race_has_fault(enum race_fault_kind kind)
{
	for (unsigned i = 0; i < race->script->n_faults; i++)
		if (race->script->faults[i].kind == kind)
			return true;
	return false;
}

/* --- the ladder ---------------------------------------------------------------------------------*/

void
race_note(const char *fmt, ...)
{
	va_list ap;

	if (!race->aloud)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout); /* it may be the last before a crash */
}

void
race_fail(const char *fmt, ...)
{
	va_list ap;

	if (race->failure[0] != '\0')
		return; /* the rest follows from the first */
	va_start(ap, fmt);
	vsnprintf(race->failure, sizeof(race->failure), fmt, ap);
	va_end(ap);
	race_note("%6llu      ## %s", (unsigned long long)race->now_ms, race->failure);
}

/* --- a run --------------------------------------------------------------------------------------*/

static void
until(uint64_t ms)
{
	while (race->now_ms < ms && race->failure[0] == '\0')
		net_advance(ms);
}

static void
play(const struct race_script *s)
{
	for (unsigned i = 0; i < s->n_steps && race->failure[0] == '\0'; i++) {
		const struct race_step *e = &s->steps[i];

		until(e->at_ms);
		if (e->verb == DO_HANGUP)
			net_hangup();
		else if (e->who < RACE_PHONES)
			ua_do(race->ua[e->who], (enum race_verb)e->verb, e->arg);
	}
}

static bool
is_busy(void)
{
	struct ua_view v;
	bool busy = false;

	for (unsigned i = 0; i < RACE_PHONES; i++) {
		ua_look(race->ua[i], &v);
		busy = busy || v.busy;
	}
	return busy;
}

/* A timer may have moved something just now: what has begun is over within 64*T1. */
static void
until_quiet(void)
{
	until(race->now_ms + RACE_QUIET_MS);
	for (unsigned i = 0; i < 64 && is_busy(); i++)
		until(race->now_ms + RACE_T1_MS);
	if (race->failure[0] == '\0')
		race_check_quiet();
}

static void
hang_up(const struct race_script *s)
{
	race_note("%6llu      the end: %c leaves", (unsigned long long)race->now_ms,
	    race_names[s->ender]);
	if (s->ender == RACE_OPERATOR)
		net_hangup();
	else
		ua_leave(race->ua[s->ender]);
	until_quiet();
	if (race->failure[0] != '\0')
		return;
	race_note("%6llu      all leave", (unsigned long long)race->now_ms);
	for (unsigned i = 0; i < RACE_PHONES; i++)
		ua_leave(race->ua[i]);
	until(race->now_ms + RACE_QUIET_MS);
}

static void
open_run(const struct race_script *s, bool aloud)
{
	race = calloc(1, sizeof(*race));
	if (race == NULL)
		abort();
	race->script = s;
	race->aloud = aloud;
	race->chance = s->seed;
	race->referee = referee_new();
	net_open(s);
}

static bool
run(const struct race_script *s)
{
	play(s);
	until_quiet();
	if (race->failure[0] == '\0')
		hang_up(s);
	if (race->failure[0] == '\0')
		race_check_end();
	net_close();
	return race->failure[0] == '\0';
}

/* Of one script at a time. */
static struct race_script recorded;

void
race_record(const struct race_script *s)
{
	struct race_script t = *s;

	t.n_faults = 0;
	memset(t.faults, 0, sizeof(t.faults));
	if (memcmp(&t, &recorded, sizeof(t)) == 0)
		return;
	recorded = t;
	open_run(&t, false);
	stores_record();
	run(&t);
	race_done();
}

bool
race_run(const struct race_script *s, bool aloud)
{
	bool kills = false;

	for (unsigned i = 0; i < s->n_faults; i++)
		kills = kills || s->faults[i].kind == FAULT_KILL_STORE;
	if (kills)
		race_record(s);
	open_run(s, aloud);
	if (run(s) && kills && race->deaths == 0)
		race_fail("nobody was killed");
	return race->failure[0] == '\0';
}

void
race_done(void)
{
	for (unsigned i = 0; i < race->n_blocks; i++)
		free(race->blocks[i]);
	free(race->blocks);
	free(race);
	race = NULL;
}
