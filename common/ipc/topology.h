/* Roles, process numbers and who may reach what: the enums made of topology.def. */
#ifndef TANDEM_IPC_TOPOLOGY_H
#define TANDEM_IPC_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum role {
#define ROLE(id, name, most, bell) ROLE_##id,
#define LINK(from, to, kib)
#define READS(reader, owner)
#define HOLDS(role, what)
#include "ipc/topology.def"
#undef ROLE
#undef LINK
#undef READS
#undef HOLDS
	N_ROLES
};

enum bell_kind { BELL_FUTEX, BELL_EVENTFD };
enum holding {
	HOLD_UDP,
	HOLD_STREAM,
	HOLD_TLS,
	HOLD_NONCES,
	HOLD_SPOOL,
	HOLD_DATABASE,
	HOLD_ADMIN
};

/*
 * A process number names a role and index in 8 bits. It does not depend on how many there are, so
 * that handles stay good when the configuration changes: supervisor 0, registrar 1, store 2,
 * control 3, resolver 4, front i = 16 + i, worker i = 32 + i. It is the owner in a handle.
 */
enum { PROC_MAX = 64 };
/* Kinds of object that a handle may name (base/pool.h); two bits. */
enum object_kind { KIND_CONN, KIND_CALL, KIND_LEG, KIND_TXN };
unsigned proc_of(enum role role, unsigned index);
enum role proc_role(unsigned proc); /* N_ROLES when there is none of this number */
unsigned proc_index(unsigned proc);
const char *role_name(enum role role);
enum role role_of(struct span name); /* N_ROLES when unknown */
unsigned role_most(enum role role);
enum bell_kind role_bell(enum role role);
uint32_t link_kib(enum role from, enum role to); /* 0: they have no link */
bool role_reads(enum role reader, enum role owner);
bool role_holds(enum role role, enum holding what);

#endif
