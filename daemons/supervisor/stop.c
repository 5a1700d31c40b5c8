/*
 * The way down, within two seconds. The store goes last, so that what the others hand it in their last
 * moments is still on the disk. Calls stay in run_dir for the next start.
 */
#include <signal.h>

#include "base/log.h"
#include "supervisor/supervisor.h"

enum { STORE_MS = 1000, KILL_MS = 1700 };

static void
tell(struct supervisor *s, struct service *v, int sig)
{
	bool told = s->exchange->rows[v->proc].state == PROCESS_STOPPING;

	if (v->pid == 0 || (sig == SIGTERM ? told : v->killed))
		return;
	if (sig == SIGKILL) {
		log_warn("does not stop, killed", LOG_STR("role", role_name(v->role)),
		    LOG_U64("number", v->index), LOG_I64("pid", v->pid));
		v->killed = true;
	}
	kill(v->pid, sig);
	service_row(s, v, PROCESS_STOPPING);
}

static void
tell_all(struct supervisor *s, int sig, bool store)
{
	for (unsigned i = 0; i < s->n_services; i++)
		if (s->services[i].role != ROLE_STORE || store)
			tell(s, &s->services[i], sig);
}

static unsigned
alive_but_store(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_services; i++)
		n += s->services[i].pid != 0 && s->services[i].role != ROLE_STORE;
	return n;
}

void
stop_begin(struct supervisor *s, enum phase phase)
{
	if (s->phase != PHASE_STARTING && s->phase != PHASE_RUNNING)
		return;
	log_info(phase == PHASE_STOPPING ? "stopping" : "upgrading",
	    LOG_U64("children", services_alive(s)));
	s->phase = phase;
	s->phase_ns = s->clock.mono_ns;
	__atomic_store_n(&s->exchange->stopping, 1, __ATOMIC_RELEASE);
	if (phase == PHASE_STOPPING)
		notify_stopping(s);
	else
		notify_reloading(s);
	tell_all(s, SIGTERM, false);
	bells_kick(s);
}

void
stop_step(struct supervisor *s)
{
	uint64_t ms = (s->clock.mono_ns - s->phase_ns) / NS_PER_MS;

	if (services_alive(s) == 0) {
		if (s->phase == PHASE_UPGRADING)
			upgrade_exec(s);
		else
			s->phase = PHASE_GONE;
		return;
	}
	if (ms >= KILL_MS)
		tell_all(s, SIGKILL, true);
	else if (alive_but_store(s) == 0 || ms >= STORE_MS)
		tell_all(s, SIGTERM, true);
}
