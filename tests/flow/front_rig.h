/*
 * An exchange with nothing in it but one real front: this process plays its supervisor (makes the
 * shared files, binds the sockets, writes the manifest) and the other ends of its rings, two workers
 * and the registrar.
 */
#ifndef FRONT_RIG_H
#define FRONT_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/ssl.h>

#include "ipc/process.h"
#include "ipc/ring.h"
#include "model/settings.h"
#include "sip/msg.h"

enum { WORKER_0, WORKER_1, REGISTRAR, N_OTHERS };
enum { LISTEN_UDP, LISTEN_TCP, LISTEN_TLS, N_LISTEN };
enum { DEADLINE_MS = 5000 };

struct rig {
	char dir[64];
	int dirfd;
	pid_t pid;
	struct exchange *exchange;
	struct settings *settings; /* in force */
	struct process *front;
	uint32_t *bells;
	int bell_fd;
	int sockets[N_LISTEN], certificate_fd, key_fd;
	uint16_t ports[N_LISTEN];
	struct ring from_front[N_OTHERS], to_front[N_OTHERS];
	char record[1 << 17]; /* the record taken last */
	uint32_t record_len;
	enum wire_type record_type;
};

/* The front's program; the trusted roots it is given. Exits when something cannot be had. */
void rig_make(struct rig *r);
void rig_start(struct rig *r, const char *program, const char *roots);
int rig_stop(struct rig *r); /* SIGTERM; its exit status, or -1 */
void rig_done(struct rig *r);
/* Puts the settings in force anew (their version changes) and waits until the front has seen it. */
void rig_reload(struct rig *r);

unsigned rig_proc(unsigned who);
/* Takes the next record for one of the others into r->record, or false at the deadline. */
bool rig_next(struct rig *r, unsigned who, int ms);
const struct sip_msg *rig_msg(struct rig *r, unsigned who); /* NULL: no whole SIP message came */
void rig_empty(struct rig *r);
struct rig_out {
	handle conn;
	uint64_t ticket;
	unsigned transport;
	uint16_t port; /* of the peer on 127.0.0.1 */
	const char *host, *text;
};
void rig_send(struct rig *r, unsigned who, const struct rig_out *o);
uint64_t rig_count(const struct rig *r, enum counter c);
bool rig_await(const struct rig *r, enum counter c, uint64_t least);
bool rig_await_most(const struct rig *r, enum counter c, uint64_t most);

/* Sockets of a peer. Receiving waits at most DEADLINE_MS. */
int peer_udp(const struct rig *r);
int peer_tcp(uint16_t port);
int peer_listen(uint16_t *port_r, int backlog);
int peer_accept(int fd);
bool peer_send(int fd, const char *text, size_t len);
size_t peer_recv(int fd, char *text, size_t cap, int ms); /* 0: nothing came */
bool peer_recv_all(int fd, char *text, size_t len);
bool peer_closed(int fd, int ms); /* was closed, or will be in time */

/* Certificates for tests. */
struct cert {
	X509 *x509;
	EVP_PKEY *key;
};
struct cert cert_make(const char *name, const char *alternative);
void cert_write(const struct cert *c, int cert_fd, int key_fd); /* -1: not this one */
void cert_done(struct cert *c);

#endif
