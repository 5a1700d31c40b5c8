/*
 * Whose calls are watched: a bit for each user's hash, written by the registrar, read by the workers, who
 * tell it of the calls of those users and of no others. Two users may share a bit: then too much is told,
 * never too little.
 *
 *     worker                                registrar
 *       writes the view of a call             sets the bit
 *       reads the bit                         reads the views
 *
 * Each has a full fence between its two steps, so that at least one of them sees what the other did.
 */
#ifndef TANDEM_MODEL_WATCHED_H
#define TANDEM_MODEL_WATCHED_H

#include <stdbool.h>
#include <stdint.h>

enum { WATCHED_WORDS = 1024 };

struct watched { /* in the registrar's region */
	uint64_t words[WATCHED_WORDS];
};

/* The registrar's. */
void watched_put(struct watched *w, uint64_t user);
/* In place of all that were there. */
void watched_replace(struct watched *w, const struct watched *by);
/* A worker's, after it has written. */
bool watched_has(const struct watched *w, uint64_t user);

#endif
