/* reply: messages of DNS, written byte by byte, good, strange and broken. */
#include <string.h>

#include <criterion/criterion.h>

#include "resolver/resolver.h"

static unsigned char msg[65535];
static size_t len;

static void
put(const void *bytes, size_t n)
{
	cr_assert_leq(len + n, sizeof(msg));
	memcpy(msg + len, bytes, n);
	len += n;
}

static void
put16(unsigned n)
{
	unsigned char b[2] = { (unsigned char)(n >> 8), (unsigned char)n };

	put(b, 2);
}

/* "a.test" as labels. */
static void
put_name(const char *name)
{
	while (*name != '\0') {
		size_t n = strcspn(name, ".");
		unsigned char c = (unsigned char)n;

		put(&c, 1);
		put(name, n);
		name += n + (name[n] == '.');
	}
	put("", 1);
}

static void
begin(unsigned answers, unsigned authorities, const char *name, enum locate_type type)
{
	len = 0;
	put16(1);
	put16(0x8180);
	put16(1);
	put16(answers);
	put16(authorities);
	put16(0);
	put_name(name);
	put16(type);
	put16(1);
}

/* A record's head; its data follows, and then end_record. */
static size_t
begin_record(const char *name, unsigned type, unsigned ttl)
{
	put_name(name);
	put16(type);
	put16(1);
	put16(ttl >> 16);
	put16(ttl & 0xffff);
	put16(0);
	return len;
}

static void
end_record(size_t at)
{
	msg[at - 2] = (unsigned char)((len - at) >> 8);
	msg[at - 1] = (unsigned char)(len - at);
}

static void
put_a(const char *name, unsigned ttl, unsigned last)
{
	size_t at = begin_record(name, 1, ttl);
	unsigned char ip[4] = { 192, 0, 2, (unsigned char)last };

	put(ip, 4);
	end_record(at);
}

static void
put_cname(const char *name, unsigned ttl, const char *to)
{
	size_t at = begin_record(name, 5, ttl);

	put_name(to);
	end_record(at);
}

static void
put_srv(const char *name, unsigned priority, unsigned port, const char *to)
{
	size_t at = begin_record(name, 33, 300);

	put16(priority);
	put16(7);
	put16(port);
	put_name(to);
	end_record(at);
}

static void
put_string(const char *s)
{
	unsigned char c = (unsigned char)strlen(s);

	put(&c, 1);
	put(s, c);
}

static void
put_naptr(const char *flags, const char *service, const char *regexp, const char *to)
{
	size_t at = begin_record("h.test", 35, 300);

	put16(10);
	put16(20);
	put_string(flags);
	put_string(service);
	put_string(regexp);
	put_name(to);
	end_record(at);
}

static void
put_soa(unsigned ttl, unsigned minimum)
{
	size_t at = begin_record("test", 6, ttl);

	put_name("ns.test");
	put_name("root.test");
	for (unsigned i = 0; i < 4; i++) {
		put16(0);
		put16(9999);
	}
	put16(minimum >> 16);
	put16(minimum & 0xffff);
	end_record(at);
}

static struct locate_answer a;
static char alias[LOCATE_NAME];

static enum err
reads(const char *name, enum locate_type type)
{
	struct locate_ask ask = { .type = type };

	strcpy(ask.name, name);
	return reply_read(msg, len, &ask, &a, alias);
}

Test(resolver_reply, addresses)
{
	begin(3, 0, "h.test", LOCATE_A);
	put_a("h.test", 300, 1);
	put_a("H.Test", 200, 2);
	put_a("other.test", 1, 3);
	cr_assert_eq(reads("h.test", LOCATE_A), ERR_NONE);
	cr_expect_eq(a.status, LOCATE_FOUND);
	cr_assert_eq(a.n, 2);
	cr_expect_eq(a.records[1].address.ip[3], 2);
	cr_expect_eq(a.ttl_s, 200);
	cr_expect_str_empty(alias);
}

Test(resolver_reply, services)
{
	begin(2, 0, "_sip._udp.h.test", LOCATE_SRV);
	put_srv("_sip._udp.h.test", 10, 5070, "a.test");
	put_srv("_sip._udp.h.test", 20, 0, "");
	cr_assert_eq(reads("_sip._udp.h.test", LOCATE_SRV), ERR_NONE);
	cr_assert_eq(a.n, 2);
	cr_expect_eq(a.records[0].srv.priority, 10);
	cr_expect_eq(a.records[0].srv.weight, 7);
	cr_expect_eq(a.records[0].srv.port, 5070);
	cr_expect_str_eq(a.records[0].name, "a.test");
	cr_expect_str_empty(a.records[1].name);
}

Test(resolver_reply, naptr)
{
	begin(3, 0, "h.test", LOCATE_NAPTR);
	put_naptr("s", "SIP+D2U", "", "_sip._udp.h.test");
	put_naptr("u", "E2U+sip+and+much+more", "!^.*$!sip:x@y!", "");
	put_naptr("s", "SIP+D2T", "", "_sip._tcp.h.test");
	msg[len - 20] = 200; /* a label beyond the end */
	cr_assert_eq(reads("h.test", LOCATE_NAPTR), ERR_NONE);
	cr_assert_geq(a.n, 2);
	cr_expect_str_eq(a.records[0].naptr.flags, "s");
	cr_expect_str_eq(a.records[0].naptr.service, "SIP+D2U");
	cr_expect_not(a.records[0].naptr.regexp);
	cr_expect_str_eq(a.records[0].name, "_sip._udp.h.test");
	cr_expect_str_eq(a.records[1].naptr.service, "?");
	cr_expect(a.records[1].naptr.regexp);
}

Test(resolver_reply, cnames_are_followed)
{
	begin(3, 0, "h.test", LOCATE_A);
	put_a("c.test", 300, 9);
	put_cname("b.test", 100, "c.test");
	put_cname("h.test", 200, "b.test");
	cr_assert_eq(reads("h.test", LOCATE_A), ERR_NONE);
	cr_assert_eq(a.n, 1);
	cr_expect_eq(a.records[0].address.ip[3], 9);
	cr_expect_eq(a.ttl_s, 100);
	/* What it leads to is not there: to be asked for. */
	begin(1, 0, "h.test", LOCATE_A);
	put_cname("h.test", 200, "b.test");
	cr_assert_eq(reads("h.test", LOCATE_A), ERR_NONE);
	cr_expect_eq(a.status, LOCATE_NONE);
	cr_expect_str_eq(alias, "b.test");
	cr_expect_eq(a.ttl_s, 200);
}

Test(resolver_reply, a_loop_of_cnames_ends)
{
	begin(2, 0, "h.test", LOCATE_A);
	put_cname("h.test", 200, "b.test");
	put_cname("b.test", 200, "h.test");
	cr_assert_eq(reads("h.test", LOCATE_A), ERR_NONE);
	cr_expect_eq(a.status, LOCATE_NONE);
	cr_expect_str_empty(alias);
}

/* RFC 2308: the less of the SOA's own time and its minimum. */
Test(resolver_reply, absence)
{
	begin(0, 1, "h.test", LOCATE_A);
	put_soa(600, 77);
	cr_assert_eq(reads("h.test", LOCATE_A), ERR_NONE);
	cr_expect_eq(a.status, LOCATE_NONE);
	cr_expect_eq(a.ttl_s, 77);
	begin(0, 1, "h.test", LOCATE_A);
	put_soa(20, 77);
	cr_assert_eq(reads("h.test", LOCATE_A), ERR_NONE);
	cr_expect_eq(a.ttl_s, 20);
	begin(0, 0, "h.test", LOCATE_A);
	cr_assert_eq(reads("h.test", LOCATE_A), ERR_NONE);
	cr_expect(a.ttl_s > 0 && a.ttl_s <= 60);
}

Test(resolver_reply, more_records_than_are_looked_at)
{
	begin(100, 0, "h.test", LOCATE_A);
	for (unsigned i = 0; i < 100; i++)
		put_a("h.test", 300, i);
	cr_assert_eq(reads("h.test", LOCATE_A), ERR_NONE);
	cr_expect_eq(a.n, LOCATE_RECORDS);
}

Test(resolver_reply, a_time_with_the_sign_bit_is_none)
{
	begin(1, 0, "h.test", LOCATE_A);
	put_a("h.test", 0x80000001u, 1);
	cr_assert_eq(reads("h.test", LOCATE_A), ERR_NONE);
	cr_expect_eq(a.ttl_s, 0);
}

/* Cut at every length, changed at every byte: read or refused, never more. */
Test(resolver_reply, broken)
{
	unsigned char whole[1024];
	size_t n;

	begin(3, 1, "h.test", LOCATE_NAPTR);
	put_cname("h.test", 100, "b.test");
	put_naptr("s", "SIP+D2U", "", "_sip._udp.h.test");
	put_srv("h.test", 10, 5070, "a.test");
	put_soa(1, 2);
	n = len;
	memcpy(whole, msg, n);
	for (len = 0; len < n; len++)
		for (unsigned t = 0; t < 4; t++)
			reads("h.test", (enum locate_type[]){ 1, 28, 33, 35 }[t]);
	len = n;
	for (size_t i = 0; i < n; i++) {
		for (unsigned x = 0; x < 256; x += 17) {
			memcpy(msg, whole, n);
			msg[i] = (unsigned char)x;
			reads("h.test", LOCATE_NAPTR);
			cr_assert_leq(a.n, LOCATE_RECORDS);
			reads("h.test", LOCATE_SRV);
		}
	}
}
