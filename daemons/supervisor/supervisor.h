/*
 * The supervisor's private header, sectioned by file. There is one struct supervisor, in main.c; its
 * parts hand it around. A step of the start that fails ends the program (fatal) before any child was
 * started: there is never half an exchange.
 */
#ifndef TANDEM_SUPERVISOR_H
#define TANDEM_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/loop.h"
#include "ipc/manifest.h"
#include "ipc/nonces.h"
#include "ipc/process.h"
#include "ipc/ring.h"
#include "model/settings.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define SECONDS(n)   ((uint64_t)(n)*NS_PER_S)

enum { FRONTS_MAX = 16, DEATHS = 4 };

/* One child that should run. Its present state stands in the exchange's process table. */
struct service {
	enum role role;
	unsigned index, proc;
	pid_t pid; /* 0: does not run */
	uint64_t started_ns;
	uint64_t start_at_ns; /* when to start it; 0: as soon as its turn has come */
	uint64_t deaths[DEATHS];
	unsigned n_deaths;  /* ever; deaths[n_deaths % DEATHS] is the oldest kept */
	uint32_t backoff_s; /* 0: not throttled */
	bool ready;	    /* it takes work */
	bool killed;	    /* SIGKILL was sent */
	struct region seen; /* its region, read-only */
};

enum phase {
	PHASE_STARTING, /* until the fronts are ready; then systemd is told */
	PHASE_RUNNING,
	PHASE_STOPPING,	 /* SIGTERM was sent; nobody is started any more */
	PHASE_UPGRADING, /* the same, but a new program follows in this process */
	PHASE_GONE,	 /* no child is left */
};

struct tls_files { /* -1: the listener has none */
	int certificate, key;
};

struct supervisor {
	const char *config_path, *libexec;
	struct settings_file file; /* in force */
	uid_t uid;
	gid_t gid; /* of the daemons; 0: as they are */
	int run_fd, spool_fd, lock_fd, admin_fd, signal_fd;
	int udp[LISTENERS_MAX][FRONTS_MAX], stream[LISTENERS_MAX][FRONTS_MAX];
	struct tls_files tls[LISTENERS_MAX];
	struct exchange *exchange;
	struct nonces_region *nonces;
	uint32_t *bells;
	int bell_fds[PROC_MAX];
	struct ring operate;		   /* from control */
	struct service services[PROC_MAX]; /* in the order of their start */
	unsigned n_services;
	enum phase phase;
	uint64_t phase_ns;  /* since when */
	uint64_t looked_ns; /* when the heartbeats were looked at */
	uint64_t throttled_said_ns;
	bool upgrade_waits; /* layout.c */
	struct clock clock;
	struct loop *loop;
};

/* run_dir.c: directories and the lock. */
void run_dir_open(struct supervisor *s);
void run_dir_lock(struct supervisor *s);
void spool_dir_open(struct supervisor *s);

/* sockets.c: what the world sees. All or nothing. */
void sockets_open(struct supervisor *s);
void admin_open(struct supervisor *s);
void admin_close(struct supervisor *s);

/* certificates.c: PEM files and the memfds of them. */
enum err certificates_check(const struct settings_file *f, char *why, size_t cap);
void certificates_open(struct supervisor *s);
/* Puts the files' present content into the memfds; certificates_check was good. */
void certificates_refresh(struct supervisor *s, const struct settings_file *f);

/* regions.c: shared memory. */
void regions_open(struct supervisor *s);
void exchange_open(struct supervisor *s);

/* settings_publish.c */
void settings_publish(struct supervisor *s);
/* "FILE:LINE: KEY: ..." of what is wrong with a key, "KEY: ...". */
void settings_fault(const char *file, const char *what, char *why, size_t cap);
/* The user the daemons become. */
enum err settings_user(const struct settings *s, uid_t *uid_r, gid_t *gid_r, char *why, size_t cap);

/* reload.c: SIGHUP. ERR_NONE, or why nothing was changed. */
enum err reload(struct supervisor *s, char *why, size_t cap);

/* services.c: the children there should be, their rows in the process table. */
void services_list(struct supervisor *s);
struct service *service_of_pid(struct supervisor *s, pid_t pid);
struct service *service_of_proc(struct supervisor *s, unsigned proc);
unsigned services_alive(const struct supervisor *s);
void service_row(struct supervisor *s, const struct service *v, enum process_state state);
void bells_kick(struct supervisor *s);
/* What its region says of this very process; NULL when it has not got so far. */
const struct process *service_seen(const struct supervisor *s, const struct service *v);

/* give.c: the manifest of one child. */
struct given {
	struct manifest manifest;
	int temporary[MANIFEST_MAX]; /* descriptors opened for this child alone */
	unsigned n_temporary;
};
void give(struct supervisor *s, const struct service *v, struct given *g_r);
void give_done(struct given *g);

/* spawn.c */
void spawn(struct supervisor *s, struct service *v);
void spawn_check(const struct supervisor *s); /* fatal() when an executable is missing */

/* reap.c: SIGCHLD. */
void reap(struct supervisor *s);

/* watch.c: starts whose turn has come, readiness, heartbeats. */
void watch(struct supervisor *s);
uint64_t watch_next(const struct supervisor *s);

/* stop.c */
void stop_begin(struct supervisor *s, enum phase phase);
void stop_step(struct supervisor *s);

/* operate.c: signals, and requests from control. */
void signals_open(struct supervisor *s);
void operate_take(struct supervisor *s);

/* upgrade.c: descriptors that outlive the program. */
void upgrade_exec(struct supervisor *s);

/* layout.c: of all regions together. */
uint64_t layout_number(void);
/* May this program take over now? False: no, and layout_watch begins the upgrade anew when it may. */
bool layout_allows(struct supervisor *s, const char *program);
void layout_watch(struct supervisor *s);

/* The descriptor kept under this name by the program before, or -1. */
int upgrade_kept(const char *name);
void upgrade_begin(char **argv); /* before anything is opened */

/* notify.c: systemd and the title. */
void notify_ready(struct supervisor *s);
void notify_reloading(struct supervisor *s);
void notify_stopping(struct supervisor *s);
void notify_turn(struct supervisor *s);

#endif
