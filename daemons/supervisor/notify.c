/* What systemd and ps are told. */
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "ipc/title.h"
#include "supervisor/supervisor.h"

static uint64_t watchdog_ns, told_ns; /* 0: systemd does not watch us */

/* Children that are throttled are named: they are what an operator has to look after. */
static void
status_of(const struct supervisor *s, struct buf *b)
{
	unsigned throttled = 0;

	buf_printf(b, "%u children", services_alive(s));
	for (unsigned i = 0; i < s->n_services; i++) {
		const struct service *v = &s->services[i];

		if (s->exchange->rows[v->proc].state != PROCESS_THROTTLED)
			continue;
		buf_printf(b, "%s%s %u", throttled++ == 0 ? ", throttled: " : ", ",
		    role_name(v->role), v->index);
	}
}

void
notify_ready(struct supervisor *s)
{
	uint64_t usec = 0;

	if (s->phase != PHASE_RUNNING)
		return;
	sd_notify(0, "READY=1");
	if (sd_watchdog_enabled(0, &usec) > 0)
		watchdog_ns = usec * 1000 / 2;
}

void
notify_reloading(struct supervisor *s)
{
	sd_notifyf(
	    0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(s->clock.mono_ns / 1000));
}

void
notify_stopping(struct supervisor *s)
{
	(void)s;
	sd_notify(0, "STOPPING=1");
}

void
notify_turn(struct supervisor *s)
{
	static char said[512];
	char text[512];
	struct buf b = buf_on(text, sizeof(text) - 1);

	if (watchdog_ns != 0 && s->clock.mono_ns - told_ns >= watchdog_ns) {
		told_ns = s->clock.mono_ns;
		sd_notify(0, "WATCHDOG=1");
	}
	status_of(s, &b);
	text[b.len] = '\0';
	if (strcmp(text, said) == 0)
		return;
	strcpy(said, text);
	title_set("tandem: supervisor, %s", text);
	sd_notifyf(0, "STATUS=%s", text);
}
