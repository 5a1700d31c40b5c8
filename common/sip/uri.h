/* SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966): sliced, compared, written. */
#ifndef TANDEM_SIP_URI_H
#define TANDEM_SIP_URI_H

#include "base/buf.h"
#include "base/span.h"
#include "sip/names.h"

struct sip_uri {
	enum sip_scheme scheme;
	struct span text;       /* whole */
	struct span user;       /* as written, escapes and all; tel: the number. p == NULL: none */
	struct span password;
	struct span host;       /* IPv6 with its brackets */
	uint16_t port;          /* 0 = none */
	struct span params;     /* after the first ';', without it */
	struct span headers;    /* after '?' */
};

/* ERR_SYNTAX; an unknown scheme is ERR_NONE with SIP_S_OTHER and only `text` set. */
enum err sip_uri_parse(struct span text, struct sip_uri *uri_r);
/* A parameter by name (no case); the value is empty when it has none. False when absent. Works for
 * header parameters as well (";a=b;c"). Quoted values keep their quotes. */
bool sip_param(struct span params, struct span name, struct span *value_r);
/* Walks parameters: cuts the first off *rest. False at the end, and at what is malformed: that stays
 * in *rest. */
bool sip_param_cut(struct span *rest, struct span *name_r, struct span *value_r);
/* RFC 3261 19.1.4, escapes decoded, headers compared too. */
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);
/* Decodes %hh into buf. */
void sip_unescape(struct buf *b, struct span s);
/* Writes s as a user part, escaping what user may not contain. */
void sip_put_user(struct buf *b, struct span s);
/* Walks the headers of a URI (19.1.1 "?Replaces=..&Subject=..") as written, escapes and all; false at
 * the end. Empty ones are passed over. */
bool sip_uri_header_cut(struct span *rest, struct span *name_r, struct span *value_r);
/* The value of one header of a URI, its escapes decoded. ERR_ABSENT; ERR_EXISTS: it stands there twice;
 * ERR_SYNTAX: there are CR, LF or NUL in it, which would make one header two; ERR_FULL: longer than
 * the buffer. Whoever takes a header from a URI asks for it by name: there is no way to take all. */
enum err sip_uri_header(struct span headers, struct span name, struct buf *value);
/* Writes "name=value" for the headers of a URI, escaping what they may not contain. */
void sip_put_uri_header(struct buf *b, struct span name, struct span value);
/* Writes the URI as a Request-URI: without its headers and without ;method (19.1.5). */
void sip_put_request_uri(struct buf *b, const struct sip_uri *uri);
/* Writes the URI without its headers and without one of its parameters. */
void sip_put_uri_without(struct buf *b, const struct sip_uri *uri, struct span param);
enum sip_transport sip_uri_transport(const struct sip_uri *uri); /* ;transport=, sips; NONE if unsaid */
/* The dialled or addressed name: the user part decoded; for numbers (+digits, tel:, ;user=phone)
 * without visual separators and parameters. Cut at cap; false then. */
bool sip_uri_user(const struct sip_uri *uri, struct buf *b);

#endif
