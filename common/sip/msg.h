/*
 * A parsed message as one flat record:
 *
 *     struct sip_msg | raw bytes (raw_len, padded to 8) | struct sip_header[n_headers]
 *
 * It holds no pointer: every field is a slice, a 16-bit offset and length into the raw bytes. The
 * front makes it where it received the bytes (parse.h), it crosses the ring with one copy, the
 * worker checks it (sip_msg_valid) and never parses the start line and headers again. A server
 * transaction keeps it in its arena as it is.
 */
#ifndef TANDEM_SIP_MSG_H
#define TANDEM_SIP_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "sip/flow.h"
#include "sip/names.h"

enum {
	SIP_RAW_MAX = 65000,     /* bytes of one message; more is 513 */
	SIP_HEADERS_MAX = 160,   /* header lines; more is 400 */
	SIP_VIAS_MAX = 70,
	SIP_TAG_MAX = 128, SIP_CALL_ID_MAX = 256, SIP_BRANCH_MAX = 256, SIP_URI_MAX = 1024,
};

struct sip_slice {
	uint16_t off, len;       /* off 0 with len 0 means absent; present but empty has off > 0 */
};

struct sip_header {
	struct sip_slice name, value; /* value without surrounding white space, folds made spaces */
	uint8_t id;                   /* enum sip_header_id */
	uint8_t pad;
};

struct sip_msg {
	uint32_t size;           /* of the whole record */
	uint16_t raw_len;
	uint16_t n_headers;
	uint8_t request;         /* 1 request, 0 response */
	uint8_t method;          /* of the request; in a response, of its CSeq */
	uint16_t status;         /* response only */
	struct sip_slice method_text, uri, reason;    /* start line; reason may be empty */
	struct sip_slice call_id;
	struct sip_slice from, from_uri, from_tag;    /* whole value; the URI inside; the tag */
	struct sip_slice to, to_uri, to_tag;
	uint32_t cseq;
	struct sip_slice cseq_method;
	struct sip_slice via;                         /* the top Via value, whole */
	struct sip_slice via_host, via_branch;        /* a branch that is only the cookie is absent */
	uint16_t via_port;                            /* 0 = none written */
	uint8_t via_transport;                        /* SIP_T_NONE = other */
	uint8_t via_rport;                            /* 1 = the parameter is there, without value */
	struct sip_slice contact_uri;                 /* of the first Contact; absent for "*" */
	struct sip_slice content_type, body;
	uint32_t expires;                             /* UINT32_MAX = none, or malformed */
	int16_t max_forwards;                         /* -1 = none */
	uint16_t pad;
	uint64_t present[2];                          /* a bit for each header id that stands here */
	uint64_t at_ns;                               /* arrival, monotonic; set by the transport */
	struct sip_flow flow;                         /* how it came; set by the transport */
};

/* Room a record can take for `raw` bytes of text. */
#define SIP_MSG_ROOM(raw)                                                                          \
	(sizeof(struct sip_msg) + (((raw) + 7u) & ~7u) + SIP_HEADERS_MAX * sizeof(struct sip_header))

static inline char *
sip_raw(const struct sip_msg *m)
{
	return (char *)(uintptr_t)(m + 1);
}
/* Its text as it came. */
static inline struct span
sip_whole(const struct sip_msg *m)
{
	return span_of(sip_raw(m), m->raw_len);
}
static inline struct sip_header *
sip_headers(const struct sip_msg *m)
{
	return (struct sip_header *)(uintptr_t)(sip_raw(m) + ((m->raw_len + 7u) & ~7u));
}
static inline struct span
sip_span(const struct sip_msg *m, struct sip_slice s)
{
	return (struct span){ s.off || s.len ? sip_raw(m) + s.off : NULL, s.len };
}
static inline bool
sip_has(const struct sip_msg *m, enum sip_header_id id)
{
	return m->present[id / 64] >> (id % 64) & 1;
}

/* Every offset, length, count and enum of a record of `size` bytes is inside its bounds: a worker
 * does not trust a front. */
bool sip_msg_valid(const struct sip_msg *m, size_t size);

/* The first header with this id, whole; SPAN_NONE when absent. */
struct span sip_header_get(const struct sip_msg *m, enum sip_header_id id);
/* The first unknown header of this name. */
struct span sip_header_named(const struct sip_msg *m, struct span name);

/* Walks the values of a header, over repeated lines and over commas (quotes and <> respected):
 *     struct sip_values v = sip_values(m, SIP_H_ROUTE);
 *     while (sip_values_next(&v, &value)) ...                                                  */
struct sip_values {
	const struct sip_msg *m;
	struct span rest;
	uint16_t at;
	uint8_t id;
};
struct sip_values sip_values(const struct sip_msg *m, enum sip_header_id id);
bool sip_values_next(struct sip_values *v, struct span *value_r);
/* Cuts the first value off a comma-joined text. Empty elements are passed over. */
bool sip_value_cut(struct span *rest, struct span *value_r);

#endif
