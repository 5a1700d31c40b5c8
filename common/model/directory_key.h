/* How the directory's keys are made, for its reading and its writing side; private to model/. */
#ifndef TANDEM_MODEL_DIRECTORY_KEY_H
#define TANDEM_MODEL_DIRECTORY_KEY_H

#include "model/directory.h"

/* For each length of prefix that any route, or any class of numbers, has or had: bit n for n characters. So
 * the longest that matches a number is looked for among those that there can be. */
struct dir_lengths {
	uint64_t routes, classes;
};
struct dir_head {
	uint32_t filled, pad;
	struct dir_lengths lengths;   /* a bit stands before its first record does */
	uint64_t more[5];
};

enum { DIR_KEY_MAX = 280, DIR_KEY_NAME = 1 + sizeof(uint32_t) /* where the name of dir_key_of begins */ };
struct dir_key {
	char bytes[DIR_KEY_MAX];
	struct buf b;
};

/* The word of this letter; NULL: its keys are no prefixes. */
static inline uint64_t *
dir_lengths_of(struct dir_head *h, char letter)
{
	switch (letter) {
	case 'r':
		return &h->lengths.routes;
	case 'p':
		return &h->lengths.classes;
	default:
		return NULL;
	}
}

/* Each returns the key in *k, or SPAN_NONE when it is longer than any there is. */
struct span dir_key_of(struct dir_key *k, char letter, uint32_t tenant, struct span name);
struct span dir_key_domain(struct dir_key *k, struct span domain);
struct span dir_key_gateway(struct dir_key *k, uint64_t id);
struct span dir_key_address(struct dir_key *k, const struct netaddr *a);
/* prefix: the caller is the beginning of a number, and the key that of the entry with a * behind it. */
struct span dir_key_listed(struct dir_key *k, uint64_t subscriber, enum dir_list list,
    struct span caller, bool prefix);
struct span dir_key_speed(struct dir_key *k, uint64_t subscriber, unsigned place);

/* The writing side's (directory_write.c): a record that stands there as it is to be is left alone; a record
 * goes; a text is put behind the record that is being made in b, or b does not hold it. */
enum err dir_put(struct directory *d, struct span key, const void *record, size_t len);
enum err dir_forget(struct directory *d, struct span key);
struct dir_text dir_pack(struct buf *b, struct span s);
/* The gateways at an address; n is 0 when there are none. */
void dir_at_address(const struct directory *d, const struct netaddr *a,
    struct dir_gateway_at *at_r);

#endif
