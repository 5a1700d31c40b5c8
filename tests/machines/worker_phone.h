/*
 * Telephones for the bench: user agents that work on text and share no code with the tested. A test
 * reads like its ladder:
 *
 *     dials(a, "bob", "", SDP_A);
 *     hears(a, "100");
 *     hears(b, "INVITE");
 *     replies(b, "INVITE", 180, "", "");
 *     hears(a, "180");
 *
 * hears() takes the next message that went to this phone, in order, fails when it is another one, and
 * checks what must hold for every message (FLOWS.md 1.1). A final refusal of an INVITE is ACKed there.
 */
#ifndef TANDEM_TESTS_WORKER_PHONE_H
#define TANDEM_TESTS_WORKER_PHONE_H

#include <stdbool.h>

#include "worker_rig.h"

#define RIG_HOST "198.51.100.1"
#define SDP(ip, port, more)                                                                        \
	"v=0\r\no=- 7 7 IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip "\r\nt=0 0\r\nm=audio " port         \
	" RTP/AVP 0 8\r\n" more
#define SDP_A SDP("192.0.2.1", "4000", "")
#define SDP_B SDP("192.0.2.2", "4002", "")

struct phone { /* one dialog at a time */
	char user[32], host[32], contact[96];
	struct netaddr address;
	unsigned worker; /* its messages go to this one */
	char call_id[160], local_tag[64], remote_tag[160];
	char branch[64], invite_branch[64]; /* of its last request, of its last INVITE */
	char local[256], remote[256];	    /* From and To values without tag */
	char target[256], invite_uri[256];
	unsigned cseq, invite_cseq, calls;
	bool does_not_ack;     /* a refusal */
	char capabilities[80]; /* parameters of its Contact, each with its semicolon */
	char got[6][RIG_TEXT]; /* the last request of each method that it heard */
	unsigned n_got;
};

/* A subscriber's phone: registered, trusted where it stands. */
struct phone *phone_new(const char *user, const char *host);
/* The same for a binding of its own, or a gateway: nothing is put into the tables. */
struct phone *phone_at(const char *user, const char *host);
void phones_begin(void); /* alice and bob, 1001 and 1002, the rig's phones 0 and 1 */
#define alice (rig->phones[0])
#define bob   (rig->phones[1])

/* `more`: complete header lines. body "": none. */
void dials(struct phone *p, const char *number, const char *more, const char *body);
/* The same INVITE again, or with another branch: no new call of the phone's. */
void dials_again(struct phone *p, const char *number, const char *more, const char *body);
void says(struct phone *p, const char *method, const char *more, const char *body);
void acks(struct phone *p, const char *body);
void cancels(struct phone *p, const char *more);
void replies(
    struct phone *p, const char *method, unsigned status, const char *more, const char *body);
/* As replies, for another fork: with another To tag. */
void replies_as(
    struct phone *p, const char *tag, const char *method, unsigned status, const char *body);
/* "INVITE", "180", "200 BYE". The text, until the rig ends. */
const char *hears(struct phone *p, const char *what);
void hears_nothing(struct phone *p);
bool has_mail(const struct phone *p); /* it would hear something */
/* Takes whatever goes to it, answers what must be answered; true when there was something. */
bool obliges(struct phone *p);
/* All oblige for so long. */
void phones_serve(uint64_t ms);
void sends(struct phone *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A header's value in a text; "" when there is none. The n-th of its name. */
const char *header(const char *text, const char *name);
unsigned headers(const char *text, const char *name);
const char *body_of(const char *text);
void tag_of(const char *value, char *to, size_t cap);

/* worker_invariants.c; hears() asks them. */
void must_hold(const struct phone *p, const char *text);
void must_hold_for_request(const char *text);
void must_hold_for_response(struct phone *p, const char *text, unsigned status);

#define expect_has(text, part)                                                                     \
	cr_expect_not_null(strstr((text), (part)), "no %s in\n%s", (part), text)
#define expect_lacks(text, part) cr_expect_null(strstr((text), (part)), "%s in\n%s", (part), text)

/* a calls b, who answers; the ACKs are through. */
void talk(struct phone *a, struct phone *b);
/* In a call: one offers, the other answers; parts of what each hears of the other. */
void passes(struct phone *from, struct phone *to, const char *offer, const char *answer,
    const char *hears_offer, const char *hears_answer);
/* p hangs up, the other hears it. */
void hangs_up(struct phone *p, struct phone *other);

#endif
