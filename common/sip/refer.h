/*
 * REFER (RFC 3515, 3892, 4488): whom to call, at whose word, and whether the referrer wants to hear how
 * it went. Read from untrusted phones: of what a Refer-To can carry only the URI and a Replaces are
 * taken. Event, Subscription-State and the body of the NOTIFY: event.h, sipfrag.h.
 */
#ifndef TANDEM_SIP_REFER_H
#define TANDEM_SIP_REFER_H

#include "sip/addr.h"
#include "sip/replaces.h"

struct sip_refer_to {
	struct span display;          /* as written; p == NULL: none */
	struct sip_uri uri;           /* sip, sips, tel; write it with sip_put_request_uri() */
	bool has_replaces;            /* an attended transfer: */
	struct sip_replaces replaces; /* its text stands in the buffer that was given */
};

/* Refer-To (RFC 3515 2.1): name-addr or addr-spec; headers behind a URI that lacks its <> are tolerated.
 * `text` takes the decoded Replaces (SIP_REPLACES_MAX bytes suffice) and must live as long as *to_r.
 * ERR_SYNTAX: malformed, 400; ERR_RANGE: a Replaces longer than we take, 400; ERR_DENIED: well-formed,
 * but another method than INVITE or a scheme we do not call, 403. All other headers of the URI are
 * ignored, Require and Route among them: a phone does not write our INVITE. */
enum err sip_refer_to_parse(struct span value, struct buf *text, struct sip_refer_to *to_r);
/* The header line: the URI, and when replaces is not NULL the header in it, with Require: replaces. */
void sip_put_refer_to(struct buf *b, const struct sip_uri *uri, const struct sip_replaces *replaces);

/* Referred-By (RFC 3892 3), to be relayed to who is called; the signed body that cid may name is not
 * looked at. ERR_SYNTAX. */
struct sip_referred_by {
	struct sip_addr addr;
	struct span cid;              /* with its quotes; empty: none */
};
enum err sip_referred_by_parse(struct span value, struct sip_referred_by *by_r);
void sip_put_referred_by(struct buf *b, struct span uri);

/* Refer-Sub (RFC 4488 4): false, and the referrer wants no NOTIFY. ERR_SYNTAX. */
enum err sip_refer_sub_parse(struct span value, bool *wanted_r);
void sip_put_refer_sub(struct buf *b, bool wanted);

#endif
