/* UUIDs: version 7 (RFC 9562, time-ordered) for calls, version 5 for their segments. */
#ifndef TANDEM_MODEL_UUID_H
#define TANDEM_MODEL_UUID_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

void uuid_v7(uint8_t uuid_r[16], int64_t wall_ms);
/* Deterministic: the same call and seq give the same id, so that a replay is idempotent. */
void uuid_of_segment(uint8_t uuid_r[16], const uint8_t call[16], uint32_t seq);
/* The same for any name: equal names, equal ids. */
void uuid_of_name(uint8_t uuid_r[16], struct span name);
void uuid_put(struct buf *b, const uint8_t uuid[16]);
enum err uuid_read(struct span text, uint8_t uuid_r[16]);

#endif
