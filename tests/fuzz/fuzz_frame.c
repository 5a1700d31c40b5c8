/*
 * A byte stream cut at places that the input chooses gives the same messages as the stream in one
 * piece. The first byte is how many cuts, the next ones where.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "sip/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct found {
	uint64_t hash; /* of what was found, in order */
	size_t taken;  /* bytes used up */
	bool broken;
};

static const struct hash_key key = { 1, 2 };

static void
note(struct found *f, enum sip_framed what, struct span bytes, uint16_t status)
{
	const uint64_t item[4] = { f->hash, (uint64_t)what, hash_span(&key, bytes), status };

	f->hash = hash_bytes(&key, item, sizeof(item));
}

/* Takes all that `bytes` has; they stand in memory of just their size. */
static void
feed(struct sip_frame *frame, struct found *f, const char *stream, size_t until)
{
	struct verdict why = { 0, NULL };
	uint32_t len;

	while (!f->broken) {
		const size_t n = until - f->taken;
		char *copy = malloc(n + 1);
		enum sip_framed what;

		must(copy != NULL);
		memcpy(copy, stream + f->taken, n);
		what = sip_frame(frame, span_of(copy, n), &len, &why);
		if (what == SIP_FRAME_MORE) {
			free(copy);
			return;
		}
		must(len > 0 && len <= n && len <= SIP_RAW_MAX);
		note(f, what, span_of(copy, len), what == SIP_FRAME_BROKEN ? why.status : 0);
		f->broken = what == SIP_FRAME_BROKEN;
		f->taken += len;
		free(copy);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_frame whole = { 0 }, cut = { 0 };
	struct found a = { 0 }, b = { 0 };
	const size_t cuts = size > 0 ? data[0] % 16 : 0;
	const char *stream = (const char *)data + 1 + cuts;
	size_t at = 0, n;

	if (size < 1 + cuts)
		return 0;
	n = size - 1 - cuts;
	feed(&whole, &a, stream, n);
	for (size_t i = 0; i < cuts; i++) {
		at = at + data[1 + i] < n ? at + data[1 + i] : n;
		feed(&cut, &b, stream, at);
	}
	feed(&cut, &b, stream, n);
	must(a.hash == b.hash && a.taken == b.taken && a.broken == b.broken);
	return 0;
}
