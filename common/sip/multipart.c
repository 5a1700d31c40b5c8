/* Bodies of several parts. Every search is over the bytes of one body, at most once for each depth. */
#include "sip/multipart.h"

#include <string.h>

#include "sip/chars.h"
#include "sip/fields.h"

struct outer { /* what a part is in */
	struct span boundary;
	const struct body_part *part; /* its own headers; NULL: the message's */
	unsigned depth;
	bool alternative;
};

/* --- values -------------------------------------------------------------------------------------*/

/* What stands before the next ';' that is in no quotes, trimmed of folds too; false at the end. In a
 * part's headers, unlike a message's, line breaks of folds are still there. */
static bool
cut_piece(struct span *rest, struct span *piece_r)
{
	bool quoted = false;
	size_t n = 0;

	if (rest->p == NULL)
		return false;
	for (; n < rest->len && (quoted || rest->p[n] != ';'); n++) {
		if (rest->p[n] == '"')
			quoted = !quoted;
		else if (quoted && rest->p[n] == '\\')
			n++;
	}
	if (n > rest->len)
		n = rest->len;
	*piece_r = span_trim(span_first(*rest, n));
	*rest = n < rest->len ? span_of(rest->p + n + 1, rest->len - n - 1) : SPAN_NONE;
	return true;
}

/* A parameter of a MIME header; without its quotes. */
static bool
find_param(struct span value, struct span name, struct span *param_r)
{
	struct span piece, word, param;

	cut_piece(&value, &piece);
	while (cut_piece(&value, &piece)) {
		param = span_trim(span_cut(piece, '=', &word));
		if (!span_ieq(span_trim(word), name))
			continue;
		if (param.len >= 2 && param.p[0] == '"' && param.p[param.len - 1] == '"')
			param = span_of(param.p + 1, param.len - 2);
		*param_r = param;
		return true;
	}
	return false;
}

struct sip_disposition
sip_disposition(struct span value)
{
	struct sip_disposition d = { .handling = SIP_HANDLING_UNSAID };
	struct span rest = value, word;

	cut_piece(&rest, &d.type);
	if (!find_param(value, SPAN("handling"), &word))
		return d;
	if (span_ieq(word, SPAN("required")))
		d.handling = SIP_HANDLING_REQUIRED;
	else if (span_ieq(word, SPAN("optional")))
		d.handling = SIP_HANDLING_OPTIONAL;
	return d;
}

bool
sip_is_multipart(struct span content_type)
{
	struct span type;

	return span_cut(content_type, '/', &type).p != NULL &&
	       span_ieq(span_trim(type), SPAN("multipart"));
}

/* 5.1.1, wider: what can be seen and the space, but not at the end. */
static enum err
read_boundary(struct span content_type, struct span *boundary_r)
{
	if (!find_param(content_type, SPAN("boundary"), boundary_r) || boundary_r->len == 0)
		return ERR_SYNTAX;
	if (boundary_r->len > MULTIPART_BOUNDARY_MAX)
		return ERR_RANGE;
	for (size_t i = 0; i < boundary_r->len; i++)
		if (!sip_char_is(boundary_r->p[i], SIP_C_VISIBLE) && boundary_r->p[i] != ' ')
			return ERR_SYNTAX;
	return boundary_r->p[boundary_r->len - 1] == ' ' ? ERR_SYNTAX : ERR_NONE;
}

/* --- lines --------------------------------------------------------------------------------------*/

/* A line with its end, off *rest. */
static bool
cut_line(struct span *rest, struct span *line_r)
{
	const ptrdiff_t at = span_index(*rest, '\n');

	if (rest->len == 0)
		return false;
	*line_r = at < 0 ? *rest : span_first(*rest, (size_t)at + 1);
	*rest = span_of(rest->p + line_r->len, rest->len - line_r->len);
	return true;
}

static struct span
without_end(struct span s)
{
	if (s.len > 0 && s.p[s.len - 1] == '\n')
		s.len--;
	if (s.len > 0 && s.p[s.len - 1] == '\r')
		s.len--;
	return s;
}

enum line { LINE_OTHER, LINE_DELIMITER, LINE_CLOSE };

/* "--boundary", and only padding behind it (5.1.1): a longer word is another boundary. */
static enum line
line_is(struct span line, struct span boundary)
{
	enum line is = LINE_DELIMITER;

	if (!span_starts(line, SPAN("--")) || !span_starts(span_from(line, 2), boundary))
		return LINE_OTHER;
	line = span_from(line, 2 + boundary.len);
	if (span_starts(line, SPAN("--"))) {
		is = LINE_CLOSE;
		line = span_from(line, 2);
	}
	return span_trim(line).len == 0 ? is : LINE_OTHER;
}

/* --- parts --------------------------------------------------------------------------------------*/

static void
read_header(struct body_part *part, struct span line)
{
	struct span name, value = span_cut(line, ':', &name), digits;

	if (value.p == NULL)
		return;
	name = span_trim(name);
	value = span_trim(value);
	if (span_ieq(name, SPAN("Content-Type"))) {
		part->type = value;
	} else if (span_ieq(name, SPAN("Content-Disposition"))) {
		part->disposition = sip_disposition(value);
	} else if (span_ieq(name, SPAN("Content-ID"))) {
		part->id = value;
	} else if (span_ieq(name, SPAN("Content-Transfer-Encoding"))) {
		part->encoded = !span_ieq(value, SPAN("binary")) &&
				!span_ieq(value, SPAN("8bit")) && !span_ieq(value, SPAN("7bit"));
	} else if (span_ieq(name, SPAN("Content-Length"))) {
		digits = span_of(value.p,
		    (size_t)(sip_skip(value.p, value.p + value.len, SIP_C_DIGIT) - value.p));
		if (digits.len > 0 && part->length[part->n_lengths].digits.p == NULL)
			part->length[part->n_lengths].digits = digits;
	}
}

/* Headers up to an empty line, folds joined; the rest is the content. Its own Content-Length comes
 * behind those of the parts it is in. */
static void
read_part(struct body_part *part, struct span text)
{
	struct span rest = text, line, header = SPAN_NONE;

	part->content = span_of(text.p + text.len, 0);
	while (cut_line(&rest, &line)) {
		if (header.p != NULL && sip_char_is(line.p[0], SIP_C_SPACE)) {
			header.len += line.len;
			continue;
		}
		if (header.p != NULL)
			read_header(part, header);
		header = line;
		if (without_end(line).len == 0) {
			header = SPAN_NONE;
			part->content = rest;
			break;
		}
	}
	if (header.p != NULL)
		read_header(part, header);
	if (part->length[part->n_lengths].digits.p != NULL)
		part->length[part->n_lengths++].counted = part->content.len;
}

static enum err read_parts(struct multipart *m, const struct outer *o, struct span body);

/* False: it is none, or too deep, and stays one part. */
static bool
read_inner(struct multipart *m, const struct outer *o, const struct body_part *part)
{
	const unsigned n = m->n, groups = m->n_groups;
	struct outer inner = { .part = part, .depth = o->depth + 1 };

	if (part->encoded || !sip_is_multipart(part->type) || inner.depth >= MULTIPART_DEPTH_MAX ||
	    read_boundary(part->type, &inner.boundary) != ERR_NONE)
		return false;
	inner.alternative = sip_type_is(part->type, SPAN("multipart/alternative"));
	if (read_parts(m, &inner, part->content) == ERR_NONE)
		return true;
	m->n = n;
	m->n_groups = (uint8_t)groups;
	return false;
}

static enum err
add_part(struct multipart *m, const struct outer *o, unsigned group, struct span text)
{
	struct body_part part = { .group = (uint8_t)group, .alternative = o->alternative };

	if (o->part != NULL) {
		memcpy(part.length, o->part->length, sizeof(part.length));
		part.n_lengths = o->part->n_lengths;
	}
	read_part(&part, text);
	if (read_inner(m, o, &part))
		return ERR_NONE;
	if (m->n == MULTIPART_PARTS_MAX)
		return ERR_RANGE;
	m->part[m->n++] = part;
	return ERR_NONE;
}

static enum err
read_parts(struct multipart *m, const struct outer *o, struct span body)
{
	const unsigned group = m->n_groups++, before = m->n;
	struct span rest = body, line, part;
	const char *begin = NULL; /* of the part that is read; NULL: the preamble */
	enum line is = LINE_OTHER;
	enum err e;

	while (is != LINE_CLOSE && cut_line(&rest, &line)) {
		is = line_is(line, o->boundary);
		if (is == LINE_OTHER)
			continue;
		part = span_of(begin, begin == NULL ? 0 : (size_t)(line.p - begin));
		if (begin != NULL && (e = add_part(m, o, group, without_end(part))) != ERR_NONE)
			return e;
		begin = line.p + line.len;
	}
	if (begin == NULL)
		return ERR_SYNTAX;
	/* Without a close delimiter the last part goes to the end, its last line end too. */
	if (is != LINE_CLOSE && begin < body.p + body.len)
		return add_part(m, o, group, span_of(begin, (size_t)(body.p + body.len - begin)));
	return m->n == before ? ERR_SYNTAX : ERR_NONE;
}

enum err
multipart_parse(struct span content_type, struct span body, struct multipart *m_r)
{
	struct outer o = { .depth = 0 };
	enum err e;

	*m_r = (struct multipart){ .body = body };
	if (!sip_is_multipart(content_type))
		return ERR_ABSENT;
	if ((e = read_boundary(content_type, &o.boundary)) != ERR_NONE)
		return e;
	o.alternative = sip_type_is(content_type, SPAN("multipart/alternative"));
	return read_parts(m_r, &o, body);
}

static bool
is_wanted(const struct body_part *part, struct span media_type)
{
	return sip_type_is(part->type, media_type) && !part->encoded && part->content.len > 0 &&
	       (part->disposition.type.len == 0 ||
		   span_ieq(part->disposition.type, SPAN("session")));
}

const struct body_part *
multipart_find(const struct multipart *m, struct span media_type)
{
	const struct body_part *found = NULL;

	for (unsigned i = 0; i < m->n; i++) {
		const struct body_part *part = &m->part[i];

		if (is_wanted(part, media_type) &&
		    (found == NULL || (part->alternative && part->group == found->group)))
			found = part;
	}
	return found;
}

static bool
may_delimit(struct span content)
{
	struct span line;

	while (cut_line(&content, &line))
		if (span_starts(line, SPAN("--")))
			return true;
	return false;
}

static size_t
digits_of(size_t n)
{
	size_t digits = 1;

	for (; n >= 10; n /= 10)
		digits++;
	return digits;
}

/* From the inside out: a number that gets a digit more makes what is around it longer, too. */
static void
count_lengths(const struct body_part *part, struct span content, size_t *lengths_r)
{
	/* Sizes wrap as they should when it gets shorter. */
	size_t more = content.len - part->content.len;

	for (unsigned i = part->n_lengths; i-- > 0;) {
		lengths_r[i] = part->length[i].counted + more;
		more += digits_of(lengths_r[i]) - part->length[i].digits.len;
	}
}

void
multipart_put(
    struct buf *b, const struct multipart *m, const struct body_part *part, struct span content)
{
	const char *at = m->body.p, *end = m->body.p + m->body.len;
	size_t lengths[MULTIPART_DEPTH_MAX];

	/* Without content there may be no empty line either, behind which it could be put. */
	if (may_delimit(content) || part->content.len == 0)
		b->overrun = true;
	count_lengths(part, content, lengths);
	for (unsigned i = 0; i < part->n_lengths; i++) {
		const struct span digits = part->length[i].digits;

		buf_put(b, span_of(at, (size_t)(digits.p - at)));
		buf_u64(b, lengths[i]);
		at = digits.p + digits.len;
	}
	buf_put(b, span_of(at, (size_t)(part->content.p - at)));
	buf_put(b, content);
	at = part->content.p + part->content.len;
	buf_put(b, span_of(at, (size_t)(end - at)));
}
