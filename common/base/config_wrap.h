/*
 * libconfig 1.5 takes a whole number that does not fit an int modulo 2^32, without a word: 4294967796
 * becomes 500. Only a number with an L behind it is read in 64 bits. This finds such numbers in the
 * text itself.
 */
#ifndef TANDEM_BASE_CONFIG_WRAP_H
#define TANDEM_BASE_CONFIG_WRAP_H

#include <stdbool.h>

#include "base/span.h"

/* True when `text`, which libconfig has read without an error, has a number that was wrapped; then
 * *key_r is the last component of its key and *line_r its line. What the text includes is not looked
 * at. */
bool config_wrap_find(struct span text, struct span *key_r, unsigned *line_r);

#endif
