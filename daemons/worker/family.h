/*
 * What several INVITEs of one call share, and who is of which family. Part of worker.h.
 */
#ifndef TANDEM_WORKER_FAMILY_H
#define TANDEM_WORKER_FAMILY_H

#include <stdbool.h>

#include "base/arena.h"

struct call;
struct target;
struct worker;

/* What the INVITEs of one user's contacts share (FLOWS.md S2-27, 1.12 (1)). In the call's arena. */
struct family {
	struct kept call_id;
	struct kept tag; /* empty until the first of them has been sent */
};

/* Targets that are added from now on are of another family, with a Call-ID of its own. False: no room. */
bool family_begin(struct worker *w, struct call *c);
/* A new target's, who makes one when the attempt has none. False: no room. */
bool family_join(struct worker *w, struct call *c, struct target *t);
struct family *family_of(struct worker *w, const struct target *t);

#endif
