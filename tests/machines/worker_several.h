/* Several telephones for one call: alice's, bob's, carol's and dave's; what their users have set, and what a phone
 * does that is rung. */
#ifndef TANDEM_TESTS_WORKER_SEVERAL_H
#define TANDEM_TESTS_WORKER_SEVERAL_H

#include "worker_phone.h"

#define carol (rig->phones[2])
#define dave  (rig->phones[3])

struct wishes { /* NULL, 0: not set; follow_me_numbers: "DELAY RING NUMBER\n..." */
	const char *cfu, *cfb, *cfnr, *cfnrc, *follow_me_numbers;
	unsigned cfnr_s, dnd, acr, clir, notify, barring, no_waiting;
	enum dir_follow_me follow_me;
};

/* For a TestSuite: one worker, the four of them; 1001 to 1004. */
void several_begin(void);
/* The subscriber anew, with these settings. */
void wishes(const char *user, const char *number, struct wishes x);
void alice_dials(const char *number); /* and hears 100 */
/* It is called, and rings. */
void is_rung(struct phone *p);
/* It was called: it answers, and alice is put through. */
void takes(struct phone *p);
void rings_and_takes(struct phone *p); /* she hears 180 before */
void refuses(struct phone *p, unsigned status);
void is_cancelled(struct phone *p);

#endif
