/*
 * One key out of a file that config_load refuses: whoever only needs to know where the running exchange
 * is can go on, whatever else is wrong in the file, its grammar included.
 */
#ifndef TANDEM_BASE_CONFIG_SALVAGE_H
#define TANDEM_BASE_CONFIG_SALVAGE_H

#include "base/config.h"

enum config_salvaged {
	CONFIG_FOUND,  /* it stands in the text once and is right */
	CONFIG_ABSENT, /* it stands nowhere in the text: `into` has its default */
	CONFIG_LOST,   /* it is wrong, not whole, there twice, or the text includes others */
};

/* `key` is one of the root's (no dot in its path); `into` as config_text has it. */
enum config_salvaged config_salvage(const char *text, const struct config_key *key, void *into);

#endif
