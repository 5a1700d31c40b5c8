/*
 * SDP (RFC 8866) as far as a B2BUA needs it: found, checked and written again with our own origin.
 * Anything we do not understand is passed on as it is.
 */
#ifndef TANDEM_SIP_SDP_H
#define TANDEM_SIP_SDP_H

#include "base/buf.h"
#include "base/netaddr.h"
#include "base/span.h"

enum { SDP_MEDIA_MAX = 32, SDP_LINES_MAX = 512 };

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

struct sdp_media {
	struct span line;            /* the m= value */
	struct span kind, proto, formats;
	uint16_t port, n_ports;
	struct span connection;      /* its own c= value, or empty */
	enum sdp_direction direction;/* its own, or the session's, or sendrecv */
	bool has_direction;
};

struct sdp {
	struct span text;
	struct span origin;          /* o= value, whole */
	struct span origin_user, origin_id, origin_version; /* version may be missing (tolerated) */
	struct span connection;      /* session c= value */
	enum sdp_direction direction;
	unsigned n_media;
	struct sdp_media media[SDP_MEDIA_MAX];
};

/* Tolerant: wrong line order, missing version of o=, bare LF. ERR_SYNTAX when it is no SDP at all
 * (no v= or a line that is not x=...), ERR_RANGE for too many lines or media, bad port. */
enum err sdp_parse(struct span text, struct sdp *sdp_r);
/* Is the media held by address (c=0.0.0.0) or by direction? */
bool sdp_held(const struct sdp *s);
/* Would its sender send nothing, as one who is held (recvonly, inactive)? */
bool sdp_silent(const struct sdp *s);

struct sdp_origin {              /* ours, one per leg, constant but for the version */
	uint64_t id, version;
	struct netaddr address;
};
/* The same SDP with our o= line; everything else byte for byte, line ends made CRLF. */
void sdp_put(struct buf *b, const struct sdp *s, const struct sdp_origin *o);
/* The same SDP, its o= line too, but each stream that is not refused has this direction: hold and resume
 * of our own making. To be read again and written with sdp_put. */
void sdp_put_directed(struct buf *b, const struct sdp *s, enum sdp_direction direction);
/* A hash of all but the o= line: has the body changed? */
uint64_t sdp_hash(const struct sdp *s);
/* The same session description but for the o= line and line ends. */
bool sdp_same(const struct sdp *a, const struct sdp *b);

#endif
