/*
 * What systemd and ps are told. Whoever listens may be slow or stuck, and that must not hold up the
 * supervisor: its queue is never waited for. What did not fit is told later; of the phases of our life
 * the last one. (sd_notify waits.)
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "ipc/title.h"
#include "supervisor/supervisor.h"

enum { AGAIN_MS = 100 };

static uint64_t watchdog_ns, told_ns; /* 0: systemd does not watch us */
static char phase[128];		      /* not told yet */
static uint64_t tried_ns;

/* True also when nobody listens. */
static bool
tell(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path == NULL ? 0 : strlen(path);
	ssize_t sent;
	int fd;

	if (len == 0 || len >= sizeof(to.sun_path))
		return true;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@') /* the kernel's abstract names */
		to.sun_path[0] = '\0';
	sent = sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
	return sent >= 0 || errno != EAGAIN;
}

static void
tell_phase(struct supervisor *s)
{
	tried_ns = s->clock.mono_ns;
	if (tell(phase))
		phase[0] = '\0';
}

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
	strcpy(phase, "READY=1");
	tell_phase(s);
	if (sd_watchdog_enabled(0, &usec) > 0)
		watchdog_ns = usec * 1000 / 2;
}

void
notify_reloading(struct supervisor *s)
{
	snprintf(phase, sizeof(phase), "RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)(s->clock.mono_ns / 1000));
	tell_phase(s);
}

void
notify_stopping(struct supervisor *s)
{
	strcpy(phase, "STOPPING=1");
	tell_phase(s);
}

void
notify_turn(struct supervisor *s)
{
	static char said[512], titled[512];
	uint64_t now = s->clock.mono_ns;
	char text[512];
	struct buf b = buf_on(text, sizeof(text) - 1);

	if (phase[0] != '\0' && now - tried_ns >= AGAIN_MS * NS_PER_MS)
		tell_phase(s);
	if (watchdog_ns != 0 && now - told_ns >= watchdog_ns) {
		told_ns = now;
		tell("WATCHDOG=1");
	}
	buf_lit(&b, "STATUS=");
	status_of(s, &b);
	text[b.len] = '\0';
	if (strcmp(text, titled) != 0) {
		strcpy(titled, text);
		title_set("tandem: supervisor, %s", text + strlen("STATUS="));
	}
	if (strcmp(text, said) != 0 && tell(text))
		strcpy(said, text);
}
