/*
 * The control process: the admin socket of tandemctl. It reads everything and changes nothing but by a
 * message to the owner. Its private header, sectioned by file.
 *
 * A client sends one line of JSON and gets one back:
 *
 *     {"command": "calls", "args": {...}}    {"ok": true, "rows": [{...}, ...]}
 *                                            {"ok": true, "text": "..."}
 *                                            {"ok": false, "error": "..."}
 *
 * It may send several, one after the other. Rows are flat, but for `legs`, `ladder` and `decisions` of
 * call_show; the order of their keys is that of the columns.
 */
#ifndef TANDEM_CONTROL_H
#define TANDEM_CONTROL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/loop.h"
#include "ipc/child.h"
#include "model/callview.h"
#include "model/settings.h"

enum { CLIENTS_MAX = 64, LINE_MAX_BYTES = 4096 };

enum client_state {
	CLIENT_FREE,	/* no one */
	CLIENT_READING, /* its next line is awaited */
	CLIENT_HANGUP,	/* workers were asked to end a call for it */
	CLIENT_SHOW,	/* a worker was asked about a call for it */
	CLIENT_EXPLAIN, /* a worker was asked what a call would do for it */
	CLIENT_OPERATE, /* the supervisor was asked something for it */
	CLIENT_WRITING, /* its answer is not sent yet; nothing is read meanwhile */
};

struct client {
	enum client_state state;
	struct control *control;
	struct loop_watch watch;
	char in[LINE_MAX_BYTES];
	size_t in_len;
	char *out; /* malloc'd */
	size_t out_len, out_cap, out_at;
	bool out_failed;      /* no memory for its answer */
	uint64_t deadline_ns; /* of HANGUP, SHOW, EXPLAIN, OPERATE, WRITING */
	uint64_t ticket;      /* HANGUP, SHOW, EXPLAIN */
	json_t *row;	      /* SHOW: what is known already; else NULL */
	uint32_t waiting;     /* HANGUP: a bit for each worker who did not answer */
	uint32_t serial;      /* OPERATE: which of the supervisor's answers is ours */
};

struct control {
	struct child child;
	struct loop *loop;
	struct loop_watch listening, bell;
	struct client clients[CLIENTS_MAX];
	unsigned n_clients;
	uint64_t tickets; /* the last one given */
	uint32_t asked;	  /* serial of the last request to the supervisor */
	uint32_t rows;	  /* of the present listing */
};

typedef void (*command_fn)(struct control *k, struct client *c, const json_t *args);

static inline const struct settings *
control_settings(const struct control *k)
{
	return child_settings(&k->child);
}

/* client.c: connections and lines. */
void clients_open(struct control *k);
void clients_close(struct control *k);
void clients_deadlines(struct control *k);
/* Its answer is complete: sends it, then reads on. */
void client_answered(struct client *c);

/* command.c */
void command_run(struct control *k, struct client *c, const char *line, size_t len);
/* A text argument, or NULL. */
const char *argument(const json_t *args, const char *name);

/* reply.c: the answer, built in the client's buffer. Each of the last three completes it. */
void reply_rows(struct client *c);
void reply_row(struct client *c, json_t *row); /* takes the reference */
void reply_rows_end(struct client *c);
void reply_text(struct client *c, const char *text, size_t len);
void reply_error(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* facts.c: what the listings read. */
/* The region of a process that there is; NULL else. */
const struct process *process_of(struct control *k, unsigned proc);
uint64_t counter_of(const struct process *p, enum counter c);
uint64_t counter_sum(struct control *k, enum counter c);
const char *process_state_name(uint32_t state);
void list_ps(struct control *k, struct client *c, const json_t *args);
void list_status(struct control *k, struct client *c, const json_t *args);

/* calls.c, registrations.c, metrics.c */
void list_calls(struct control *k, struct client *c, const json_t *args);
json_t *call_row(const struct control *k, const struct call_view *v);
/* Whose call has this id? False: nobody's now. */
bool call_find(struct control *k, const uint8_t id[16], struct call_view *v_r, unsigned *worker_r);
void list_registrations(struct control *k, struct client *c, const json_t *args);
void show_metrics(struct control *k, struct client *c, const json_t *args);

/* hangup.c: asks every worker to end a call. */
void hangup_call(struct control *k, struct client *c, const json_t *args);
void hangup_answer(struct control *k, unsigned worker, const struct wire_hangup *h);
void hangup_late(struct client *c);

/* show.c: asks the worker of a call about it. */
void show_call(struct control *k, struct client *c, const json_t *args);
void show_answer(struct control *k, const struct wire_shown *s, uint32_t len);
void show_late(struct client *c);

/* explain.c: asks a worker what a call would do. */
void explain_call(struct control *k, struct client *c, const json_t *args);
void explain_answer(struct control *k, const struct wire_explained *x, uint32_t len);
void explain_late(struct client *c);

/* operate.c: asks the supervisor. */
void operate_reload(struct control *k, struct client *c, const json_t *args);
void operate_stop(struct control *k, struct client *c, const json_t *args);
void operate_upgrade(struct control *k, struct client *c, const json_t *args);
void operate_look(struct control *k); /* has it answered? */

/* completions.c */
void list_completions(struct control *k, struct client *c, const json_t *args);
/* guessers.c */
void facts_of_guessers(struct control *k, struct client *c);

#endif
