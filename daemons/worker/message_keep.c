/*
 * Between the worker and the store: a message that finds nobody is handed over, and comes back when
 * its recipient is there again (daemons/store/messages.c). What becomes of it is told by its id, which
 * is made of what it says: the same message handed over twice is one.
 */
#include "worker/worker.h"

#include <string.h>

#include "model/uuid.h"
#include "sip/addr.h"
#include "sip/build.h"
#include "sip/fields.h"

/* --- over to the store --------------------------------------------------------------------------*/

unsigned
message_keepable(struct worker *w, const struct relay *r, const struct sip_msg *m)
{
	struct span type = sip_span(m, m->content_type);

	if (m->method != SIP_MESSAGE || w->settings->messages.store == 0 || r->to_user.len == 0 ||
	    m->expires == 0)
		return 480;
	/* "He is typing" (RFC 3994) says nothing to who reads it tomorrow. */
	if (sip_type_is(type, SPAN("application/im-iscomposing+xml")))
		return 480;
	if (r->from_uri.len > CDR_TEXT_MAX || type.len > CDR_TEXT_MAX)
		return 480;
	return m->body.len > w->settings->messages.max_bytes ? 413 : 0;
}

static bool
make_id(struct worker *w, const struct relay *r, const struct sip_msg *m, uint8_t id_r[16])
{
	struct buf b = scratch_buf(w, 2048 + m->body.len);

	buf_u64(&b, r->tenant);
	buf_char(&b, ' ');
	buf_u64(&b, r->account);
	buf_char(&b, ' ');
	buf_u64(&b, m->cseq);
	buf_char(&b, ' ');
	buf_put(&b, sip_span(m, m->call_id));
	buf_char(&b, ' ');
	buf_put(&b, sip_span(m, m->from_tag));
	buf_char(&b, ' ');
	buf_put(&b, kept_span(&w->heap, r->to_user));
	buf_char(&b, ' ');
	buf_put(&b, sip_span(m, m->body));
	uuid_of_name(id_r, buf_span(&b));
	return buf_ok(&b);
}

static void
put_headers(struct worker *w, struct cdr_writer *c, const struct relay *r, const struct sip_msg *m)
{
	struct buf b = scratch_buf(w, MESSAGE_HEADERS + 64);

	buf_put(&b, kept_span(&w->heap, r->headers));
	if (!sip_has(m, SIP_H_DATE)) {
		buf_lit(&b, "Date: ");
		clock_put_date(&b, w->child.clock.wall_ms);
		buf_lit(&b, "\r\n");
	}
	cdr_copy(c, CDR_MESSAGE_headers, buf_span(&b));
}

static bool
write_record(struct worker *w, struct buf *b, const struct relay *r, const struct sip_msg *m,
    const uint8_t id[16])
{
	uint32_t expire_s = w->settings->messages.expire_s;
	int64_t now_ms = w->child.clock.wall_ms;
	struct cdr_writer c;

	if (m->expires < expire_s)
		expire_s = m->expires;
	cdr_begin(&c, b, CDR_MESSAGE);
	cdr_part(&c, CDR_P_MESSAGE);
	cdr_uuid(&c, CDR_MESSAGE_id, id);
	cdr_int(&c, CDR_MESSAGE_tenant_id, r->tenant);
	cdr_text(&c, CDR_MESSAGE_to_user, kept_span(&w->heap, r->to_user));
	cdr_text(&c, CDR_MESSAGE_from_user, kept_span(&w->heap, r->from_user));
	cdr_text(&c, CDR_MESSAGE_from_uri, kept_span(&w->heap, r->from_uri));
	cdr_text(&c, CDR_MESSAGE_from_display, kept_span(&w->heap, r->from_display));
	cdr_text(&c, CDR_MESSAGE_content_type, sip_span(m, m->content_type));
	put_headers(w, &c, r, m);
	cdr_copy(&c, CDR_MESSAGE_body, sip_span(m, m->body));
	cdr_text(&c, CDR_MESSAGE_node, span_str(w->settings->node));
	cdr_time(&c, CDR_MESSAGE_created_at, now_ms);
	cdr_time(&c, CDR_MESSAGE_expires_at, now_ms + (int64_t)expire_s * 1000);
	return cdr_end(&c);
}

/* Those that have not answered may still take it. */
static void
mark_branches(struct worker *w, const struct relay *r, const uint8_t id[16])
{
	for (unsigned i = 0; i < r->n_branches; i++) {
		struct txn *c = txn_at(&w->txns, r->branches[i]);
		struct message_branch *b = c == NULL ? NULL : message_branch_of(w, c);

		if (b == NULL)
			continue;
		memcpy(b->id, id, sizeof(b->id));
		b->tenant = r->tenant;
		b->kept = 1;
	}
}

bool
message_keep(struct worker *w, struct txn *t, struct relay *r)
{
	struct ring *out = child_out(&w->child, ROLE_STORE, 0);
	const struct sip_msg *m = txn_request(&w->txns, t);
	struct wire_message *rec;
	uint8_t id[16];
	struct buf b;

	rec = out == NULL ? NULL
			  : ring_reserve(out, WIRE_MESSAGE_KEEP, sizeof(*rec) + CDR_RECORD_MAX);
	if (rec == NULL || !make_id(w, r, m, id))
		return false;
	b = buf_on(rec->data, CDR_RECORD_MAX);
	if (!write_record(w, &b, r, m, id))
		return false;
	mark_branches(w, r, id);
	*rec =
	    (struct wire_message){ .relay = pool_handle(&w->txn_pool, t), .len = (uint32_t)b.len };
	ring_commit(out, (uint32_t)(sizeof(*rec) + b.len));
	ring_publish(out);
	return true;
}

bool
message_tell(struct worker *w, const struct message_branch *b, unsigned status)
{
	struct ring *out = child_out(&w->child, ROLE_STORE, 0);
	struct wire_message_fate *f =
	    out == NULL ? NULL : ring_reserve(out, WIRE_MESSAGE_DONE, sizeof(*f));

	if (f == NULL)
		return false;
	*f = (struct wire_message_fate){
		.tenant = b->tenant, .status = (uint16_t)status, .of = b->of
	};
	memcpy(f->id, b->id, sizeof(f->id));
	ring_commit(out, sizeof(*f));
	ring_publish(out);
	return true;
}

/* --- and back -----------------------------------------------------------------------------------*/

struct kept_message {
	struct message_branch branch;
	struct span to_user, from_uri, from_display, content_type, headers, body;
};

static bool
read_record(const struct wire_message *in, uint32_t len, struct kept_message *k)
{
	struct span *const texts[] = { [CDR_MESSAGE_to_user] = &k->to_user,
		[CDR_MESSAGE_from_uri] = &k->from_uri,
		[CDR_MESSAGE_from_display] = &k->from_display,
		[CDR_MESSAGE_content_type] = &k->content_type,
		[CDR_MESSAGE_headers] = &k->headers,
		[CDR_MESSAGE_body] = &k->body };
	struct cdr_reader r;
	enum cdr_kind kind;
	enum cdr_part part;
	struct span bytes;
	uint8_t field;

	*k = (struct kept_message){ 0 };
	if (in->len > len - sizeof(*in) ||
	    cdr_open(&r, span_of(in->data, in->len), &kind) != ERR_NONE || kind != CDR_MESSAGE ||
	    !cdr_next_part(&r, &part) || part != CDR_P_MESSAGE)
		return false;
	while (cdr_next_field(&r, &field, &bytes)) {
		if (field == CDR_MESSAGE_id && bytes.len == sizeof(k->branch.id))
			memcpy(k->branch.id, bytes.p, sizeof(k->branch.id));
		else if (field == CDR_MESSAGE_tenant_id)
			k->branch.tenant = (uint32_t)cdr_value(bytes);
		else if (field < sizeof(texts) / sizeof(texts[0]) && texts[field] != NULL)
			*texts[field] = bytes;
	}
	return k->to_user.len > 0 && k->from_uri.len > 0;
}

/* A request of our own, though in another's name: always the same for the same message, so that a
 * phone that gets it twice can tell. */
static bool
compose(struct worker *w, const struct kept_message *k, struct message_text *x)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_tenant *t =
	    rec == NULL ? NULL : directory_tenant(&w->directory, k->branch.tenant, rec);
	struct buf from = scratch_buf(w, 2048), to = scratch_buf(w, 1024),
		   call_id = scratch_buf(w, 64);

	if (k->from_display.len > 0) {
		sip_put_quoted(&from, k->from_display);
		buf_char(&from, ' ');
	}
	buf_char(&from, '<');
	buf_put(&from, k->from_uri);
	buf_lit(&from, ">;tag=");
	buf_hex(&from, k->branch.id, 8);
	buf_lit(&to, "<sip:");
	sip_put_user(&to, k->to_user);
	buf_char(&to, '@');
	buf_str(&to, t == NULL ? w->settings->domains[0] : t->realm);
	buf_char(&to, '>');
	uuid_put(&call_id, k->branch.id);
	*x = (struct message_text){ .method = SIP_MESSAGE,
		.from = buf_span(&from),
		.to = buf_span(&to),
		.call_id = buf_span(&call_id),
		.headers = k->headers,
		.content_type = k->content_type,
		.body = k->body,
		.cseq = 1,
		.max_forwards = 70,
		.branch = k->branch };
	return buf_ok(&from) && buf_ok(&to) && buf_ok(&call_id);
}

static void
deliver(struct worker *w, const struct kept_message *k, const struct location *loc)
{
	struct message_text x;

	bool good = compose(w, k, &x);

	x.branch.of = good ? loc->n : 1;
	if (!good) {
		message_tell(w, &x.branch, 513);
		return;
	}
	for (unsigned i = 0; i < loc->n; i++) {
		const struct binding *b = &loc->bindings[i];
		unsigned status;
		handle h;

		x.uri = loc_text(loc, b->contact);
		x.routes = loc_text(loc, b->path);
		status = message_send(w, &x, &b->flow, 0, &h);
		if (status != 0)
			message_tell(w, &x.branch, status);
	}
}

void
message_due(struct worker *w, const struct wire_message *in, uint32_t len)
{
	struct kept_message *k = scratch_take(w, sizeof(*k));
	struct loc_buf *buf = scratch_take(w, sizeof(*buf));
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s = NULL;
	const struct location *loc = NULL;

	if (!read_record(in, len, k))
		return;
	/* Who started before the registrar may not have its table yet, in which the phone stands. */
	worker_has_tables(w);
	s = directory_subscriber(&w->directory, k->branch.tenant, k->to_user, rec);
	if (s != NULL && !s->disabled)
		loc = locations_find(
		    &w->locations, k->branch.tenant, k->to_user, child_steady_ms(&w->child), buf);
	if (loc != NULL) {
		deliver(w, k, loc);
		return;
	}
	k->branch.of = 1;
	message_tell(w, &k->branch, 480);
}
