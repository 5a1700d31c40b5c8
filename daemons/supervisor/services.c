/* The children there should be, and what the process table says of them. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "ipc/bell.h"
#include "supervisor/supervisor.h"

static void
add(struct supervisor *s, enum role role, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct service *v = &s->services[s->n_services++];

		*v = (struct service){ .role = role, .index = i, .proc = proc_of(role, i) };
	}
}

static int
bell_open(enum role role)
{
	int fd;

	if (role_bell(role) != BELL_EVENTFD)
		return -1;
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		fatal(errno, "eventfd");
	return fd;
}

/* In the order of their start: the bindings are there before the sockets are read (THREATS.md F8). */
void
services_list(struct supervisor *s)
{
	add(s, ROLE_STORE, 1);
	add(s, ROLE_REGISTRAR, 1);
	add(s, ROLE_RESOLVER, 1);
	add(s, ROLE_WORKER, s->file.settings.processes.workers);
	add(s, ROLE_CONTROL, 1);
	add(s, ROLE_FRONT, s->file.settings.processes.fronts);

	memset(s->bell_fds, -1, sizeof(s->bell_fds));
	s->bell_fds[proc_of(ROLE_SUPERVISOR, 0)] = bell_open(ROLE_SUPERVISOR);
	for (unsigned i = 0; i < s->n_services; i++)
		s->bell_fds[s->services[i].proc] = bell_open(s->services[i].role);
}

struct service *
service_of_pid(struct supervisor *s, pid_t pid)
{
	for (unsigned i = 0; i < s->n_services; i++)
		if (s->services[i].pid == pid)
			return &s->services[i];
	return NULL;
}

struct service *
service_of_proc(struct supervisor *s, unsigned proc)
{
	for (unsigned i = 0; i < s->n_services; i++)
		if (s->services[i].proc == proc)
			return &s->services[i];
	return NULL;
}

unsigned
services_alive(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_services; i++)
		n += s->services[i].pid != 0;
	return n;
}

void
service_row(struct supervisor *s, const struct service *v, enum process_state state)
{
	struct process_row *row = &s->exchange->rows[v->proc];

	__atomic_store_n(&row->pid, (uint32_t)v->pid, __ATOMIC_RELAXED);
	__atomic_store_n(&row->started_ns, v->started_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&row->state, state, __ATOMIC_RELEASE);
}

void
bells_kick(struct supervisor *s)
{
	for (unsigned i = 0; i < s->n_services; i++) {
		unsigned p = s->services[i].proc;

		bell_kick(bell_of(s->bells, p), s->bell_fds[p]);
	}
}

const struct process *
service_seen(const struct supervisor *s, const struct service *v)
{
	const struct process *p = v->seen.mem;

	if (v->pid == 0 || p->pid != (uint32_t)v->pid ||
	    p->generation != s->exchange->rows[v->proc].generation)
		return NULL;
	return p;
}
