/*
 * message/sipfrag (RFC 3420) as far as a NOTIFY of a REFER needs it (RFC 3515 2.4.5): a status line.
 * More than that is never written: the headers of a response would tell the referrer about the one
 * who was called.
 */
#ifndef TANDEM_SIP_SIPFRAG_H
#define TANDEM_SIP_SIPFRAG_H

#include "base/buf.h"
#include "base/err.h"

#define SIP_SIPFRAG_TYPE "message/sipfrag;version=2.0" /* the Content-Type */

/* "SIP/2.0 200 OK" and a line end. phrase empty: the standard one; text with line ends in it overruns
 * the buffer. */
void sip_put_sipfrag(struct buf *b, unsigned status, struct span phrase);
/* Its status; *phrase_r may be empty. Headers and a body behind the status line are passed over. A
 * missing line end and a bare LF are tolerated. ERR_SYNTAX: no status line; ERR_VERSION: not SIP/2.0;
 * ERR_RANGE: not 100 to 699. */
enum err sip_sipfrag_parse(struct span body, unsigned *status_r, struct span *phrase_r);

#endif
