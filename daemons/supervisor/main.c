/*
 * tandemd: the supervisor. It reads the configuration, makes the shared memory, binds the sockets, then
 * starts, watches and restarts the daemons that do the work. It reads nothing from the network. See
 * tandemd(8).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "ipc/bell.h"
#include "ipc/title.h"
#include "supervisor/supervisor.h"

static struct supervisor supervisor;

static _Noreturn void
usage(const char *what)
{
	fprintf(stderr, "tandemd: %s; usage: tandemd -c FILE [-t]\n", what);
	exit(2);
}

static _Noreturn void
say(const char *what)
{
	puts(what);
	exit(0);
}

/* To the program that this one may replace. */
static _Noreturn void
say_layout(void)
{
	printf("%016llx\n", (unsigned long long)layout_number());
	exit(0);
}

static const char *
arguments(int argc, char **argv, bool *test_r)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ "layout", no_argument, NULL, 'L' }, { 0 } };
	const char *path = NULL;
	int option;

	*test_r = false;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:thV", longs, NULL)) != -1) {
		if (option == 'c')
			path = optarg;
		else if (option == 't')
			*test_r = true;
		else if (option == 'h')
			say("usage: tandemd -c FILE [-t]\n\n"
			    "  -c FILE   the configuration, tandem.conf(5)\n"
			    "  -t        check it, and exit\n\n"
			    "It stays in the foreground; tandemctl(8) asks and orders it. "
			    "tandemd(8)");
		else if (option == 'V')
			say("tandemd " TANDEM_VERSION);
		else if (option == 'L')
			say_layout();
		else
			usage(option == ':' ? "-c needs a file" : "no such option");
	}
	if (optind != argc)
		usage("it takes no words without an option");
	if (path == NULL)
		usage("no configuration was named");
	path = strdup(path); /* argv will be the title */
	if (path == NULL)
		fatal(errno, "no memory");
	return path;
}

/* All that can be wrong with the file, in one line; false when it is not good. */
static bool
configure(struct supervisor *s)
{
	char what[512], why[PATH_MAX + 600];
	enum err e = settings_read(s->config_path, &s->file, why, sizeof(why));

	if (e == ERR_NONE) {
		e = certificates_check(&s->file, what, sizeof(what));
		if (e == ERR_NONE)
			e = settings_user(&s->file.settings, &s->uid, &s->gid, what, sizeof(what));
		if (e != ERR_NONE)
			settings_fault(s->config_path, what, why, sizeof(why));
	}
	if (e != ERR_NONE)
		fprintf(stderr, "%s\n", why);
	return e == ERR_NONE;
}

/* Descriptors 0 to 2 are there, and nothing of ours ever stands where a child expects its manifest. */
static void
descriptors_begin(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < STDERR_FILENO + 1 && fcntl(fd, F_SETFD, 0) == 0);
	if (fd < 0)
		fatal(errno, "/dev/null");
	if (fd != MANIFEST_FD && fcntl(MANIFEST_FD, F_GETFD) < 0)
		fatal(errno, "descriptor %d", MANIFEST_FD);
}

static const char *
libexec(void)
{
	const char *dir = getenv("TANDEM_LIBEXECDIR");

	return dir != NULL && dir[0] != '\0' ? dir : TANDEM_LIBEXECDIR;
}

static void
on_bell(void *ctx, uint32_t events)
{
	const struct supervisor *s = ctx;

	(void)events;
	bell_heard(s->bell_fds[0]); /* the turn looks at the ring, whoever woke it */
}

static void
loop_open(struct supervisor *s)
{
	static struct loop_watch bell;

	s->loop = loop_new();
	signals_open(s);
	bell = (struct loop_watch){ .fd = s->bell_fds[0], .ready = on_bell, .ctx = s };
	if (loop_add(s->loop, &bell, EPOLLIN) != ERR_NONE)
		fatal(errno, "bell");
}

/* Everything that can fail, before anybody is started. */
static void
prepare(struct supervisor *s)
{
	s->libexec = libexec();
	services_list(s);
	spawn_check(s);
	run_dir_open(s);
	run_dir_lock(s);
	spool_dir_open(s);
	sockets_open(s);
	admin_open(s);
	certificates_open(s);
	exchange_open(s);
	regions_open(s);
	settings_publish(s);
	loop_open(s);
}

static void
run(struct supervisor *s)
{
	uint32_t *bell = bell_of(s->bells, 0);

	while (s->phase != PHASE_GONE) {
		clock_read(&s->clock);
		operate_take(s);
		watch(s);
		notify_turn(s);
		bell_arm(bell);
		loop_turn(s->loop, ring_waiting(&s->operate) ? 0 : watch_next(s));
		bell_disarm(bell);
	}
}

int
main(int argc, char **argv)
{
	struct supervisor *s = &supervisor;
	bool test;

	upgrade_begin(argv);
	descriptors_begin();
	log_init("supervisor", LOG_LEVEL_INFO);
	clock_read(&s->clock);
	s->config_path = arguments(argc, argv, &test);
	if (!configure(s))
		return 1;
	if (test) {
		printf("%s: ok\n", s->config_path);
		return 0;
	}
	title_init(argc, argv);
	log_level_set((enum log_level)s->file.settings.log_level);
	prepare(s);
	s->looked_ns = s->clock.mono_ns;
	run(s);
	admin_close(s);
	log_info("stopped");
	return 0;
}
