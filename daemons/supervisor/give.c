/*
 * What one child is given: the descriptors that topology.def lets it have, opened for reading or
 * writing as it says, and nothing else. The list is read by ipc/child.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/supervisor.h"

static void __attribute__((format(printf, 4, 5)))
put(struct given *g, int fd, bool writable, const char *fmt, ...)
{
	struct manifest_entry *e = &g->manifest.entries[g->manifest.n];
	va_list args;

	must(g->manifest.n < MANIFEST_MAX);
	va_start(args, fmt);
	vsnprintf(e->name, sizeof(e->name), fmt, args);
	va_end(args);
	e->fd = fd;
	e->flags = writable ? 1 : 0;
	g->manifest.n++;
}

/* A file of run_dir, opened for this child alone. */
static int
reopened(struct supervisor *s, struct given *g, const char *file, bool writable)
{
	int fd;

	if (shm_reopen(s->run_fd, file, writable, &fd) != ERR_NONE)
		fatal(errno, "%s/%s", s->file.run_dir, file);
	g->temporary[g->n_temporary++] = fd;
	return fd;
}

static void
put_file(struct supervisor *s, struct given *g, const char *file, bool writable)
{
	put(g, reopened(s, g, file, writable), writable, "%s", file);
}

static void
put_regions(struct supervisor *s, const struct service *v, struct given *g)
{
	char file[32];

	put_file(s, g, "exchange", false);
	put_file(s, g, "bells", true);
	if (role_holds(v->role, HOLD_NONCES))
		put_file(s, g, "nonces", true);
	snprintf(file, sizeof(file), "proc.%u", v->proc);
	put(g, reopened(s, g, file, true), true, "self");
	for (unsigned i = 0; i < s->n_services; i++) {
		const struct service *o = &s->services[i];

		if (o == v || !role_reads(v->role, o->role))
			continue;
		snprintf(file, sizeof(file), "proc.%u", o->proc);
		put_file(s, g, file, false);
	}
}

/* Head and data are the producer's, the tail is the consumer's. */
static void
put_ring(struct supervisor *s, struct given *g, unsigned from, unsigned to, bool producer)
{
	char file[32];

	if (from == to || link_kib(proc_role(from), proc_role(to)) == 0)
		return;
	snprintf(file, sizeof(file), "ring.%u.%u.data", from, to);
	put_file(s, g, file, producer);
	snprintf(file, sizeof(file), "ring.%u.%u.tail", from, to);
	put_file(s, g, file, !producer);
}

/* The rings to and from one other process, and its bell if it can be rung for. */
static void
put_links(struct supervisor *s, const struct service *v, struct given *g, unsigned other)
{
	put_ring(s, g, v->proc, other, true);
	put_ring(s, g, other, v->proc, false);
	if (s->bell_fds[other] >= 0 &&
	    (other == v->proc || link_kib(v->role, proc_role(other)) != 0))
		put(g, s->bell_fds[other], true, "bell.%u", other);
}

/* A worker and the registrar only send over UDP: any socket of the listener does. */
static void
put_sockets(struct supervisor *s, const struct service *v, struct given *g)
{
	const struct settings *c = &s->file.settings;
	unsigned front = v->index % c->processes.fronts;

	for (unsigned i = 0; i < c->n_listeners; i++) {
		if (role_holds(v->role, HOLD_UDP) && s->udp[i][front] >= 0)
			put(g, s->udp[i][front], true, "udp.%u", i);
		if (role_holds(v->role, HOLD_STREAM) && s->stream[i][front] >= 0)
			put(g, s->stream[i][front], true, "stream.%u", i);
	}
}

/* Read-only: through /proc, because a memfd has no name. */
static void
put_memfd(struct given *g, int memfd, unsigned i, const char *what)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fatal(errno, "%s", path);
	g->temporary[g->n_temporary++] = fd;
	put(g, fd, false, "tls.%u.%s", i, what);
}

static void
put_tls(struct supervisor *s, struct given *g)
{
	for (unsigned i = 0; i < s->file.settings.n_listeners; i++) {
		if (s->tls[i].certificate < 0)
			continue;
		put_memfd(g, s->tls[i].certificate, i, "certificate");
		put_memfd(g, s->tls[i].key, i, "key");
	}
}

static void
put_database(const struct supervisor *s, struct manifest *m)
{
	_Static_assert(sizeof(m->text) >= sizeof(s->file.database), "the text must fit");
	m->text_len = (uint32_t)strlen(s->file.database);
	memcpy(m->text, s->file.database, m->text_len);
}

void
give(struct supervisor *s, const struct service *v, struct given *g_r)
{
	struct manifest *m = &g_r->manifest;

	memset(g_r, 0, sizeof(*g_r));
	m->magic = MANIFEST_MAGIC;
	m->role = v->role;
	m->index = v->index;
	m->generation = s->exchange->rows[v->proc].generation;
	m->uid = s->uid;
	m->gid = s->gid;
	m->parent = (uint32_t)getpid();
	put_regions(s, v, g_r);
	put_links(s, v, g_r, proc_of(ROLE_SUPERVISOR, 0));
	for (unsigned i = 0; i < s->n_services; i++)
		put_links(s, v, g_r, s->services[i].proc);
	put_sockets(s, v, g_r);
	if (role_holds(v->role, HOLD_TLS))
		put_tls(s, g_r);
	if (role_holds(v->role, HOLD_SPOOL))
		put(g_r, s->spool_fd, true, "spool");
	if (role_holds(v->role, HOLD_ADMIN))
		put(g_r, s->admin_fd, true, "admin");
	if (role_holds(v->role, HOLD_DATABASE))
		put_database(s, m);
}

void
give_done(struct given *g)
{
	while (g->n_temporary > 0)
		close(g->temporary[--g->n_temporary]);
}
