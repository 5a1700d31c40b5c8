/*
 * SIGUSR2: a new program in the same process. The children have stopped, their state waits in
 * run_dir, packets wait in the sockets: those and the lock go over by their numbers, in
 *
 *     TANDEM_KEPT=lock=4 admin=9 udp.0.0=7 stream.1.0=8
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/span.h"
#include "supervisor/supervisor.h"

enum { KEPT_MAX = 16384 };

static char program[PATH_MAX];
static char kept[KEPT_MAX]; /* what the program before left us */

/* Finds the number behind a name, and takes it out of the list. */
int
upgrade_kept(const char *name)
{
	size_t len = strlen(name);
	int fd;

	for (char *p = kept; *p != '\0'; p += strcspn(p, " "), p += *p == ' ') {
		if (strncmp(p, name, len) != 0 || p[len] != '=')
			continue;
		fd = atoi(p + len + 1);
		memset(p, '-', len);
		return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
	}
	return -1;
}

/* Where the program stands, before a new one is put there. */
void
upgrade_begin(char **argv)
{
	const char *env = getenv("TANDEM_KEPT");
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (n <= 0)
		snprintf(program, sizeof(program), "%s", argv[0]);
	if (env != NULL && !span_cstr(span_str(env), kept, sizeof(kept)))
		kept[0] = '\0';
	if (env == NULL)
		close_range(STDERR_FILENO + 1, ~0u, 0);
	unsetenv("TANDEM_KEPT");
}

static void
keep(struct buf *b, int fd, const char *name, unsigned i, unsigned f)
{
	if (fd < 0 || fcntl(fd, F_SETFD, 0) != 0)
		return;
	if (strchr(name, '.') == NULL)
		buf_printf(b, "%s=%d ", name, fd);
	else
		buf_printf(b, "%s%u.%u=%d ", name, i, f, fd);
}

static void
keep_all(const struct supervisor *s, struct buf *b)
{
	keep(b, s->lock_fd, "lock", 0, 0);
	keep(b, s->admin_fd, "admin", 0, 0);
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		for (unsigned f = 0; f < FRONTS_MAX; f++) {
			keep(b, s->udp[i][f], "udp.", i, f);
			keep(b, s->stream[i][f], "stream.", i, f);
		}
}

/* Should the new program not be there, the old one goes on. */
static void
resume(struct supervisor *s)
{
	for (unsigned i = 0; i < s->n_services; i++)
		s->services[i].start_at_ns = 0;
	s->exchange->stopping = 0;
	s->phase = PHASE_STARTING;
	s->phase_ns = s->clock.mono_ns;
}

void
upgrade_exec(struct supervisor *s)
{
	char text[KEPT_MAX], path[PATH_MAX];
	struct buf b = buf_on(text, sizeof(text) - 1);
	char *const argv[] = { program, "-c", path, NULL };

	if (!layout_allows(s, program)) {
		resume(s);
		return;
	}
	keep_all(s, &b);
	text[b.len] = '\0';
	snprintf(path, sizeof(path), "%s", s->config_path);
	if (buf_ok(&b) && setenv("TANDEM_KEPT", text, 1) == 0) {
		log_info("the new program takes over", LOG_STR("program", program));
		execv(program, argv);
	}
	log_error("upgrade failed, the old program goes on", LOG_STR("program", program),
	    LOG_I64("errno", errno));
	unsetenv("TANDEM_KEPT");
	resume(s);
}
