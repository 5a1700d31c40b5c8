/*
 * A message of DNS (RFC 1035 4.1) into an answer. The C library reads records and names and keeps to
 * the message's bounds; here is what they mean, and how long (RFC 2308 for what is not there).
 */
#include "resolver/resolver.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>
#include <strings.h>

enum {
	CNAMES_MAX = 8,
	NAME_TEXT = 1025,     /* with every byte written as \DDD */
	NO_SOA_S = 10,	      /* how long an absence is believed that has no SOA */
	TTL_SIGN = 0x7fffffff /* greater ones mean 0 (RFC 2181 8) */
};

struct reading {
	ns_msg msg;
	const struct locate_ask *ask;
	struct locate_answer *a;
	char name[NAME_TEXT]; /* whose records are looked for; follows the CNAMEs */
};

/* ERR_SYNTAX: it is longer than a name of ours, or not a name. */
static enum err
read_name(
    const ns_msg *msg, const unsigned char *at, const unsigned char *end, char to[LOCATE_NAME])
{
	char text[NAME_TEXT];
	int n = dn_expand(ns_msg_base(*msg), ns_msg_end(*msg), at, text, sizeof(text));

	if (n < 0 || at + n > end || strlen(text) >= LOCATE_NAME)
		return ERR_SYNTAX;
	strcpy(to, strcmp(text, ".") == 0 ? "" : text);
	return ERR_NONE;
}

static bool
read_address(const ns_rr *rr, struct locate_record *r)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *four = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ss;

	if (ns_rr_type(*rr) == ns_t_a && ns_rr_rdlen(*rr) == sizeof(four->sin_addr)) {
		four->sin_family = AF_INET;
		memcpy(&four->sin_addr, ns_rr_rdata(*rr), sizeof(four->sin_addr));
	} else if (ns_rr_type(*rr) == ns_t_aaaa && ns_rr_rdlen(*rr) == sizeof(six->sin6_addr)) {
		six->sin6_family = AF_INET6;
		memcpy(&six->sin6_addr, ns_rr_rdata(*rr), sizeof(six->sin6_addr));
		if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
			return false;
	} else {
		return false;
	}
	return netaddr_of_sockaddr(&ss, &r->address) == ERR_NONE;
}

static bool
read_srv(const ns_msg *msg, const ns_rr *rr, struct locate_record *r)
{
	const unsigned char *p = ns_rr_rdata(*rr), *end = p + ns_rr_rdlen(*rr);

	if (end - p < 7)
		return false;
	r->srv.priority = (uint16_t)ns_get16(p);
	r->srv.weight = (uint16_t)ns_get16(p + 2);
	r->srv.port = (uint16_t)ns_get16(p + 4);
	return read_name(msg, p + 6, end, r->name) == ERR_NONE;
}

/* A <character-string>: a length and so many bytes. What does not fit is none of the few that we know:
 * it becomes "?". */
static bool
read_string(const unsigned char **p, const unsigned char *end, char *to, size_t cap)
{
	size_t len;

	if (*p == end || (len = **p) > (size_t)(end - *p - 1))
		return false;
	if (len < cap && memchr(*p + 1, '\0', len) == NULL) {
		memcpy(to, *p + 1, len);
		to[len] = '\0';
	} else {
		strcpy(to, "?");
	}
	*p += 1 + len;
	return true;
}

/* RFC 3403 4.1. */
static bool
read_naptr(const ns_msg *msg, const ns_rr *rr, struct locate_record *r)
{
	const unsigned char *p = ns_rr_rdata(*rr), *end = p + ns_rr_rdlen(*rr);
	char regexp[4] = "";

	if (end - p < 4)
		return false;
	r->naptr.order = (uint16_t)ns_get16(p);
	r->naptr.preference = (uint16_t)ns_get16(p + 2);
	p += 4;
	if (!read_string(&p, end, r->naptr.flags, sizeof(r->naptr.flags)) ||
	    !read_string(&p, end, r->naptr.service, sizeof(r->naptr.service)) ||
	    !read_string(&p, end, regexp, sizeof(regexp)))
		return false;
	r->naptr.regexp = regexp[0] != '\0';
	return read_name(msg, p, end, r->name) == ERR_NONE;
}

static void
note_ttl(struct locate_answer *a, unsigned long ttl)
{
	uint32_t s = ttl > TTL_SIGN ? 0 : (uint32_t)ttl;

	if (s < a->ttl_s)
		a->ttl_s = s;
}

static void
take_record(struct reading *r, const ns_rr *rr)
{
	struct locate_record record = { 0 };
	bool good = false;

	if (r->a->n == LOCATE_RECORDS)
		return;
	switch (r->ask->type) {
	case LOCATE_A:
	case LOCATE_AAAA:
		good = read_address(rr, &record);
		break;
	case LOCATE_SRV:
		good = read_srv(&r->msg, rr, &record);
		break;
	case LOCATE_NAPTR:
		good = read_naptr(&r->msg, rr, &record);
		break;
	}
	if (!good)
		return;
	note_ttl(r->a, ns_rr_ttl(*rr));
	r->a->records[r->a->n++] = record;
}

/* One pass over the answers for r->name: its records, or else the name that its CNAME leads to. */
static bool
follow(struct reading *r)
{
	char alias[LOCATE_NAME] = "";
	unsigned long ttl = 0;
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(r->msg, ns_s_an); i++) {
		if (ns_parserr(&r->msg, ns_s_an, i, &rr) != 0)
			break; /* what came before it is good */
		if (ns_rr_class(rr) != ns_c_in || strcasecmp(ns_rr_name(rr), r->name) != 0)
			continue;
		if (ns_rr_type(rr) == (unsigned)r->ask->type)
			take_record(r, &rr);
		else if (ns_rr_type(rr) == ns_t_cname &&
			 read_name(&r->msg, ns_rr_rdata(rr), ns_rr_rdata(rr) + ns_rr_rdlen(rr),
			     alias) == ERR_NONE)
			ttl = ns_rr_ttl(rr);
	}
	if (r->a->n > 0 || alias[0] == '\0')
		return false;
	note_ttl(r->a, ttl);
	strcpy(r->name, alias);
	return true;
}

/* RFC 2308 5: the less of the SOA's TTL and its minimum, which stands at the end of its data. */
static void
read_absence(struct reading *r)
{
	uint32_t ttl = NO_SOA_S;
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(r->msg, ns_s_ns); i++) {
		if (ns_parserr(&r->msg, ns_s_ns, i, &rr) != 0)
			break;
		if (ns_rr_type(rr) != ns_t_soa || ns_rr_rdlen(rr) < 22)
			continue;
		ttl = (uint32_t)ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - 4);
		note_ttl(r->a, ns_rr_ttl(rr));
	}
	note_ttl(r->a, ttl);
}

enum err
reply_read(const unsigned char *msg, size_t len, const struct locate_ask *ask,
    struct locate_answer *a_r, char alias_r[LOCATE_NAME])
{
	struct reading r = { .ask = ask, .a = a_r };
	unsigned cnames = 0;

	memset(a_r, 0, sizeof(*a_r));
	a_r->ttl_s = LOCATE_TTL_MAX_S;
	alias_r[0] = '\0';
	if (len > NS_MAXMSG || ns_initparse(msg, (int)len, &r.msg) != 0)
		return ERR_SYNTAX;
	strcpy(r.name, ask->name);
	while (cnames <= CNAMES_MAX && follow(&r))
		cnames++;
	if (a_r->n > 0)
		return ERR_NONE;
	a_r->status = LOCATE_NONE;
	if (cnames > 0 && cnames <= CNAMES_MAX && ns_msg_getflag(r.msg, ns_f_rcode) == ns_r_noerror)
		strcpy(alias_r, r.name);
	else
		read_absence(&r);
	return ERR_NONE;
}
