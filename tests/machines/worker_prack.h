/* What the tests of reliable provisional responses say (RFC 3262). */
#ifndef TANDEM_TESTS_WORKER_PRACK_H
#define TANDEM_TESTS_WORKER_PRACK_H

#include "worker_phone.h"

#define REL(n) "Require: 100rel\r\nRSeq: " #n "\r\nAllow: INVITE, ACK, PRACK, UPDATE\r\n"
#define CAN    "Supported: 100rel\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\n"
#define MUST   "Require: 100rel\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\n"
#define SDP_B2 SDP("192.0.2.2", "4200", "")
#define SDP_A2 SDP("192.0.2.1", "4100", "")

/* alice dials bob with these lines, and his phone has the INVITE. */
void rings_first(const char *more, const char *offer);
/* The caller's PRACK for the reliable response it heard. */
void pracks(struct phone *p, const char *response, const char *body);
/* She hangs up on him; nothing is left. */
void ends(void);

#endif
