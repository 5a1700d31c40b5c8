/*
 * A configuration file (libconfig syntax) read into a caller's plain struct by a table of keys. The
 * tables live with whoever the keys belong to; here is only how one is read:
 *
 *     static const struct config_key listen_keys[] = {
 *         CONFIG_WORD("transport", struct listen, transport, transports, UDP),
 *         CONFIG_TEXT("address", struct listen, address, "0.0.0.0", .check = check_address),
 *         CONFIG_NUMBER("port", struct listen, port, 5060, 1, 65535),
 *     };
 *     static const struct config_key keys[] = {
 *         CONFIG_TEXTS("domains", struct conf, domains, n_domains, 1),
 *         CONFIG_NUMBER("timers.t1_ms", struct conf, t1_ms, 500, 100, 5000),
 *         CONFIG_GROUPS("listen", struct conf, listen, n_listen, 0, listen_keys),
 *     };
 *
 * The struct holds everything by value, so it can be copied, compared and thrown away. A key that is
 * not in the table is an error, as is a wrong type or an impossible value: the first one ends the
 * reading with one line, "FILE:LINE: KEY: what is wrong", in the caller's buffer (no newline, cut to
 * fit), and the struct is then not to be used. LINE is the group's for a key that is missing.
 */
#ifndef TANDEM_BASE_CONFIG_H
#define TANDEM_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum config_type {
	CONFIG_IS_FLAG,   /* true or false, into a bool */
	CONFIG_IS_NUMBER, /* into an integer of 1, 2, 4 or 8 bytes */
	CONFIG_IS_TEXT,   /* "...", into a char array, as a C string */
	CONFIG_IS_WORD,   /* "one of some", its index into an integer or enum */
	CONFIG_IS_TEXTS,  /* [ "...", "..." ], into an array of char arrays and a uint32_t count */
	CONFIG_IS_GROUPS, /* ( {...}, {...} ), into an array of structs and a uint32_t count */
};

struct config_key {
	const char *path; /* from the group the table is for: "t1_ms", "timers.t1_ms" */
	enum config_type type;
	bool required;
	size_t at, size;         /* of the member, or of one element */
	size_t count_at;         /* TEXTS, GROUPS: where the count goes */
	int64_t min, max;        /* NUMBER: of the value; TEXTS, GROUPS: of the count */
	int64_t otherwise;       /* FLAG, NUMBER, WORD: the default */
	const char *text;        /* TEXT: the default */
	const char *const *words; /* WORD: up to a NULL */
	const struct config_key *keys; /* GROUPS: the table of an element */
	unsigned n_keys;
	/* May be NULL. Sees what was stored, once per element (char * for texts, the struct for
	 * groups, after all its keys); returns what is wrong with it, or NULL. */
	const char *(*check)(const void *value);
};

#define CONFIG_MEMBER_(path_, st, m) .path = (path_), .at = offsetof(st, m)
#define CONFIG_ONE_(path_, st, m)    CONFIG_MEMBER_(path_, st, m), .size = sizeof(((st *)0)->m)
#define CONFIG_MANY_(path_, st, m, n, min_)                                                        \
	CONFIG_MEMBER_(path_, st, m), .size = sizeof(((st *)0)->m[0]),                             \
	    .count_at = offsetof(st, n), .min = (min_),                                            \
	    .max = sizeof(((st *)0)->m) / sizeof(((st *)0)->m[0])

/* Further members of the key may follow: CONFIG_TEXT(..., "", .required = true, .check = f). */
#define CONFIG_FLAG(path_, st, m, otherwise_, ...)                                                 \
	{ CONFIG_ONE_(path_, st, m), .type = CONFIG_IS_FLAG, .otherwise = (otherwise_), __VA_ARGS__ }
#define CONFIG_NUMBER(path_, st, m, otherwise_, min_, max_, ...)                                   \
	{ CONFIG_ONE_(path_, st, m), .type = CONFIG_IS_NUMBER, .otherwise = (otherwise_),          \
		.min = (min_), .max = (max_), __VA_ARGS__ }
#define CONFIG_TEXT(path_, st, m, otherwise_, ...)                                                 \
	{ CONFIG_ONE_(path_, st, m), .type = CONFIG_IS_TEXT, .text = (otherwise_), __VA_ARGS__ }
#define CONFIG_WORD(path_, st, m, words_, otherwise_, ...)                                         \
	{ CONFIG_ONE_(path_, st, m), .type = CONFIG_IS_WORD, .words = (words_),                    \
		.otherwise = (otherwise_), __VA_ARGS__ }
/* `min` elements at least (so that 1 makes the key required), at most as many as the array has. */
#define CONFIG_TEXTS(path_, st, m, n, min_, ...)                                                   \
	{ CONFIG_MANY_(path_, st, m, n, min_), .type = CONFIG_IS_TEXTS, __VA_ARGS__ }
#define CONFIG_GROUPS(path_, st, m, n, min_, keys_, ...)                                           \
	{ CONFIG_MANY_(path_, st, m, n, min_), .type = CONFIG_IS_GROUPS, .keys = (keys_),          \
		.n_keys = sizeof(keys_) / sizeof((keys_)[0]), __VA_ARGS__ }

/* Sets every member a key names to its default; arrays become empty. */
void config_defaults(const struct config_key *keys, unsigned n_keys, void *into);
/* Defaults, then the file. ERR_IO (cannot be read), ERR_SYNTAX (grammar, unknown key, wrong type),
 * ERR_RANGE (impossible value). @include in the file is relative to the file's directory.
 * A number beyond an int must have libconfig's L behind it. */
enum err config_load(const char *file, const struct config_key *keys, unsigned n_keys, void *into,
    struct buf *why);
/* The same from text; `name` stands for FILE in errors. */
enum err config_text(const char *name, const char *text, const struct config_key *keys,
    unsigned n_keys, void *into, struct buf *why);

/* "FILE:LINE: " of a key of a file that could be read ("listen[1].port"), as its errors begin; line 1 when
 * the key is not there. */
void config_where(const char *file, const char *key, struct buf *b);

/* The whole file as a C string to free(); NULL with errno set, EILSEQ when it holds a zero byte. */
char *config_slurp(const char *file);

#endif
