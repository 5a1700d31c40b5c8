/* Session-ID of a leg (RFC 7989): the end that its peer is, and the end behind its call. */
#include "worker/worker.h"

#include "base/rand.h"

static bool
is_silent(const struct session_end *e)
{
	return session_uuid_null(&e->uuid);
}

/* An end that says nothing is lent a name once the other has one. */
static void
lend(struct leg *l)
{
	uint8_t random[16];

	if (!is_silent(&l->end) || is_silent(&l->other))
		return;
	rand_bytes(random, sizeof(random));
	session_end_heard(&l->end, NULL, random);
}

void
leg_hears_session(struct leg *l, const struct sip_msg *m)
{
	struct sip_session_id said;
	uint8_t none[16] = { 0 };

	if (sip_has(m, SIP_H_SESSION_ID) &&
	    sip_session_id_parse(sip_header_get(m, SIP_H_SESSION_ID), &said) == ERR_NONE)
		session_end_heard(&l->end, &said, none);
	lend(l);
}

void
leg_knows_other(struct leg *l, const struct session_end *other)
{
	if (is_silent(other))
		return;
	l->other = *other;
	if (!l->dialog.uac || l->dialog.state != DIALOG_NONE) /* else it has not spoken yet */
		lend(l);
}
