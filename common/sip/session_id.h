/*
 * Session-ID (RFC 7989): one identifier for a call from end to end, through every B2BUA on its way.
 * Each end has a UUID; a message carries its sender's, and in `remote` its receiver's as far as it is
 * known. An intermediary passes both on, and lends a UUID to an end that has none:
 *
 *     A           B2BUA             B
 *     | A;remote=0  |  A;remote=0   |
 *     |------------>|-------------->|
 *     | B;remote=A  |  B;remote=A   |
 *     |<------------|<--------------|
 *
 * So for a leg it suffices to know the UUID of the end behind it (struct session_end): what is written
 * toward a leg carries the other leg's, and its own as remote. That stays right when a call is put
 * through to another end.
 *
 * Before it (RFC 7329) both directions carried one and the same value, without remote: an end that
 * speaks so is answered so.
 */
#ifndef TANDEM_SIP_SESSION_ID_H
#define TANDEM_SIP_SESSION_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct session_uuid {
	uint8_t byte[16];    /* all zero: the null UUID, nobody known yet */
};

struct sip_session_id {
	struct session_uuid local, remote;
	bool has_remote;     /* else the older form */
};
/* 32 hex digits (5; capitals are tolerated), perhaps remote. ERR_SYNTAX: the header is ignored. */
enum err sip_session_id_parse(struct span value, struct sip_session_id *id_r);
bool session_uuid_null(const struct session_uuid *u);
/* A UUID of random bytes: version 4 (4.1). */
struct session_uuid session_uuid_make(const uint8_t random[16]);

struct session_end {         /* in a leg; zeroed: nothing heard, nothing lent */
	struct session_uuid uuid;
	uint8_t older;       /* 1: speaks RFC 7329 */
	uint8_t lent;        /* 1: the UUID is of our making (7) */
	uint8_t pad[6];
};
/* A message came from this end; `said` is NULL when it has no (good) Session-ID: then the end is lent a
 * UUID made from `random`, once. What it says later counts more than what was lent. */
void session_end_heard(struct session_end *from, const struct sip_session_id *said,
    const uint8_t random[16]);
/* The header line of a message toward an end; `other` is whom it is from, NULL when that is nobody yet
 * (a refusal of our own). Nothing is written while neither is known. */
void sip_put_session_id(struct buf *b, const struct session_end *to, const struct session_end *other);

#endif
