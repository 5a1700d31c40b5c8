/* What the tests of calls to names share: gateway GW is the name gw.test, with two addresses. */
#ifndef TANDEM_TESTS_WORKER_PLACES_H
#define TANDEM_TESTS_WORKER_PLACES_H

#include "worker_phone.h"
#include "worker_resolver.h"

#define BOTH "udp/203.0.113.1:5060 udp/203.0.113.2:5060"

enum { GW = 7, GW2 = 8 };

extern struct phone *first, *second; /* two addresses of one gateway */

void places_begin(void); /* one worker, alice and bob; numbers that begin with 00 go to GW */
void places_end(void);
/* A server that is down hears its INVITE again and again. */
void wait_beside(struct phone *dead, uint64_t ms);
/* Until the next one is rung, and not much longer. */
void until_given_up(struct phone *dead);
/* p answers alice's call. */
void takes_call(struct phone *p);
/* Alice calls by GW, which is looked up and found at these places. */
void calls(const char *places);

#endif
