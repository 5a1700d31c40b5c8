/*
 * The points at which a worker can be killed so that it makes a difference: what a killed one leaves is what
 * it has stored into the memory that outlives it, so there is one point before each of its stores.
 *
 * A run that records has every store in a log, with what it overwrote. A run that kills lets the worker do
 * all of the input in which it shall die, and takes back what it stored and sent from that point on: a run is
 * the same again each time.
 */
#ifndef TANDEM_TESTS_RACE_STORES_H
#define TANDEM_TESTS_RACE_STORES_H

#include <stdbool.h>

#include "race.h"

/* On the bench that is open: what workers store is put into a new log. */
void stores_record(void);
/* On the bench that is open: as recorded, but its worker dies before the n-th store, from 0. */
void stores_kill(unsigned n);
/* How many there are in the log; is the n-th one that a worker is to be killed at? Of what the C library
 * copies or clears, it is before the first store and amid them; after the last is before another one. */
unsigned stores_recorded(void);
bool stores_is_point(unsigned n);
/* Which piece of code made the n-th: the instruction, or the one before that called for a copy. */
uint32_t stores_place(unsigned n);

#endif
