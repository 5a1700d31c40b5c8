/*
 * Who answered, and who calls, on the display (TS 24.607, TS 24.608, RFC 4916; SERVICES.md C11, C14).
 *
 *     A (colp on)    tandem                     B                  B's setting
 *     |INVITE--------->|INVITE From: Anonymous-->|                  clip off: his phones are not shown who calls
 *     |<-----------200 |<--------------------200 |
 *     P-Asserted-Identity: B                                        colr on: without it, also when the
 *                                                                   call is transferred to him
 *
 * A gateway's callers have no colp: what they are told is between the networks. What an emergency number is
 * shown, and who blocks or rejects whom, does not change.
 *
 * Settings: tandem.subscriber_service.clip, colp, colr. Codes: *65 *85 *#30# clip, *76# #76# *#76# colp,
 * *77# #77# *#77# colr. State: target.no_clip.
 */
#include "worker/worker.h"

static unsigned
identity_of(struct worker *w, const struct call *c, struct kept user)
{
	struct dir_buf *rec = user.len == 0 ? NULL : scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s =
	    rec == NULL
		? NULL
		: directory_subscriber(&w->directory, c->tenant, kept_span(&w->heap, user), rec);

	return s == NULL ? 0 : s->identity;
}

bool
connected_hides(struct worker *w, const struct call *c, const struct party *p)
{
	return (identity_of(w, c, p->user) & DIR_COLR) != 0;
}

bool
connected_tells(
    struct worker *w, const struct call *c, const struct party *caller, const struct party *by)
{
	return caller == party_at(w, c->caller) && by->user.len > 0 &&
	       identity_of(w, c, caller->user) & DIR_COLP && party_is_shown(w, c, by);
}

struct span
connected_headers(struct worker *w, struct call *c, const struct party *caller,
    const struct party *by, struct span through)
{
	struct span who;
	struct buf b;

	if (!connected_tells(w, c, caller, by))
		return through;
	who = party_identity(w, c, by);
	if (who.len == 0)
		return through;
	b = scratch_buf(w, through.len + who.len);
	buf_put(&b, through);
	buf_put(&b, who);
	return buf_ok(&b) ? buf_span(&b) : through;
}
