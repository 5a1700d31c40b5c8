/*
 * Messages out of a connection's bytes. A message that came whole is framed where it was read; only
 * the rest of one that did not is kept with its connection, and has ten seconds to become whole.
 */
#include "front/front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { READ = 64 << 10, ROOM = (SIP_MSG_ROOM(SIP_RAW_MAX) + 63) & ~63u };

struct stream {
	char bytes[READ];
	_Alignas(64) char record[ROOM];
};

/* One row for each kind of connection. */
static const struct transport *const rows[SIP_N_TRANSPORTS] = {
	[SIP_T_TCP] = &transport_tcp,
	[SIP_T_TLS] = &transport_tls,
};

const struct transport *
transport_of(unsigned id)
{
	return id < SIP_N_TRANSPORTS ? rows[id] : NULL;
}

struct stream *
stream_new(void)
{
	struct stream *s = aligned_alloc(64, (sizeof(*s) + 63) & ~(size_t)63);

	if (s == NULL)
		fatal(ENOMEM, "the stream buffers");
	return s;
}

void
stream_drop(struct stream *s)
{
	free(s);
}

/* A source that we called, and one we trust, may speak as fast as it likes. */
static bool
passes(struct conn *c)
{
	struct front *f = c->front;

	if (c->outgoing || guard_pass(f->guard, &c->flow.peer, f->child.clock.mono_ns))
		return true;
	front_count(f, COUNT_DROPPED_FLOOD);
	return false;
}

static struct sip_msg *
record(struct conn *c, struct span text)
{
	struct sip_msg *m = (struct sip_msg *)c->front->stream->record;

	m->raw_len = (uint16_t)text.len;
	m->at_ns = c->front->child.clock.mono_ns;
	m->flow = c->flow;
	memcpy(sip_raw(m), text.p, text.len);
	return m;
}

static void
message(struct conn *c, struct span text)
{
	struct sip_msg *m;

	c->last_ns = c->front->child.clock.mono_ns;
	if (!passes(c))
		return;
	m = record(c, text);
	deliver(c->front, m, sip_parse(m, ROOM));
}

/* Where the next message begins cannot be known: the answer, if one is due, and the end. */
static void
broken(struct conn *c, struct span head, struct verdict why)
{
	struct sip_msg *m = record(c, head);

	if (sip_parse(m, ROOM).status == VERDICT_DROP)
		why.status = VERDICT_DROP;
	deliver(c->front, m, why);
	if (c->state == CONN_OPEN)
		conn_end(c);
}

/* How many bytes have been dealt with. */
static uint32_t
take(struct conn *c, struct span bytes)
{
	struct span rest = bytes;
	struct verdict why;
	uint32_t len;

	while (c->state == CONN_OPEN && rest.len > 0) {
		switch (c->transport->frame(&c->frame, rest, &len, &why)) {
		case SIP_FRAME_MORE:
			return (uint32_t)(bytes.len - rest.len);
		case SIP_FRAME_MESSAGE:
			message(c, span_first(rest, len));
			break;
		case SIP_FRAME_PING:
			if (passes(c))
				conn_send(c, SPAN("\r\n"), NULL);
			c->last_ns = c->front->child.clock.mono_ns;
			break;
		case SIP_FRAME_CRLF:
			break;
		case SIP_FRAME_BROKEN:
			broken(c, span_first(rest, len), why);
			break;
		}
		c->frame = (struct sip_frame){ 0 };
		rest = span_from(rest, len);
	}
	return (uint32_t)bytes.len;
}

/* Line ends alone may be half a ping, or the pong to ours, and need not go on. */
static bool
is_message_begun(struct span rest)
{
	return rest.len > 0 && rest.p[0] != '\r' && rest.p[0] != '\n';
}

void
stream_read(struct conn *c)
{
	struct front *f = c->front;
	struct span bytes = { f->stream->bytes, 0 };
	bool held = c->in.len > 0;
	enum err e;
	uint32_t used;

	e = c->transport->read(c, f->stream->bytes, READ, &bytes.len);
	if (e == ERR_AGAIN)
		return;
	if (e == ERR_NONE && held)
		e = bytes_put(&c->in, bytes, CONN_IN_MAX);
	if (e != ERR_NONE) {
		conn_fail(c, e);
		return;
	}
	used = take(c, held ? bytes_span(&c->in) : bytes);
	if (c->state != CONN_OPEN)
		return;
	if (held)
		bytes_cut(&c->in, used);
	else if (bytes_put(&c->in, span_from(bytes, used), CONN_IN_MAX) != ERR_NONE)
		conn_fail(c, ERR_FULL);
	if (used > 0 || c->begun_ns == 0)
		c->begun_ns = is_message_begun(bytes_span(&c->in)) ? f->child.clock.mono_ns : 0;
}
