/*
 * The child's side of the contract with the supervisor: the start (child_start reads as the list of
 * what is done, in order), the turn, and the way to sleep and to wake others.
 */
#include "ipc/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fold.h"
#include "base/log.h"
#include "ipc/bell.h"
#include "ipc/manifest.h"
#include "ipc/nonces.h"
#include "ipc/shm.h"
#include "ipc/title.h"

enum { LISTENERS = 16 };

struct child_given {
	struct manifest manifest;
	struct region regions[PROC_MAX];
	struct region exchange, bells, nonces;
	char who[24];	 /* "worker 2" */
	unsigned looked; /* place in ins of the ring looked at last */
};

/* The signal's words: set by the handler, read by the loop. */
static volatile sig_atomic_t stopping;
static uint32_t *own_bell;
static int own_bell_fd = -1;

static void
on_term(int sig)
{
	(void)sig;
	stopping = 1;
	bell_kick(own_bell, own_bell_fd);
}

/* --- what was given --------------------------------------------------------------------------- */

static void
read_manifest(struct child *c, enum role role)
{
	struct manifest *m;
	enum err e;

	c->given = calloc(1, sizeof(*c->given));
	if (c->given == NULL)
		fatal(errno, "no memory for the manifest");
	m = &c->given->manifest;
	e = manifest_read(MANIFEST_FD, m);
	if (e != ERR_NONE)
		fatal(0, "no manifest (%s): a daemon is started by tandemd", err_name(e));
	if (m->role != role || m->index >= role_most(role))
		fatal(0, "the manifest is for role %u, index %u", m->role, m->index);
	close(MANIFEST_FD);
	c->role = role;
	c->index = m->index;
	c->proc = proc_of(role, m->index);
	/* What is kept must not leak into a child of ours; what is mapped is closed below. */
	for (uint32_t i = 0; i < m->n; i++)
		if (fcntl(m->entries[i].fd, F_SETFD, FD_CLOEXEC) != 0)
			fatal(errno, "descriptor %s", m->entries[i].name);
}

/* Descriptor of a name made of a prefix and a number; -1 when it was not given. */
static int
given(const struct child *c, const char *prefix, unsigned n)
{
	char name[MANIFEST_NAME];

	snprintf(name, sizeof(name), "%s.%u", prefix, n);
	return manifest_find(&c->given->manifest, name, NULL);
}

/* Maps and closes. */
static enum err
map_region(int fd, bool writable, struct region *r)
{
	enum err e;

	if (fd < 0)
		return ERR_ABSENT;
	e = shm_map(fd, writable, 0, r);
	close(fd);
	return e;
}

static void
must_map(const struct child *c, const char *name, bool writable, struct region *r)
{
	enum err e = map_region(manifest_find(&c->given->manifest, name, NULL), writable, r);

	if (e != ERR_NONE)
		fatal(e == ERR_IO ? errno : 0, "region %s: %s", name, err_name(e));
}

/* Another's region that is not as it should be is its owner's trouble: here it is just not there. */
static void
map_other(struct child *c, unsigned proc)
{
	enum err e = map_region(given(c, "proc", proc), false, &c->given->regions[proc]);

	if (e != ERR_NONE && e != ERR_ABSENT)
		log_warn("region not mapped", LOG_U64("proc", proc), LOG_STR("error", err_name(e)));
}

static void
map_regions(struct child *c)
{
	struct child_given *g = c->given;
	struct region *self = &g->regions[c->proc];

	must_map(c, "exchange", false, &g->exchange);
	must_map(c, "self", true, self);
	must_map(c, "bells", true, &g->bells);
	if (g->exchange.size < sizeof(struct exchange) || g->bells.size < bells_bytes() ||
	    self->size < PROCESS_HEAD)
		fatal(0, "a region of the manifest is too small");
	c->exchange = g->exchange.mem;
	c->self = self->mem;
	c->self_size = self->size;
	c->bells = bells_of(g->bells.mem);
	if (c->self->head.owner != c->proc)
		fatal(0, "region self is of process %u, not of %u", c->self->head.owner, c->proc);
	if (role_holds(c->role, HOLD_NONCES)) {
		must_map(c, "nonces", true, &g->nonces);
		c->nonces = g->nonces.mem;
	}
	for (unsigned p = 0; p < PROC_MAX; p++)
		if (p != c->proc && proc_role(p) != N_ROLES && role_reads(c->role, proc_role(p)))
			map_other(c, p);
}

/* One end of the ring from one process to another, if the topology has it and it was given. */
static bool
open_ring(struct child *c, unsigned from, unsigned to, struct ring *r)
{
	const struct manifest *m = &c->given->manifest;
	char data[MANIFEST_NAME], tail[MANIFEST_NAME];
	int data_fd, tail_fd;
	enum err e;

	if (from == to || link_kib(proc_role(from), proc_role(to)) == 0)
		return false;
	snprintf(data, sizeof(data), "ring.%u.%u.data", from, to);
	snprintf(tail, sizeof(tail), "ring.%u.%u.tail", from, to);
	data_fd = manifest_find(m, data, NULL);
	tail_fd = manifest_find(m, tail, NULL);
	if (data_fd < 0 || tail_fd < 0)
		return false;
	e = ring_open(r, data_fd, tail_fd, from == c->proc);
	if (e != ERR_NONE)
		fatal(e == ERR_IO ? errno : 0, "ring %u to %u: %s", from, to, err_name(e));
	/* The manifest is who says; the files' own words may be written by the other side. */
	r->from = (uint8_t)from;
	r->to = (uint8_t)to;
	close(data_fd);
	close(tail_fd);
	return true;
}

static void
open_rings(struct child *c)
{
	for (unsigned p = 0; p < PROC_MAX; p++) {
		if (proc_role(p) == N_ROLES)
			continue;
		if (open_ring(c, p, c->proc, &c->in[p]))
			c->ins[c->n_ins++] = (uint8_t)p;
		if (open_ring(c, c->proc, p, &c->out[p]))
			c->outs[c->n_outs++] = (uint8_t)p;
	}
}

static void
take_descriptors(struct child *c)
{
	const struct manifest *m = &c->given->manifest;

	for (unsigned p = 0; p < PROC_MAX; p++) {
		c->bell_fds[p] = given(c, "bell", p);
		if (c->bell_fds[p] >= 0 && fcntl(c->bell_fds[p], F_SETFL, O_NONBLOCK) != 0)
			fatal(errno, "bell %u", p);
	}
	if (role_bell(c->role) == BELL_EVENTFD && c->bell_fds[c->proc] < 0)
		fatal(0, "the manifest lacks bell.%u", c->proc);
	for (unsigned l = 0; l < LISTENERS; l++) {
		c->udp[l] = role_holds(c->role, HOLD_UDP) ? given(c, "udp", l) : -1;
		c->stream[l] = role_holds(c->role, HOLD_STREAM) ? given(c, "stream", l) : -1;
	}
	c->admin = role_holds(c->role, HOLD_ADMIN) ? manifest_find(m, "admin", NULL) : -1;
	c->spool = role_holds(c->role, HOLD_SPOOL) ? manifest_find(m, "spool", NULL) : -1;
	if (role_holds(c->role, HOLD_DATABASE) && m->text_len > 0)
		c->database = m->text;
}

/* --- the start -------------------------------------------------------------------------------- */

static void
drop_privileges(const struct manifest *m)
{
	if (geteuid() != 0 || m->uid == 0)
		return;
	if (setgroups(0, NULL) != 0 || setresgid(m->gid, m->gid, m->gid) != 0 ||
	    setresuid(m->uid, m->uid, m->uid) != 0)
		fatal(errno, "cannot become user %u, group %u", m->uid, m->gid);
	if (setresuid(0, 0, 0) == 0)
		fatal(0, "privileges are still there after they were dropped");
}

/* After the change of user, which takes PDEATHSIG back. */
static void
bind_to_supervisor(const struct manifest *m)
{
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
		fatal(errno, "prctl");
	/* It may have died before the kernel was told that we want to know. */
	if ((uint32_t)getppid() != m->parent)
		fatal(0, "the supervisor is gone");
}

static void
take_signals(const struct child *c)
{
	struct sigaction term = { .sa_handler = on_term };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	own_bell = bell_of(c->bells, c->proc);
	own_bell_fd = role_bell(c->role) == BELL_EVENTFD ? c->bell_fds[c->proc] : -1;
	sigemptyset(&term.sa_mask);
	sigemptyset(&ignore.sa_mask);
	if (sigaction(SIGTERM, &term, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0 ||
	    sigaction(SIGHUP, &ignore, NULL) != 0 || sigaction(SIGINT, &ignore, NULL) != 0)
		fatal(errno, "sigaction");
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void
write_head(struct child *c)
{
	struct process *p = c->self;

	clock_read(&c->clock);
	__atomic_store_n(&p->ready, 0, __ATOMIC_RELEASE);
	p->pid = (uint32_t)getpid();
	p->role = c->role;
	p->index = c->index;
	p->generation = c->given->manifest.generation;
	p->started_ns = c->clock.mono_ns;
	__atomic_store_n(&p->settings_seen,
	    __atomic_load_n(&c->exchange->settings_version, __ATOMIC_ACQUIRE), __ATOMIC_RELAXED);
	__atomic_store_n(&p->beat_ns, c->clock.mono_ns, __ATOMIC_RELEASE);
}

void
child_start(struct child *c, enum role role, int argc, char **argv)
{
	struct child_given *g;

	*c = (struct child){ .admin = -1, .spool = -1 };
	title_init(argc, argv);
	log_init(role_name(role), LOG_LEVEL_INFO);
	read_manifest(c, role);
	g = c->given;
	if (role_most(role) > 1)
		snprintf(g->who, sizeof(g->who), "%s %u", role_name(role), c->index);
	else
		snprintf(g->who, sizeof(g->who), "%s", role_name(role));
	log_init(g->who, LOG_LEVEL_INFO);
	map_regions(c);
	open_rings(c);
	take_descriptors(c);
	drop_privileges(&g->manifest);
	take_signals(c);
	bind_to_supervisor(&g->manifest);
	prctl(PR_SET_NAME, g->who);
	title_set("tandem: %s", g->who);
	write_head(c);
}

const void *
child_region(struct child *c, unsigned proc, size_t *size_r)
{
	if (proc >= PROC_MAX || c->given == NULL || c->given->regions[proc].mem == NULL)
		return NULL;
	*size_r = c->given->regions[proc].size;
	return c->given->regions[proc].mem;
}

const void *
child_settings(const struct child *c)
{
	const struct exchange *x = c->exchange;
	uint32_t at = x->settings_at[c->self->settings_seen % 2];

	if (x->settings_size == 0 || (uint64_t)at + x->settings_size > c->given->exchange.size)
		fatal(0, "the exchange has no settings");
	return (const char *)x + at;
}

int
child_file(const struct child *c, const char *name)
{
	int fd = manifest_find(&c->given->manifest, name, NULL);

	/* Names with other meanings were mapped and closed. */
	if (fd < 0 || !role_holds(c->role, HOLD_TLS) || strncmp(name, "tls.", 4) != 0)
		return -1;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* --- the turn --------------------------------------------------------------------------------- */

void
child_ready(struct child *c)
{
	__atomic_store_n(&c->self->ready, 1, __ATOMIC_RELEASE);
}

bool
child_turn(struct child *c)
{
	uint32_t version = __atomic_load_n(&c->exchange->settings_version, __ATOMIC_ACQUIRE);

	clock_read(&c->clock);
	fold_turn(c->clock.mono_ns);
	__atomic_store_n(&c->self->beat_ns, c->clock.mono_ns, __ATOMIC_RELAXED);
	if (version == c->self->settings_seen)
		return false;
	__atomic_store_n(&c->self->settings_seen, version, __ATOMIC_RELEASE);
	return true;
}

bool
child_stopping(const struct child *c)
{
	(void)c;
	return stopping != 0;
}

void
child_title(struct child *c, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	title_set("tandem: %s [%s]", c->given->who, text);
}

void
child_flush(struct child *c)
{
	for (unsigned i = 0; i < c->n_outs; i++) {
		unsigned to = c->outs[i];

		if (!c->out[to].dirty)
			continue;
		c->out[to].dirty = false;
		ring_publish(&c->out[to]);
		bell_ring(bell_of(c->bells, to), c->bell_fds[to]);
	}
}

/* A reason not to sleep. Looked at after the bell was armed. */
static bool
something(const struct child *c)
{
	if (stopping != 0)
		return true;
	for (unsigned i = 0; i < c->n_ins; i++)
		if (ring_waiting(&c->in[c->ins[i]]))
			return true;
	return false;
}

void
child_sleep(struct child *c, uint64_t timeout_ns)
{
	uint32_t *word = bell_of(c->bells, c->proc);

	if (timeout_ns == 0)
		return;
	bell_arm(word);
	if (!something(c))
		bell_wait(word, timeout_ns < NS_PER_S ? timeout_ns : NS_PER_S);
	bell_disarm(word);
}

int
child_bell_fd(const struct child *c)
{
	return c->bell_fds[c->proc];
}

bool
child_bell_arm(struct child *c)
{
	bell_arm(bell_of(c->bells, c->proc));
	return !something(c);
}

void
child_bell_disarm(struct child *c)
{
	bell_disarm(bell_of(c->bells, c->proc));
}

void
child_bell_heard(struct child *c)
{
	bell_heard(c->bell_fds[c->proc]);
}

/* A record that this sender may not send, or too short to be what it says, ends here. */
static bool
acceptable(const struct child *c, const struct ring *r)
{
	enum wire_type t = ring_type(r);

	return wire_allowed(t, proc_role(r->from), c->role) && ring_len(r) >= wire_least(t);
}

static void
refused(struct child *c, const struct ring *r, const char *event)
{
	count(c->self, COUNT_WIRE_REFUSED, 1);
	log_warn(event, LOG_STR("from", role_name(proc_role(r->from))),
	    LOG_U64("index", proc_index(r->from)));
}

const struct ring_record *
child_next(struct child *c, unsigned *from_r)
{
	for (unsigned i = 0; i < c->n_ins; i++) {
		const struct ring_record *rec;
		struct ring *r;

		c->given->looked = c->given->looked + 1 < c->n_ins ? c->given->looked + 1 : 0;
		r = &c->in[c->ins[c->given->looked]];
		while ((rec = ring_peek(r)) != NULL && !acceptable(c, r)) {
			refused(c, r, "record refused");
			ring_next(r);
		}
		if (ring_broken(r) != ERR_NONE)
			refused(c, r, "ring broken, emptied");
		if (rec != NULL) {
			*from_r = r->from;
			return rec;
		}
	}
	return NULL;
}

struct ring *
child_out(struct child *c, enum role role, unsigned index)
{
	struct ring *r;

	if (index >= role_most(role))
		return NULL;
	r = &c->out[proc_of(role, index)];
	return r->data != NULL ? r : NULL;
}
