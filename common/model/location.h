/*
 * Location: the bindings of each address-of-record (RFC 3261 10), in the registrar's region. The
 * registrar alone writes it; workers read it for every call. Key: tenant (4 bytes) and user; value: a
 * struct location with its bindings, best q first, then most recent first.
 */
#ifndef TANDEM_MODEL_LOCATION_H
#define TANDEM_MODEL_LOCATION_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/records.h"
#include "sip/flow.h"

enum { LOCATION_BINDINGS_MAX = 16, LOCATION_VALUE_MAX = RECORDS_VALUE_MAX };

struct loc_text {
	uint16_t at, len;           /* from the start of the location record */
};

struct binding {
	int64_t expires_ms;         /* gone after this, by the steady clock; a reader checks it */
	int64_t registered_ms;      /* by the same */
	struct sip_flow flow;       /* how its REGISTER came: where requests for it go */
	uint32_t cseq;
	uint16_t q;                 /* thousandths */
	uint16_t reg_id;            /* RFC 5626; 0 = none */
	uint32_t ring_s;            /* S0-05: `Expires` of the contact URI limits ringing; 0 = no limit */
	uint32_t told_s;            /* expiry, steady seconds, as the store was told; the registrar's */
	struct loc_text contact;    /* URI as it was registered, parameters and all */
	struct loc_text path;       /* comma-joined, or none */
	struct loc_text call_id, instance, user_agent, node, registered_by;
};

struct location {
	uint32_t tenant;
	uint16_t n, pad;
	struct binding bindings[LOCATION_BINDINGS_MAX]; /* only n of them stand in the value; */
	/* the text follows the last */
};

struct loc_buf {
	uint64_t words[LOCATION_VALUE_MAX / 8];
	size_t len;
};

struct locations {
	struct records records;
};

size_t locations_bytes(uint32_t bindings);
enum err locations_own(struct locations *l, void *mem, size_t size, uint32_t bindings);
enum err locations_open(struct locations *l, const void *mem, size_t size);

struct span loc_text(const struct location *loc, struct loc_text t);
void loc_key(struct buf *b, uint32_t tenant, struct span user);
/* NULL: nobody registered (or all expired at steady_ms: expired bindings are left out). */
const struct location *locations_find(const struct locations *l, uint32_t tenant, struct span user,
    int64_t steady_ms, struct loc_buf *b);
/* The same for a value that came otherwise (records_next, a ring): b->words and b->len are filled.
 * NULL too when it is not a sound location. INT64_MIN keeps the expired. */
const struct location *loc_check(struct loc_buf *b, int64_t steady_ms);

/* Moves all its times by so much: between clocks (bindings.c). b holds a sound location. */
void loc_shift(struct loc_buf *b, int64_t by_ms);

/* Making a value: begin, add bindings with their text, end. */
struct loc_binding_text {
	struct span contact, path, call_id, instance, user_agent, node, registered_by;
};
struct loc_maker {
	char *mem;
	size_t cap, text;           /* text grows from behind the bindings */
	unsigned n, most;
	bool overrun;
};
void loc_begin(struct loc_maker *m, void *mem, size_t cap, uint32_t tenant, unsigned most);
void loc_add(struct loc_maker *m, const struct binding *b, const struct loc_binding_text *t);
struct span loc_end(struct loc_maker *m); /* p == NULL when it did not fit */

#endif
