/* A Content-Type in the first line, a body behind it: its parts lie in it, and with another session
 * description in place of its own it has the same parts, and the bytes around are what they were. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sip/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_inside(struct span s, struct span all)
{
	must(s.p == NULL || (s.p >= all.p && s.p + s.len <= all.p + all.len));
}

static void
check_put(struct span type, const struct multipart *m, const struct body_part *part)
{
	static const struct span sdp = { "v=0\r\ns=-\r\n", 10 };
	const size_t room = m->body.len + sdp.len + MULTIPART_DEPTH_MAX * 20;
	char *text = malloc(room);
	struct buf b = buf_on(text, room);
	struct multipart again;

	must(text != NULL);
	multipart_put(&b, m, part, sdp);
	must(buf_ok(&b));
	must(multipart_parse(type, buf_span(&b), &again) == ERR_NONE && again.n == m->n);
	for (unsigned i = 0; i < m->n; i++) {
		must(
		    span_eq(again.part[i].content, &m->part[i] == part ? sdp : m->part[i].content));
		must(again.part[i].group == m->part[i].group);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	struct span text = span_of(copy, size), type, body;
	const struct body_part *part;
	struct multipart m;

	must(copy != NULL);
	memcpy(copy, data, size);
	body = span_cut(text, '\n', &type);
	if (multipart_parse(type, body, &m) == ERR_NONE) {
		must(m.n > 0 && m.n <= MULTIPART_PARTS_MAX);
		for (unsigned i = 0; i < m.n; i++) {
			check_inside(m.part[i].content, body);
			check_inside(m.part[i].type, body);
			check_inside(m.part[i].disposition.type, body);
		}
		part = multipart_find(&m, SPAN("application/sdp"));
		if (part != NULL)
			check_put(type, &m, part);
	}
	free(copy);
	return 0;
}
