/*
 * Who calls, as trusted networks say it: P-Asserted-Identity and P-Preferred-Identity (RFC 3325, 5876),
 * Privacy (RFC 3323, 3325, 7044), and Remote-Party-ID (draft-ietf-sip-privacy-04), which is read only.
 * Whether whoever says so is believed is the caller's business (THREATS A2).
 */
#ifndef TANDEM_SIP_IDENTITY_H
#define TANDEM_SIP_IDENTITY_H

#include "sip/addr.h"
#include "sip/msg.h"

struct sip_identity {
	struct sip_addr sip;  /* a sip or sips URI; uri.p == NULL: none */
	struct sip_addr tel;  /* a tel URI; uri.p == NULL: none */
};
/* P-Asserted-Identity or P-Preferred-Identity: the first value of each kind. What is malformed, of
 * another scheme or one too many is passed over (RFC 5876 4.5). ERR_ABSENT: nothing is left. */
enum err sip_identity(const struct sip_msg *m, enum sip_header_id id, struct sip_identity *id_r);
/* One header line; `name` is text, not quoted; empty: none. Where both kinds are known, twice. */
void sip_put_identity(struct buf *b, enum sip_header_id id, struct span name, struct span uri);

/* priv-values, in the order they are written. HISTORY is of RFC 7044. */
#define SIP_PRIVACIES(X)                                                                           \
	X(NONE, "none") X(HEADER, "header") X(SESSION, "session") X(USER, "user") X(ID, "id")      \
	X(HISTORY, "history") X(CRITICAL, "critical")
enum sip_privacy_value {
#define X(id, text) SIP_PRIVACY_##id,
	SIP_PRIVACIES(X)
#undef X
	SIP_PRIVACY_OTHER, /* a value we do not know: with CRITICAL the request gets 500 (RFC 3323 5) */
	SIP_N_PRIVACIES
};
/* The values as bits 1 << SIP_PRIVACY_x, 0 when the header is absent. NONE beside something else is
 * against RFC 3323 4.2 and is dropped: who doubts hides. */
uint32_t sip_privacy(const struct sip_msg *m);
/* The same of one value "id;user", as in the headers of a History-Info entry. */
uint32_t sip_privacy_parse(struct span value);
/* The header line; nothing for an empty set. OTHER is not written. */
void sip_put_privacy(struct buf *b, uint32_t set);

enum sip_rpid_privacy { SIP_RPID_OFF, SIP_RPID_NAME, SIP_RPID_URI, SIP_RPID_FULL };
struct sip_remote_party {
	struct sip_addr addr;
	bool screened;                 /* screen=yes: the network has verified it */
	enum sip_rpid_privacy privacy; /* what is to be hidden; OFF also when it is not said */
};
/* The first value about the calling party (party=calling, or none said). ERR_ABSENT: there is none. */
enum err sip_remote_party(const struct sip_msg *m, struct sip_remote_party *party_r);

#endif
