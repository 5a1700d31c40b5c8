/* Messages in a byte stream (RFC 3261 18.3, 7.5; RFC 5626 3.5.1). */
#include <string.h>

#include "sip/chars.h"
#include "sip/frame.h"

/* The length of the head with its empty line, 0 while it is not all there. What was looked at is
 * not looked at again, however the stream is cut. */
static uint32_t
find_head(struct sip_frame *f, struct span bytes)
{
	const char *end = bytes.p + bytes.len;
	const char *p = bytes.p + f->scanned;

	for (;;) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL) {
			f->scanned = (uint32_t)bytes.len;
			return 0;
		}
		if (end - p >= 2 && p[1] == '\n')
			return (uint32_t)(p + 2 - bytes.p);
		if (end - p >= 3 && p[1] == '\r' && p[2] == '\n')
			return (uint32_t)(p + 3 - bytes.p);
		if (end - p == 1 || (end - p == 2 && p[1] == '\r')) {
			f->scanned = (uint32_t)(p - bytes.p);
			return 0;
		}
		p++;
	}
}

/* Cuts one header line with its folds off *head: name (empty if it is none) and value. */
static bool
cut_header(struct span *head, struct span *name_r, struct span *value_r)
{
	const char *p = head->p, *end = head->p + head->len, *nl = p, *name_end, *colon;

	if (head->len == 0)
		return false;
	do {
		nl = memchr(nl, '\n', (size_t)(end - nl));
		nl = nl == NULL ? end : nl + 1;
	} while (nl < end && sip_char_is(*nl, SIP_C_SPACE));
	name_end = sip_skip(p, nl, SIP_C_TOKEN);
	colon = sip_skip(name_end, nl, SIP_C_SPACE);
	*name_r = SPAN_NONE;
	if (colon < nl && *colon == ':') {
		*name_r = span_of(p, (size_t)(name_end - p));
		*value_r = span_trim(span_of(colon + 1, (size_t)(nl - colon - 1)));
	}
	*head = span_of(nl, (size_t)(end - nl));
	return true;
}

/* Exactly one Content-Length, and it is a number. */
static struct verdict
read_length(struct span head, uint32_t *length_r)
{
	struct span name, value;
	unsigned found = 0;
	enum err e = ERR_NONE;

	span_cut(head, '\n', &value);
	head = span_from(head, value.len + 1); /* behind the start line */
	while (cut_header(&head, &name, &value)) {
		if (name.len == 0 || sip_header_of(name) != SIP_H_CONTENT_LENGTH)
			continue;
		if (found++ == 0)
			e = span_u32(value, UINT32_MAX, length_r);
	}
	if (found == 0)
		return (struct verdict){ 400, "Missing Content-Length header" };
	if (found > 1)
		return (struct verdict){ 400, "Repeated Content-Length header" };
	if (e == ERR_RANGE)
		return (struct verdict){ 513, "Message Too Large" };
	if (e != ERR_NONE)
		return (struct verdict){ 400, "Malformed Content-Length header" };
	return (struct verdict){ 0, NULL };
}

/* Empty lines before a message. A single CRLF can only be told from a ping by what follows it. */
static enum sip_framed
frame_empty_lines(struct span bytes, uint32_t *len_r)
{
	static const char ping[] = { '\r', '\n', '\r', '\n' };
	size_t n = bytes.len < sizeof(ping) ? bytes.len : sizeof(ping);

	if (bytes.p[0] == '\n') {
		*len_r = 1;
		return SIP_FRAME_CRLF;
	}
	if (memcmp(bytes.p, ping, n) == 0) {
		*len_r = (uint32_t)n;
		return n == sizeof(ping) ? SIP_FRAME_PING : SIP_FRAME_MORE;
	}
	*len_r = n >= 2 && bytes.p[1] == '\n' ? 2 : 1;
	return SIP_FRAME_CRLF;
}

static enum sip_framed
frame_broken(struct verdict why, size_t len, uint32_t *len_r, struct verdict *why_r)
{
	*len_r = (uint32_t)len;
	*why_r = why;
	return SIP_FRAME_BROKEN;
}

enum sip_framed
sip_frame(struct sip_frame *f, struct span bytes, uint32_t *len_r, struct verdict *why_r)
{
	static const struct verdict too_large = { 513, "Message Too Large" };
	struct verdict why;

	*len_r = 0;
	if (bytes.len == 0)
		return SIP_FRAME_MORE;
	if (f->head == 0 && f->scanned == 0 && (bytes.p[0] == '\r' || bytes.p[0] == '\n'))
		return frame_empty_lines(bytes, len_r);
	if (f->head == 0) {
		const struct span most = span_first(bytes, SIP_RAW_MAX);

		f->head = find_head(f, most);
		if (f->head == 0)
			return bytes.len < SIP_RAW_MAX
				   ? SIP_FRAME_MORE
				   : frame_broken(too_large, SIP_RAW_MAX, len_r, why_r);
		why = read_length(span_first(bytes, f->head), &f->body);
		if (why.status == 0 && f->body > SIP_RAW_MAX - f->head)
			why = too_large;
		if (why.status != 0)
			return frame_broken(why, f->head, len_r, why_r);
	}
	if (bytes.len < (size_t)f->head + f->body)
		return SIP_FRAME_MORE;
	*len_r = f->head + f->body;
	*f = (struct sip_frame){ 0 };
	return SIP_FRAME_MESSAGE;
}
