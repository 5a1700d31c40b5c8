/*
 * Parses a SIP message in place (RFC 3261 7, 25): the text becomes a flat record (msg.h). The only
 * change made to the text is that the line breaks of folded headers become spaces. No allocation;
 * every limit of msg.h is checked.
 */
#ifndef TANDEM_SIP_PARSE_H
#define TANDEM_SIP_PARSE_H

#include "sip/msg.h"

/* A refusal by protocol is data. */
struct verdict {
	uint16_t status;     /* 0: good; VERDICT_DROP: no answer is safe; else the SIP status */
	const char *reason;  /* a reason phrase that names the fault; static */
};
enum { VERDICT_DROP = 1 };

/* m->raw_len bytes of text stand at sip_raw(m); `room` bytes belong to the record in all
 * (SIP_MSG_ROOM(raw_len) always suffice). Fills the rest of *m but flow and at_ns.
 *
 * What is wrong is reported after everything that can be read has been read, so that a 4xx can be
 * built (sip_put_response) from what was found of Via, From, To, Call-ID and CSeq. When there is no
 * Via or its top value is malformed, or when a response or an ACK is malformed, the verdict is
 * VERDICT_DROP; the reason says why all the same. Only a record with verdict 0 is sip_msg_valid.
 * Checks: the start line (400, 505 for another version, 416 for a scheme we cannot route), mandatory
 * headers ("Missing Call-ID header"), CSeq method against the request's, single headers repeated,
 * Content-Length against what is there (datagram longer than it: cut; shorter: 400), name-addr
 * grammar of From, To, Contact, Route, Record-Route, number ranges. */
struct verdict sip_parse(struct sip_msg *m, size_t room);

#endif
