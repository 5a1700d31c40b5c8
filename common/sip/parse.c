/*
 * One pass over a message: start line, header lines, body. Each header's value is handed to
 * parse_head.c as soon as its line is known.
 */
#include <string.h>

#include "sip/chars.h"
#include "sip/parse.h"
#include "sip/parse_head.h"
#include "sip/uri.h"

/* clang-format off */
static const char *const repeated[SIP_N_HEADERS] = {
#define X(id, name, compact, single) [SIP_H_##id] = single ? "Repeated " name " header" : NULL,
	SIP_HEADERS(X)
#undef X
};
/* clang-format on */

static struct span
between(const char *p, const char *end)
{
	return span_of(p, (size_t)(end - p));
}

/* The text up to the end of the line, without it; steps over it. A last line may lack its end: then
 * the empty line is missing too, and that is found out where the headers end. */
static struct span
cut_line(struct parse *x)
{
	const char *line = x->p;
	char *end = memchr(line, '\n', (size_t)(x->end - line));

	x->p = end == NULL ? x->end : end + 1;
	if (end == NULL)
		end = x->end;
	else if (end > line && end[-1] == '\r')
		end--;
	return between(line, end);
}

enum version { VERSION_NONE, VERSION_OURS, VERSION_OTHER };

/* "SIP" "/" 1*DIGIT "." 1*DIGIT, whole. */
static enum version
read_version(struct span word)
{
	const char *end = word.p + word.len, *dot, *minor;

	if (span_ieq(word, SPAN("SIP/2.0")))
		return VERSION_OURS;
	if (!span_ieq(span_first(word, 4), SPAN("SIP/")))
		return VERSION_NONE;
	dot = sip_skip(word.p + 4, end, SIP_C_DIGIT);
	if (dot == word.p + 4 || dot == end || *dot != '.')
		return VERSION_NONE;
	minor = sip_skip(dot + 1, end, SIP_C_DIGIT);
	return minor > dot + 1 && minor == end ? VERSION_OTHER : VERSION_NONE;
}

static void
read_request_uri(struct parse *x, struct span text)
{
	struct sip_uri uri;

	if (text.len > SIP_URI_MAX)
		parse_fault(x, 414, "Request-URI Too Long");
	else if (sip_uri_parse(text, &uri) != ERR_NONE)
		parse_fault(x, 400, "Malformed Request-URI");
	else if (uri.scheme == SIP_S_OTHER)
		parse_fault(x, 416, "Unsupported URI Scheme");
}

/* Method SP Request-URI SP SIP-Version: single spaces, nothing behind (7.1). */
static void
read_request_line(struct parse *x, struct span line)
{
	struct span method, uri, rest;
	enum version version;

	rest = span_cut(line, ' ', &method);
	rest = span_cut(rest, ' ', &uri);
	x->m->request = 1;
	x->m->method_text = parse_slice(x, method);
	x->m->uri = parse_slice(x, uri);
	x->m->method = (uint8_t)sip_method_of(method);
	version = rest.len > 0 ? read_version(rest) : VERSION_NONE;
	if (method.len == 0 || uri.len == 0 || version == VERSION_NONE ||
	    sip_skip(method.p, method.p + method.len, SIP_C_TOKEN) != method.p + method.len)
		parse_fault(x, 400, "Malformed request line");
	else if (version == VERSION_OTHER)
		parse_fault(x, 505, "Version Not Supported");
	else
		read_request_uri(x, uri);
}

/* SIP-Version SP 3DIGIT SP Reason-Phrase; the last SP may be missing. */
static void
read_status_line(struct parse *x, struct span line)
{
	struct span version, code, reason = span_cut(line, ' ', &version);
	uint32_t status = 0;

	reason = span_cut(reason, ' ', &code);
	if (code.len == 3 && span_u32(code, 699, &status) == ERR_NONE && status >= 100)
		x->m->status = (uint16_t)status;
	else
		parse_fault(x, 400, "Malformed status line");
	if (read_version(version) != VERSION_OURS || span_index(reason, '\r') >= 0)
		parse_fault(x, 400, "Malformed status line");
	x->m->reason = parse_slice(x, reason);
}

static void
read_start_line(struct parse *x)
{
	struct span line;

	/* 7.5: empty lines before the start line are nothing. */
	while (x->p < x->end && (*x->p == '\r' || *x->p == '\n'))
		x->p++;
	line = cut_line(x);
	if (line.len > 4 && span_ieq(span_first(line, 4), SPAN("SIP/")))
		read_status_line(x, line);
	else
		read_request_line(x, line);
}

/* The value that begins here, without the white space around it, over all its lines; steps behind
 * it. Line breaks of folds become spaces (7.3.1). */
static struct span
cut_value(struct parse *x, const char *from)
{
	const char *value = from;
	char *end;

	for (;;) {
		end = memchr(from, '\n', (size_t)(x->end - from));
		if (end == NULL || end + 1 == x->end || !sip_char_is(end[1], SIP_C_SPACE))
			break;
		end[0] = ' ';
		if (end > value && end[-1] == '\r')
			end[-1] = ' ';
		from = end + 1;
	}
	x->p = end == NULL ? x->end : end + 1;
	if (end == NULL)
		end = x->end;
	if (end > value && end[-1] == '\r')
		end--;
	value = sip_skip(value, end, SIP_C_SPACE);
	while (end > value && sip_char_is(end[-1], SIP_C_SPACE))
		end--;
	if (memchr(value, '\r', (size_t)(end - value)) != NULL)
		parse_fault(x, 400, "Malformed header");
	return between(value, end);
}

static void
keep_header(struct parse *x, struct span name, struct span value)
{
	struct sip_msg *m = x->m;
	const enum sip_header_id id = sip_header_of(name);
	const uint64_t bit = 1ull << (id % 64);
	const bool again = m->present[id / 64] & bit;

	if (m->n_headers == x->max_headers) {
		parse_fault(x, 400, "Too many headers");
		return;
	}
	sip_headers(m)[m->n_headers++] = (struct sip_header){
		.name = parse_slice(x, name), .value = parse_slice(x, value), .id = (uint8_t)id
	};
	m->present[id / 64] |= bit;
	if (again && repeated[id] != NULL)
		parse_fault(x, 400, repeated[id]);
	else
		parse_head_field(x, id, value);
}

/* One header line. Its name is a token to the letter, then only SP and HTAB may stand before the
 * colon: whoever reads "Contact\001:" as Contact differs from the next server. */
static void
read_header(struct parse *x)
{
	const char *name = x->p;
	const char *name_end = sip_skip(name, x->end, SIP_C_TOKEN);
	const char *colon = sip_skip(name_end, x->end, SIP_C_SPACE);

	if (name_end == name || colon == x->end || *colon != ':') {
		parse_fault(x, 400, "Malformed header");
		cut_line(x);
		return;
	}
	keep_header(x, between(name, name_end), cut_value(x, colon + 1));
}

/* Steps over the empty line, if we are at it. Without any, the end of the text ends the head. */
static bool
at_empty_line(struct parse *x)
{
	if (x->p == x->end) {
		parse_fault(x, 400, "Incomplete head");
		return true;
	}
	if (x->p[0] == '\n') {
		x->p++;
		return true;
	}
	if (x->end - x->p >= 2 && x->p[0] == '\r' && x->p[1] == '\n') {
		x->p += 2;
		return true;
	}
	return false;
}

/* 18.3: what Content-Length leaves over is not ours; without it the body is all there is. */
static void
read_body(struct parse *x)
{
	size_t len = (size_t)(x->end - x->p);

	if (x->has_length && x->length > len)
		parse_fault(x, 400, "Body shorter than Content-Length");
	else if (x->has_length)
		len = x->length;
	x->m->body = parse_slice(x, span_of(x->p, len));
}

struct verdict
sip_parse(struct sip_msg *m, size_t room)
{
	const size_t fixed = sizeof(*m) + ((m->raw_len + 7u) & ~7u);
	struct parse x = { .m = m, .base = sip_raw(m) };
	const struct sip_msg bare = { .raw_len = m->raw_len,
		.expires = UINT32_MAX,
		.max_forwards = -1,
		.at_ns = m->at_ns,
		.flow = m->flow };

	*m = bare;
	if (room < fixed)
		return (struct verdict){ VERDICT_DROP, "No room" };
	x.max_headers = (unsigned)((room - fixed) / sizeof(struct sip_header));
	if (x.max_headers > SIP_HEADERS_MAX)
		x.max_headers = SIP_HEADERS_MAX;
	x.p = x.base;
	x.end = x.base + m->raw_len;
	memset(x.end, 0, fixed - sizeof(*m) - m->raw_len);
	if (m->raw_len > SIP_RAW_MAX)
		parse_fault(&x, 513, "Message Too Large");
	read_start_line(&x);
	while (!at_empty_line(&x))
		read_header(&x);
	read_body(&x);
	parse_head_check(&x);
	m->size = (uint32_t)(fixed + m->n_headers * sizeof(struct sip_header));
	return x.verdict;
}
