/*
 * The records of the location table: one for each address-of-record, replaced as a whole. The
 * registrar alone writes them, workers read them for every call, the store copies them into the
 * database.
 *
 * There is no index and no timer for a binding: readers leave out what has expired, so all that is
 * left to do is to clear away, and that is done by walking the table, a part each second. Nothing
 * of this has to be rebuilt after a restart, and it costs the same however many expire at once.
 */
#include "registrar/registrar.h"

#include <string.h>

#include "base/log.h"

/* A table of up to so many records is walked each second, a larger one in half a minute. */
enum { WALK_LEAST = 1024, WALK_SECONDS = 30 };

const struct location *
record_find(struct registrar *r, uint32_t tenant, struct span user, struct loc_buf *to)
{
	return locations_find(&r->locations, tenant, user, INT64_MIN, to);
}

/* --- the store ---------------------------------------------------------------------------------*/

static void
tell_store(struct registrar *r, struct span key, struct span value)
{
	struct ring *out = child_out(&r->child, ROLE_STORE, 0);
	uint32_t data = (uint32_t)(key.len + value.len);
	uint32_t len = (uint32_t)sizeof(struct wire_binding) + data;
	struct wire_binding *w;

	w = out == NULL ? NULL : ring_reserve(out, WIRE_BINDING, len);
	if (w == NULL) {
		/* It has not kept up, or is not there: all is told once more when there is room. */
		if (!r->missed)
			log_warn("binding not told to the store: no room");
		r->missed = true;
		return;
	}
	*w = (struct wire_binding){
		.len = data, .deleted = value.len == 0, .key_len = (uint32_t)key.len
	};
	memcpy(w->data, key.p, key.len);
	if (value.len > 0)
		memcpy(w->data + key.len, value.p, value.len);
	ring_commit(out, len);
}

/* Did a phone change this one before the load of a cold start was done? */
static bool
was_said(const struct registrar *r, struct span key)
{
	uint32_t cursor = 0, value;

	return table_find(&r->said, hash_span(&r->challenge.key, key), &cursor, &value);
}

/* --- changing one ------------------------------------------------------------------------------*/

static enum err
replace(struct registrar *r, struct span key, uint32_t tenant, const struct bindings *b,
    unsigned before)
{
	struct loc_buf room;
	struct span value = SPAN_NONE;
	enum err e;

	if (b->n > 0) {
		value = bindings_write(b, tenant, &room);
		if (value.p == NULL)
			return ERR_FULL;
		e = records_put(&r->locations.records, key, value);
	} else {
		e = records_delete(&r->locations.records, key);
		if (e == ERR_ABSENT)
			e = ERR_NONE;
	}
	if (e != ERR_NONE)
		return e;
	if (b->tell)
		tell_store(r, key, value);
	/* The walk counts anew: what goes wrong here does not last. */
	r->live = r->live + b->n > before ? r->live + b->n - before : 0;
	subscriptions_changed(r, PACKAGE_REG, tenant, span_from(key, sizeof(tenant)));
	subscriptions_changed(r, PACKAGE_PRESENCE, tenant, span_from(key, sizeof(tenant)));
	return ERR_NONE;
}

enum err
record_put(struct registrar *r, uint32_t tenant, struct span user, const struct bindings *b,
    unsigned before)
{
	char text[RECORDS_KEY_MAX];
	struct buf key = buf_on(text, sizeof(text));
	enum err e;

	loc_key(&key, tenant, user);
	if (!buf_ok(&key))
		return ERR_RANGE;
	e = replace(r, buf_span(&key), tenant, b, before);
	if (e == ERR_NONE && r->head->loaded == 0 && !was_said(r, buf_span(&key)))
		table_put(&r->said, hash_span(&r->challenge.key, buf_span(&key)), 0);
	return e;
}

/* --- the walk ----------------------------------------------------------------------------------*/

static bool
is_in(const struct registrar *r, const struct table *t, handle conn)
{
	uint32_t cursor = 0, value;

	return conn != 0 &&
	       table_find(t, hash_bytes(&r->challenge.key, &conn, sizeof(conn)), &cursor, &value);
}

/* Its connection ended, or the front that held it is another now. */
static bool
flow_is_gone(const struct registrar *r, const struct binding *b)
{
	const struct process_row *front = &r->child.exchange->rows[handle_proc(b->flow.conn)];
	uint64_t lives_ns =
	    r->child.clock.mono_ns - __atomic_load_n(&front->started_ns, __ATOMIC_RELAXED);

	if (b->flow.conn == 0)
		return false;
	return is_in(r, &r->downs[1], b->flow.conn) ||
	       b->registered_ms < registrar_steady_ms(r) - (int64_t)(lives_ns / NS_PER_MS);
}

/* Who is not in the directory any more, or may not register, must leave nothing to the next of his
 * name. */
static bool
owner_is_gone(struct registrar *r, const struct location *loc, struct span key)
{
	struct dir_buf room;
	const struct dir_subscriber *s;

	if (!registrar_has_directory(r))
		return false;
	s = directory_subscriber(
	    &r->directory, loc->tenant, span_from(key, sizeof(loc->tenant)), &room);
	return s == NULL || s->disabled;
}

/* One record: what has expired goes, and outbound bindings whose flow is gone. An ordinary binding
 * stays when its connection ended: the front makes a new one to the same address. */
static void
look_at(struct registrar *r, struct span key, struct loc_buf *value)
{
	const struct location *loc = loc_check(value, INT64_MIN);
	struct bindings b;

	bindings_read(loc, registrar_steady_ms(r), &b);
	for (unsigned i = 0; i < b.n;) {
		const struct binding *x = &b.of[i].binding;

		if (x->reg_id != 0 && flow_is_gone(r, x)) {
			memmove(&b.of[i], &b.of[i + 1], (--b.n - i) * sizeof(b.of[0]));
			b.tell = true;
		} else {
			i++;
		}
	}
	if (loc != NULL && owner_is_gone(r, loc, key)) {
		b.n = 0;
		b.tell = true;
	}
	r->counted += b.n;
	if (b.tell || loc == NULL)
		replace(r, key, loc == NULL ? 0 : loc->tenant, &b, loc == NULL ? 0 : loc->n);
	else if (r->missed_before)
		tell_store(r, key, span_of(value->words, value->len));
}

/* The end of a pass: the next one looks for the flows that went meanwhile. */
static void
pass_over(struct registrar *r)
{
	struct table done = r->downs[1];

	r->live = r->counted;
	r->counted = 0;
	r->cursor = 0;
	r->missed_before = r->missed;
	r->missed = false;
	r->downs[1] = r->downs[0];
	table_done(&done);
	table_init(&r->downs[0], 64);
}

void
record_walk(struct registrar *r)
{
	uint32_t share = records_count(&r->locations.records) / WALK_SECONDS;
	uint32_t most = share < WALK_LEAST ? WALK_LEAST : share;
	char key[RECORDS_KEY_MAX];
	struct loc_buf value;
	size_t len;

	for (uint32_t i = 0; i < most; i++) {
		enum err e = records_next(&r->locations.records, &r->cursor, key, &len, value.words,
		    sizeof(value.words), &value.len);

		if (e != ERR_NONE) {
			pass_over(r);
			return;
		}
		look_at(r, span_of(key, len), &value);
	}
}

void
record_flow_down(struct registrar *r, handle conn)
{
	if (!is_in(r, &r->downs[0], conn))
		table_put(&r->downs[0], hash_bytes(&r->challenge.key, &conn, sizeof(conn)), 0);
}

/* --- a cold start ------------------------------------------------------------------------------*/

/* A flow of the database is an address: its connection is of a former life, and the listeners may
 * be others now. */
static bool
is_usable(const struct registrar *r, struct sip_flow *f)
{
	int listener =
	    f->transport < SIP_N_TRANSPORTS
		? reach_listener(r->settings, f, (enum sip_transport)f->transport, f->peer.family)
		: -1;

	f->conn = 0;
	f->listener = listener < 0 ? 0 : (uint8_t)listener;
	return listener >= 0;
}

static bool
is_known(struct registrar *r, struct span key)
{
	struct loc_buf now;

	return was_said(r, key) || records_get(&r->locations.records, key, now.words,
				       sizeof(now.words), &now.len) != ERR_ABSENT;
}

void
record_load(struct registrar *r, const struct wire_binding *w, uint32_t len)
{
	struct span key, value;
	struct loc_buf room;
	struct location *loc;
	struct bindings b;

	if (r->head->loaded != 0)
		return;
	if (w->len != len - sizeof(*w) || w->key_len > w->len || w->key_len < sizeof(uint32_t) ||
	    w->key_len > RECORDS_KEY_MAX || w->len - w->key_len > sizeof(room.words)) {
		log_error("a binding to load is not valid", LOG_U64("bytes", len));
		return;
	}
	key = span_of(w->data, w->key_len);
	value = span_of(w->data + w->key_len, w->len - w->key_len);
	memcpy(room.words, value.p, value.len);
	room.len = value.len;
	loc = (struct location *)(void *)room.words;
	if (is_known(r, key) || loc_check(&room, registrar_steady_ms(r)) == NULL)
		return;
	for (unsigned i = 0; i < loc->n; i++)
		if (!is_usable(r, &loc->bindings[i].flow))
			loc->bindings[i].expires_ms = 0;
	bindings_read(loc, registrar_steady_ms(r), &b);
	b.tell = false; /* the store has it from there */
	if (b.n > 0 && replace(r, key, loc->tenant, &b, 0) != ERR_NONE)
		log_error("no room for bindings", LOG_SPAN("user", span_from(key, 4)));
}

void
record_loaded(struct registrar *r)
{
	if (r->head->loaded != 0)
		return;
	log_info("bindings loaded", LOG_U64("bindings", r->live));
	r->head->loaded = 1;
	table_done(&r->said);
	table_init(&r->said, 1);
}
