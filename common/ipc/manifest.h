/*
 * What the supervisor hands a child: a memfd on descriptor 3, a list of named descriptors and texts.
 * Written by the supervisor, read by child_start; the one place where both sides' names stand.
 *
 *     name                      what
 *     exchange                  region of the exchange (ro)
 *     self, proc.N              own region (rw), another's (ro); N is the process number
 *     bells, nonces             shared words (rw): bell.h, nonces.h
 *     ring.F.T.data, .tail      the two files of the ring from F to T
 *     bell.N                    eventfd
 *     udp.L, stream.L           sockets of listener L
 *     tls.L.certificate, .key   memfds with the PEM text
 *     spool, admin, database    directory, listening socket, text
 *
 * The supervisor makes the rings (ring_make) and the other regions (shm_make) before it starts anyone;
 * all descriptors named here are open in the child at those numbers. A child maps and closes them.
 */
#ifndef TANDEM_IPC_MANIFEST_H
#define TANDEM_IPC_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define MANIFEST_MAGIC 0x31666d444e54ull /* "TNDmf1" */

enum { MANIFEST_FD = 3, MANIFEST_NAME = 40, MANIFEST_MAX = 1024 };

struct manifest_entry {
	char name[MANIFEST_NAME];
	int32_t fd;
	uint32_t flags; /* 1: may be written */
};
struct manifest {
	uint64_t magic; /* MANIFEST_MAGIC */
	uint32_t role, index, generation, n;
	uint32_t uid, gid; /* to become; 0 = stay */
	uint32_t parent;   /* the supervisor's pid */
	uint32_t text_len;
	char text[1024]; /* database connection string, for the store only */
	struct manifest_entry entries[MANIFEST_MAX];
};

/* The child: reads the manifest from a descriptor into *m_r and checks all of its bounds. */
enum err manifest_read(int fd, struct manifest *m_r);
/* The descriptor of this name, or -1; *writable_r (may be NULL) says flag 1. */
int manifest_find(const struct manifest *m, const char *name, bool *writable_r);

#endif
