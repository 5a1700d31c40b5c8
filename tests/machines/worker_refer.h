/* What the tests of transfers say: alice and bob talk, carol and dave are there to be called. */
#ifndef TANDEM_TESTS_WORKER_REFER_H
#define TANDEM_TESTS_WORKER_REFER_H

#include "worker_phone.h"

#define carol (rig->phones[2])
#define dave  (rig->phones[3])
#define SDP_C SDP("192.0.2.3", "4006", "")
#define SDP_D SDP("192.0.2.4", "4008", "")

void refer_begin(void); /* one worker, the four of them */
void refers(struct phone *p, const char *to, const char *more);
/* A NOTIFY comes that says this, and is answered. */
const char *is_notified(struct phone *p, const char *status, const char *state);
#define TRYING(p)     is_notified(p, "SIP/2.0 100 Trying\r\n", "active;expires=")
#define RINGING(p)    is_notified(p, "SIP/2.0 180 Ringing\r\n", "active;expires=")
#define ENDS(p, text) is_notified(p, "SIP/2.0 " text "\r\n", "terminated;reason=noresource")
/* p is accepted with his wish, and hears that it is tried. */
void transfers(struct phone *p, const char *to);
/* It is called without an offer, and rings. */
void rings(struct phone *p);
/* c answers with an offer, a takes it. */
void are_joined(struct phone *a, struct phone *c);
void says_bye(struct phone *p);
/* Until there is something for p to hear. */
void waits(struct phone *p);
/* Is sent a BYE. */
void is_released(struct phone *p);
/* Of the last closed record. */
void expect_segment(unsigned n, const char *disposition, const char *payer, const char *bill_ms);

/* Bob has two calls: `bob2` is his phone's other line. With two workers that one and carol are the
 * other's. */
#define bob2 (rig->phones[4])
void attended_begin(unsigned workers);
void bob2_is_bobs(void); /* from now on it may call */
void both_talk(void);	 /* alice with bob, his other line with carol */
/* Bob refers alice to the dialog that his other line has. */
void refers_to_bob2(const char *more);
void transfer_is_tried(void); /* the same, it is accepted */
void offers_pass(struct phone *from, struct phone *to);
/* Or dave's calls alone are the other worker's. */
void across_begin(void);
/* A number whose call is in another worker. */
void dials_across(struct phone *p, const char *number, const char *sdp);
/* What the one worker has said to the other, and the other has not read yet, is in hand when the other
 * dies; from here on they hear each other again. */
void dies_of_a_note(unsigned worker, unsigned from);
/* dave and carol dial it at once, each in his worker, before the two have heard of each other. */
void two_dial(const char *number);
/* Its phone rang, and somebody else has the call. */
void is_passed_over(struct phone *p);
/* As hangs_up, where the other may be another worker's. */
void hangs_up_across(struct phone *p, struct phone *other);

/* Call completion (features/completion.c): it is busy there. */
void finds_busy(struct phone *p, const char *number);
/* The code is done, and the phone shows this. */
void asks(struct phone *p, const char *code, const char *shown);
/* The code is refused, and the phone is told why. */
void is_refused(struct phone *p, const char *code, const char *why);

#endif
