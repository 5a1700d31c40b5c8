/*
 * The Replaces header (RFC 3891): which dialog a new INVITE takes the place of; Join (RFC 3911 7.1), which
 * it comes to, is written alike. Read where we are the one who is called, and inside a Refer-To (refer.h);
 * written where we call.
 */
#ifndef TANDEM_SIP_REPLACES_H
#define TANDEM_SIP_REPLACES_H

#include "base/buf.h"
#include "sip/msg.h"

/* Room that the longest Replaces value we take needs. */
enum { SIP_REPLACES_MAX = SIP_CALL_ID_MAX + 2 * SIP_TAG_MAX + 128 };

struct sip_replaces {
	struct span call_id;
	struct span to_tag;   /* the tag of who is asked, as he gave it: our local tag */
	struct span from_tag; /* the other's */
	bool early_only;      /* only when that dialog is not answered yet */
};

/* 6.1. ERR_SYNTAX: no Call-ID, a tag missing or there twice, two values; ERR_RANGE: longer than such
 * things are here. Either is 400 (3). */
enum err sip_replaces_parse(struct span value, struct sip_replaces *r_r);
/* Does it name the dialog of ours with this Call-ID and these tags (3)? A tag "0" stands for none. */
bool sip_replaces_is(const struct sip_replaces *r, struct span call_id, struct span local_tag,
    struct span remote_tag);
/* The value; an empty tag is written as 0. */
void sip_put_replaces_value(struct buf *b, const struct sip_replaces *r);
/* The header line; Require: replaces is the caller's. */
void sip_put_replaces(struct buf *b, const struct sip_replaces *r);

#endif
