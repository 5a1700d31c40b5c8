/* The process graph as functions. Everything here is made of topology.def. */
#include "ipc/topology.h"

#include <stddef.h>

enum { FIRST_FRONT = 16, FIRST_WORKER = 32 };

static const struct {
	const char *name;
	unsigned most;
	enum bell_kind bell;
} roles[N_ROLES] = {
#define ROLE(id, text, n, kind) [ROLE_##id] = { text, n, BELL_##kind },
#define LINK(from, to, kib)
#define READS(reader, owner)
#define HOLDS(role, what)
#include "ipc/topology.def"
#undef ROLE
#undef LINK
#undef READS
#undef HOLDS
};

static const uint32_t links[N_ROLES][N_ROLES] = {
#define ROLE(id, text, n, kind)
#define LINK(from, to, kib) [ROLE_##from][ROLE_##to] = kib,
#define READS(reader, owner)
#define HOLDS(role, what)
#include "ipc/topology.def"
#undef ROLE
#undef LINK
#undef READS
#undef HOLDS
};

static const bool reads[N_ROLES][N_ROLES] = {
#define ROLE(id, text, n, kind)
#define LINK(from, to, kib)
#define READS(reader, owner) [ROLE_##reader][ROLE_##owner] = true,
#define HOLDS(role, what)
#include "ipc/topology.def"
#undef ROLE
#undef LINK
#undef READS
#undef HOLDS
};

static const bool holds[N_ROLES][HOLD_ADMIN + 1] = {
#define ROLE(id, text, n, kind)
#define LINK(from, to, kib)
#define READS(reader, owner)
#define HOLDS(role, what) [ROLE_##role][HOLD_##what] = true,
#include "ipc/topology.def"
#undef ROLE
#undef LINK
#undef READS
#undef HOLDS
};

static unsigned
first_proc(enum role role)
{
	switch (role) {
	case ROLE_SUPERVISOR:
		return 0;
	case ROLE_REGISTRAR:
		return 1;
	case ROLE_STORE:
		return 2;
	case ROLE_CONTROL:
		return 3;
	case ROLE_RESOLVER:
		return 4;
	case ROLE_FRONT:
		return FIRST_FRONT;
	case ROLE_WORKER:
		return FIRST_WORKER;
	case N_ROLES:
		break;
	}
	panic("role %d", (int)role);
}

unsigned
proc_of(enum role role, unsigned index)
{
	unsigned first = first_proc(role);

	must(index < roles[role].most);
	return first + index;
}

enum role
proc_role(unsigned proc)
{
	for (unsigned r = 0; r < N_ROLES; r++) {
		unsigned first = first_proc((enum role)r);

		if (proc >= first && proc - first < roles[r].most)
			return (enum role)r;
	}
	return N_ROLES;
}

unsigned
proc_index(unsigned proc)
{
	enum role role = proc_role(proc);

	return role == N_ROLES ? 0 : proc - first_proc(role);
}

const char *
role_name(enum role role)
{
	return (unsigned)role < N_ROLES ? roles[role].name : "unknown";
}

enum role
role_of(struct span name)
{
	for (unsigned r = 0; r < N_ROLES; r++)
		if (span_eq(name, span_str(roles[r].name)))
			return (enum role)r;
	return N_ROLES;
}

unsigned
role_most(enum role role)
{
	return (unsigned)role < N_ROLES ? roles[role].most : 0;
}

enum bell_kind
role_bell(enum role role)
{
	must((unsigned)role < N_ROLES);
	return roles[role].bell;
}

uint32_t
link_kib(enum role from, enum role to)
{
	return (unsigned)from < N_ROLES && (unsigned)to < N_ROLES ? links[from][to] : 0;
}

bool
role_reads(enum role reader, enum role owner)
{
	return (unsigned)reader < N_ROLES && (unsigned)owner < N_ROLES && reads[reader][owner];
}

bool
role_holds(enum role role, enum holding what)
{
	return (unsigned)role < N_ROLES && (unsigned)what <= HOLD_ADMIN && holds[role][what];
}
