/*
 * SDP. Read with tolerance and checked where we act on it: ports, connection addresses, directions.
 * What is written again is the text that came, line by line, with our own origin.
 */
#include "sip/sdp.h"

#include "base/hash.h"

/* A line without its end: LF, and all CRs before it. */
static bool
cut_line(struct span *rest, struct span *line_r)
{
	if (rest->len == 0)
		return false;
	*rest = span_cut(*rest, '\n', line_r);
	while (line_r->len > 0 && line_r->p[line_r->len - 1] == '\r')
		line_r->len--;
	return true;
}

static bool
is_type(struct span line, char type)
{
	return line.len >= 2 && line.p[0] == type && line.p[1] == '=';
}

static enum err
read_port(struct span text, struct sdp_media *m)
{
	struct span port, rest = span_cut(text, '/', &port);
	uint32_t n, ports = 1;
	enum err e = span_u32(port, UINT16_MAX, &n);

	if (e == ERR_NONE && rest.p != NULL)
		e = span_u32(rest, UINT16_MAX, &ports);
	if (e != ERR_NONE)
		return ERR_RANGE;
	m->port = (uint16_t)n;
	m->n_ports = (uint16_t)ports;
	return ERR_NONE;
}

static enum err
read_media(struct sdp *s, struct span value)
{
	struct sdp_media *m;
	struct span port;

	if (s->n_media == SDP_MEDIA_MAX)
		return ERR_RANGE;
	m = &s->media[s->n_media];
	*m = (struct sdp_media){ .line = value };
	if (!span_word(&value, &m->kind) || !span_word(&value, &port) ||
	    !span_word(&value, &m->proto))
		return ERR_SYNTAX;
	m->formats = span_trim(value);
	s->n_media++;
	return read_port(port, m);
}

static void
read_origin(struct sdp *s, struct span value)
{
	struct span third;

	s->origin = value;
	span_word(&value, &s->origin_user);
	span_word(&value, &s->origin_id);
	/* "o=bob 515369 IN IP4 ...": the version left out. */
	if (span_word(&value, &third) && !span_eq(third, SPAN("IN")))
		s->origin_version = third;
}

static const char *const words[] = { [SDP_SENDRECV] = "sendrecv",
	[SDP_SENDONLY] = "sendonly",
	[SDP_RECVONLY] = "recvonly",
	[SDP_INACTIVE] = "inactive" };

static bool
direction_of(struct span attribute, enum sdp_direction *d_r)
{
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_eq(attribute, span_str(words[i]))) {
			*d_r = (enum sdp_direction)i;
			return true;
		}
	}
	return false;
}

static enum err
read_line(struct sdp *s, struct span line)
{
	struct sdp_media *m = s->n_media == 0 ? NULL : &s->media[s->n_media - 1];
	struct span value = span_trim(span_from(line, 2));
	enum sdp_direction d;

	switch (line.p[0]) {
	case 'm':
		return read_media(s, value);
	case 'o':
		if (s->origin.p == NULL)
			read_origin(s, value);
		break;
	case 'c':
		if (m == NULL)
			s->connection = value;
		else if (m->connection.len == 0)
			m->connection = value;
		break;
	case 'a':
		if (!direction_of(value, &d))
			break;
		if (m == NULL) {
			s->direction = d;
		} else {
			m->direction = d;
			m->has_direction = true;
		}
		break;
	default:
		break;
	}
	return ERR_NONE;
}

enum err
sdp_parse(struct span text, struct sdp *sdp_r)
{
	struct span rest = text, line;
	unsigned lines = 0;
	bool version = false;
	enum err e;

	*sdp_r = (struct sdp){ .text = text };
	while (cut_line(&rest, &line)) {
		/* Empty lines, and what some append: a NUL. */
		if (line.len == 0 || (rest.len == 0 && line.len == 1 && line.p[0] == '\0'))
			continue;
		if (line.len < 2 || line.p[1] != '=' || line.p[0] < 'a' || line.p[0] > 'z')
			return ERR_SYNTAX;
		if (++lines > SDP_LINES_MAX)
			return ERR_RANGE;
		if (line.p[0] == 'v' && sdp_r->n_media == 0)
			version = true;
		if ((e = read_line(sdp_r, line)) != ERR_NONE)
			return e;
	}
	for (unsigned i = 0; i < sdp_r->n_media; i++)
		if (!sdp_r->media[i].has_direction)
			sdp_r->media[i].direction = sdp_r->direction;
	return version ? ERR_NONE : ERR_SYNTAX;
}

/* "IN IP4 0.0.0.0", or the IPv6 one. */
static bool
is_any_address(struct span connection)
{
	struct span word, text;
	struct netaddr a;

	if (!span_word(&connection, &word) || !span_word(&connection, &word) ||
	    !span_word(&connection, &word))
		return false;
	span_cut(word, '/', &text);
	return netaddr_ip(text, &a) == ERR_NONE && netaddr_is_any(&a);
}

/* Port 9 with 0.0.0.0 is a browser that has no ICE candidate to name yet (RFC 8840 4.1.1). */
static bool
media_held(const struct sdp *s, const struct sdp_media *m)
{
	return m->direction == SDP_SENDONLY || m->direction == SDP_INACTIVE ||
	       (m->port != 9 &&
		   is_any_address(m->connection.len > 0 ? m->connection : s->connection));
}

/* All streams that are not refused; a call whose video alone is stopped is not on hold. */
bool
sdp_held(const struct sdp *s)
{
	unsigned held = 0;

	for (unsigned i = 0; i < s->n_media; i++) {
		if (s->media[i].port == 0)
			continue;
		if (!media_held(s, &s->media[i]))
			return false;
		held++;
	}
	return held > 0;
}

bool
sdp_silent(const struct sdp *s)
{
	unsigned silent = 0;

	for (unsigned i = 0; i < s->n_media; i++) {
		enum sdp_direction d = s->media[i].direction;

		if (s->media[i].port == 0)
			continue;
		if (d != SDP_RECVONLY && d != SDP_INACTIVE)
			return false;
		silent++;
	}
	return silent > 0;
}

static void
put_line(struct buf *b, struct span line)
{
	buf_put(b, line);
	buf_lit(b, "\r\n");
}

static void
put_origin(struct buf *b, const struct sdp_origin *o)
{
	char text[64];
	struct buf ip = buf_on(text, sizeof(text));
	struct span address;

	buf_lit(b, "o=- ");
	buf_u64(b, o->id);
	buf_char(b, ' ');
	buf_u64(b, o->version);
	buf_str(b, o->address.family == 6 ? " IN IP6 " : " IN IP4 ");
	netaddr_put_ip(&ip, &o->address);
	address = buf_span(&ip);
	/* In SDP an IPv6 address has no brackets. */
	if (address.len > 2 && address.p[0] == '[')
		address = span_first(span_from(address, 1), address.len - 2);
	put_line(b, address);
}

/* The lines that are some; false at the end. */
static bool
next_line(struct span *rest, struct span *line_r)
{
	while (cut_line(rest, line_r))
		if (line_r->len >= 2)
			return true;
	return false;
}

/* Those that are passed on. */
static bool
next_passed(struct span *rest, struct span *line_r)
{
	while (next_line(rest, line_r))
		if (!is_type(*line_r, 'o'))
			return true;
	return false;
}

/* Ours stands behind v=, where it belongs, wherever theirs stood. */
void
sdp_put(struct buf *b, const struct sdp *s, const struct sdp_origin *o)
{
	struct span rest = s->text, line;
	bool origin = false;

	while (next_passed(&rest, &line)) {
		put_line(b, line);
		if (!origin && is_type(line, 'v')) {
			put_origin(b, o);
			origin = true;
		}
	}
}

static void
put_direction(struct buf *b, enum sdp_direction direction)
{
	buf_lit(b, "a=");
	buf_str(b, words[direction]);
	buf_lit(b, "\r\n");
}

/* In the place of the stream's own attribute, or at its end. The session's goes: it would not hold for
 * anybody. */
void
sdp_put_directed(struct buf *b, const struct sdp *s, enum sdp_direction direction)
{
	struct span rest = s->text, line;
	enum sdp_direction old;
	bool done = true;
	unsigned i = 0;

	while (next_line(&rest, &line)) {
		if (is_type(line, 'm')) {
			if (!done)
				put_direction(b, direction);
			done = i >= s->n_media || s->media[i].port == 0;
			i++;
		} else if (is_type(line, 'a') &&
			   direction_of(span_trim(span_from(line, 2)), &old)) {
			if (!done)
				put_direction(b, direction);
			done = true;
			continue;
		}
		put_line(b, line);
	}
	if (!done)
		put_direction(b, direction);
}

bool
sdp_same(const struct sdp *a, const struct sdp *b)
{
	struct span x = a->text, y = b->text, line, other;

	while (next_passed(&x, &line))
		if (!next_passed(&y, &other) || !span_eq(line, other))
			return false;
	return !next_passed(&y, &other);
}

/* No secret: whoever makes two bodies collide only keeps his own peer from seeing a change. */
uint64_t
sdp_hash(const struct sdp *s)
{
	struct hash_key chain = { 0x7364702d6c696e65, 0 };
	struct span rest = s->text, line;

	while (next_passed(&rest, &line))
		chain.k1 = hash_span(&chain, line);
	return chain.k1;
}
