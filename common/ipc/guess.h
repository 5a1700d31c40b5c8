/*
 * Who sends wrong credentials, by source: for `tandemctl status`, and to be slowed (THREATS.md C5). After
 * GUESS_FREE wrong ones in a row a source hears one refusal a second and of the others nothing, so that a
 * guesser waits for each until his transaction times out. Right credentials pass at once, whoever else guesses
 * from the same address or pretends to be there: nobody can lock another out.
 *
 * It stands in the own region's head: this process writes, control reads. Its size is fixed; a new source takes
 * the place of the one that was heard last the longest ago.
 */
#ifndef TANDEM_IPC_GUESS_H
#define TANDEM_IPC_GUESS_H

#include "base/netaddr.h"
#include "ipc/child.h"

enum { GUESS_FREE = 20 };

/* Wrong credentials came from there; counts them (COUNT_AUTH_FAILED too). May he be told so? */
bool guess_wrong(struct child *c, const struct netaddr *from);

#endif
