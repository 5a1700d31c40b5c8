/*
 * Finds messages in a byte stream (RFC 3261 18.3): Content-Length decides, CRLF between messages is
 * a keep-alive (RFC 5626 3.5.1: CRLFCRLF is a ping that wants CRLF back). Pure: bytes in, lengths
 * out; feeding it byte by byte gives the same messages as feeding it whole.
 */
#ifndef TANDEM_SIP_FRAME_H
#define TANDEM_SIP_FRAME_H

#include "base/span.h"
#include "sip/parse.h"

struct sip_frame {           /* zeroed to begin with; sip_frame resets it with each message */
	uint32_t scanned;        /* bytes of the present message already looked at */
	uint32_t head;           /* length of its head incl. the empty line; 0 = not yet found */
	uint32_t body;           /* its Content-Length */
};

enum sip_framed {
	SIP_FRAME_MORE,          /* not yet a whole message */
	SIP_FRAME_MESSAGE,       /* *len_r bytes are one message */
	SIP_FRAME_PING,          /* *len_r bytes of CRLFCRLF: answer CRLF */
	SIP_FRAME_CRLF,          /* *len_r bytes of CRLF: skip */
	SIP_FRAME_BROKEN,        /* no Content-Length, two, or too large: answer *why (if it has a
	                          * status) and close; *len_r bytes of head may be parsed for that */
};

enum sip_framed sip_frame(struct sip_frame *f, struct span bytes, uint32_t *len_r,
    struct verdict *why_r);

#endif
