/*
 * Writes messages. Everything that goes into a header goes through sip_put_header or one of these,
 * which refuse CR, LF and NUL (the buffer overruns: the message is not sent); only what a response
 * gives back to its sender may have a quoted NUL. Sticky: test buf_ok once at the end.
 */
#ifndef TANDEM_SIP_BUILD_H
#define TANDEM_SIP_BUILD_H

#include "base/buf.h"
#include "sip/msg.h"

/* Status line, Vias, From, To (with to_tag if it has none; none for 100), Call-ID, CSeq, and for
 * 100 Timestamp (RFC 3261 8.2.6). reason NULL: the standard phrase. */
void sip_put_response(struct buf *b, const struct sip_msg *request, unsigned status,
    const char *reason, struct span to_tag);
/* The same with a phrase from the network (sliced text; control bytes refused). */
void sip_put_response_as(struct buf *b, const struct sip_msg *request, unsigned status,
    struct span phrase, struct span to_tag);
/* Text that came from elsewhere, inside a header line. */
void sip_put_text(struct buf *b, struct span s);
void sip_put_request_line(struct buf *b, struct span method, struct span uri);
void sip_put_header(struct buf *b, struct span name, struct span value);
void sip_put_header_u32(struct buf *b, struct span name, uint32_t value);
/* Copies every line of this header from a message, in order, under its full name. */
void sip_put_copy(struct buf *b, const struct sip_msg *from, enum sip_header_id id);
/* Content-Type (when the body is not empty), Content-Length, the empty line, the body. */
void sip_put_body(struct buf *b, struct span content_type, struct span body);
/* "Allow: ..." with the methods Tandem does; no Supported, as long as it does no extension. */
void sip_put_allow(struct buf *b);
/* The same without one, for a 405 to it: who was asked for it does not do it (RFC 3261 21.4.6). */
void sip_put_allow_but(struct buf *b, enum sip_method refused);
/* A complete stateless answer of the front: 400, 503 ... with Content-Length 0. `headers` are
 * further complete header lines, or empty. */
void sip_put_refusal(struct buf *b, const struct sip_msg *request, unsigned status,
    const char *reason, struct span to_tag, struct span headers);

#endif
