/*
 * A child died. It is started again at once; one that dies more than three times in ten seconds is
 * throttled: 1, 2, 4 .. 30 seconds between its starts, until it has lived for ten.
 */
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "supervisor/supervisor.h"

enum { WINDOW_S = 10, BACKOFF_MAX_S = 30 };

static void
say(const struct service *v, int status)
{
	const char *how = WIFSIGNALED(status) ? "signal" : "status";
	uint64_t what = (uint64_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));

	log_warn("died", LOG_STR("role", role_name(v->role)), LOG_U64("number", v->index),
	    LOG_I64("pid", v->pid), LOG_U64(how, what));
}

static bool
too_often(struct service *v, uint64_t now)
{
	uint64_t oldest;

	v->deaths[v->n_deaths++ % DEATHS] = now;
	oldest = v->deaths[v->n_deaths % DEATHS];
	return v->n_deaths >= DEATHS && now - oldest < SECONDS(WINDOW_S);
}

/* When it may start again. */
static void
throttle(struct supervisor *s, struct service *v)
{
	uint64_t now = s->clock.mono_ns;
	bool often = too_often(v, now);

	if (now - v->started_ns >= SECONDS(WINDOW_S))
		v->backoff_s = 0;
	else if (v->backoff_s > 0)
		v->backoff_s = v->backoff_s * 2 < BACKOFF_MAX_S ? v->backoff_s * 2 : BACKOFF_MAX_S;
	else if (often)
		v->backoff_s = 1;
	v->start_at_ns = v->backoff_s == 0 ? 0 : now + SECONDS(v->backoff_s);
	if (v->backoff_s == 0)
		return;
	service_row(s, v, PROCESS_THROTTLED);
	log_error("throttled: it dies as soon as it is started",
	    LOG_STR("role", role_name(v->role)), LOG_U64("number", v->index),
	    LOG_U64("wait_s", v->backoff_s));
}

static void
bury(struct supervisor *s, struct service *v, int status)
{
	bool stopping = s->phase == PHASE_STOPPING || s->phase == PHASE_UPGRADING;

	if (!stopping)
		say(v, status);
	v->pid = 0;
	v->ready = false;
	/* What a front that still reads hands it meanwhile waits in its ring for the next start. */
	service_row(s, v, stopping ? PROCESS_STOPPING : PROCESS_DIED);
	if (stopping)
		return;
	s->exchange->rows[v->proc].restarts++;
	throttle(s, v);
	bells_kick(s); /* it may have died between its ring and the wake */
}

void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct service *v = service_of_pid(s, pid);

		if (v != NULL)
			bury(s, v, status);
	}
}
