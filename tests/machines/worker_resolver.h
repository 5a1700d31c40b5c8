/*
 * The resolver's part on the bench: its ends of the rings and its table, played by the test.
 *
 *     resolver_begin();
 *     dials(alice, ...);
 *     resolver_hears("gw.test");
 *     resolver_says("gw.test", 60, "udp/192.0.2.5:5060 udp/192.0.2.6:5060");
 *
 * Places are said in order: each has a priority of its own.
 */
#ifndef TANDEM_TESTS_WORKER_RESOLVER_H
#define TANDEM_TESTS_WORKER_RESOLVER_H

#include "worker_rig.h"

/* After rig_new or rig_begin, and again after rig_restart. */
void resolver_begin(void);
void resolver_attach(unsigned worker);
void resolver_end(void);
/* The next question; it is for this name. */
void resolver_hears(const char *name);
void resolver_hears_nothing(void);
/* Answers the last question for this name, and keeps the plan in the table with a ttl other than 0. An
 * empty text: there is no such name; "?": DNS does not answer. */
void resolver_says(const char *name, uint32_t ttl_s, const char *places);
/* The same with bytes of one's own. */
void resolver_sends(uint64_t ticket, const void *plan, size_t len);
uint64_t resolver_ticket(const char *name);
/* kill -9: what it was asked is gone; a successor has another generation. */
void resolver_dies(void);

#endif
