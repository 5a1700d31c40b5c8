/* locate: RFC 3263 4 and RFC 2782, from a zone written as text to the places in their order (FLOWS.md
 * S3-13, S3-11). */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "sip/locate.h"

#define UDP4  locate_way(SIP_T_UDP, 4)
#define TCP4  locate_way(SIP_T_TCP, 4)
#define TLS4  locate_way(SIP_T_TLS, 4)
#define UDP6  locate_way(SIP_T_UDP, 6)
#define FOURS (UDP4 | TCP4 | TLS4)

enum { LINES_MAX = 64, TTL = 3600 };

static unsigned asked; /* look-ups of the last question */
static char asked_names[4096];

/* A line: NAME A 192.0.2.1 | NAME AAAA 2001:db8::1 | NAME SRV 10 60 5060 TARGET | NAME NAPTR 10 50 s
 * SIP+D2T TARGET | NAME NEVER (no server answers for it) | NAME TTL 60 (of all of its records). */
static bool
read_line(const char *line, const struct locate_ask *ask, struct locate_answer *a)
{
	char name[256], type[16], word[64], target[256];
	unsigned x, y, z;
	int at;
	struct locate_record *r = &a->records[a->n];

	if (sscanf(line, "%255s %15s %n", name, type, &at) < 2 || strcmp(name, ask->name) != 0)
		return false;
	line += at;
	memset(r, 0, sizeof(*r));
	if (strcmp(type, "NEVER") == 0)
		a->status = LOCATE_FAILED;
	else if (strcmp(type, "TTL") == 0)
		sscanf(line, "%u", &a->ttl_s);
	else if ((strcmp(type, "A") == 0 && ask->type == LOCATE_A) ||
		 (strcmp(type, "AAAA") == 0 && ask->type == LOCATE_AAAA)) {
		sscanf(line, "%63s", word);
		cr_assert_eq(netaddr_ip(span_str(word), &r->address), ERR_NONE, "%s", word);
		return true;
	} else if (strcmp(type, "SRV") == 0 && ask->type == LOCATE_SRV) {
		cr_assert_eq(sscanf(line, "%u %u %u %255s", &x, &y, &z, target), 4);
		r->srv.priority = (uint16_t)x;
		r->srv.weight = (uint16_t)y;
		r->srv.port = (uint16_t)z;
		strcpy(r->name, strcmp(target, ".") == 0 ? "" : target);
		return true;
	} else if (strcmp(type, "NAPTR") == 0 && ask->type == LOCATE_NAPTR) {
		cr_assert_eq(sscanf(line, "%u %u %3s %15s %255s", &x, &y, r->naptr.flags,
				 r->naptr.service, target),
		    5);
		r->naptr.order = (uint16_t)x;
		r->naptr.preference = (uint16_t)y;
		strcpy(r->name, target);
		return true;
	}
	return false;
}

static struct locate_answer
look_up(const char *const *zone, const struct locate_ask *ask)
{
	struct locate_answer a = { .status = LOCATE_NONE, .ttl_s = TTL };

	asked++;
	snprintf(asked_names + strlen(asked_names), sizeof(asked_names) - strlen(asked_names),
	    "%d:%s ", (int)ask->type, ask->name);
	for (unsigned i = 0; zone[i] != NULL && a.n < LOCATE_RECORDS; i++)
		a.n += read_line(zone[i], ask, &a);
	if (a.status != LOCATE_FAILED && a.n > 0)
		a.status = LOCATE_FOUND;
	return a;
}

static enum err
question(const char *text, uint32_t ways, struct locate_question *q)
{
	struct sip_uri uri;

	cr_assert_eq(sip_uri_parse(span_str(text), &uri), ERR_NONE, "%s", text);
	return locate_question_of(&uri, ways, q);
}

static struct locate_plan
plan_of(const char *text, uint32_t ways, const char *const *zone)
{
	static struct locate l;
	struct locate_question q;
	struct locate_plan plan;
	struct locate_ask ask[64];
	struct locate_answer a;

	asked = 0;
	asked_names[0] = '\0';
	cr_assert_eq(question(text, ways, &q), ERR_NONE, "%s", text);
	cr_assert(locate_question_valid(&q));
	locate_begin(&l, &q, 1);
	while (!locate_done(&l)) {
		unsigned n = 0;

		while (locate_ask(&l, &ask[n]))
			n++;
		cr_assert_gt(n, 0, "nothing is asked and it is not done");
		while (n-- > 0) { /* the last answer comes first */
			a = look_up(zone, &ask[n]);
			locate_tell(&l, &ask[n], &a);
		}
	}
	locate_plan(&l, &plan);
	return plan;
}

static const char *
order_text(const struct locate_plan *plan, uint64_t seed)
{
	static char text[2048];
	struct buf b = buf_on(text, sizeof(text) - 1);
	struct locate_place places[LOCATE_PLACES];

	locate_order(plan, seed, places);
	for (uint32_t i = 0; i < plan->n; i++) {
		if (i > 0)
			buf_char(&b, ' ');
		buf_put(&b, sip_transport_param(places[i].transport));
		buf_char(&b, '/');
		netaddr_put(&b, &places[i].address);
	}
	text[b.len] = '\0';
	return text;
}

#define ZONE(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define expect_leads(uri, ways, want, ...)                                                         \
	do {                                                                                       \
		struct locate_plan p_ = plan_of(uri, ways, ZONE(__VA_ARGS__));                     \
		const char *got_ = order_text(&p_, 7);                                             \
		cr_expect_str_eq(got_, want, "%s leads to %s, not %s", uri, got_, want);           \
		cr_expect_eq(p_.status == LOCATE_FOUND, p_.n > 0);                                 \
	} while (0)

/* --- which records are looked at (4.1, 4.2) -----------------------------------------------------*/

Test(sip_locate, a_port_means_addresses_only)
{
	expect_leads("sip:h.test:5080", FOURS, "udp/192.0.2.1:5080", "h.test A 192.0.2.1",
	    "h.test NAPTR 1 1 s SIP+D2T _sip._tcp.h.test", "_sip._udp.h.test SRV 1 1 7 o.test");
	cr_expect_eq(asked, 1, "%s", asked_names);
	expect_leads(
	    "sip:h.test:5080;transport=tcp", FOURS, "tcp/192.0.2.1:5080", "h.test A 192.0.2.1");
	expect_leads("sips:h.test:5080", FOURS, "tls/192.0.2.1:5080", "h.test A 192.0.2.1");
}

Test(sip_locate, a_transport_means_its_srv)
{
	expect_leads("sip:h.test;transport=tcp", FOURS, "tcp/192.0.2.9:7000",
	    "_sip._tcp.h.test SRV 1 1 7000 t.test", "_sip._udp.h.test SRV 1 1 8000 t.test",
	    "h.test A 192.0.2.1", "t.test A 192.0.2.9");
	cr_expect_eq(asked, 2, "%s", asked_names);
	/* None: the usual port. */
	expect_leads("sip:h.test;transport=tcp", FOURS, "tcp/192.0.2.1:5060", "h.test A 192.0.2.1");
	expect_leads("sip:h.test;transport=tls", FOURS, "tls/192.0.2.1:5061", "h.test A 192.0.2.1");
	expect_leads("sips:h.test;transport=tcp", FOURS, "tls/192.0.2.9:9",
	    "_sips._tcp.h.test SRV 1 1 9 t.test", "t.test A 192.0.2.9");
}

Test(sip_locate, naptr_chooses_the_transport)
{
	const char *const zone[] = { "h.test NAPTR 20 10 s SIP+D2U _sip._udp.h.test",
		"h.test NAPTR 10 20 s SIP+D2T _sip._tcp.h.test",
		"h.test NAPTR 10 10 S sips+d2t _sips._tcp.h.test",
		"_sip._tcp.h.test SRV 1 1 5060 tcp.test", "_sip._udp.h.test SRV 1 1 5060 udp.test",
		"_sips._tcp.h.test SRV 1 1 5061 tls.test", "tcp.test A 192.0.2.1",
		"udp.test A 192.0.2.2", "tls.test A 192.0.2.3", NULL };
	struct locate_plan p = plan_of("sip:h.test", FOURS, zone);

	/* By preference within the lowest order; higher orders count no more (RFC 3403 4.1). */
	cr_expect_str_eq(order_text(&p, 1), "tls/192.0.2.3:5061 tcp/192.0.2.1:5060");
	p = plan_of("sip:h.test", UDP4 | TCP4, zone);
	cr_expect_str_eq(order_text(&p, 1), "tcp/192.0.2.1:5060");
	/* Nothing of order 10 is for us. */
	p = plan_of("sip:h.test", UDP4, zone);
	cr_expect_str_eq(order_text(&p, 1), "udp/192.0.2.2:5060");
	p = plan_of("sips:h.test", FOURS, zone);
	cr_expect_str_eq(order_text(&p, 1), "tls/192.0.2.3:5061");
}

Test(sip_locate, naptr_for_others_is_none)
{
	expect_leads("sip:h.test", FOURS, "udp/192.0.2.2:5060",
	    "h.test NAPTR 10 10 u E2U+sip _sip._tcp.h.test", "h.test NAPTR 10 10 a SIP+D2T t.test",
	    "h.test NAPTR 10 10 s SIP+D2S _sip._sctp.h.test",
	    "_sip._udp.h.test SRV 1 1 5060 u.test", "u.test A 192.0.2.2", "t.test A 192.0.2.7");
}

Test(sip_locate, without_naptr_the_srv_of_each_transport)
{
	expect_leads("sip:h.test", FOURS,
	    "tls/192.0.2.3:5061 tcp/192.0.2.1:5060 udp/192.0.2.1:5070",
	    "_sip._udp.h.test SRV 1 1 5070 t.test", "_sip._tcp.h.test SRV 9 1 5060 t.test",
	    "_sips._tcp.h.test SRV 50 1 5061 s.test", "t.test A 192.0.2.1", "s.test A 192.0.2.3");
	/* NAPTR, three services, two hosts each once. */
	cr_expect_eq(asked, 6, "%s", asked_names);
	expect_leads("sip:h.test", UDP4 | TCP4, "tcp/192.0.2.1:5060",
	    "_sip._tcp.h.test SRV 1 1 5060 t.test", "t.test A 192.0.2.1");
	expect_leads("sips:h.test", FOURS, "tls/192.0.2.4:5061", "h.test A 192.0.2.4",
	    "_sip._tcp.h.test SRV 1 1 5060 t.test", "t.test A 192.0.2.1");
}

Test(sip_locate, without_srv_the_host)
{
	expect_leads("sip:h.test", FOURS, "udp/192.0.2.1:5060", "h.test A 192.0.2.1");
	expect_leads("sip:h.test", TCP4, "tcp/192.0.2.1:5060", "h.test A 192.0.2.1");
	expect_leads("sips:h.test", FOURS, "tls/192.0.2.1:5061", "h.test A 192.0.2.1");
	expect_leads("sip:h.test", FOURS, "", "other.test A 192.0.2.1");
}

/* RFC 2782: a target of "." says that there is no such service. The host is then not tried. */
Test(sip_locate, decidedly_no_service)
{
	expect_leads("sip:h.test;transport=udp", FOURS, "", "_sip._udp.h.test SRV 0 0 0 .",
	    "h.test A 192.0.2.1");
	expect_leads("sip:h.test", FOURS, "tcp/192.0.2.1:5060", "_sip._udp.h.test SRV 0 0 0 .",
	    "_sip._tcp.h.test SRV 1 0 5060 h.test", "h.test A 192.0.2.1");
}

Test(sip_locate, both_families)
{
	expect_leads("sip:h.test", UDP4 | UDP6, "udp/[2001:db8::1]:5060 udp/192.0.2.1:5060",
	    "h.test A 192.0.2.1", "h.test AAAA 2001:db8::1");
	expect_leads("sip:h.test", UDP4, "udp/192.0.2.1:5060", "h.test A 192.0.2.1",
	    "h.test AAAA 2001:db8::1");
	cr_expect(strstr(asked_names, "28:") == NULL, "%s", asked_names);
	/* Each transport by the families that we have for it. */
	expect_leads("sip:h.test", TCP4 | UDP6, "tcp/192.0.2.1:5060 udp/[2001:db8::1]:5060",
	    "_sip._tcp.h.test SRV 1 1 5060 t.test", "_sip._udp.h.test SRV 1 1 5060 t.test",
	    "t.test A 192.0.2.1", "t.test AAAA 2001:db8::1");
}

/* --- order (RFC 2782) ---------------------------------------------------------------------------*/

Test(sip_locate, priorities_in_order)
{
	const char *const zone[] = { "_sip._udp.h.test SRV 30 0 5060 c.test",
		"_sip._udp.h.test SRV 10 0 5060 a.test", "_sip._udp.h.test SRV 20 0 5060 b.test",
		"a.test A 192.0.2.1", "a.test A 192.0.2.11", "b.test A 192.0.2.2",
		"c.test A 192.0.2.3", NULL };
	struct locate_plan p = plan_of("sip:h.test", FOURS, zone);
	struct locate_place got[LOCATE_PLACES];

	cr_assert_eq(p.n, 4);
	for (uint64_t seed = 0; seed < 50; seed++) {
		locate_order(&p, seed, got);
		cr_expect(got[0].address.ip[3] % 10 == 1 && got[1].address.ip[3] % 10 == 1);
		cr_expect_neq(got[0].address.ip[3], got[1].address.ip[3]);
		cr_expect_eq(got[2].address.ip[3], 2);
		cr_expect_eq(got[3].address.ip[3], 3);
	}
}

/* How often each of three is first, by seeds 1 to n. */
static void
firsts(const char *const *zone, unsigned n, unsigned counts[4])
{
	struct locate_plan p = plan_of("sip:h.test;transport=udp", FOURS, zone);
	struct locate_place got[LOCATE_PLACES];

	memset(counts, 0, 4 * sizeof(*counts));
	for (uint64_t seed = 1; seed <= n; seed++) {
		locate_order(&p, seed, got);
		counts[got[0].address.ip[3]]++;
	}
}

Test(sip_locate, weights_are_shares)
{
	const char *const zone[] = { "_sip._udp.h.test SRV 1 60 5060 a.test",
		"_sip._udp.h.test SRV 1 30 5060 b.test", "_sip._udp.h.test SRV 1 10 5060 c.test",
		"a.test A 192.0.2.1", "b.test A 192.0.2.2", "c.test A 192.0.2.3", NULL };
	unsigned n[4];

	firsts(zone, 10000, n);
	cr_expect(n[1] > 5700 && n[1] < 6300, "%u", n[1]);
	cr_expect(n[2] > 2700 && n[2] < 3300, "%u", n[2]);
	cr_expect(n[3] > 800 && n[3] < 1200, "%u", n[3]);
}

Test(sip_locate, weight_0_has_a_small_chance)
{
	const char *const zone[] = { "_sip._udp.h.test SRV 1 99 5060 a.test",
		"_sip._udp.h.test SRV 1 0 5060 b.test", "a.test A 192.0.2.1", "b.test A 192.0.2.2",
		NULL };
	const char *const zeros[] = { "_sip._udp.h.test SRV 1 0 5060 a.test",
		"_sip._udp.h.test SRV 1 0 5060 b.test", "a.test A 192.0.2.1", "b.test A 192.0.2.2",
		NULL };
	unsigned n[4];

	firsts(zone, 10000, n);
	cr_expect(n[2] > 50 && n[2] < 150, "%u", n[2]);
	firsts(zeros, 1000, n);
	cr_expect_eq(n[1] + n[2], 1000);
}

Test(sip_locate, one_seed_one_order)
{
	const char *const zone[] = { "_sip._udp.h.test SRV 1 5 5060 a.test",
		"_sip._udp.h.test SRV 1 5 5060 b.test", "a.test A 192.0.2.1", "b.test A 192.0.2.2",
		NULL };
	struct locate_plan p = plan_of("sip:h.test", FOURS, zone);
	char first[256];
	unsigned others = 0;

	strcpy(first, order_text(&p, 1));
	for (uint64_t seed = 1; seed < 100; seed++) {
		cr_expect_str_eq(order_text(&p, 1), first);
		others += strcmp(order_text(&p, seed), first) != 0;
	}
	cr_expect(others > 20 && others < 80, "%u", others);
}

/* Addresses of one host are shared out too, and stay together. */
Test(sip_locate, addresses_of_a_host)
{
	const char *const zone[] = { "h.test A 192.0.2.1", "h.test A 192.0.2.2", NULL };
	unsigned n[4];

	firsts(zone, 1000, n);
	cr_expect(n[1] > 400 && n[1] < 600, "%u", n[1]);
}

/* --- bounds -------------------------------------------------------------------------------------*/

Test(sip_locate, no_more_than_there_is_room_for)
{
	static char lines[200][64];
	const char *zone[201] = { NULL };
	unsigned n = 0;
	struct locate_plan p;

	for (unsigned i = 0; i < 60; i++) {
		snprintf(lines[n], 64, "_sip._udp.h.test SRV %u %u 5060 t%u.test", i / 20, i, i);
		zone[n] = lines[n], n++;
		snprintf(lines[n], 64, "_sip._tcp.h.test SRV %u %u 5060 t%u.test", i / 20, i, i);
		zone[n] = lines[n], n++;
		snprintf(lines[n], 64, "t%u.test A 192.0.2.%u", i, i + 1);
		zone[n] = lines[n], n++;
	}
	p = plan_of("sip:h.test", FOURS, zone);
	cr_expect_eq(p.n, LOCATE_PLACES);
	cr_expect_leq(asked, 1 + 3 + LOCATE_PLACES, "%s", asked_names);
	for (unsigned i = 0; i < p.n; i++) {
		cr_expect_eq(p.places[i].transport, SIP_T_TCP);
		cr_expect_lt(p.places[i].weight, 20, "one of a worse priority was taken");
	}
}

Test(sip_locate, more_services_than_there_is_room_for)
{
	static char lines[40][80];
	const char *zone[41] = { NULL };

	for (unsigned i = 0; i < 30; i++) {
		snprintf(lines[i], 80, "h.test NAPTR 1 %u s SIP+D2U _sip%u._udp.h.test", i, i);
		zone[i] = lines[i];
	}
	cr_expect_eq(plan_of("sip:h.test", FOURS, zone).status, LOCATE_NONE);
	/* Then the host, as no service has a record. */
	cr_expect_eq(asked, 1 + LOCATE_SERVICES + 1, "%s", asked_names);
}

Test(sip_locate, names_that_cannot_be)
{
	char text[400] = "sip:", *p = text + 4;
	struct locate_question q;
	struct locate_plan plan;

	cr_expect_eq(question("sip:a..b", FOURS, &q), ERR_SYNTAX);
	cr_expect_eq(question("sip:Example.TEST.", FOURS, &q), ERR_NONE);
	cr_expect_str_eq(q.name, "example.test");
	for (unsigned i = 0; i < 62; i++)
		p += sprintf(p, "abc.");
	strcpy(p, "test"); /* 252: good by itself, too long with _sip._udp before it */
	cr_expect_eq(question(text, FOURS, &q), ERR_NONE);
	plan = plan_of(text, FOURS, ZONE("x.test A 192.0.2.1"));
	cr_expect_eq(plan.status, LOCATE_NONE);
	strcpy(p, "testtest");
	cr_expect_eq(question(text, FOURS, &q), ERR_SYNTAX);
	/* Targets that are none are passed over. */
	expect_leads("sip:h.test", FOURS, "udp/192.0.2.1:5060",
	    "_sip._udp.h.test SRV 1 1 5060 a\\032b.test", "_sip._udp.h.test SRV 2 1 0 t.test",
	    "_sip._udp.h.test SRV 3 1 5060 t.test", "t.test A 192.0.2.1");
	/* And so are addresses that are nobody's. */
	expect_leads("sip:h.test", FOURS, "", "h.test A 0.0.0.0", "h.test A 224.0.0.1");
}

Test(sip_locate, what_has_no_way_is_refused)
{
	struct locate_question q;

	cr_expect_eq(question("sips:h.test", UDP4 | TCP4, &q), ERR_DENIED);
	cr_expect_eq(question("sip:h.test;transport=tcp", UDP4, &q), ERR_DENIED);
	cr_expect_eq(question("sip:h.test", 0, &q), ERR_DENIED);
	cr_expect_eq(question("tel:+1555", FOURS, &q), ERR_SYNTAX);
}

Test(sip_locate, addresses_in_the_uri)
{
	static const struct {
		const char *uri, *place;
		enum err e;
	} rows[] = {
		{ "sip:192.0.2.1", "udp/192.0.2.1:5060", ERR_NONE },
		{ "sip:192.0.2.1:99;transport=tcp", "tcp/192.0.2.1:99", ERR_NONE },
		{ "sips:192.0.2.1", "tls/192.0.2.1:5061", ERR_NONE },
		{ "sip:h.test;maddr=192.0.2.1", "udp/192.0.2.1:5060", ERR_NONE },
		{ "sip:[2001:db8::1]", "", ERR_DENIED },
		{ "sip:192.0.2.1;transport=ws", "", ERR_DENIED },
		{ "sip:0.0.0.0", "", ERR_DENIED },
		{ "sip:h.test", "", ERR_ABSENT },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct locate_plan p = { .n = 1 };
		struct sip_uri uri;

		cr_assert_eq(sip_uri_parse(span_str(rows[i].uri), &uri), ERR_NONE);
		cr_expect_eq(
		    locate_literal(&uri, FOURS, &p.places[0]), rows[i].e, "%s", rows[i].uri);
		if (rows[i].e == ERR_NONE)
			cr_expect_str_eq(order_text(&p, 1), rows[i].place, "%s", rows[i].uri);
	}
}

/* --- how long it is good ------------------------------------------------------------------------*/

Test(sip_locate, good_as_long_as_all_that_led_there)
{
	cr_expect_eq(
	    plan_of("sip:h.test:5060", FOURS, ZONE("h.test TTL 77", "h.test A 192.0.2.1")).ttl_s,
	    77);
	cr_expect_eq(
	    plan_of("sip:h.test;transport=udp", FOURS,
		ZONE("_sip._udp.h.test SRV 1 1 5060 t.test", "t.test TTL 20", "t.test A 192.0.2.1"))
		.ttl_s,
	    20);
	/* An absence leads somewhere too. */
	cr_expect_eq(
	    plan_of("sip:h.test", FOURS, ZONE("_sip._tcp.h.test TTL 5", "h.test A 192.0.2.1"))
		.ttl_s,
	    5);
	cr_expect_eq(
	    plan_of("sip:h.test:5060", FOURS, ZONE("h.test TTL 0", "h.test A 192.0.2.1")).ttl_s, 1);
}

Test(sip_locate, absence_and_failure_are_not_believed_for_long)
{
	struct locate_plan p;

	p = plan_of("sip:h.test", FOURS, ZONE("x.test A 192.0.2.1"));
	cr_expect_eq(p.status, LOCATE_NONE);
	cr_expect_eq(p.ttl_s, LOCATE_NONE_MAX_S);
	p = plan_of("sip:h.test", FOURS, ZONE("h.test NEVER"));
	cr_expect_eq(p.status, LOCATE_FAILED);
	cr_expect_eq(p.ttl_s, LOCATE_FAILED_S);
	/* A half of it is used meanwhile. */
	p = plan_of("sip:h.test", FOURS,
	    ZONE("_sips._tcp.h.test NEVER", "_sip._udp.h.test SRV 1 1 5060 t.test",
		"t.test A 192.0.2.1"));
	cr_expect_str_eq(order_text(&p, 1), "udp/192.0.2.1:5060");
	cr_expect_eq(p.ttl_s, LOCATE_HALF_S);
}
