/* control: waits for its clients, for the answers of those it asked, and for its bell. */
#include <sys/epoll.h>

#include "base/log.h"
#include "control/control.h"

enum { POLL_MS = 50 };

static struct control control;

static void
on_bell(void *ctx, uint32_t events)
{
	struct control *k = ctx;

	(void)events;
	child_bell_heard(&k->child); /* the turn looks at the rings, whoever woke it */
}

static void
on_record(struct control *k, unsigned from, const struct ring_record *rec)
{
	struct ring *r = &k->child.in[from];

	if (ring_type(r) == WIRE_HANGUP_DONE)
		hangup_answer(k, proc_index(from), (const struct wire_hangup *)rec->payload);
	else if (ring_type(r) == WIRE_SHOWN)
		show_answer(k, (const struct wire_shown *)rec->payload, ring_len(r));
	else if (ring_type(r) == WIRE_EXPLAINED)
		explain_answer(k, (const struct wire_explained *)rec->payload, ring_len(r));
	ring_next(r);
}

static void
turn(struct control *k)
{
	const struct ring_record *rec;
	unsigned from;

	/* Said each time: a long listing takes turns of its own (reply.c). */
	(void)child_turn(&k->child);
	log_level_set((enum log_level)control_settings(k)->log_level);
	while ((rec = child_next(&k->child, &from)) != NULL)
		on_record(k, from, rec);
	operate_look(k);
	clients_deadlines(k);
	child_flush(&k->child);
}

static void
title(struct control *k)
{
	static unsigned said = ~0u;
	static uint64_t at;

	if (k->n_clients == said || k->child.clock.mono_ns - at < NS_PER_S)
		return;
	said = k->n_clients;
	at = k->child.clock.mono_ns;
	child_title(&k->child, "%u clients", said);
}

int
main(int argc, char **argv)
{
	struct control *k = &control;

	child_start(&k->child, ROLE_CONTROL, argc, argv);
	log_level_set((enum log_level)control_settings(k)->log_level);
	k->loop = loop_new();
	k->asked = k->child.exchange->operate_serial;
	k->bell = (struct loop_watch){ .fd = child_bell_fd(&k->child), .ready = on_bell, .ctx = k };
	if (loop_add(k->loop, &k->bell, EPOLLIN) != ERR_NONE)
		fatal(0, "the bell cannot be watched");
	clients_open(k);
	child_ready(&k->child);
	while (!child_stopping(&k->child)) {
		turn(k);
		title(k);
		loop_turn(k->loop, !child_bell_arm(&k->child) ? 0
				   : k->n_clients > 0	      ? POLL_MS * NS_PER_MS
							      : NS_PER_S);
		child_bell_disarm(&k->child);
	}
	clients_close(k);
	return 0;
}
