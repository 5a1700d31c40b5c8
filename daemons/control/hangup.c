/*
 * Ends a call: which worker has it is not known here, so all are asked, and the client is answered
 * when one had it, when all had not, or after two seconds.
 */
#include <string.h>

#include "control/control.h"
#include "model/uuid.h"

enum { DEADLINE_S = 2 };

/* A bit for each worker that was asked. */
static uint32_t
ask_all(struct control *k, const struct wire_hangup *h)
{
	uint32_t asked = 0;

	for (unsigned w = 0; w < role_most(ROLE_WORKER); w++) {
		struct ring *r = child_out(&k->child, ROLE_WORKER, w);
		void *to = r == NULL ? NULL : ring_reserve(r, WIRE_HANGUP, sizeof(*h));

		if (to == NULL)
			continue;
		memcpy(to, h, sizeof(*h));
		ring_commit(r, sizeof(*h));
		asked |= 1u << w;
	}
	return asked;
}

void
hangup_call(struct control *k, struct client *c, const json_t *args)
{
	const char *id = argument(args, "id");
	struct wire_hangup h = { .ticket = ++k->tickets };

	if (id == NULL || uuid_read(span_str(id), h.call_id) != ERR_NONE) {
		reply_error(c, "not the id of a call");
		return;
	}
	c->ticket = h.ticket;
	c->waiting = ask_all(k, &h);
	c->deadline_ns = k->child.clock.mono_ns + DEADLINE_S * NS_PER_S;
	c->state = CLIENT_HANGUP;
	if (c->waiting == 0)
		reply_error(c, "no worker can be reached");
}

static struct client *
client_of(struct control *k, uint64_t ticket)
{
	for (struct client *c = k->clients; c < k->clients + CLIENTS_MAX; c++)
		if (c->state == CLIENT_HANGUP && c->ticket == ticket)
			return c;
	return NULL;
}

void
hangup_answer(struct control *k, unsigned worker, const struct wire_hangup *h)
{
	struct client *c = client_of(k, h->ticket);

	if (c == NULL)
		return;
	c->waiting &= ~(1u << worker);
	if (h->found) {
		reply_rows(c);
		reply_rows_end(c);
	} else if (c->waiting == 0) {
		reply_error(c, "there is no such call now");
	}
}

void
hangup_late(struct client *c)
{
	reply_error(c, "a worker did not answer; the others have no such call");
}
