/*
 * What is remembered of an m= line so that it can be written again, refused, when the other side has no
 * such line any more (RFC 3264 8: the number of m-lines never shrinks, a stream that is over keeps its
 * place with port 0; RFC 8866 5.14). Three bytes a line: the words stand in tables.
 */
#ifndef TANDEM_SIP_MEDIA_LINE_H
#define TANDEM_SIP_MEDIA_LINE_H

#include "sip/sdp.h"

struct media_line {
	uint8_t kind;   /* audio, video ...; zeroed: audio, RTP/AVP, 0 */
	uint8_t proto;
	uint8_t format; /* the first: 0 to 127 is an RTP payload type, above it a word */
};

/* A word that no table has becomes the nearest that is good grammar: application, RTP/AVP, the proto's
 * usual format. Nobody acts on those of a refused line. */
struct media_line media_line_of(const struct sdp_media *m);
/* "m=video 0 RTP/AVP 31" and the line end: at most MEDIA_LINE_MAX bytes. */
enum { MEDIA_LINE_MAX = 64 };
void media_line_put_refused(struct buf *b, struct media_line line);

#endif
