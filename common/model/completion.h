/*
 * Calls that are to be completed (SERVICES.md C37): a caller found somebody busy or not there, and is rung
 * when that one is free. A slot belongs to the worker that was asked, in its region; others read it.
 *
 *     FREE --filled, then stored--> WAITING <---> RECALLING --> FREE
 *
 * The state is stored last of what is new and first of what goes: a writer killed anywhere leaves a slot that
 * is whole or free. version moves when a slot is taken, so that a reader sees when it was taken meanwhile.
 */
#ifndef TANDEM_MODEL_COMPLETION_H
#define TANDEM_MODEL_COMPLETION_H

#include <stdbool.h>
#include <stdint.h>

enum { COMPLETIONS = 240, COMPLETION_USER = 64, COMPLETION_NUMBER = 40 }; /* of a worker: call.recall */

enum completion_state { COMPLETION_FREE, COMPLETION_WAITING, COMPLETION_RECALLING };
enum completion_reason { /* what he was: CCBS, CCNR, CCNL of TS 24.642 */
	COMPLETION_BUSY,
	COMPLETION_NO_ANSWER,
	COMPLETION_ABSENT,
};

struct completion {
	uint32_t version;
	uint8_t state;	/* enum completion_state */
	uint8_t reason; /* enum completion_reason */
	uint8_t tries;	/* how often the caller was rung */
	uint8_t seen;	/* 1: he is there: that he is free from now on is news */
	uint32_t tenant;
	uint16_t privacy, pad;	  /* of the caller: bits 1 << enum sip_privacy_value */
	uint64_t account, called; /* subscribers' ids */
	uint64_t at_ns, until_ns, next_ns; /* monotonic: asked, over, not before */
	uint64_t recall;	  /* the call, a handle, while RECALLING */
	char user[COMPLETION_USER], called_user[COMPLETION_USER]; /* their names */
	char number[COMPLETION_NUMBER];				  /* as it was dialled */
};

/* A copy of a slot that is in use. False: it is free, or is being changed. */
bool completion_read(const struct completion *x, struct completion *r);
/* "busy", "no answer", "absent". */
const char *completion_reason_name(enum completion_reason reason);

#endif
