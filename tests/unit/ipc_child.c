/*
 * The contract between supervisor and child, with this program in the supervisor's place: children of
 * both kinds of bell are started from a manifest, answer over rings while they sleep in between, follow
 * new settings, show their title, drop privileges, stop at SIGTERM and when the supervisor is gone;
 * and what is not right at the start is fatal.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "ipc/bell.h"
#include "ipc/child.h"
#include "ipc/manifest.h"
#include "ipc/nonces.h"
#include "ipc_temp.h"

enum { WORKER = 34, CONTROL = 3, FRONT = 16, REGISTRAR = 1, ROUNDS = 200, NOBODY = 65534 };

static struct {
	struct temp dir;
	struct manifest m;
	struct region exchange, self, bells;
	struct ring out[PROC_MAX], in[PROC_MAX]; /* the child's, as those beyond see them */
	int efds[PROC_MAX];
	char **argv;
	int argc;
} t;

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "child: %s\n", what);
	_exit(1);
}

#define need(cond) ((cond) ? (void)0 : fail(#cond))

static uint64_t
now_ns(void)
{
	struct clock c;

	clock_read(&c);
	return c.mono_ns;
}

static void
nap(void)
{
	struct timespec ts = { 0, 200000 };

	nanosleep(&ts, NULL);
}

#define await(cond)                                                                                \
	for (uint64_t until_ = now_ns() + 10 * NS_PER_S; !(cond); nap())                           \
	need(now_ns() < until_)

/* --- the child's side -------------------------------------------------------------------------- */

static void
answer(struct child *c)
{
	unsigned from;

	while (child_next(c, &from) != NULL) {
		struct ring *in = &c->in[from];
		bool worker = c->role == ROLE_WORKER;
		struct ring *out =
		    child_out(c, worker ? ROLE_CONTROL : ROLE_WORKER, worker ? 0 : 2);
		struct wire_hangup h, *to;

		if (from != (worker ? CONTROL : WORKER)) {
			count(c->self, COUNT_RECEIVED, 1);
			ring_next(in);
			continue;
		}
		memcpy(&h, ring_peek(in)->payload, sizeof(h));
		to = ring_reserve(out, worker ? WIRE_HANGUP_DONE : WIRE_HANGUP, sizeof(h));
		need(to != NULL);
		*to = h;
		to->ticket++;
		ring_commit(out, sizeof(h));
		ring_next(in);
	}
	child_flush(c);
}

static void
check_reach(struct child *c)
{
	size_t size = 0;

	need(child_out(c, ROLE_STORE, 0) == NULL);
	need(child_out(c, ROLE_WORKER, 99) == NULL);
	need(child_region(c, 2, &size) == NULL);
	need(child_region(c, PROC_MAX, &size) == NULL);
	need(child_region(c, REGISTRAR, &size) != NULL && size == PROCESS_HEAD);
	need((c->nonces != NULL) == (c->role == ROLE_WORKER));
	need(c->database == NULL && c->spool < 0);
	need(c->udp[0] < 0 && c->udp[3] == (c->role == ROLE_WORKER ? 50 : -1));
	need(child_file(c, "self") < 0);
	if (t.m.uid != 0)
		need(geteuid() == NOBODY && getegid() == NOBODY && setuid(0) != 0);
}

static void
wait_for_bell(struct child *c, int epfd)
{
	struct epoll_event ev;

	if (c->role == ROLE_WORKER) {
		child_sleep(c, 20 * NS_PER_S);
		return;
	}
	if (epoll_wait(epfd, &ev, 1, child_bell_arm(c) ? 1000 : 0) > 0)
		child_bell_heard(c);
	child_bell_disarm(c);
}

static _Noreturn void
child_main(enum role role)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	struct child c;

	child_start(&c, role, t.argc, t.argv);
	check_reach(&c);
	if (role != ROLE_WORKER)
		epoll_ctl(epfd, EPOLL_CTL_ADD, child_bell_fd(&c), &ev);
	child_title(&c, "%u calls", 39u);
	child_ready(&c);
	while (!child_stopping(&c)) {
		if (child_turn(&c))
			child_title(&c, "%s", (const char *)child_settings(&c));
		answer(&c);
		wait_for_bell(&c, epfd);
	}
	_exit(0);
}

/* --- the supervisor's side --------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3))) give(int fd, const char *fmt, ...)
{
	struct manifest_entry *e = &t.m.entries[t.m.n++];
	va_list ap;

	need(fd >= 0);
	va_start(ap, fmt);
	vsnprintf(e->name, sizeof(e->name), fmt, ap);
	va_end(ap);
	e->fd = fd;
}

static int
file(const char *name, bool writable)
{
	int fd = -1;

	need(shm_reopen(t.dir.fd, name, writable, &fd) == ERR_NONE);
	return fd;
}

static void
make_region(const char *name, size_t size, unsigned owner, struct region *r)
{
	need(shm_make(t.dir.fd, name, size, 1, owner, r) == ERR_NONE && r->fresh);
}

/* Makes a ring, gives its files to the child, opens the other end. */
static void
make_ring(unsigned from, unsigned to, unsigned child)
{
	char data[40], tail[40];
	bool child_writes = from == child;
	struct ring *r = child_writes ? &t.out[to] : &t.in[from];
	int data_fd, tail_fd;

	snprintf(data, sizeof(data), "ring.%u.%u.data", from, to);
	snprintf(tail, sizeof(tail), "ring.%u.%u.tail", from, to);
	need(ring_make(t.dir.fd, data, tail, 64, from, to) == ERR_NONE);
	give(file(data, child_writes), "%s", data);
	give(file(tail, !child_writes), "%s", tail);
	data_fd = file(data, !child_writes);
	tail_fd = file(tail, child_writes);
	need(ring_open(r, data_fd, tail_fd, !child_writes) == ERR_NONE);
	close(data_fd);
	close(tail_fd);
}

static void
make_all(unsigned child)
{
	struct region nonces, other;
	struct exchange *x;

	t.dir = temp_new();
	t.m = (struct manifest){ .magic = MANIFEST_MAGIC, .role = proc_role(child) };
	t.m.index = proc_index(child);
	t.m.generation = 5;
	t.m.parent = (uint32_t)getpid();
	t.m.uid = t.m.gid = geteuid() == 0 ? NOBODY : 0;
	make_region("exchange", sizeof(*x) + 64, 0, &t.exchange);
	x = t.exchange.mem;
	x->settings_size = 32;
	x->settings_at[0] = sizeof(*x);
	x->settings_at[1] = sizeof(*x) + 32;
	make_region("self", PROCESS_HEAD, child, &t.self);
	make_region("bells", bells_bytes(), 0, &t.bells);
	make_region("nonces", nonces_bytes(64), 0, &nonces);
	nonces_init(nonces.mem, 64, 300);
	make_region("registrar", PROCESS_HEAD, REGISTRAR, &other);
	give(file("exchange", false), "exchange");
	give(file("self", true), "self");
	give(file("bells", true), "bells");
	give(file("nonces", true), "nonces");
	give(file("registrar", false), "proc.%u", REGISTRAR);
	for (unsigned p = 0; p < PROC_MAX; p++)
		t.efds[p] = -1;
	t.efds[CONTROL] = eventfd(0, 0);
	give(t.efds[CONTROL], "bell.%u", CONTROL);
	need(dup2(t.dir.fd, 50) == 50);
	give(50, "udp.3");
	make_ring(child == WORKER ? CONTROL : WORKER, child, child);
	make_ring(child, child == WORKER ? CONTROL : WORKER, child);
	if (child == WORKER)
		make_ring(FRONT, child, child);
	shm_unmap(&nonces);
	shm_unmap(&other);
}

static void
drop_all(void)
{
	for (unsigned p = 0; p < PROC_MAX; p++) {
		if (t.out[p].data != NULL)
			ring_close(&t.out[p]);
		if (t.in[p].data != NULL)
			ring_close(&t.in[p]);
	}
	for (uint32_t i = 0; i < t.m.n; i++)
		close(t.m.entries[i].fd);
	shm_unmap(&t.exchange);
	shm_unmap(&t.self);
	shm_unmap(&t.bells);
	temp_drop(&t.dir);
}

static pid_t
spawn(enum role role)
{
	int fd = memfd_create("manifest", 0);
	pid_t pid;

	need(write(fd, &t.m, sizeof(t.m)) == sizeof(t.m));
	pid = fork();
	need(pid >= 0);
	if (pid == 0) {
		need(dup2(fd, MANIFEST_FD) == MANIFEST_FD);
		child_main(role);
	}
	close(fd);
	return pid;
}

static int
ended(pid_t pid)
{
	int status = 0;
	pid_t got;

	await((got = waitpid(pid, &status, WNOHANG)) != 0);
	need(got == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
send_to(unsigned from, unsigned child, enum wire_type type, const void *p, uint32_t len)
{
	void *at = ring_reserve(&t.in[from], type, len);

	need(at != NULL);
	memcpy(at, p, len);
	ring_commit(&t.in[from], len);
	ring_publish(&t.in[from]);
	bell_ring(bell_of(bells_of(t.bells.mem), child), t.efds[child]);
}

static bool
shows(pid_t pid, const char *file_name, const char *text)
{
	char path[64], got[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file_name);
	f = fopen(path, "r");
	need(f != NULL);
	if (fgets(got, sizeof(got), f) == NULL)
		got[0] = '\0';
	fclose(f);
	got[strcspn(got, "\n")] = '\0';
	return strcmp(got, text) == 0;
}

/* The child sleeps between any two: the slowest answer tells whether bells are heard. */
static void
ping(unsigned child)
{
	unsigned other = child == WORKER ? CONTROL : WORKER;
	enum wire_type type = child == WORKER ? WIRE_HANGUP : WIRE_HANGUP_DONE;
	uint64_t start = now_ns();

	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct wire_hangup h = { .ticket = i }, got;

		send_to(other, child, type, &h, sizeof(h));
		await(ring_peek(&t.out[other]) != NULL);
		memcpy(&got, ring_peek(&t.out[other])->payload, sizeof(got));
		need(got.ticket == i + 1);
		ring_next(&t.out[other]);
	}
	/* One lost ring would cost a second. */
	printf("%s: %d answers in %.1f ms\n", role_name(proc_role(child)), ROUNDS,
	    (double)(now_ns() - start) / 1e6);
	need(now_ns() - start < ROUNDS * NS_PER_S / 4);
}

static void
change_settings(unsigned child, pid_t pid)
{
	struct exchange *x = t.exchange.mem;
	struct process *p = t.self.mem;

	strcpy((char *)x + x->settings_at[1], "new settings");
	__atomic_store_n(&x->settings_version, 1, __ATOMIC_RELEASE);
	bell_kick(bell_of(bells_of(t.bells.mem), child), t.efds[child]);
	await(__atomic_load_n(&p->settings_seen, __ATOMIC_ACQUIRE) == 1);
	await(shows(pid, "cmdline",
	    child == WORKER ? "tandem: worker 2 [new settings]"
			    : "tandem: control [new settings]"));
}

static void
front_misbehaves(void)
{
	const struct process *p = t.self.mem;
	const uint64_t *counters = p->counters;
	char bytes[256] = { 0 };

	send_to(FRONT, WORKER, WIRE_BINDING_LOAD, bytes, sizeof(bytes));
	send_to(FRONT, WORKER, WIRE_FLOW_DOWN, bytes, 8);
	send_to(FRONT, WORKER, (enum wire_type)9999, bytes, 8);
	send_to(FRONT, WORKER, WIRE_SIP_IN, bytes, sizeof(bytes));
	await(__atomic_load_n(&counters[COUNT_RECEIVED], __ATOMIC_RELAXED) == 1);
	need(counters[COUNT_WIRE_REFUSED] == 3);
	*t.in[FRONT].head += 8; /* a record of no length that can be */
	*t.in[FRONT].head += t.in[FRONT].size;
	bell_kick(bell_of(bells_of(t.bells.mem), WORKER), -1);
	await(__atomic_load_n(&counters[COUNT_WIRE_REFUSED], __ATOMIC_RELAXED) == 4);
}

static void
life(unsigned child)
{
	const struct process *p;
	uint64_t start, beat;
	pid_t pid;

	make_all(child);
	p = t.self.mem;
	pid = spawn(proc_role(child));
	await(__atomic_load_n(&p->ready, __ATOMIC_ACQUIRE) == 1);
	need(p->pid == (uint32_t)pid && p->index == proc_index(child) && p->generation == 5);
	need(shows(pid, "comm", child == WORKER ? "worker 2" : "control"));
	await(shows(pid, "cmdline",
	    child == WORKER ? "tandem: worker 2 [39 calls]" : "tandem: control [39 calls]"));
	ping(child);
	change_settings(child, pid);
	if (child == WORKER)
		front_misbehaves();
	beat = __atomic_load_n(&p->beat_ns, __ATOMIC_RELAXED);
	await(__atomic_load_n(&p->beat_ns, __ATOMIC_RELAXED) > beat);
	kill(pid, SIGHUP);
	kill(pid, SIGINT);
	start = now_ns();
	kill(pid, SIGTERM);
	need(ended(pid) == 0);
	need(now_ns() - start < 900 * NS_PER_MS);
	drop_all();
}

static void
bad_starts(void)
{
	make_all(WORKER);
	need(ended(spawn(ROLE_STORE)) == 1);
	t.m.parent++;
	need(ended(spawn(ROLE_WORKER)) == 1);
	t.m.parent--;
	t.m.magic++;
	need(ended(spawn(ROLE_WORKER)) == 1);
	t.m.magic--;
	t.m.entries[1].name[0] = 'x';
	need(ended(spawn(ROLE_WORKER)) == 1);
	drop_all();
}

/* The child holds one end of a pipe as long as it lives. */
static void
supervisor_dies(void)
{
	int ends[2];
	char c;
	pid_t pid;

	make_all(WORKER);
	need(pipe(ends) == 0);
	pid = fork();
	if (pid == 0) {
		const struct process *p = t.self.mem;

		t.m.parent = (uint32_t)getpid();
		spawn(ROLE_WORKER);
		await(__atomic_load_n(&p->ready, __ATOMIC_ACQUIRE) == 1);
		_exit(0);
	}
	close(ends[1]);
	need(ended(pid) == 0);
	need(read(ends[0], &c, 1) == 0);
	close(ends[0]);
	drop_all();
}

int
main(int argc, char **argv)
{
	int null;

	t.argc = argc;
	t.argv = argv;
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(60);
	/* The manifest's number must be nobody else's. */
	while ((null = open("/dev/null", O_RDWR)) <= MANIFEST_FD)
		need(null >= 0);
	close(null);
	life(WORKER);
	life(CONTROL);
	bad_starts();
	supervisor_dies();
	return 0;
}
