/* How many messages wait for whom: what a sender is refused by when the box is full, and by which a
 * registration that concerns nobody's message costs nothing. Counted anew from the database now and
 * then (messages.c); between two counts it may be off by what another node has done. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

void
boxes_init(struct message_boxes *b)
{
	*b = (struct message_boxes){ 0 };
	rand_bytes(&b->key, sizeof(b->key));
	table_init(&b->index, 64);
}

void
boxes_done(struct message_boxes *b)
{
	table_done(&b->index);
	free(b->boxes);
	free(b->free);
	b->boxes = NULL;
	b->free = NULL;
}

static uint64_t
hash(const struct message_boxes *b, const struct dirty_key *k)
{
	return hash_bytes(&b->key, k->bytes, k->len);
}

struct message_box *
boxes_find(const struct message_boxes *b, const struct dirty_key *k)
{
	uint32_t cursor = 0, i;

	while (table_find(&b->index, hash(b, k), &cursor, &i)) {
		if (b->boxes[i].key.len == k->len &&
		    memcmp(b->boxes[i].key.bytes, k->bytes, k->len) == 0)
			return &b->boxes[i];
	}
	return NULL;
}

static void
grow(struct message_boxes *b)
{
	b->cap = b->cap ? 2 * b->cap : 64;
	b->boxes = reallocarray(b->boxes, b->cap, sizeof(*b->boxes));
	b->free = reallocarray(b->free, b->cap, sizeof(*b->free));
	if (b->boxes == NULL || b->free == NULL)
		fatal(errno, "no memory for %u boxes of messages", b->cap);
}

struct message_box *
boxes_take(struct message_boxes *b, const struct dirty_key *k)
{
	struct message_box *box = boxes_find(b, k);
	uint32_t i;

	if (box != NULL)
		return box;
	if (b->n_free == 0 && b->n == b->cap)
		grow(b);
	i = b->n_free > 0 ? b->free[--b->n_free] : b->n++;
	b->boxes[i] = (struct message_box){ .key = *k, .used = true };
	table_put(&b->index, hash(b, k), i);
	return &b->boxes[i];
}

void
boxes_forget(struct message_boxes *b, struct message_box *box)
{
	uint32_t i = (uint32_t)(box - b->boxes);

	table_remove(&b->index, hash(b, &box->key), i);
	box->used = false;
	b->free[b->n_free++] = i;
}

struct message_box *
boxes_next(const struct message_boxes *b, const struct message_box *prev)
{
	for (uint32_t i = prev == NULL ? 0 : (uint32_t)(prev - b->boxes) + 1; i < b->n; i++) {
		if (b->boxes[i].used)
			return &b->boxes[i];
	}
	return NULL;
}

enum err
boxes_key(struct span record, struct dirty_key *key_r)
{
	struct buf key = buf_on(key_r->bytes, sizeof(key_r->bytes));
	struct span bytes, user = SPAN_NONE;
	struct cdr_reader r;
	enum cdr_kind kind;
	enum cdr_part part;
	uint8_t number;
	int64_t tenant = 0;

	if (cdr_open(&r, record, &kind) != ERR_NONE || kind != CDR_MESSAGE ||
	    !cdr_next_part(&r, &part) || part != CDR_P_MESSAGE)
		return ERR_SYNTAX;
	while (cdr_next_field(&r, &number, &bytes)) {
		if (number == CDR_MESSAGE_tenant_id)
			tenant = cdr_value(bytes);
		else if (number == CDR_MESSAGE_to_user)
			user = bytes;
	}
	loc_key(&key, (uint32_t)tenant, user);
	if (!buf_ok(&key) || user.len == 0 || key.len > UINT8_MAX)
		return ERR_SYNTAX;
	key_r->len = (uint8_t)key.len;
	return ERR_NONE;
}
