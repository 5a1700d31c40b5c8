/*
 * The calls of a worker as others may see them (tandemctl calls, metrics): an array of views in the
 * worker's region, one for each slot of its call pool, written by the worker alone. It follows the
 * process head directly:
 *
 *     struct process (PROCESS_HEAD bytes) | struct call_views | struct call_view[count] | ...
 */
#ifndef TANDEM_MODEL_CALLVIEW_H
#define TANDEM_MODEL_CALLVIEW_H

#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"

enum call_view_state { CALL_VIEW_NONE, CALL_VIEW_ROUTING, CALL_VIEW_RINGING, CALL_VIEW_UP,
	CALL_VIEW_ENDING };

struct call_view {
	uint32_t version;           /* odd while it is being written */
	uint32_t state;             /* enum call_view_state */
	handle call;
	uint8_t call_id[16];        /* uuid */
	uint32_t tenant, pad;
	int64_t setup_wall_ms, answer_wall_ms; /* 0 = not yet */
	uint64_t setup_ns, answer_ns;          /* monotonic, for durations */
	char from[64], to[64], connected[64];  /* NUL-terminated, made printable */
};

struct call_views {
	uint32_t count, pad;
};

/* Writer: bracket the change of a view. */
void call_view_begin(struct call_view *v);
void call_view_end(struct call_view *v);
/* Reader: copies view i out; ERR_ABSENT when the slot is empty, ERR_AGAIN when it was being written
 * (it may be asked again), ERR_RANGE at the end. region: the worker's, PROCESS_HEAD and all. */
enum err call_view_read(const void *region, size_t size, uint32_t i, struct call_view *v_r);
const char *call_view_state_name(enum call_view_state s);

#endif
