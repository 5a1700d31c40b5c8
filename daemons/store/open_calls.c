/*
 * Calls that were set up and have not ended, by what the journal says. As long as run_dir lives
 * their worker ends them, also one that was started again. When it is gone with the power, what the
 * journal has is all there is: of that their closing records are made.
 */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

void
open_calls_init(struct open_calls *o)
{
	*o = (struct open_calls){ 0 };
	rand_bytes(&o->key, sizeof(o->key));
	table_init(&o->index, 1024);
}

void
open_calls_done(struct open_calls *o)
{
	table_done(&o->index);
	free(o->calls);
	o->calls = NULL;
}

/* The id that a part bears; false: it bears none. */
static bool
read_id(struct cdr_reader r, enum cdr_part part, uint8_t id_r[16])
{
	const uint8_t wanted = part == CDR_P_CALL ? CDR_CALL_call_id : CDR_MESSAGE_id;
	uint8_t number;
	struct span bytes;

	while (cdr_next_field(&r, &number, &bytes)) {
		if (number == wanted && bytes.len == 16) {
			memcpy(id_r, bytes.p, 16);
			return true;
		}
	}
	return false;
}

enum err
record_about(struct span record, struct record_about *about_r)
{
	struct record_about a = { 0 };
	struct cdr_reader r;
	enum cdr_part part;
	bool has_id = false;
	enum err e = cdr_open(&a.parts, record, &a.kind);

	if (e != ERR_NONE)
		return e;
	r = a.parts;
	while (cdr_next_part(&r, &part)) {
		if (part == CDR_P_MESSAGE && a.kind <= CDR_CLOSED)
			return ERR_SYNTAX;
		a.has_segments |= part == CDR_P_SEGMENT;
		if (!has_id && (part == CDR_P_CALL || part == CDR_P_MESSAGE))
			has_id = read_id(r, part, a.id);
	}
	*about_r = a;
	return has_id ? ERR_NONE : ERR_SYNTAX;
}

enum err
record_call(struct span record, enum cdr_kind *kind_r, uint8_t call_id_r[16])
{
	struct record_about about;
	enum err e = record_about(record, &about);

	if (e != ERR_NONE)
		return e;
	*kind_r = about.kind;
	memcpy(call_id_r, about.id, 16);
	return ERR_NONE;
}

static uint64_t
hash_id(const struct open_calls *o, const uint8_t call_id[16])
{
	return hash_bytes(&o->key, call_id, 16);
}

static struct open_call *
find(const struct open_calls *o, const uint8_t call_id[16])
{
	uint32_t cursor = 0, i;

	while (table_find(&o->index, hash_id(o, call_id), &cursor, &i)) {
		if (memcmp(o->calls[i].call_id, call_id, 16) == 0)
			return &o->calls[i];
	}
	return NULL;
}

static struct open_call *
take(struct open_calls *o, const uint8_t call_id[16])
{
	uint32_t i = o->hint;

	if (o->live == o->n) {
		if (o->n == o->cap) {
			o->cap = o->cap ? 2 * o->cap : 256;
			o->calls = reallocarray(o->calls, o->cap, sizeof(*o->calls));
			if (o->calls == NULL)
				fatal(errno, "no memory for %u open calls", o->cap);
		}
		i = o->n++;
	} else {
		while (o->calls[i].used)
			i++;
	}
	o->hint = i + 1;
	o->calls[i] = (struct open_call){ .used = true };
	memcpy(o->calls[i].call_id, call_id, 16);
	table_put(&o->index, hash_id(o, call_id), i);
	o->live++;
	return &o->calls[i];
}

void
open_calls_forget(struct open_calls *o, struct open_call *c)
{
	uint32_t i = (uint32_t)(c - o->calls);

	table_remove(&o->index, hash_id(o, c->call_id), i);
	c->used = false;
	o->live--;
	o->hint = i < o->hint ? i : o->hint;
}

void
open_calls_saw(struct open_calls *o, const struct record_about *about, struct journal_pos at,
    uint64_t identity)
{
	struct open_call *c;
	bool first;

	if (about->kind > CDR_CLOSED)
		return;
	c = find(o, about->id);
	if (about->kind == CDR_CLOSED) {
		if (c != NULL)
			open_calls_forget(o, c);
		return;
	}
	first = c == NULL;
	if (first)
		c = take(o, about->id);
	c->identity = identity;
	if (first || about->has_segments)
		c->at = at;
}

void
open_calls_beat(struct open_calls *o, uint64_t identity, int64_t wall_ms)
{
	for (uint32_t i = 0; i < o->n; i++) {
		struct open_call *c = &o->calls[i];
		if (c->used && c->identity == identity && c->seen_ms < wall_ms)
			c->seen_ms = wall_ms;
	}
}

struct open_call *
open_calls_next(const struct open_calls *o, const struct open_call *prev)
{
	for (uint32_t i = prev == NULL ? 0 : (uint32_t)(prev - o->calls) + 1; i < o->n; i++) {
		if (o->calls[i].used)
			return &o->calls[i];
	}
	return NULL;
}

/* What the closing of a part needs of its fields. */
struct known {
	int64_t start_ms, answer_ms, end_ms;
	bool disposition, released;
	struct span from, to, tenant;
};

static void
close_call(struct cdr_writer *w, const struct known *k, int64_t end_ms)
{
	if (k->end_ms != 0)
		return;
	cdr_time(w, CDR_CALL_end_at, end_ms > k->start_ms ? end_ms : k->start_ms);
	cdr_bool(w, CDR_CALL_closed, true);
}

static void
close_segment(struct cdr_writer *w, const struct known *k, int64_t end_ms)
{
	if (k->end_ms != 0)
		return; /* it ended while the call went on */
	end_ms = end_ms > k->start_ms ? end_ms : k->start_ms;
	end_ms = end_ms > k->answer_ms ? end_ms : k->answer_ms;
	cdr_time(w, CDR_SEGMENT_end_at, end_ms);
	cdr_int(w, CDR_SEGMENT_duration_ms, end_ms - k->start_ms);
	cdr_int(w, CDR_SEGMENT_bill_ms, k->answer_ms == 0 ? 0 : end_ms - k->answer_ms);
	cdr_word(w, CDR_SEGMENT_record_type, "system_closed");
	if (!k->disposition)
		cdr_word(w, CDR_SEGMENT_disposition, k->answer_ms == 0 ? "failed" : "answered");
	if (!k->released)
		cdr_word(w, CDR_SEGMENT_released_by, "system");
	cdr_word(w, CDR_SEGMENT_end_reason, "system_failure");
	cdr_bool(w, CDR_SEGMENT_estimated, true);
}

/* What is said anew by close_call and close_segment is not copied. */
static bool
said_anew(enum cdr_part part, uint8_t number)
{
	if (part == CDR_P_CALL)
		return number == CDR_CALL_closed;
	return part == CDR_P_SEGMENT &&
	       (number == CDR_SEGMENT_duration_ms || number == CDR_SEGMENT_bill_ms ||
		   number == CDR_SEGMENT_record_type || number == CDR_SEGMENT_end_reason ||
		   number == CDR_SEGMENT_estimated);
}

static void
learn(struct known *k, enum cdr_part part, uint8_t number, struct span bytes)
{
	if (part == CDR_P_CALL) {
		if (number == CDR_CALL_setup_at)
			k->start_ms = cdr_value(bytes);
		else if (number == CDR_CALL_end_at)
			k->end_ms = cdr_value(bytes);
		else if (number == CDR_CALL_tenant_id)
			k->tenant = bytes;
		else if (number == CDR_CALL_from_number)
			k->from = bytes;
		else if (number == CDR_CALL_to_number)
			k->to = bytes;
	} else if (part == CDR_P_SEGMENT) {
		if (number == CDR_SEGMENT_start_at)
			k->start_ms = cdr_value(bytes);
		else if (number == CDR_SEGMENT_answer_at)
			k->answer_ms = cdr_value(bytes);
		else if (number == CDR_SEGMENT_end_at)
			k->end_ms = cdr_value(bytes);
		k->disposition |= number == CDR_SEGMENT_disposition;
		k->released |= number == CDR_SEGMENT_released_by;
	}
}

/* A call of which only the setup is known: one segment that nobody pays. */
static void
invent_segment(struct cdr_writer *w, const struct known *call, int64_t end_ms)
{
	struct known k = { .start_ms = call->start_ms };

	cdr_part(w, CDR_P_SEGMENT);
	cdr_int(w, CDR_SEGMENT_seq, 1);
	if (call->tenant.len > 0)
		cdr_copy(w, CDR_SEGMENT_tenant_id, call->tenant);
	cdr_word(w, CDR_SEGMENT_payer_kind, "nobody");
	cdr_int(w, CDR_SEGMENT_payer_account_id, 0);
	cdr_text(w, CDR_SEGMENT_calling_number, call->from);
	cdr_text(w, CDR_SEGMENT_dialed_digits, call->to);
	cdr_time(w, CDR_SEGMENT_start_at, call->start_ms);
	close_segment(w, &k, end_ms);
}

bool
record_close(struct span latest, int64_t end_ms, struct buf *b)
{
	struct cdr_reader r;
	struct cdr_writer w;
	enum cdr_kind kind;
	enum cdr_part part;
	struct known call = { 0 };
	unsigned segments = 0;
	uint8_t number;
	struct span bytes;

	if (cdr_open(&r, latest, &kind) != ERR_NONE)
		return false;
	cdr_begin(&w, b, CDR_CLOSED);
	while (cdr_next_part(&r, &part)) {
		struct known k = { 0 };
		struct cdr_reader before = r;
		while (cdr_next_field(&before, &number, &bytes))
			learn(&k, part, number, bytes);
		cdr_part(&w, part);
		while (cdr_next_field(&r, &number, &bytes)) {
			if (k.end_ms != 0 || !said_anew(part, number))
				cdr_copy(&w, number, bytes);
		}
		if (part == CDR_P_CALL) {
			close_call(&w, &k, end_ms);
			call = k;
		} else if (part == CDR_P_SEGMENT) {
			close_segment(&w, &k, end_ms);
			segments++;
		}
	}
	if (segments == 0)
		invent_segment(&w, &call, end_ms);
	return cdr_end(&w);
}
