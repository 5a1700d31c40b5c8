/*
 * What a Contact says of its user agent in feature parameters (RFC 3840 9): of these the ones by which another
 * user agent knows what it talks with, a conference (RFC 4579 3.3), a machine, or one that plays to nobody
 * just now (RFC 4235 4.1.1). Where two dialogs are one call, each side is told of the other's.
 */
#ifndef TANDEM_SIP_CAPABILITY_H
#define TANDEM_SIP_CAPABILITY_H

#include "base/buf.h"
#include "sip/msg.h"

/* Name, and the only value that we pass on; empty: it stands alone, for TRUE. */
#define SIP_CAPABILITIES(X)                                                                        \
	X(AUDIO, "audio", "")                                                                      \
	X(VIDEO, "video", "") X(TEXT, "text", "") X(APPLICATION, "application", "")                \
	    X(DATA, "data", "") X(CONTROL, "control", "") X(AUTOMATA, "automata", "")              \
		X(ISFOCUS, "isfocus", "") X(BYELESS, "+sip.byeless", "")                           \
		    X(NO_RENDERING, "+sip.rendering", "\"no\"")
enum sip_capability {
#define X(id, name, value) SIP_CAP_##id,
	SIP_CAPABILITIES(X)
#undef X
	    SIP_N_CAPABILITIES
};

/* Those of the first Contact, as bits 1 << enum sip_capability; 0: there is none, or it cannot be read. */
uint32_t sip_capabilities(const struct sip_msg *m);
/* As parameters of a Contact, each with its semicolon. */
void sip_put_capabilities(struct buf *b, uint32_t set);

#endif
