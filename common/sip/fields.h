/* The smaller header fields: numbers, tags, lists. Each reads one value that msg.h gave. */
#ifndef TANDEM_SIP_FIELDS_H
#define TANDEM_SIP_FIELDS_H

#include "sip/addr.h"
#include "sip/msg.h"

/* Option tags that Tandem knows (RFC 3261 19.2). */
#define SIP_OPTIONS(X)                                                                             \
	X(100REL, "100rel") X(TIMER, "timer") X(REPLACES, "replaces") X(NOREFERSUB, "norefersub")  \
	X(PATH, "path") X(OUTBOUND, "outbound") X(GRUU, "gruu") X(FROM_CHANGE, "from-change")      \
	X(HISTINFO, "histinfo") X(TDIALOG, "tdialog") X(JOIN, "join") X(PRIVACY, "privacy")        \
	X(PRECONDITION, "precondition") X(ANSWERMODE, "answermode")                                \
	X(EARLY_SESSION, "early-session") X(EVENTLIST, "eventlist")
enum sip_option {
#define X(id, text) SIP_O_##id,
	SIP_OPTIONS(X)
#undef X
	SIP_N_OPTIONS
};
struct span sip_option_name(enum sip_option o);
/* The tags of Require/Supported/Proxy-Require as bits 1 << SIP_O_x; those not known are written to
 * *unknown (comma-joined) when it is not NULL. */
uint32_t sip_option_set(const struct sip_msg *m, enum sip_header_id id, struct buf *unknown);

/* The methods of an Allow header as bits 1 << enum sip_method; those we do not know are left out. */
uint32_t sip_method_set(const struct sip_msg *m, enum sip_header_id id);
/* delta-seconds; malformed gives ERR_SYNTAX, above 2^32-1 is cut to it (RFC 3261 20.19). */
enum err sip_delta(struct span value, uint32_t *seconds_r);
/* q-value "0.7" in thousandths; 1000 when absent or malformed. */
unsigned sip_q(struct span params);
/* media-type of a Content-Type value, without parameters, e.g. application/sdp (no case). */
bool sip_type_is(struct span content_type, struct span media_type);
/* Does an Accept list take this type? True when there is no Accept (default is application/sdp). */
bool sip_accepts(const struct sip_msg *m, struct span media_type);
/* Reason (RFC 3326): first value with this protocol; cause 0 when none. */
unsigned sip_reason_cause(const struct sip_msg *m, struct span protocol);
/* Retry-After in seconds, 0 when absent. */
uint32_t sip_retry_after(const struct sip_msg *m);

#endif
