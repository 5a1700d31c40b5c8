/*
 * What a daemon sends at the end of its turn. UDP goes out from here, in batches, on the listening
 * sockets the daemon inherited (and never reads); text for a connection goes into the ring of the
 * front that holds it, for child_flush to publish.
 *
 * Owned by a process that has HOLD_UDP and a ring to the fronts: worker, registrar. Whatever
 * cannot be sent is counted and lost, as datagrams are: a transaction repeats it. Nothing here
 * calls back.
 */
#ifndef TANDEM_MODEL_OUTBOX_H
#define TANDEM_MODEL_OUTBOX_H

#include <stdbool.h>

#include "ipc/child.h"
#include "model/settings.h"
#include "sip/flow.h"

struct outbox;

/* fatal() without memory. The child must stay where it is. */
struct outbox *outbox_new(struct child *c, const struct settings *s);
void outbox_drop(struct outbox *o);
void outbox_settings(struct outbox *o, const struct settings *s); /* they changed */
/* Copies the text. ticket: comes back in FLOW_DOWN when a connection cannot be had; 0 = nobody
 * wants to know. False: there is no way to send it (counted too). */
bool outbox_put(struct outbox *o, const struct sip_flow *to, struct span text, handle ticket);
/* The same; the peer of a new TLS connection must prove to be `host`, not just the address. */
bool outbox_put_host(
    struct outbox *o, const struct sip_flow *to, struct span text, handle ticket, struct span host);
/* Sends the datagrams. Before child_flush, or after: they are independent. */
void outbox_flush(struct outbox *o);

#endif
