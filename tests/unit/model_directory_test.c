/* directory: what the store puts, a reader finds: under the right tenant, by the longest prefix, by
 * address; and what a renewal does not name is gone. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "model/directory.h"

static void *memory;
static size_t size;
static struct directory d, reader;

static void
make(void)
{
	size = directory_bytes(1000);
	memory = calloc(1, size);
	cr_assert_eq(directory_open(&reader, memory, size), ERR_AGAIN);
	cr_assert_eq(directory_own(&d, memory, size, 1000), ERR_NONE);
	cr_assert_eq(directory_open(&reader, memory, size), ERR_NONE);
}

static void
end(void)
{
	records_close(&d.records);
	records_close(&reader.records);
	free(memory);
}

TestSuite(model_directory, .init = make, .fini = end);

Test(model_directory, domains_and_tenants)
{
	struct dir_tenant t = { .tenant = 5, .name = "acme", .realm = "acme.example" };
	struct dir_buf b;
	uint32_t tenant = 0;

	cr_expect_not(directory_filled(&reader));
	directory_set_filled(&d);
	cr_expect(directory_filled(&reader));
	cr_assert_eq(directory_put_domain(&d, SPAN("acme.example"), 5), ERR_NONE);
	cr_assert_eq(directory_put_tenant(&d, &t), ERR_NONE);
	cr_expect_eq(directory_tenant_of(&reader, SPAN("ACME.example"), &tenant), ERR_NONE);
	cr_expect_eq(tenant, 5);
	cr_expect_eq(directory_tenant_of(&reader, SPAN("acme.exampl"), &tenant), ERR_ABSENT);
	cr_assert_not_null(directory_tenant(&reader, 5, &b));
	cr_expect_str_eq(directory_tenant(&reader, 5, &b)->realm, "acme.example");
	cr_expect_null(directory_tenant(&reader, 6, &b));
	cr_expect_eq(directory_delete_domain(&d, SPAN("Acme.example")), ERR_NONE);
	cr_expect_eq(directory_tenant_of(&reader, SPAN("acme.example"), &tenant), ERR_ABSENT);
	cr_expect_eq(directory_delete_tenant(&d, 5), ERR_NONE);
	cr_expect_null(directory_tenant(&reader, 5, &b));
}

/* A reader that could not open it yet: nothing is found. */
Test(model_directory, not_open)
{
	const struct directory none = { 0 };
	const struct netaddr from = { .family = 4 };
	struct dir_speed speed;
	struct dir_code code;
	struct dir_buf b;
	uint32_t tenant;

	cr_expect_not(directory_filled(&none));
	cr_expect_eq(directory_tenant_of(&none, SPAN("acme.example"), &tenant), ERR_ABSENT);
	cr_expect_null(directory_tenant(&none, 1, &b));
	cr_expect_null(directory_subscriber(&none, 1, SPAN("1001"), &b));
	cr_expect_null(directory_gateway_at(&none, &from, &b));
	cr_expect_null(directory_route(&none, 1, SPAN("112"), &b));
	cr_expect_not(directory_emergency(&none, 1, SPAN("144")));
	cr_expect_not(directory_premium(&none, 1, SPAN("49900")));
	cr_expect_not(directory_code(&none, 1, SPAN("*66"), &code));
	cr_expect_not(directory_listed(&none, 9, DIR_LIST_BLOCK, SPAN("1001")));
	cr_expect_not(directory_speed(&none, 9, 3, &speed));
	cr_expect_null(directory_rules(&none, 9, &b));
}

Test(model_directory, subscribers_of_their_tenant)
{
	struct dir_subscriber s = { .id = 9, .tenant = 1, .dnd = 1, .barring = BAR_PREMIUM };
	struct dir_subscriber_text x = {
		.user = SPAN("bob"), .number = SPAN("+88621234"), .cfnr = SPAN("sip:vm@x")
	};
	struct dir_buf b;
	const struct dir_subscriber *f;

	cr_assert_eq(directory_put_subscriber(&d, &s, &x), ERR_NONE);
	f = directory_subscriber(&reader, 1, SPAN("bob"), &b);
	cr_assert_not_null(f);
	cr_expect_eq(f->id, 9);
	cr_expect_eq(f->barring, BAR_PREMIUM);
	cr_expect(span_eq(dir_text(f, f->number), SPAN("+88621234")));
	cr_expect(span_eq(dir_text(f, f->cfnr), SPAN("sip:vm@x")));
	cr_expect_null(dir_text(f, f->cfu).p);
	cr_expect_null(directory_subscriber(&reader, 2, SPAN("bob"), &b), "another tenant");
	cr_expect_null(directory_subscriber(&reader, 1, SPAN("Bob"), &b), "with case");
	cr_expect_null(directory_subscriber(&reader, 1, SPAN(""), &b));
	char longest[400];
	memset(longest, 'x', sizeof(longest));
	cr_expect_null(directory_subscriber(&reader, 1, span_of(longest, sizeof(longest)), &b));
	x.user = span_of(longest, sizeof(longest));
	cr_expect_eq(directory_put_subscriber(&d, &s, &x), ERR_RANGE);
	cr_expect_eq(directory_delete_subscriber(&d, 1, SPAN("bob")), ERR_NONE);
	cr_expect_null(directory_subscriber(&reader, 1, SPAN("bob"), &b));
}

Test(model_directory, rules_of_a_subscriber)
{
	struct dir_rules r = { .n = 2 };
	struct dir_rules_text x = { .to = { SPAN("carol"), SPAN("5551") },
		.callers = { SPAN("0049*,bob") } };
	const struct dir_rules *f;
	struct dir_buf b;

	r.rules[1].priorities = 5;
	cr_expect_null(directory_rules(&reader, 9, &b));
	cr_assert_eq(directory_put_rules(&d, 9, &r, &x), ERR_NONE);
	f = directory_rules(&reader, 9, &b);
	cr_assert_not_null(f);
	cr_expect_eq(f->n, 2);
	cr_expect(span_eq(dir_text(f, f->rules[0].to), SPAN("carol")));
	cr_expect(span_eq(dir_text(f, f->rules[0].callers), SPAN("0049*,bob")));
	cr_expect(span_eq(dir_text(f, f->rules[1].to), SPAN("5551")));
	cr_expect_eq(f->rules[1].callers.len, 0);
	cr_expect_eq(f->rules[1].priorities, 5);
	cr_expect_null(directory_rules(&reader, 10, &b));
	r.n = DIR_RULES_MAX + 1;
	cr_expect_eq(directory_put_rules(&d, 9, &r, &x), ERR_RANGE);
	cr_expect_eq(directory_delete_rules(&d, 9), ERR_NONE);
	cr_expect_null(directory_rules(&reader, 9, &b));
}

Test(model_directory, numbers)
{
	struct dir_buf b;
	const struct dir_number *n;

	cr_assert_eq(directory_put_number(&d, 1, SPAN("+886222"), DIR_NUMBER_GROUP, SPAN("sales")),
	    ERR_NONE);
	n = directory_number(&reader, 1, SPAN("+886222"), &b);
	cr_assert_not_null(n);
	cr_expect_eq(n->kind, DIR_NUMBER_GROUP);
	cr_expect(span_eq(dir_text(n, n->target), SPAN("sales")));
	cr_expect_null(directory_number(&reader, 2, SPAN("+886222"), &b));
	cr_expect_eq(directory_delete_number(&d, 1, SPAN("+886222")), ERR_NONE);
}

static struct netaddr
address(const char *ip, uint16_t port)
{
	struct netaddr a;

	cr_assert_eq(netaddr_ip(span_str(ip), &a), ERR_NONE);
	a.port = port;
	return a;
}

Test(model_directory, groups)
{
	struct dir_group g = { .tenant = 1, .id = 7, .mode = DIR_LINEAR, .ring_s = 20, .n = 2 };
	struct dir_group_text text = { SPAN("sales"), SPAN("2000"), SPAN("1009"),
		{ SPAN("alice"), SPAN("bob") } };
	struct dir_buf b;
	const struct dir_group *f;

	g.members[1].logged_in = 1;
	cr_assert_eq(directory_put_group(&d, &g, &text), ERR_NONE);
	f = directory_group(&reader, 1, SPAN("sales"), &b);
	cr_assert_not_null(f);
	cr_expect_eq(f->id, 7);
	cr_expect(span_eq(dir_text(f, f->overflow), SPAN("1009")));
	cr_expect(span_eq(dir_text(f, f->members[1].user), SPAN("bob")));
	cr_expect_eq(f->members[1].logged_in, 1);
	cr_expect_null(directory_group(&reader, 2, SPAN("sales"), &b), "another tenant");
	g.n = DIR_MEMBERS_MAX + 1;
	cr_expect_eq(directory_put_group(&d, &g, &text), ERR_RANGE);
	cr_expect_eq(directory_delete_group(&d, 1, SPAN("sales")), ERR_NONE);
	cr_expect_null(directory_group(&reader, 1, SPAN("sales"), &b));
}

static uint64_t
at(const char *ip, uint16_t port)
{
	struct netaddr a = address(ip, port);
	struct dir_buf b;
	const struct dir_gateway *g = directory_gateway_at(&reader, &a, &b);

	return g == NULL ? 0 : g->id;
}

Test(model_directory, gateways_by_address)
{
	struct dir_gateway g = { .id = 1, .tenant = 1, .address = address("192.0.2.1", 0) };
	struct dir_buf b;

	cr_assert_eq(
	    directory_put_gateway(&d, &g,
		&(struct dir_gateway_text){ .name = SPAN("one"), .host = SPAN("192.0.2.1") }),
	    ERR_NONE);
	g.id = 2;
	g.port = 5070;
	cr_assert_eq(
	    directory_put_gateway(&d, &g,
		&(struct dir_gateway_text){ .name = SPAN("two"), .host = SPAN("192.0.2.1") }),
	    ERR_NONE);
	g.id = 3;
	g.address.family = 0;
	cr_assert_eq(
	    directory_put_gateway(&d, &g,
		&(struct dir_gateway_text){ .name = SPAN("name"), .host = SPAN("gw.example") }),
	    ERR_NONE);
	cr_expect_eq(at("192.0.2.1", 5060), 1);
	cr_expect_eq(at("192.0.2.1", 5070), 2);
	cr_expect_eq(at("192.0.2.1", 1234), 1, "neither's port");
	cr_expect_eq(at("192.0.2.2", 5060), 0);
	g = (struct dir_gateway){ .id = 2, .tenant = 1, .address = address("192.0.2.2", 0) };
	cr_assert_eq(
	    directory_put_gateway(&d, &g,
		&(struct dir_gateway_text){ .name = SPAN("two"), .host = SPAN("192.0.2.2") }),
	    ERR_NONE);
	cr_expect_eq(at("192.0.2.1", 5070), 1, "two has moved; one is alone there");
	cr_expect_eq(at("192.0.2.2", 9), 2);
	cr_expect_eq(directory_delete_gateway(&d, 2), ERR_NONE);
	cr_expect_eq(at("192.0.2.2", 9), 0);
	cr_expect_null(directory_gateway(&reader, 2, &b));
	const struct dir_gateway *f = directory_gateway(&reader, 3, &b);
	cr_assert_not_null(f);
	cr_expect(span_eq(dir_text(f, f->host), SPAN("gw.example")));
}

static const char *
routed(uint32_t tenant, const char *number)
{
	static struct dir_buf b;
	const struct dir_route *r = directory_route(&reader, tenant, span_str(number), &b);

	return r == NULL ? "" : r->routes[0].name;
}

Test(model_directory, longest_prefix)
{
	struct dir_route r = { .n = 1 };

	strcpy(r.routes[0].name, "default");
	cr_assert_eq(directory_put_route(&d, 1, SPAN(""), &r), ERR_NONE);
	strcpy(r.routes[0].name, "abroad");
	cr_assert_eq(directory_put_route(&d, 1, SPAN("00"), &r), ERR_NONE);
	strcpy(r.routes[0].name, "taiwan");
	cr_assert_eq(directory_put_route(&d, 1, SPAN("00886"), &r), ERR_NONE);
	cr_expect_str_eq(routed(1, "0088621234"), "taiwan");
	cr_expect_str_eq(routed(1, "00886"), "taiwan");
	cr_expect_str_eq(routed(1, "0049"), "abroad");
	cr_expect_str_eq(routed(1, "5"), "default");
	cr_expect_str_eq(routed(1, ""), "default");
	cr_expect_str_eq(routed(1, "00886000000000000000000000000000000000000000"), "taiwan");
	cr_expect_str_eq(routed(2, "00886"), "");
	cr_expect_eq(directory_delete_route(&d, 1, SPAN("00886")), ERR_NONE);
	cr_expect_str_eq(routed(1, "0088621234"), "abroad");
}

/* As from a snapshot: what a reader looks for first must be known there too. */
Test(model_directory, restored)
{
	struct dir_route route = { .n = 1, .routes[0].name = "taiwan" };
	struct dir_buf value;
	char key[RECORDS_KEY_MAX];
	uint64_t cursor = 0;
	size_t len;

	cr_assert_eq(directory_put_route(&d, 1, SPAN("00886"), &route), ERR_NONE);
	cr_assert_eq(directory_put_class(&d, 1, SPAN("900"), true), ERR_NONE);
	void *before = memory;
	struct directory old = d;
	records_close(&reader.records);
	make();
	cr_expect_str_eq(routed(1, "0088621234"), "");
	cr_expect_not(directory_premium(&reader, 1, SPAN("900123")));
	while (records_next(&old.records, &cursor, key, &len, value.words, sizeof(value.words),
		   &value.len) == ERR_NONE)
		cr_assert_eq(
		    directory_restore(&d, span_of(key, len), span_of(value.words, value.len)),
		    ERR_NONE);
	cr_expect_str_eq(routed(1, "0088621234"), "taiwan");
	cr_expect(directory_premium(&reader, 1, SPAN("900123")));
	cr_expect_not(directory_premium(&reader, 1, SPAN("90")));
	records_close(&old.records);
	free(before);
}

Test(model_directory, renewal)
{
	struct dir_gateway g = { .id = 1, .tenant = 1, .address = address("192.0.2.1", 0) };
	struct dir_gateway other = { .id = 2, .tenant = 1, .address = g.address };
	struct dir_buf b;
	uint32_t tenant;

	directory_put_domain(&d, SPAN("stays.example"), 1);
	directory_put_domain(&d, SPAN("goes.example"), 1);
	directory_put_gateway(
	    &d, &g, &(struct dir_gateway_text){ .name = SPAN("stays"), .host = SPAN("192.0.2.1") });
	directory_put_gateway(&d, &other,
	    &(struct dir_gateway_text){ .name = SPAN("goes"), .host = SPAN("192.0.2.1") });
	uint64_t version = records_version(&d.records);
	directory_renew(&d);
	directory_put_domain(&d, SPAN("stays.example"), 1);
	directory_put_gateway(
	    &d, &g, &(struct dir_gateway_text){ .name = SPAN("stays"), .host = SPAN("192.0.2.1") });
	cr_expect_eq(records_version(&d.records), version, "nothing is different yet");
	cr_expect_eq(directory_renewed(&d), 2);
	cr_expect_eq(directory_tenant_of(&reader, SPAN("stays.example"), &tenant), ERR_NONE);
	cr_expect_eq(directory_tenant_of(&reader, SPAN("goes.example"), &tenant), ERR_ABSENT);
	cr_expect_null(directory_gateway(&reader, 2, &b));
	cr_expect_eq(at("192.0.2.1", 1), 1);
	directory_renew(&d);
	directory_renew_stop(&d);
	cr_expect_eq(directory_tenant_of(&reader, SPAN("stays.example"), &tenant), ERR_NONE);
}

Test(model_directory, taken_over)
{
	struct directory next;
	uint32_t tenant;

	directory_put_domain(&d, SPAN("a.example"), 1);
	directory_set_filled(&d);
	cr_assert_eq(directory_own(&next, memory, size, 1000), ERR_NONE);
	cr_expect(directory_filled(&next));
	cr_expect_eq(directory_tenant_of(&next, SPAN("a.example"), &tenant), ERR_NONE);
	records_close(&next.records);
}
