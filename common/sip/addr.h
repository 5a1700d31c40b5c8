/* name-addr and addr-spec (RFC 3261 20.10, 25.1): From, To, Contact, Route, Refer-To ... */
#ifndef TANDEM_SIP_ADDR_H
#define TANDEM_SIP_ADDR_H

#include "sip/uri.h"

struct sip_addr {
	struct span display; /* as written, quotes included; p == NULL: none */
	struct span uri;     /* what stands inside <>, or the bare addr-spec */
	struct span params;  /* header parameters, after the first ';' outside <> */
	bool star;	     /* Contact: * */
	bool bracketed;
};

enum err sip_addr_parse(struct span value, struct sip_addr *addr_r);
/* The display name without quotes and backslashes. */
void sip_put_display_text(struct buf *b, struct span display);
/* Writes text as a quoted display name; CR, LF and NUL are left out. */
void sip_put_quoted(struct buf *b, struct span text);

#endif
