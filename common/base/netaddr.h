/*
 * A network address and port as plain bytes: it can stand in shared memory, be hashed and
 * compared. IPv4 is kept as 4 bytes, not mapped; unused bytes are 0.
 */
#ifndef TANDEM_BASE_NETADDR_H
#define TANDEM_BASE_NETADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/span.h"

struct netaddr {
	uint8_t ip[16];  /* network order; IPv4 in the first four */
	uint16_t port;   /* host order; 0 = unset */
	uint8_t family;  /* 4, 6, or 0 for none */
	uint8_t pad;
	uint32_t scope;  /* IPv6 scope id, mostly 0 */
};

/* Reads an IPv4 or IPv6 literal ("192.0.2.1", "2001:db8::1", "[2001:db8::1]"), no port. IPv4-mapped
 * IPv6 becomes IPv4. ERR_SYNTAX when it is a name or anything else. */
enum err netaddr_ip(struct span text, struct netaddr *a_r);
/* Reads such a literal and perhaps a port behind it ("192.0.2.1:53", "[2001:db8::1]:53"); otherwise the
 * port is the one given. */
enum err netaddr_read(struct span text, uint16_t port, struct netaddr *a_r);
/* IPv6 in brackets (RFC 5952 form); "-" for no address. */
void netaddr_put_ip(struct buf *b, const struct netaddr *a);
/* ip:port, or the ip alone when the port is unset. */
void netaddr_put(struct buf *b, const struct netaddr *a);
bool netaddr_eq(const struct netaddr *a, const struct netaddr *b);    /* ip and port */
bool netaddr_eq_ip(const struct netaddr *a, const struct netaddr *b); /* ip and scope */
bool netaddr_is_any(const struct netaddr *a); /* 0.0.0.0 or :: */
/* One host's: not 0.0.0.0 or ::, which lead to ourselves, nor the address of many. */
bool netaddr_is_unicast(const struct netaddr *a);
/* 0 when there is no address. */
socklen_t netaddr_to_sockaddr(const struct netaddr *a, struct sockaddr_storage *ss_r);
/* ERR_RANGE for another family. */
enum err netaddr_of_sockaddr(const struct sockaddr_storage *ss, struct netaddr *a_r);

#endif
