/*
 * What to do with a message that was in hand when its process died (DESIGN.md rule 3): it is not handled;
 * it is counted, logged, and handed to the store, which keeps it in spool_dir for whoever wants to know why.
 * It may be innocent, killed together with its process, so its retransmission is handled. One that
 * was in hand at two deaths is known by its bytes from then on, and dropped however often it comes
 * (THREATS.md F3). The memory is in the own region's head: it outlives the process.
 */
#ifndef TANDEM_IPC_POISON_H
#define TANDEM_IPC_POISON_H

#include "base/span.h"
#include "ipc/child.h"

/* At so many deaths a message is not handled again. */
enum { POISON_DEATHS = 2 };

/* A process found this record in hand at its start. message: its bytes as its sender would repeat them;
 * keep: the type under which the store is told. Call it before ring_next. Returns at how many deaths it was in
 * hand by now. */
unsigned poison_found(struct child *c, enum wire_type keep, enum wire_type type, struct span message);
/* Is it one that killed twice? Counted, if so. Costs nothing while there is none. */
bool poison_again(struct child *c, struct span message);

#endif
