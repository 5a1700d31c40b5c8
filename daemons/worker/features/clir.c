/*
 * My number is withheld (TS 24.607, RFC 3323, 3325): the calls of a subscriber who wishes so are anonymous,
 * as if each said `Privacy: id`; one that says `Privacy: none` is not. What he dials before the number
 * goes before both, for this call.
 *
 *     A (clir on)     tandem                         B
 *     |INVITE----------->|                           |
 *     |                  |INVITE-------------------->|  From: "Anonymous" <sip:anonymous@anonymous.invalid>
 *     |                  |                           |  Contact of ours; no P-Asserted-Identity, but to who
 *     |                  |                           |  is trusted to keep it: with Privacy: id
 *
 * His record says restricted, with the number that pays. To the call it is hidden as by its caller's own
 * wish: who rejects anonymous callers (acr.c) rejects this one too. An emergency number is told who calls
 * (emergency.c).
 *
 * It is asked before the other features: who calls is written down before anything is decided.
 *
 * Settings: tandem.subscriber_service.clir. Codes: *31# #31#; for one call *67N #31#N, *82N *31#N.
 * State: the call's privacy.
 */
#include "worker/worker.h"

#include "sip/identity.h"

uint32_t
clir_privacy(const struct origin *o, uint32_t asked, unsigned once)
{
	bool withheld = o->kind == ORIGIN_SUBSCRIBER && o->subscriber->clir;

	if (once & ONCE_HIDDEN)
		return (asked & ~(1u << SIP_PRIVACY_NONE)) | 1u << SIP_PRIVACY_ID;
	if (once & ONCE_SHOWN)
		return 1u << SIP_PRIVACY_NONE;
	if (!withheld || asked & 1u << SIP_PRIVACY_NONE)
		return asked;
	return asked | 1u << SIP_PRIVACY_ID;
}
