/*
 * What to do with a message that was in hand when its process died (DESIGN.md rule 3): it is not handled;
 * it is counted, logged, and handed to the store, which keeps it in spool_dir for whoever wants to know why.
 * It may be innocent, killed together with its process, so its retransmission is handled. One that
 * was in hand at two deaths is known by its hash from then on, and dropped however often it comes
 * (THREATS.md F3). What it is the hash of is its process's affair: all bytes, or those that stay when it is
 * tried again. The memory is in the own region's head: it outlives the process.
 */
#ifndef TANDEM_IPC_POISON_H
#define TANDEM_IPC_POISON_H

#include "base/span.h"
#include "ipc/child.h"

/* At so many deaths a message is not handled again. */
enum { POISON_DEATHS = 2 };

/* Of all its bytes, with the exchange's key. */
uint64_t poison_hash(const struct child *c, struct span message);
/* A process found this record in hand at its start. message: its bytes as its sender would repeat them; hash: by
 * which it is known; keep: the type under which the store is told. Call it before ring_next. Returns at how many deaths it was in
 * hand by now. */
unsigned poison_found(struct child *c, enum wire_type keep, enum wire_type type, struct span message,
    uint64_t hash);
/* Is there any? While there is none, nobody needs a hash. */
bool poison_any(const struct child *c);
/* Is it one that killed twice? Counted, if so. */
bool poison_again(struct child *c, uint64_t hash);

#endif
