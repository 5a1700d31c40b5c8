/* The rules of a subscriber that send calls on (table forward_rule): one record has them all. */
#include <stddef.h>

#include "model/directory.h"
#include "model/directory_key.h"

static struct span
key_of(struct dir_key *k, uint64_t subscriber)
{
	k->b = buf_on(k->bytes, sizeof(k->bytes));
	buf_char(&k->b, 'f');
	buf_put(&k->b, span_of(&subscriber, sizeof(subscriber)));
	return buf_span(&k->b);
}

/* Only n of them stand in the record. */
static size_t
head_bytes(uint32_t n)
{
	return offsetof(struct dir_rules, rules) + n * sizeof(struct dir_rule);
}

static bool
is_inside(struct dir_text t, const struct dir_buf *b)
{
	return (size_t)t.at + t.len <= b->len;
}

const struct dir_rules *
directory_rules(const struct directory *d, uint64_t subscriber, struct dir_buf *b)
{
	const struct dir_rules *r = (const struct dir_rules *)b->words;
	struct dir_key k;

	if (records_get(&d->records, key_of(&k, subscriber), b->words, sizeof(b->words), &b->len) !=
		ERR_NONE ||
	    b->len < head_bytes(0) || r->n > DIR_RULES_MAX || b->len < head_bytes(r->n))
		return NULL;
	for (uint32_t i = 0; i < r->n; i++)
		if (!is_inside(r->rules[i].to, b) || !is_inside(r->rules[i].callers, b))
			return NULL;
	return r;
}

enum err
directory_put_rules(struct directory *d, uint64_t subscriber, const struct dir_rules *r,
    const struct dir_rules_text *text)
{
	struct dir_key k;
	struct dir_buf room;
	struct dir_rules *record = (struct dir_rules *)room.words;
	struct buf b = buf_on(room.words, sizeof(room.words));

	if (r->n > DIR_RULES_MAX)
		return ERR_RANGE;
	buf_put(&b, span_of(r, head_bytes(r->n)));
	for (uint32_t i = 0; i < r->n; i++) {
		record->rules[i].to = dir_pack(&b, text->to[i]);
		record->rules[i].callers = dir_pack(&b, text->callers[i]);
	}
	if (!buf_ok(&b))
		return ERR_RANGE;
	return dir_put(d, key_of(&k, subscriber), record, b.len);
}

enum err
directory_delete_rules(struct directory *d, uint64_t subscriber)
{
	struct dir_key k;

	return dir_forget(d, key_of(&k, subscriber));
}
