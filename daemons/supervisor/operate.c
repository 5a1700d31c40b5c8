/* What is asked of the supervisor: signals, and requests of control through its ring. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/supervisor.h"

static void
asked(struct supervisor *s, int sig)
{
	char why[512];

	switch (sig) {
	case SIGTERM:
	case SIGINT:
		stop_begin(s, PHASE_STOPPING);
		break;
	case SIGHUP:
		(void)reload(s, why, sizeof(why));
		break;
	case SIGUSR2:
		stop_begin(s, PHASE_UPGRADING);
		break;
	case SIGCHLD:
		reap(s);
		break;
	}
}

static void
on_signal(void *ctx, uint32_t events)
{
	struct supervisor *s = ctx;
	struct signalfd_siginfo info;

	(void)events;
	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		clock_read(&s->clock);
		asked(s, (int)info.ssi_signo);
	}
}

void
signals_open(struct supervisor *s)
{
	static struct loop_watch w;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		fatal(errno, "sigprocmask");
	s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signal_fd < 0)
		fatal(errno, "signalfd");
	w = (struct loop_watch){ .fd = s->signal_fd, .ready = on_signal, .ctx = s };
	if (loop_add(s->loop, &w, EPOLLIN) != ERR_NONE)
		fatal(errno, "signalfd");
}

/* Control waits for the serial to rise, then reads the rest. */
static void
answer(struct supervisor *s, bool ok, const char *text)
{
	struct exchange *x = s->exchange;

	snprintf(x->operate_text, sizeof(x->operate_text), "%s", text);
	x->operate_ok = ok;
	__atomic_store_n(&x->operate_serial, x->operate_serial + 1, __ATOMIC_RELEASE);
	bells_kick(s);
}

static void
operate(struct supervisor *s, const struct wire_operate *o)
{
	char why[512] = "";

	switch (o->what) {
	case OPERATE_STOP:
		answer(s, true, "");
		stop_begin(s, PHASE_STOPPING);
		return;
	case OPERATE_RELOAD:
		answer(s, reload(s, why, sizeof(why)) == ERR_NONE, why);
		return;
	case OPERATE_UPGRADE:
		answer(s, true, "");
		stop_begin(s, PHASE_UPGRADING);
		return;
	}
	answer(s, false, "unknown request");
}

void
operate_take(struct supervisor *s)
{
	const struct ring_record *rec;

	while ((rec = ring_peek(&s->operate)) != NULL) {
		struct wire_operate o = { 0 };

		if (ring_type(&s->operate) == WIRE_OPERATE && ring_len(&s->operate) >= sizeof(o))
			memcpy(&o, rec->payload, sizeof(o));
		/* Given back first: a request that kills us is not done twice. */
		ring_next(&s->operate);
		operate(s, &o);
	}
	if (ring_broken(&s->operate) != ERR_NONE)
		log_warn("the ring from control was broken and is emptied");
}
