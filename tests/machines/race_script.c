/* A script as text: what stands there replays the run. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "race.h"

const char race_names[RACE_PHONES + 2] = "abcdew";

static const char *const verbs[DO_N_VERBS] = {
	[DO_DIAL] = "dial",
	[DO_DIAL_EMPTY] = "dial-empty",
	[DO_CONSULT] = "consult",
	[DO_REPLACE] = "replace",
	[DO_CANCEL] = "cancel",
	[DO_RING] = "ring",
	[DO_PROGRESS] = "progress",
	[DO_RING_RELIABLY] = "ring-reliably",
	[DO_PROGRESS_RELIABLY] = "progress-reliably",
	[DO_ANSWER] = "answer",
	[DO_REFUSE] = "refuse",
	[DO_BYE] = "bye",
	[DO_REINVITE] = "reinvite",
	[DO_REINVITE_EMPTY] = "reinvite-empty",
	[DO_UPDATE] = "update",
	[DO_UPDATE_EMPTY] = "update-empty",
	[DO_REFER] = "refer",
	[DO_REFER_REPLACES] = "refer-replaces",
	[DO_FORK] = "fork",
	[DO_INFO] = "info",
	[DO_OPTIONS] = "options",
	[DO_HANGUP] = "hangup",
};
static const char *const faults[] = { [FAULT_LOSE] = "lose",
	[FAULT_REPEAT] = "repeat",
	[FAULT_LATE] = "late",
	[FAULT_KILL] = "kill",
	[FAULT_KILL_BEFORE] = "kill-before",
	[FAULT_KILL_STORE] = "kill-store" };
static const struct {
	const char *word;
	unsigned habit;
} habits[] = { { "never-acks", HABIT_NEVER_ACKS }, { "acks-late", HABIT_ACKS_LATE },
	{ "answers-late", HABIT_ANSWERS_LATE }, { "refuses-offers", HABIT_REFUSES_OFFERS },
	{ "no-100", HABIT_NO_100 }, { "reliable", HABIT_RELIABLE },
	{ "never-pracks", HABIT_NEVER_PRACKS } };
static const struct {
	const char *word;
	unsigned service;
} services[] = { { "cfb", SERVICE_CFB }, { "cfnr", SERVICE_CFNR },
	{ "no-waiting", SERVICE_NO_WAITING }, { "limit", SERVICE_LIMIT } };

enum {
	N_FAULT_KINDS = sizeof(faults) / sizeof(faults[0]),
	N_HABITS = sizeof(habits) / sizeof(habits[0]),
	N_SERVICES = sizeof(services) / sizeof(services[0])
};

void
race_step_add(struct race_script *s, unsigned who, enum race_verb v, unsigned at, unsigned arg)
{
	unsigned i = s->n_steps;

	if (s->n_steps == RACE_STEPS)
		return;
	s->n_steps++;
	for (; i > 0 && s->steps[i - 1].at_ms > at; i--)
		s->steps[i] = s->steps[i - 1];
	s->steps[i] = (struct race_step){ at, (uint8_t)who, (uint8_t)v, (uint16_t)arg };
}

/* --- reading ------------------------------------------------------------------------------------*/

static bool
read_who(char c, unsigned *who_r)
{
	const char *p = c == '\0' ? NULL : strchr(race_names, c);

	*who_r = p == NULL ? 0 : (unsigned)(p - race_names);
	return p != NULL;
}

/* "b.refuse:486@120" */
static bool
read_step(const char *word, struct race_script *s)
{
	char verb[32];
	unsigned who, at, arg = 0;
	const char *p;

	if (word[1] != '.' || !read_who(word[0], &who) ||
	    sscanf(word + 2, "%31[a-z-]", verb) != 1 || (p = strchr(word, '@')) == NULL)
		return false;
	at = (unsigned)strtoul(p + 1, NULL, 10);
	if ((p = strchr(word, ':')) != NULL)
		arg = (unsigned)strtoul(p + 1, NULL, 10);
	for (unsigned v = 0; v < DO_N_VERBS; v++) {
		if (strcmp(verb, verbs[v]) != 0)
			continue;
		race_step_add(s, who, (enum race_verb)v, at, arg);
		return true;
	}
	return false;
}

/* "late=9:700" */
static bool
read_fault(const char *word, struct race_script *s)
{
	const char *value = strchr(word, '='), *ms = strchr(word, ':');

	for (unsigned i = 0; i < N_FAULT_KINDS && s->n_faults < RACE_FAULTS; i++) {
		if (strlen(faults[i]) != (size_t)(value - word) ||
		    strncmp(word, faults[i], (size_t)(value - word)) != 0)
			continue;
		s->faults[s->n_faults++] =
		    (struct race_fault){ (uint8_t)i, (uint16_t)strtoul(value + 1, NULL, 10),
			    ms == NULL ? 0 : (uint16_t)strtoul(ms + 1, NULL, 10) };
		return true;
	}
	return false;
}

static bool
read_setting(const char *word, struct race_script *s)
{
	const char *value = strchr(word, '=') + 1;
	unsigned n = (unsigned)strtoul(value, NULL, 10), who;

	if (strncmp(word, "phones=", 7) == 0 && n >= 1 && n <= 3)
		s->phones = n;
	else if (strncmp(word, "workers=", 8) == 0 && n >= 1 && n <= 2)
		s->workers = n;
	else if (strncmp(word, "ring=", 5) == 0)
		s->ring_s = n;
	else if (strncmp(word, "session=", 8) == 0)
		s->session_s = n;
	else if (strncmp(word, "seed=", 5) == 0)
		s->seed = n;
	else if (strncmp(word, "jitter=", 7) == 0)
		s->jitter_ms = n;
	else if (strncmp(word, "ender=", 6) == 0 && read_who(*value, &who))
		s->ender = (uint8_t)who;
	else
		return false;
	return true;
}

static bool
read_habit(const char *word, struct race_script *s)
{
	unsigned who;

	for (unsigned i = 0; i < N_HABITS; i++) {
		if (strcmp(word + 2, habits[i].word) != 0 || !read_who(word[0], &who) ||
		    who >= RACE_PHONES)
			continue;
		s->habits[who] |= (uint8_t)habits[i].habit;
		return true;
	}
	return false;
}

static bool
read_service(const char *word, struct race_script *s)
{
	for (unsigned i = 0; i < N_SERVICES; i++) {
		if (strcmp(word, services[i].word) != 0)
			continue;
		s->services |= services[i].service;
		return true;
	}
	return false;
}

static bool
read_word(const char *word, struct race_script *s)
{
	if (strcmp(word, "in-turn") == 0)
		return s->in_turn = true;
	if (read_service(word, s))
		return true;
	if (strchr(word, '@') != NULL)
		return read_step(word, s);
	if (strchr(word, '=') != NULL)
		return read_setting(word, s) || read_fault(word, s);
	return word[1] == ':' && read_habit(word, s);
}

bool
race_script_read(const char *text, struct race_script *s)
{
	char copy[2048], *save = NULL;

	*s = (struct race_script){ .phones = 1, .workers = 1 };
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, " \n", &save); w != NULL; w = strtok_r(NULL, " \n", &save))
		if (!read_word(w, s)) {
			fprintf(stderr, "race: what is \"%s\"?\n", w);
			return false;
		}
	return true;
}

/* --- writing ------------------------------------------------------------------------------------*/

static void put(char *to, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
put(char *to, size_t cap, const char *fmt, ...)
{
	size_t len = strlen(to);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(to + len, cap - len, fmt, ap);
	va_end(ap);
}

static void
put_settings(const struct race_script *s, char *to, size_t cap)
{
	if (s->workers != 1)
		put(to, cap, "workers=%u ", s->workers);
	for (unsigned i = 0; i < N_SERVICES; i++)
		if (s->services & services[i].service)
			put(to, cap, "%s ", services[i].word);
	if (s->phones != 1)
		put(to, cap, "phones=%u ", s->phones);
	if (s->in_turn)
		put(to, cap, "in-turn ");
	if (s->ring_s != 0)
		put(to, cap, "ring=%u ", s->ring_s);
	if (s->session_s != 0)
		put(to, cap, "session=%u ", s->session_s);
	if (s->jitter_ms != 0)
		put(to, cap, "jitter=%u ", s->jitter_ms);
	if (s->seed != 0)
		put(to, cap, "seed=%u ", s->seed);
	for (unsigned who = 0; who < RACE_PHONES; who++)
		for (unsigned i = 0; i < N_HABITS; i++)
			if (s->habits[who] & habits[i].habit)
				put(to, cap, "%c:%s ", race_names[who], habits[i].word);
}

void
race_script_write(const struct race_script *s, char *to, size_t cap)
{
	to[0] = '\0';
	put_settings(s, to, cap);
	for (unsigned i = 0; i < s->n_steps; i++) {
		const struct race_step *e = &s->steps[i];

		put(to, cap, "%c.%s", race_names[e->who], verbs[e->verb]);
		if (e->arg != 0)
			put(to, cap, ":%u", e->arg);
		put(to, cap, "@%u ", e->at_ms);
	}
	for (unsigned i = 0; i < s->n_faults; i++) {
		put(to, cap, "%s=%u", faults[s->faults[i].kind], s->faults[i].n);
		if (s->faults[i].ms != 0)
			put(to, cap, ":%u", s->faults[i].ms);
		put(to, cap, " ");
	}
	put(to, cap, "ender=%c", race_names[s->ender]);
}
