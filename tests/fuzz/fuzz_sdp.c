/* A body is read, written with our o= line, and read again: the same but for that line. Then it goes
 * through an offer, whose version and number of m-lines keep INV-8. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sip/offer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1 << 18 };

static void
check_same(const struct sdp *a, const struct sdp *b)
{
	must(a->n_media == b->n_media && a->direction == b->direction);
	must(span_eq(a->connection, b->connection));
	must(sdp_hash(a) == sdp_hash(b) && sdp_held(a) == sdp_held(b));
	for (unsigned i = 0; i < a->n_media; i++) {
		must(span_eq(a->media[i].line, b->media[i].line));
		must(a->media[i].port == b->media[i].port);
		must(a->media[i].direction == b->media[i].direction);
	}
}

/* Whatever direction a body is given, its streams that are not refused have it, and nothing else is
 * another. */
static void
check_directed(const struct sdp *s)
{
	static char out[ROOM], again[ROOM];
	static struct sdp held, back;

	for (unsigned d = SDP_SENDRECV; d <= SDP_INACTIVE; d++) {
		struct buf b = buf_on(out, sizeof(out)), c = buf_on(again, sizeof(again));

		sdp_put_directed(&b, s, d);
		must(buf_ok(&b) && sdp_parse(buf_span(&b), &held) == ERR_NONE);
		must(held.n_media == s->n_media && span_eq(held.origin, s->origin));
		for (unsigned i = 0; i < s->n_media; i++)
			must(s->media[i].port == 0 || held.media[i].direction == d);
		sdp_put_directed(&c, &held, d);
		must(sdp_parse(buf_span(&c), &back) == ERR_NONE && sdp_same(&held, &back));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char out[ROOM], again[ROOM];
	static struct sdp s, second;
	static const char small[] = "v=0\r\ns=-\r\nm=audio 1 RTP/AVP 0\r\n";
	char *copy;
	struct buf b = buf_on(out, sizeof(out));
	struct sdp_origin ours = { .id = 1, .version = 2 };
	struct offer offer;

	if (size > 65000)
		return 0;
	/* A copy of just the size, so that a read beyond it is seen. */
	copy = malloc(size == 0 ? 1 : size);
	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	if (sdp_parse(span_of(copy, size), &s) == ERR_NONE) {
		netaddr_ip(SPAN("192.0.2.1"), &ours.address);
		sdp_put(&b, &s, &ours);
		must(buf_ok(&b));
		must(sdp_parse(buf_span(&b), &second) == ERR_NONE);
		check_same(&s, &second);
		must(sdp_same(&s, &second));
		check_directed(&s);
		must(span_eq(second.origin, SPAN("- 1 2 IN IP4 192.0.2.1")));
		offer_init(&offer, 1);
		b = buf_on(out, s.text.len + OFFER_ROOM);
		offer_put(&b, &offer, &s, &ours.address);
		must(offer.sess_version == 1 && offer.n_media == s.n_media);
		b = buf_on(again, sizeof(again));
		offer_put(&b, &offer, &s, &ours.address);
		must(offer.sess_version == 1);
		must(sdp_parse(span_str(small), &second) == ERR_NONE);
		b = buf_on(again, sizeof(again));
		offer_put(&b, &offer, &second, &ours.address);
		must(buf_ok(&b) && sdp_parse(buf_span(&b), &second) == ERR_NONE);
		must(second.n_media == (s.n_media > 1 ? s.n_media : 1));
		for (unsigned i = 1; i < second.n_media; i++)
			must(second.media[i].port == 0 && second.media[i].formats.len > 0);
	}
	free(copy);
	return 0;
}
