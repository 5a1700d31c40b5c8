/* Looks after the children: starts whose turn has come, who got ready, whose heart stands still. */
#include <signal.h>

#include "base/log.h"
#include "supervisor/supervisor.h"

/* Killed after BEAT_MS without a beat, seen within LOOK_MS, it is replaced within three seconds. */
enum { BEAT_MS = 2500, START_MS = 60000, POLL_MS = 5, LOOK_MS = 250 };

static bool
is_stopping(const struct supervisor *s)
{
	return s->phase != PHASE_STARTING && s->phase != PHASE_RUNNING;
}

static bool
is_throttled(const struct supervisor *s, const struct service *v)
{
	return s->exchange->rows[v->proc].state == PROCESS_THROTTLED;
}

/* The fronts wait for all who work behind them: what they would read from the sockets could not be
 * answered. But a fault of control, or of one worker among several, must not keep all calls away. */
static bool
fronts_may(const struct supervisor *s)
{
	bool worker = false;

	for (unsigned i = 0; i < s->n_services; i++) {
		const struct service *v = &s->services[i];
		bool needed = v->role == ROLE_STORE || v->role == ROLE_REGISTRAR;

		if (v->role == ROLE_FRONT)
			continue;
		if (!v->ready && (needed || !is_throttled(s, v)))
			return false;
		worker = worker || (v->role == ROLE_WORKER && v->ready);
	}
	return worker;
}

static bool
has_come(const struct supervisor *s, const struct service *v)
{
	if (v->pid != 0 || v->start_at_ns > s->clock.mono_ns)
		return false;
	return v->role != ROLE_FRONT || s->phase != PHASE_STARTING || fronts_may(s);
}

static void
see_ready(struct supervisor *s, struct service *v)
{
	const struct process *p = service_seen(s, v);

	if (v->ready || p == NULL || __atomic_load_n(&p->ready, __ATOMIC_ACQUIRE) == 0)
		return;
	v->ready = true;
	service_row(s, v, PROCESS_RUNNING);
}

static void
see_started(struct supervisor *s)
{
	for (unsigned i = 0; i < s->n_services; i++)
		if (s->services[i].role == ROLE_FRONT && !s->services[i].ready)
			return;
	s->phase = PHASE_RUNNING;
	s->phase_ns = s->clock.mono_ns;
	log_info("the exchange runs", LOG_U64("children", services_alive(s)),
	    LOG_U64("boot", s->exchange->boot));
	notify_ready(s);
}

/* A child that got ready beats once a second. One that is being started may be busy for longer. */
static bool
is_stuck(const struct supervisor *s, const struct service *v)
{
	const struct process *p = service_seen(s, v);
	uint64_t beat = p == NULL ? 0 : __atomic_load_n(&p->beat_ns, __ATOMIC_RELAXED);
	uint64_t last = beat > v->started_ns ? beat : v->started_ns;

	return s->clock.mono_ns > last + (v->ready ? BEAT_MS : START_MS) * NS_PER_MS;
}

static void
see_hearts(struct supervisor *s)
{
	uint64_t since = s->clock.mono_ns - s->looked_ns;

	if (since < LOOK_MS * NS_PER_MS)
		return;
	s->looked_ns = s->clock.mono_ns;
	/* We slept too long ourselves (the machine was stopped): they had no chance either. */
	if (since > NS_PER_S)
		return;
	for (unsigned i = 0; i < s->n_services; i++) {
		struct service *v = &s->services[i];

		if (v->pid == 0 || v->killed || !is_stuck(s, v))
			continue;
		log_error("no heartbeat, killed", LOG_STR("role", role_name(v->role)),
		    LOG_U64("number", v->index), LOG_I64("pid", v->pid));
		kill(v->pid, SIGKILL);
		v->killed = true;
	}
}

void
watch(struct supervisor *s)
{
	if (is_stopping(s)) {
		stop_step(s);
		return;
	}
	for (unsigned i = 0; i < s->n_services; i++) {
		struct service *v = &s->services[i];

		see_ready(s, v);
		if (has_come(s, v))
			spawn(s, v);
	}
	if (s->phase == PHASE_STARTING)
		see_started(s);
	see_hearts(s);
	layout_watch(s);
}

/* Readiness is polled: a child has no other way to us than its region. */
uint64_t
watch_next(const struct supervisor *s)
{
	if (is_stopping(s))
		return POLL_MS * NS_PER_MS;
	for (unsigned i = 0; i < s->n_services; i++)
		if (s->services[i].pid != 0 && !s->services[i].ready)
			return POLL_MS * NS_PER_MS;
	return LOOK_MS * NS_PER_MS;
}
