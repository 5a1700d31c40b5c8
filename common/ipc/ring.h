/*
 * A ring with one producer and one consumer, in two files: the producer's (head word and data; the
 * consumer maps it read-only) and the consumer's (tail word; the producer maps it read-only). No
 * lock, and no system call while the other side is awake (the doorbell is in child.h).
 *
 *     word        written by   read by     means
 *     head        producer     consumer    bytes ever published
 *     tail        consumer     producer    bytes ever given back
 *     in_hand     consumer     (itself)    tail + 1 while the record at tail is being handled: what a
 *                                          restarted consumer finds was in hand when it died
 *
 * The data is mapped twice in a row, so that a record never wraps. A producer killed before
 * ring_publish leaves nothing; a consumer killed before ring_next finds the record again, with
 * ring_was_in_hand true: it is the one that may have killed it.
 */
#ifndef TANDEM_IPC_RING_H
#define TANDEM_IPC_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ipc/shm.h"
#include "ipc/wire.h"

struct ring_record {
	uint32_t len;        /* of the payload; the record takes 8 + len rounded up to 8 */
	uint16_t type;       /* enum wire_type */
	uint16_t pad;
	char payload[];      /* 8-aligned */
};

struct ring {            /* one end; private */
	char *data;
	uint64_t size;
	uint64_t *head, *tail, *in_hand;
	uint64_t at;         /* producer: end of what is committed; consumer: next to read */
	uint64_t seen;       /* the other side's word as last read */
	uint8_t from, to;    /* process numbers */
	bool producer, dirty, was_in_hand;
};

size_t ring_data_bytes(uint32_t kib);  /* size of the producer's file */
size_t ring_tail_bytes(void);          /* size of the consumer's file */
/* fds: the producer's and the consumer's file, opened as this end may. Takes over from where the
 * words stand. */
enum err ring_open(struct ring *r, int data_fd, int tail_fd, bool producer);
void ring_close(struct ring *r);

/* Producer: room for `len` bytes (the most the record may have), or NULL when full. */
void *ring_reserve(struct ring *r, enum wire_type type, uint32_t len);
void ring_commit(struct ring *r, uint32_t len);     /* len: what it has in fact, <= reserved */
void ring_publish(struct ring *r);                  /* makes all committed records visible */
uint64_t ring_room(const struct ring *r);           /* bytes free, at least */
uint64_t ring_fill(const struct ring *r);           /* bytes waiting; either end; for metrics */

/* Consumer: the next record or NULL; marks it as in hand. Lengths are checked: a producer that
 * writes nonsense gives ERR_SYNTAX through ring_broken and its ring is emptied. */
const struct ring_record *ring_peek(struct ring *r);
void ring_next(struct ring *r);                     /* done with it; gives the room back */
/* Consumers that keep records longer (store: until they are on disk): peek, skip ahead without
 * giving back, and give back all skipped at once. */
const struct ring_record *ring_ahead(struct ring *r);
void ring_give_back(struct ring *r);
bool ring_was_in_hand(struct ring *r);              /* about the record ring_peek gave; once */

#endif
