/* What each parser bench does with the message: all that routing needs of it, nothing kept. */
#ifndef TANDEM_BENCH_PARSER_H
#define TANDEM_BENCH_PARSER_H

#include <stdbool.h>
#include <stddef.h>

extern const char *const parser_name;

void parser_begin(void);
/* Parses the text once, reads start line, Via, From, To, Call-ID, CSeq, Contact, Max-Forwards and
 * Content-Length, gives back whatever it took. False: it could not. */
bool parser_once(const char *text, size_t len);

#endif
