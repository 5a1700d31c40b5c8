/*
 * Where a SIP URI leads (RFC 3263 section 4, RFC 7984): from its host, port and transport, by the
 * records of DNS, to the addresses that are to be tried, in the order of RFC 2782. Pure: what has to be
 * looked up is asked for here, whoever can look it up tells the answers.
 *
 *     locate_begin(&l, &question, seed);
 *     while (!locate_done(&l)) {
 *             while (locate_ask(&l, &ask))
 *                     ... look ask.name up ...
 *             ... as each answer comes: locate_tell(&l, &ask, &answer);
 *     }
 *     locate_plan(&l, &plan);
 *
 *     what the URI has           is looked up
 *     a port                     A, AAAA of the host; transport UDP, or TLS for sips
 *     a transport                SRV of that transport; none: A, AAAA and the usual port
 *     neither                    NAPTR; none: SRV _sips._tcp, _sip._tcp, _sip._udp; none: A, AAAA
 *
 * A plan is what may be kept for ttl_s. It is not in order of trying yet, because that is chosen anew
 * each time by the weights of the SRV records: locate_order().
 *
 * The caller owns all of the structs; nothing is allocated, nothing fails. Everything that a zone may
 * make long is cut: services, targets, addresses.
 */
#ifndef TANDEM_SIP_LOCATE_H
#define TANDEM_SIP_LOCATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/netaddr.h"
#include "sip/names.h"
#include "sip/uri.h"

enum {
	LOCATE_NAME = 256,     /* a domain name as text and its NUL (RFC 1035 2.3.4) */
	LOCATE_PLACES = 16,    /* addresses of a plan */
	LOCATE_RECORDS = 32,   /* that are looked at of one answer */
	LOCATE_SERVICES = 4,   /* SRV names of one question */
	LOCATE_ADDRESSES = 4,  /* of one host and family */
	LOCATE_TARGETS = LOCATE_SERVICES * LOCATE_PLACES,
	LOCATE_TTL_MAX_S = 86400,
	LOCATE_NONE_MAX_S = 300, /* that there is nothing is believed for so long at most */
	LOCATE_FAILED_S = 2,	 /* and that DNS does not answer for so long */
	LOCATE_HALF_S = 30	 /* a plan made while some of the answers failed */
};

/* Over which transports and families can we send? One bit each; made of the listeners. */
static inline uint32_t
locate_way(enum sip_transport t, unsigned family)
{
	return 1u << ((unsigned)t * 2 + (family == 6));
}

struct locate_question {
	uint32_t ways;
	uint16_t port;	   /* 0: none was given */
	uint8_t transport; /* enum sip_transport; NONE: none was given */
	uint8_t sips;	   /* 1: nothing but TLS will do */
	char name[LOCATE_NAME]; /* lower case, without a dot at the end */
};

/* The question of a SIP or SIPS URI; maddr stands for the host. ERR_SYNTAX: another scheme, or a host
 * that cannot be a name in DNS; ERR_DENIED: none of our ways would do. */
enum err locate_question_of(const struct sip_uri *uri, uint32_t ways, struct locate_question *q_r);

/* For one that came from another process. */
bool locate_question_valid(const struct locate_question *q);

struct locate_place {
	struct netaddr address; /* with its port */
	uint16_t rank;	   /* lower ones first; equal ones by weight */
	uint16_t weight;
	uint8_t transport; /* enum sip_transport */
	uint8_t group;	   /* of one SRV record; these stay together */
	uint16_t pad;
};

/* The place of a URI whose host is an address: no look-up. ERR_ABSENT: it is a name; ERR_DENIED: none
 * of our ways leads there, or nobody may be sent to there (0.0.0.0, multicast). */
enum err locate_literal(const struct sip_uri *uri, uint32_t ways, struct locate_place *place_r);

enum locate_status {
	LOCATE_FOUND,
	LOCATE_NONE,  /* DNS says there is none */
	LOCATE_FAILED /* DNS did not say */
};

struct locate_plan {
	uint32_t status; /* enum locate_status */
	uint32_t ttl_s;	 /* how long it is good */
	uint32_t n;	 /* places */
	uint32_t pad;
	struct locate_place places[LOCATE_PLACES];
};

/* Copies the plan's places in the order in which they are to be tried now (RFC 2782: by priority, those
 * of equal priority by chance and weight; addresses of one host and family by chance). The same seed
 * gives the same order. out: room for plan->n. */
void locate_order(const struct locate_plan *plan, uint64_t seed, struct locate_place *out);

/* --- looking up ---------------------------------------------------------------------------------*/
enum locate_type { LOCATE_A = 1, LOCATE_AAAA = 28, LOCATE_SRV = 33, LOCATE_NAPTR = 35 };

struct locate_ask {
	enum locate_type type;
	unsigned index; /* which of ours it is */
	char name[LOCATE_NAME];
};

struct locate_record {
	union {
		struct netaddr address; /* A, AAAA; without a port */
		struct {
			uint16_t priority, weight, port;
		} srv;
		struct {
			uint16_t order, preference;
			bool regexp; /* it has one, which we do not apply */
			char flags[4], service[16];
		} naptr;
	};
	char name[LOCATE_NAME]; /* SRV: target; NAPTR: replacement; "" is the root */
};

struct locate_answer {
	enum locate_status status;
	uint32_t ttl_s; /* the least of all that was used; NONE: of the absence (RFC 2308) */
	unsigned n;
	struct locate_record records[LOCATE_RECORDS];
};

struct locate { /* embedded; one question on its way */
	struct locate_question question;
	uint64_t seed;
	enum locate_step {
		LOCATE_AT_NAPTR,
		LOCATE_AT_SRV,
		LOCATE_AT_HOSTS,
		LOCATE_AT_END
	} step;
	unsigned asked, waiting; /* in this step */
	uint32_t ttl_s;
	bool failed;	/* an answer was LOCATE_FAILED */
	bool has_srv;	/* there were SRV records, be it to say that there is no service */
	unsigned n_services, n_targets, n_hosts;
	struct {
		uint8_t transport;
		char name[LOCATE_NAME];
	} services[LOCATE_SERVICES];
	struct locate_target {
		uint32_t rank;
		uint16_t weight, port;
		uint8_t transport, host;
		char name[LOCATE_NAME];
	} targets[LOCATE_TARGETS];
	struct {
		bool wants[2]; /* IPv6, IPv4 */
		unsigned n[2];
		struct netaddr addresses[2][LOCATE_ADDRESSES];
		char name[LOCATE_NAME];
	} hosts[LOCATE_PLACES];
};

/* seed: of the choice among more targets than a plan has room for. */
void locate_begin(struct locate *l, const struct locate_question *q, uint64_t seed);
/* The next thing to look up; false: nothing further before an answer was told. */
bool locate_ask(struct locate *l, struct locate_ask *ask_r);
/* Each ask is to be told once, in any order. */
void locate_tell(struct locate *l, const struct locate_ask *ask, const struct locate_answer *a);
bool locate_done(const struct locate *l);
void locate_plan(const struct locate *l, struct locate_plan *plan_r);

/* --- between locate.c, locate_question.c and locate_order.c -------------------------------------*/
static inline bool
locate_serves(uint32_t ways, enum sip_transport t)
{
	return (ways & (locate_way(t, 4) | locate_way(t, 6))) != 0;
}
/* The transport where neither the URI nor DNS says it (4.1): UDP; one without UDP uses TCP (RFC 3261
 * 18); for sips TLS. */
enum sip_transport locate_usual(bool sips, uint32_t ways);
/* A domain name, lower case, without the dot at the end; false when it cannot be one. */
bool locate_name(struct span s, char to[LOCATE_NAME]);
/* What is ordered by rank and weight. */
struct locate_item {
	uint32_t rank;
	uint16_t weight, index;
};
void locate_sort(struct locate_item *items, unsigned n, uint64_t *seed);

#endif
