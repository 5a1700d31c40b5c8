/* Requests that pass from one party to the other as they are (INFO, MESSAGE, perhaps what is not known),
 * and their answers back. */
#include "worker/worker.h"

enum { NOBODY_NOW = 480 };

void
call_request(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct party *peer = party_peer(s->w, s->p);
	struct note n = party_note(
	    s->c, s->w, peer == NULL ? CMD_RESPONSE : CMD_REQUEST, peer == NULL ? s->p : peer);

	if (in->method == SIP_REFER) {
		call_refer(s, in);
		return;
	}
	n.ref = in->ref;
	n.method = in->method;
	n.text[T_METHOD] = in->text[T_METHOD];
	/* Nobody talks with it yet, or just now: 481 would end its dialog (RFC 5057). */
	n.status = s->c->state == CALL_UP ? NOBODY_NOW : 481;
	if (peer != NULL)
		for (unsigned i = T_PHRASE; i <= T_BODY; i++)
			n.text[i] = in->text[i];
	note_down(s->w, &n);
}

/* What was asked of us, or where it was sent, is not the asker's affair (RFC 3261 22: a challenge wants
 * its header). */
static bool
is_for_us(unsigned status)
{
	return status == 401 || status == 407 || (status >= 300 && status < 400);
}

void
call_response(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct party *peer = party_peer(s->w, s->p);
	struct note n;

	if (peer == NULL)
		return; /* it left meanwhile */
	n = party_note(s->c, s->w, CMD_RESPONSE, peer);
	n.ref = in->ref;
	n.status = is_for_us(in->status) ? 488 : in->status;
	if (n.status == in->status)
		for (unsigned i = T_PHRASE; i <= T_BODY; i++)
			n.text[i] = in->text[i];
	note_down(s->w, &n);
}

void
requests_lost(struct worker *w, struct call *c, const struct party *p)
{
	struct note n = party_note(c, w, CMD_RESPONSE, p);

	n.status = NOBODY_NOW;
	note_down(w, &n);
}
