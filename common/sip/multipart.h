/*
 * Bodies of several parts (RFC 2046 5.1, RFC 5621): found in them is the session description, and it is
 * written again in its place while all other bytes stay what they are: an ISUP message, a location, a
 * signature. Binary: a part may have any bytes, NUL too.
 *
 *     Content-Type: multipart/mixed;boundary=b
 *
 *     preamble                              passed over
 *     --b
 *     Content-Type: application/sdp         headers
 *
 *     v=0 ...                               content; the line end behind it is the delimiter's
 *     --b
 *     Content-Type: application/ISUP;version=itu-t92+
 *     Content-Disposition: signal;handling=optional
 *
 *     ...
 *     --b--
 *     epilogue                              passed over
 *
 * A part that is a multipart itself is looked into, MULTIPART_DEPTH_MAX deep; the parts of all of them
 * stand in one list in the order of the text.
 */
#ifndef TANDEM_SIP_MULTIPART_H
#define TANDEM_SIP_MULTIPART_H

#include "base/buf.h"
#include "base/err.h"

enum { MULTIPART_PARTS_MAX = 16, MULTIPART_DEPTH_MAX = 3, MULTIPART_BOUNDARY_MAX = 70 };

enum sip_handling { SIP_HANDLING_UNSAID, SIP_HANDLING_REQUIRED, SIP_HANDLING_OPTIONAL };
struct sip_disposition {              /* Content-Disposition (RFC 3261 20.11), of a message or a part */
	struct span type;             /* session, render, signal ...; empty: none said */
	enum sip_handling handling;   /* UNSAID means required (20.11); UNSAID also for other words */
};
struct sip_disposition sip_disposition(struct span value);

struct body_part {
	struct span type;             /* Content-Type value; empty: text/plain (5.1) */
	struct span id;               /* Content-ID value; empty: none */
	struct sip_disposition disposition;
	struct span content;
	bool encoded;                 /* base64, quoted-printable ...: not the bytes themselves */
	uint8_t group;                /* which multipart it is in, by the order they were met */
	bool alternative;             /* and that is a multipart/alternative: the best stands last (5.1.4) */
	uint8_t n_lengths;            /* Content-Length headers, of it and of those it is in */
	struct { struct span digits; size_t counted; } length[MULTIPART_DEPTH_MAX];
};

struct multipart {
	struct span body;
	unsigned n;
	struct body_part part[MULTIPART_PARTS_MAX];
	uint8_t n_groups;
};

/* Is this a Content-Type of several parts? */
bool sip_is_multipart(struct span content_type);
/* Tolerant: bare LF, no close delimiter, a part without headers. The spans are those of body and
 * content_type. ERR_ABSENT: no multipart; ERR_SYNTAX: no (good) boundary or no part; ERR_RANGE: too many
 * parts, a boundary too long. A part that should be a multipart and is none is a part like another. */
enum err multipart_parse(struct span content_type, struct span body, struct multipart *m_r);
/* The part to act on: the first of this type that has content, is not encoded and whose disposition is
 * `session`, or not said; among alternatives the last such. NULL: there is none. */
const struct body_part *multipart_find(const struct multipart *m, struct span media_type);
/* The body with other bytes for the content of one part; Content-Length headers around it are set right.
 * Content with a line that begins with "--" overruns the buffer: it might be a delimiter. So does a part
 * without content. */
void multipart_put(struct buf *b, const struct multipart *m, const struct body_part *part,
    struct span content);

#endif
