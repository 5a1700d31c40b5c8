/* Event and Subscription-State of SUBSCRIBE, NOTIFY and REFER (RFC 6665 8.2.1, 8.2.3). */
#ifndef TANDEM_SIP_EVENT_H
#define TANDEM_SIP_EVENT_H

#include "base/buf.h"
#include "sip/names.h"

struct sip_event {
	struct span package; /* with its templates: "presence.winfo"; case counts (8.2.1) */
	struct span id;      /* p == NULL: none; of REFER: the CSeq number (RFC 3515 2.4.6) */
	struct span params;  /* all of them */
};
/* ERR_SYNTAX: no package, an empty or quoted id. */
enum err sip_event_parse(struct span value, struct sip_event *event_r);
/* The same subscription: package and id, byte for byte (4.1.3, 8.2.1). */
bool sip_event_is(const struct sip_event *a, const struct sip_event *b);
/* The header line; an id without bytes is left out. */
void sip_put_event(struct buf *b, struct span package, struct span id);

enum sip_substate { SIP_SUB_OTHER, SIP_SUB_ACTIVE, SIP_SUB_PENDING, SIP_SUB_TERMINATED };

/* Why it was terminated (4.1.3); NONE: not said, or one we do not know, which is the same. */
#define SIP_SUB_REASONS(X)                                                                         \
	X(DEACTIVATED, "deactivated") X(PROBATION, "probation") X(REJECTED, "rejected")            \
	X(TIMEOUT, "timeout") X(GIVEUP, "giveup") X(NORESOURCE, "noresource")                      \
	X(INVARIANT, "invariant")
enum sip_sub_reason {
	SIP_SUB_REASON_NONE,
#define X(id, text) SIP_SUB_##id,
	SIP_SUB_REASONS(X)
#undef X
	SIP_N_SUB_REASONS
};

struct sip_subscription_state {
	enum sip_substate state;
	enum sip_sub_reason reason;
	bool has_expires, has_retry_after;
	uint32_t expires;       /* seconds that are left */
	uint32_t retry_after;   /* seconds, with some reasons */
};
/* ERR_SYNTAX: no state, a number that is none. */
enum err sip_subscription_state_parse(struct span value, struct sip_subscription_state *state_r);
/* "active;expires=60" and "pending;expires=60" (always with expires), "terminated;reason=noresource"
 * (expires is not written then, 4.2.2). A state OTHER cannot be written: the buffer overruns. */
void sip_put_subscription_state(struct buf *b, const struct sip_subscription_state *state);

#endif
