/* The exchange around a front: files, sockets, manifest, and the other ends of the rings. */
#include "front_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/bell.h"
#include "ipc/manifest.h"

enum { KIB = 1024, FRONT = 16 };

static void
check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "rig: %s: %s\n", what, strerror(errno));
	exit(2);
}

unsigned
rig_proc(unsigned who)
{
	return who == REGISTRAR ? proc_of(ROLE_REGISTRAR, 0) : proc_of(ROLE_WORKER, who);
}

/* --- files ---------------------------------------------------------------------------------------- */

static void *
region(struct rig *r, const char *name, size_t size, uint64_t layout, unsigned owner)
{
	struct region g;

	check(shm_make(r->dirfd, name, size, layout, owner, &g) == ERR_NONE, name);
	return g.mem;
}

static struct ring
ring_between(struct rig *r, unsigned from, unsigned to, bool producer)
{
	char data[40], tail[40];
	struct ring ring;
	int data_fd, tail_fd;

	snprintf(data, sizeof(data), "ring.%u.%u.data", from, to);
	snprintf(tail, sizeof(tail), "ring.%u.%u.tail", from, to);
	check(ring_make(r->dirfd, data, tail, KIB, from, to) == ERR_NONE, data);
	check(shm_reopen(r->dirfd, data, producer, &data_fd) == ERR_NONE, data);
	check(shm_reopen(r->dirfd, tail, !producer, &tail_fd) == ERR_NONE, tail);
	check(ring_open(&ring, data_fd, tail_fd, producer) == ERR_NONE, data);
	close(data_fd);
	close(tail_fd);
	return ring;
}

static void
default_settings(struct settings *s)
{
	static const uint8_t transports[N_LISTEN] = { SIP_T_UDP, SIP_T_TCP, SIP_T_TLS };

	s->n_listeners = N_LISTEN;
	for (unsigned i = 0; i < N_LISTEN; i++) {
		s->listeners[i].transport = transports[i];
		check(netaddr_ip(SPAN("127.0.0.1"), &s->listeners[i].address) == ERR_NONE, "ip");
	}
	s->processes.fronts = 1;
	s->processes.workers = 2;
	s->limits.connections = 200;
	s->limits.connections_per_source = 100;
	s->limits.rate_per_source = 200;
	s->limits.burst_per_source = 1000;
	s->registrar.max_s = 3600;
}

static void
make_exchange(struct rig *r)
{
	size_t at = (sizeof(struct exchange) + 63) & ~(size_t)63;
	struct exchange *x = region(r, "exchange", at + 2 * sizeof(struct settings), SHM_LAYOUT, 0);

	x->token_key = (struct hash_key){ 0x0123456789abcdef, 0xfedcba9876543210 };
	x->settings_at[0] = (uint32_t)at;
	x->settings_at[1] = (uint32_t)(at + sizeof(struct settings));
	x->settings_size = sizeof(struct settings);
	x->rows[FRONT].state = PROCESS_RUNNING;
	for (unsigned i = 0; i < N_OTHERS; i++)
		x->rows[rig_proc(i)].state = PROCESS_RUNNING;
	r->exchange = x;
	r->settings = (struct settings *)((char *)x + at);
	default_settings(r->settings);
}

/* --- sockets and descriptors ------------------------------------------------------------------------- */

static int
bound(int type, uint16_t *port_r)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
		  getsockname(fd, (struct sockaddr *)&a, &len) == 0,
	    "bind");
	*port_r = ntohs(a.sin_port);
	return fd;
}

void
rig_make(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "%s/tandem-front-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	check(mkdtemp(r->dir) != NULL, r->dir);
	r->dirfd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_exchange(r);
	r->front = region(r, "self", PROCESS_HEAD, SHM_LAYOUT, FRONT);
	r->bells = bells_of(region(r, "bells", bells_bytes(), bells_layout(), 0));
	for (unsigned i = 0; i < N_OTHERS; i++) {
		r->from_front[i] = ring_between(r, FRONT, rig_proc(i), false);
		r->to_front[i] = ring_between(r, rig_proc(i), FRONT, true);
	}
	r->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->sockets[LISTEN_UDP] = bound(SOCK_DGRAM, &r->ports[LISTEN_UDP]);
	r->sockets[LISTEN_TCP] = bound(SOCK_STREAM, &r->ports[LISTEN_TCP]);
	r->sockets[LISTEN_TLS] = bound(SOCK_STREAM, &r->ports[LISTEN_TLS]);
	check(listen(r->sockets[LISTEN_TCP], 128) == 0 && listen(r->sockets[LISTEN_TLS], 128) == 0,
	    "listen");
	r->certificate_fd = memfd_create("certificate", MFD_CLOEXEC);
	r->key_fd = memfd_create("key", MFD_CLOEXEC);
	check(r->bell_fd >= 0 && r->certificate_fd >= 0 && r->key_fd >= 0, "descriptors");
}

static void
give(struct manifest *m, const char *name, int fd)
{
	struct manifest_entry *e = &m->entries[m->n++];

	check(fd > MANIFEST_FD && strlen(name) < sizeof(e->name), name);
	memcpy(e->name, name, strlen(name) + 1);
	e->fd = fd;
}

static void
give_file(struct rig *r, struct manifest *m, const char *name, bool writable)
{
	int fd;

	check(shm_reopen(r->dirfd, name, writable, &fd) == ERR_NONE, name);
	give(m, name, fd);
	m->entries[m->n - 1].flags = writable;
}

static void
give_rings(struct rig *r, struct manifest *m)
{
	char name[40];

	for (unsigned i = 0; i < N_OTHERS; i++) {
		snprintf(name, sizeof(name), "ring.%u.%u.data", FRONT, rig_proc(i));
		give_file(r, m, name, true);
		snprintf(name, sizeof(name), "ring.%u.%u.tail", FRONT, rig_proc(i));
		give_file(r, m, name, false);
		snprintf(name, sizeof(name), "ring.%u.%u.data", rig_proc(i), FRONT);
		give_file(r, m, name, false);
		snprintf(name, sizeof(name), "ring.%u.%u.tail", rig_proc(i), FRONT);
		give_file(r, m, name, true);
	}
}

static void
become_front(struct rig *r, const char *program, const char *roots)
{
	static struct manifest m;
	int fd = memfd_create("manifest", 0);

	m = (struct manifest){ .magic = MANIFEST_MAGIC,
		.role = ROLE_FRONT,
		.generation = 1,
		.parent = (uint32_t)getppid() };
	give_file(r, &m, "exchange", false);
	give_file(r, &m, "self", true);
	give_file(r, &m, "bells", true);
	give_rings(r, &m);
	give(&m, "bell.16", r->bell_fd);
	give(&m, "udp.0", r->sockets[LISTEN_UDP]);
	give(&m, "stream.1", r->sockets[LISTEN_TCP]);
	give(&m, "stream.2", r->sockets[LISTEN_TLS]);
	give(&m, "tls.2.certificate", r->certificate_fd);
	give(&m, "tls.2.key", r->key_fd);
	for (uint32_t i = 0; i < m.n; i++)
		check(fcntl(m.entries[i].fd, F_SETFD, 0) == 0, m.entries[i].name);
	check(fd >= 0 && write(fd, &m, sizeof(m)) == (ssize_t)sizeof(m), "manifest");
	check(dup2(fd, MANIFEST_FD) == MANIFEST_FD, "manifest");
	setenv("SSL_CERT_FILE", roots, 1);
	setenv("SSL_CERT_DIR", "/nonexistent", 1);
	execl(program, program, (char *)NULL);
	check(false, program);
}

static bool
await(uint32_t *word, uint32_t value)
{
	for (int ms = 0; ms < 2 * DEADLINE_MS; ms++) {
		if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
			return true;
		usleep(1000);
	}
	return false;
}

void
rig_start(struct rig *r, const char *program, const char *roots)
{
	r->front->ready = 0;
	fflush(NULL);
	r->pid = fork();
	check(r->pid >= 0, "fork");
	if (r->pid == 0)
		become_front(r, program, roots);
	check(await(&r->front->ready, 1), "the front is not ready");
}

int
rig_stop(struct rig *r)
{
	int status = -1;

	kill(r->pid, SIGTERM);
	for (int ms = 0; ms < DEADLINE_MS; ms++) {
		if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
			r->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		}
		usleep(1000);
	}
	kill(r->pid, SIGKILL);
	waitpid(r->pid, &status, 0);
	r->pid = 0;
	return -1;
}

void
rig_done(struct rig *r)
{
	char command[128];
	static const char *const files[] = { "exchange", "self", "bells" };

	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
	}
	for (unsigned i = 0; i < 3; i++)
		unlinkat(r->dirfd, files[i], 0);
	for (unsigned i = 0; i < N_OTHERS; i++)
		for (unsigned k = 0; k < 4; k++) {
			snprintf(command, sizeof(command), "ring.%u.%u.%s",
			    k < 2 ? FRONT : rig_proc(i), k < 2 ? rig_proc(i) : FRONT,
			    k % 2 == 0 ? "data" : "tail");
			unlinkat(r->dirfd, command, 0);
		}
	rmdir(r->dir);
}

void
rig_reload(struct rig *r)
{
	uint32_t next = r->exchange->settings_version + 1;
	struct settings *other =
	    (struct settings *)((char *)r->exchange + r->exchange->settings_at[next % 2]);

	*other = *r->settings;
	r->settings = other;
	__atomic_store_n(&r->exchange->settings_version, next, __ATOMIC_RELEASE);
	bell_kick(bell_of(r->bells, FRONT), r->bell_fd);
	check(await(&r->front->settings_seen, next), "settings not seen");
	bell_kick(bell_of(r->bells, FRONT), r->bell_fd);
}

/* --- the other ends of the rings ------------------------------------------------------------------------ */

static uint64_t
now_ms(void)
{
	struct clock c;

	clock_read(&c);
	return c.mono_ns / NS_PER_MS;
}

bool
rig_next(struct rig *r, unsigned who, int ms)
{
	struct ring *ring = &r->from_front[who];
	uint32_t *word = bell_of(r->bells, rig_proc(who));
	uint64_t until = now_ms() + (uint64_t)ms;
	const struct ring_record *rec;

	while ((rec = ring_peek(ring)) == NULL) {
		if (now_ms() >= until)
			return false;
		bell_arm(word);
		if (!ring_waiting(ring))
			bell_wait(word, 20 * NS_PER_MS);
		bell_disarm(word);
	}
	r->record_len = ring_len(ring);
	r->record_type = ring_type(ring);
	check(r->record_len <= sizeof(r->record), "record");
	memcpy(r->record, rec->payload, r->record_len);
	ring_next(ring);
	return true;
}

const struct sip_msg *
rig_msg(struct rig *r, unsigned who)
{
	const struct sip_msg *m = (const struct sip_msg *)r->record;
	enum wire_type type = who == REGISTRAR ? WIRE_SIP_IN_R : WIRE_SIP_IN;

	/* What is told of connections meanwhile is not of interest to who waits for a message. */
	do
		if (!rig_next(r, who, DEADLINE_MS))
			return NULL;
	while (r->record_type == WIRE_FLOW_DOWN || r->record_type == WIRE_FLOW_DOWN_R);
	return r->record_type == type && sip_msg_valid(m, r->record_len) ? m : NULL;
}

void
rig_empty(struct rig *r)
{
	for (unsigned i = 0; i < N_OTHERS; i++)
		while (ring_peek(&r->from_front[i]) != NULL)
			ring_next(&r->from_front[i]);
}

void
rig_send(struct rig *r, unsigned who, const struct rig_out *o)
{
	size_t text_len = strlen(o->text), host_len = o->host == NULL ? 0 : strlen(o->host);
	size_t len = sizeof(struct wire_sip_out) + text_len + host_len;
	struct wire_sip_out *out = ring_reserve(
	    &r->to_front[who], who == REGISTRAR ? WIRE_SIP_OUT_R : WIRE_SIP_OUT, (uint32_t)len);

	check(out != NULL, "ring to the front");
	*out = (struct wire_sip_out){ .conn = o->conn,
		.ticket = o->ticket,
		.transport = (uint8_t)o->transport,
		.listener = o->transport == SIP_T_TLS ? LISTEN_TLS : LISTEN_TCP,
		.host_len = (uint16_t)host_len,
		.text_len = (uint32_t)text_len };
	check(netaddr_ip(SPAN("127.0.0.1"), &out->peer) == ERR_NONE, "ip");
	out->peer.port = o->port;
	memcpy(out->text, o->text, text_len);
	memcpy(out->text + text_len, o->host == NULL ? "" : o->host, host_len);
	ring_commit(&r->to_front[who], (uint32_t)len);
	ring_publish(&r->to_front[who]);
	bell_ring(bell_of(r->bells, FRONT), r->bell_fd);
}

uint64_t
rig_count(const struct rig *r, enum counter c)
{
	return __atomic_load_n(&r->front->counters[c], __ATOMIC_RELAXED);
}

bool
rig_await(const struct rig *r, enum counter c, uint64_t least)
{
	for (int ms = 0; ms < DEADLINE_MS; ms++) {
		if (rig_count(r, c) >= least)
			return true;
		usleep(1000);
	}
	return false;
}

bool
rig_await_most(const struct rig *r, enum counter c, uint64_t most)
{
	for (int ms = 0; ms < DEADLINE_MS; ms++) {
		if (rig_count(r, c) <= most)
			return true;
		usleep(1000);
	}
	return false;
}
