/* Phones of the bench that write messages to each other. */
#ifndef TANDEM_TESTS_WORKER_TEXTS_H
#define TANDEM_TESTS_WORKER_TEXTS_H

#include "worker_phone.h"

#define PLAIN "Content-Type: text/plain\r\n"
#define HELLO "I'm fine. How are you?"

extern char last[RIG_TEXT]; /* the last MESSAGE, as its sender would repeat it */
/* from: a From value without tag; more: complete header lines. */
void texts_as(
    struct phone *p, const char *uri, const char *from, const char *more, const char *body);
/* To bob. */
void texts(struct phone *p, const char *more, const char *body);
/* The MESSAGE that p heard last. */
void answers(struct phone *p, unsigned status, const char *more);

#endif
