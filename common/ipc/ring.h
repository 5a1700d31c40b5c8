/*
 * A ring with one producer and one consumer, in two files, so that each side can write only what is
 * its own: the producer's (head and data; the consumer maps it read-only) and the consumer's (tail and
 * in_hand; the producer maps it read-only).
 *
 *     word        written by   read by     means
 *     head        producer     consumer    bytes ever published
 *     tail        consumer     producer    bytes ever given back
 *     in_hand     consumer     (itself)    tail + 1 while the record at tail is being handled: what a
 *                                          restarted consumer finds was in hand when it died
 *     data        producer     consumer    only bytes in [tail, head) mean anything
 *
 * Why no lock is needed: each word has one writer, is 64 bits wide and stands on a cache line of its
 * own. head and tail only grow (at 10 GB/s they would wrap after 58 years), so there is no ABA, and
 * head - tail is the fill without a wasted slot. Two pairs order everything:
 *
 *   - The producer writes a record, then stores head (release); the consumer loads head (acquire),
 *     then reads the record. What lies before head is whole.
 *   - The consumer is done with a record, then stores tail (release); the producer loads tail
 *     (acquire), then overwrites. What lies before tail is not looked at any more.
 *
 * Each side keeps the other's word as last read (`seen`) and reads it again only when by that the
 * ring is full or empty: while both are busy the words' lines rarely travel.
 *
 * Why kill -9 at any instruction is harmless: what a killed process stored is in memory in the order
 * it stored it. A producer that dies before ring_publish leaves bytes behind head, which nobody reads;
 * its successor goes on at head. A consumer stores in_hand before its user sees the record and tail
 * after; its successor goes on at tail, and in_hand == tail + 1 says that the record there may be the
 * one that killed it (ring_was_in_hand). Storing the new tail is at once the end of "in hand": one
 * store, so no moment in between.
 *
 * Neither side trusts the other. The consumer checks each length and takes it from its own copy
 * (ring_len); a head further than the ring is long, or a record that reaches beyond head, breaks the
 * ring: it is emptied and ring_broken says so. A tail that cannot be makes the ring look full.
 *
 * The data is mapped twice in a row, so that a record never wraps.
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
	uint32_t len;  /* of the payload; the record takes 8 + len rounded up to 8 */
	uint16_t type; /* enum wire_type */
	uint16_t pad;
	char payload[]; /* 8-aligned */
};

struct ring { /* one end; private */
	char *data;
	uint64_t size;
	uint64_t *head, *tail, *in_hand;
	uint64_t at;	  /* producer: end of what is committed; consumer: next to read */
	uint64_t next;	  /* consumer: end of the record at `at` once it was shown, else `at` */
	uint64_t seen;	  /* the other side's word as last read */
	uint32_t len;	  /* the shown record's length, as checked */
	uint16_t type;	  /* its type, as checked */
	uint8_t from, to; /* process numbers */
	bool producer, was_in_hand, broken;
	bool dirty; /* committed since the other side was last woken (child_flush) */
	struct region files[2];
};

size_t ring_data_bytes(uint32_t kib); /* size of the producer's file; kib becomes a power of two */
size_t ring_tail_bytes(void);	      /* size of the consumer's file */
uint64_t ring_layout(void);	      /* of both files */
/* The supervisor: makes both files of a ring, or takes what is there (shm_make); when only one of
 * them was there, both are made anew, for their words would not agree. from, to: process numbers. */
enum err ring_make(int dirfd, const char *data_name, const char *tail_name, uint32_t kib,
    unsigned from, unsigned to);
/* fds: the producer's and the consumer's file, opened as this end may; they stay the caller's. Takes
 * over from where the words stand. ERR_VERSION: not the files of a ring. */
enum err ring_open(struct ring *r, int data_fd, int tail_fd, bool producer);
void ring_close(struct ring *r);

/* Producer: room for `len` bytes (the most the record may have), or NULL when full. */
void *ring_reserve(struct ring *r, enum wire_type type, uint32_t len);
void ring_commit(struct ring *r, uint32_t len); /* len: what it has in fact, <= reserved */
void ring_publish(struct ring *r);		/* makes all committed records visible */
uint64_t ring_room(const struct ring *r);	/* bytes free, at least */
uint64_t ring_fill(const struct ring *r);	/* bytes waiting; either end; for metrics */

/* Consumer: the next record or NULL; marks it as in hand. The same one until ring_next. */
const struct ring_record *ring_peek(struct ring *r);
void ring_next(struct ring *r); /* done with it; gives the room back */
/* Length and type of the record shown, as they were checked. The record's own words may have been
 * changed since by a producer that was taken over: use these. */
static inline uint32_t
ring_len(const struct ring *r)
{
	return r->len;
}
static inline enum wire_type
ring_type(const struct ring *r)
{
	return (enum wire_type)r->type;
}
/* Consumers that keep records longer (store: until they are on disk): ring_ahead passes the record
 * shown before, if any, and shows the next; ring_give_back gives back all that were passed:
 *
 *     while ((rec = ring_ahead(r)) != NULL)
 *             keep(rec, ring_len(r));
 *     ... on disk ...; ring_give_back(r);
 *
 * One that leaves the loop early has the last record still in hand: it is passed by the next
 * ring_ahead, or by ring_next, which gives all back. */
const struct ring_record *ring_ahead(struct ring *r);
void ring_give_back(struct ring *r);
bool ring_was_in_hand(struct ring *r); /* about the record ring_peek gave; once */
/* ERR_SYNTAX, once, after the producer wrote nonsense and the ring was emptied; else ERR_NONE. */
enum err ring_broken(struct ring *r);
bool ring_waiting(const struct ring *r); /* is there a record not passed yet? */

#endif
