/*
 * All shared memory of the exchange: made in run_dir at the first start, taken over at later ones.
 * Children get descriptors of the files with just the right they have (give.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rand.h"
#include "ipc/bell.h"
#include "model/regions.h"
#include "supervisor/supervisor.h"

static struct region
make(struct supervisor *s, const char *name, size_t size, uint64_t layout, unsigned owner)
{
	bool there = faccessat(s->run_fd, name, F_OK, 0) == 0;
	struct region r;

	if (shm_make(s->run_fd, name, size, layout, owner, &r) != ERR_NONE)
		fatal(errno, "%s/%s cannot be made", s->file.run_dir, name);
	if (there && r.fresh)
		log_warn("state of another layout or size is dropped", LOG_STR("region", name));
	return r;
}

void
exchange_open(struct supervisor *s)
{
	struct region r = make(s, "exchange", exchange_bytes(), exchange_layout(), 0);
	struct exchange *x = r.mem;

	if (r.fresh) {
		rand_bytes(&x->token_key, sizeof(x->token_key));
		x->steady_epoch_ms = s->clock.wall_ms - (int64_t)(s->clock.mono_ns / NS_PER_MS);
	}
	x->boot++;
	x->started_wall_ms = s->clock.wall_ms;
	x->stopping = 0;
	/* Whoever ran before is gone: the lock says so. Generations only grow. */
	for (unsigned p = 0; p < PROC_MAX; p++) {
		x->rows[p].pid = 0;
		x->rows[p].state = PROCESS_ABSENT;
		x->rows[p].restarts = 0;
	}
	x->rows[0].pid = (uint32_t)getpid();
	x->rows[0].state = PROCESS_RUNNING;
	x->rows[0].started_ns = s->clock.mono_ns;
	s->exchange = x;
}

static void
nonces_open(struct supervisor *s)
{
	uint32_t words = s->file.settings.limits.subscribers * 2;
	struct region r;

	if (words < 1 << 16)
		words = 1 << 16;
	r = make(s, "nonces", nonces_bytes(words),
	    shm_layout(SHM_LAYOUT, sizeof(struct nonces_region)), 0);
	s->nonces = r.mem;
	if (r.fresh)
		nonces_init(s->nonces, words, s->file.settings.registrar.nonce_s);
	s->nonces->lifetime_s = s->file.settings.registrar.nonce_s;
}

static void
bells_open(struct supervisor *s)
{
	struct region r = make(s, "bells", bells_bytes(), bells_layout(), 0);

	s->bells = bells_of(r.mem);
}

/* Its owner alone writes it: it is made, and then only looked at. */
static void
service_open(struct supervisor *s, struct service *v)
{
	const struct settings *c = &s->file.settings;
	struct region made;
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "proc.%u", v->proc);
	made = make(s, name, region_bytes(v->role, c), region_layout(v->role), v->proc);
	shm_unmap(&made);
	if (shm_reopen(s->run_fd, name, false, &fd) != ERR_NONE ||
	    shm_map(fd, false, region_layout(v->role), &v->seen) != ERR_NONE)
		fatal(errno, "%s/%s cannot be mapped", s->file.run_dir, name);
	close(fd);
}

static void
ring_of(struct supervisor *s, unsigned from, unsigned to)
{
	uint32_t kib = link_kib(proc_role(from), proc_role(to));
	char data[32], tail[32];

	if (kib == 0 || from == to)
		return;
	snprintf(data, sizeof(data), "ring.%u.%u.data", from, to);
	snprintf(tail, sizeof(tail), "ring.%u.%u.tail", from, to);
	if (ring_make(s->run_fd, data, tail, kib, from, to) != ERR_NONE)
		fatal(errno, "%s/%s cannot be made", s->file.run_dir, data);
}

static void
rings_open(struct supervisor *s)
{
	for (unsigned i = 0; i < s->n_services; i++) {
		ring_of(s, 0, s->services[i].proc);
		ring_of(s, s->services[i].proc, 0);
		for (unsigned j = 0; j < s->n_services; j++)
			ring_of(s, s->services[i].proc, s->services[j].proc);
	}
}

/* What control asked of a supervisor that is no more is not done by this one. */
static void
operate_open(struct supervisor *s)
{
	unsigned from = proc_of(ROLE_CONTROL, 0), to = proc_of(ROLE_SUPERVISOR, 0);
	char data[32], tail[32];
	int data_fd, tail_fd;

	snprintf(data, sizeof(data), "ring.%u.%u.data", from, to);
	snprintf(tail, sizeof(tail), "ring.%u.%u.tail", from, to);
	if (shm_reopen(s->run_fd, data, false, &data_fd) != ERR_NONE ||
	    shm_reopen(s->run_fd, tail, true, &tail_fd) != ERR_NONE ||
	    ring_open(&s->operate, data_fd, tail_fd, false) != ERR_NONE)
		fatal(errno, "%s/%s", s->file.run_dir, data);
	close(data_fd);
	close(tail_fd);
	while (ring_peek(&s->operate) != NULL)
		ring_next(&s->operate);
}

static bool
is_known(struct supervisor *s, unsigned proc)
{
	return proc == 0 || service_of_proc(s, proc) != NULL;
}

/* Files of processes that the configuration no longer has: should they come back, they begin anew. */
static void
strangers_remove(struct supervisor *s)
{
	DIR *dir = fdopendir(dup(s->run_fd));
	const struct dirent *d;
	unsigned a, b;

	if (dir == NULL)
		fatal(errno, "%s", s->file.run_dir);
	rewinddir(dir);
	while ((d = readdir(dir)) != NULL) {
		int n = sscanf(d->d_name, "ring.%u.%u.", &a, &b);

		if (n != 2 && sscanf(d->d_name, "proc.%u", &a) != 1)
			continue;
		if (is_known(s, a) && (n != 2 || is_known(s, b)))
			continue;
		log_info(
		    "state of a process that is no more is dropped", LOG_STR("region", d->d_name));
		(void)unlinkat(s->run_fd, d->d_name, 0);
	}
	closedir(dir);
}

/* The files are sparse: what limits promise may be more than the tmpfs has, and a process that meets
 * its end dies of it. */
static void
room_check(const struct supervisor *s)
{
	struct statvfs fs;
	uint64_t need = 0, has;

	for (unsigned i = 0; i < s->n_services; i++)
		need += s->services[i].seen.size;
	if (fstatvfs(s->run_fd, &fs) != 0)
		return;
	has = (uint64_t)fs.f_blocks * fs.f_frsize;
	if (has != 0 && need > has)
		log_warn("run_dir has less room than the limits may need",
		    LOG_U64("need_mib", need >> 20), LOG_U64("has_mib", has >> 20));
}

void
regions_open(struct supervisor *s)
{
	nonces_open(s);
	bells_open(s);
	for (unsigned i = 0; i < s->n_services; i++)
		service_open(s, &s->services[i]);
	strangers_remove(s);
	rings_open(s);
	operate_open(s);
	room_check(s);
}
