/*
 * What the supervisor is asked to do. It answers in the exchange's region: a serial that counts the
 * requests done, and the result of the last (ipc/process.h). Requests are done in their order, so the
 * n-th serial from here is the answer to the n-th request from here.
 */
#include <string.h>

#include "control/control.h"

enum { DEADLINE_S = 5 };

static bool
ask(struct control *k, int what)
{
	uint32_t serial = __atomic_load_n(&k->child.exchange->operate_serial, __ATOMIC_ACQUIRE);
	struct ring *r = child_out(&k->child, ROLE_SUPERVISOR, 0);
	struct wire_operate *o = r == NULL ? NULL : ring_reserve(r, WIRE_OPERATE, sizeof(*o));

	if (o == NULL)
		return false;
	memset(o, 0, sizeof(*o));
	o->what = what;
	ring_commit(r, sizeof(*o));
	if ((int32_t)(serial - k->asked) > 0)
		k->asked = serial;
	k->asked++;
	return true;
}

static void
ask_and_answer(struct control *k, struct client *c, int what, const char *text)
{
	if (ask(k, what))
		reply_text(c, text, strlen(text));
	else
		reply_error(c, "the supervisor takes no requests");
}

void
operate_stop(struct control *k, struct client *c, const json_t *args)
{
	(void)args;
	ask_and_answer(k, c, OPERATE_STOP, "stopping");
}

void
operate_upgrade(struct control *k, struct client *c, const json_t *args)
{
	(void)args;
	ask_and_answer(k, c, OPERATE_UPGRADE, "upgrading");
}

void
operate_reload(struct control *k, struct client *c, const json_t *args)
{
	(void)args;
	if (!ask(k, OPERATE_RELOAD)) {
		reply_error(c, "the supervisor takes no requests");
		return;
	}
	c->serial = k->asked;
	c->deadline_ns = k->child.clock.mono_ns + DEADLINE_S * NS_PER_S;
	c->state = CLIENT_OPERATE;
}

void
operate_look(struct control *k)
{
	const struct exchange *x = k->child.exchange;
	uint32_t serial = __atomic_load_n(&x->operate_serial, __ATOMIC_ACQUIRE);

	for (struct client *c = k->clients; c < k->clients + CLIENTS_MAX; c++) {
		if (c->state != CLIENT_OPERATE || (int32_t)(serial - c->serial) < 0)
			continue;
		if (x->operate_ok)
			reply_text(c, "reloaded", strlen("reloaded"));
		else
			reply_error(c, "%.*s", (int)sizeof(x->operate_text), x->operate_text);
	}
}
