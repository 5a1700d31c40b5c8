/*
 * The decisions of a call: each feature that acted on it, or was passed over for a reason worth telling,
 * in the order in which that happened. The worker notes them, the call's record carries them (the field
 * `decisions` of cdr.def), tandemctl shows them. A decision travels as a line:
 *
 *     milliseconds since the first HT feature HT of whom HT reason LF
 *
 * Of more than DECISIONS_MAX there are the first, and a line whose feature is "more" says how many are
 * not kept. The last DECISIONS_EVENTS are for what the record has as an event (BILLING.md R15, R16).
 */
#ifndef TANDEM_MODEL_DECISION_H
#define TANDEM_MODEL_DECISION_H

#include <stdint.h>

#include "base/buf.h"

enum {
	DECISIONS_MAX = 32,
	DECISIONS_EVENTS = 8, /* the last of them */
	DECISION_TEXT = 96, /* bytes of feature, of whom and reason; what is longer is cut */
	DECISIONS_BYTES = (DECISIONS_MAX + 1) * (DECISION_TEXT + 16)
};

/* Puts the text of one: feature HT of HT reason. Whom and reason may come from the network: what would
 * end a field or a line becomes '?'. */
void decision_text_put(struct buf *b, const char *feature, struct span of, struct span reason);
/* Puts one as it travels. */
void decision_put(struct buf *b, uint32_t ms, struct span text);
/* Takes the first line off: false when there is none, or it is none. */
bool decision_cut(struct span *lines, uint32_t *ms_r, struct span part_r[3]);
/* All of them as a JSON array; null when these bytes are no decisions:
 *
 *     [{"ms":0,"feature":"forward","of":"1002","reason":"always: goes on to 1003"}, ...]
 */
void decisions_put_json(struct buf *b, struct span lines);

#endif
