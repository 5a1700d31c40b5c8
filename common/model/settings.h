/*
 * The configuration: tandem.conf(5) read into plain structs. What all processes may see (struct
 * settings) goes flat into the exchange's region; what only some may (file names of keys, the database
 * string) stays with the reader, the supervisor or tandemctl.
 */
#ifndef TANDEM_MODEL_SETTINGS_H
#define TANDEM_MODEL_SETTINGS_H

#include <limits.h>
#include <stdint.h>

#include "base/err.h"
#include "base/netaddr.h"
#include "sip/names.h"

enum { LISTENERS_MAX = 16, DOMAINS_MAX = 16, TRUSTED_MAX = 32, DNS_SERVERS_MAX = 4, SETTINGS_HOST = 128 };

struct settings_listener {
	uint8_t transport;             /* enum sip_transport */
	uint8_t pad[3];
	struct netaddr address;        /* may be 0.0.0.0 or :: */
	char advertise_host[SETTINGS_HOST]; /* what we write into Via and Contact; empty: the address
	                                     * (or, when that is 0.0.0.0, the local one a peer uses) */
	uint16_t advertise_port;       /* 0: the port listened on */
	uint16_t pad2[3];
};

struct settings {
	uint32_t n_domains, n_listeners, n_trusted, log_level;
	char domains[DOMAINS_MAX][SETTINGS_HOST];  /* lower case; of the default tenant */
	struct settings_listener listeners[LISTENERS_MAX];
	struct netaddr trusted[TRUSTED_MAX];
	struct {
		uint32_t fronts, workers;
	} processes;
	struct {
		uint32_t calls, subscribers, bindings;
		uint32_t ringing_per_subscriber; /* calls of his that nobody answered yet, in each worker (50) */
		uint32_t subscriptions;        /* to event packages (20000) */
		uint32_t subscriptions_per_subscriber; /* of them, those one may hold (200) */
		uint32_t connections;          /* stream connections each front holds (10000) */
		uint32_t connections_per_source; /* 100 */
		uint32_t rate_per_source;      /* datagrams a second of one unknown source (200) */
		uint32_t burst_per_source;     /* 1000 */
	} limits;
	struct {
		uint32_t t1_ms, t2_ms, t4_ms, ring_s, no_answer_s, session_s, min_se_s;
	} timers;
	struct {
		uint32_t default_s, min_s, max_s, contacts, nonce_s, pad;
		char service_route[SETTINGS_HOST]; /* a SIP URI; empty: none is said */
	} registrar;
	struct {
		uint32_t n_servers;    /* 0: those of /etc/resolv.conf */
		uint32_t timeout_ms, tries; /* of one question to one server */
		uint32_t pad;
		struct netaddr servers[DNS_SERVERS_MAX];
	} dns;
	struct {
		uint32_t store;            /* 1: messages are kept for absent users */
		uint32_t per_user, max_bytes, expire_s; /* so many for each, so long, for so long */
	} messages;
	char user[64];                 /* whom the daemons become when started as root; "tandem" */
	char node[64];                 /* this node's name in bindings and CDRs; the host name */
	uint32_t socket_buffer;        /* bytes asked for each UDP socket; 4 MiB */
	uint32_t fork_unique;          /* 1: contacts of one user have a Call-ID each */
	bool allow_foreign;            /* subscribers may call URIs of other domains */
	bool refuse_unrecorded;        /* no new calls while the spool's disk takes no records */
	bool pass_unknown;             /* in a call, requests of a method we do not know pass on */
	uint8_t pad[5];
};

struct settings_file {             /* what the reader keeps for itself besides */
	struct settings settings;
	char run_dir[PATH_MAX], spool_dir[PATH_MAX];
	char database[1024];
	struct {
		char certificate[PATH_MAX], private_key[PATH_MAX];
	} tls[LISTENERS_MAX];
};

/* Reads FILE. Every key has a default but `domains`; an unknown key, a wrong type or an impossible
 * value (a TLS listener without certificate, two listeners on one address, min_s > max_s, a directory
 * that is not absolute) gives one line "FILE:LINE: KEY: what" in why. */
enum err settings_read(const char *path, struct settings_file *f_r, char *why, size_t why_cap);

enum settings_part { SETTINGS_RUN_DIR = 1, SETTINGS_DATABASE = 2, SETTINGS_DOMAINS = 4 };
/* Of a file that settings_read refuses, the parts that can be read all the same, or that it leaves to
 * their default: they alone are filled in. Returns their bits. */
unsigned settings_salvage(const char *path, struct settings_file *f_r);

#endif
