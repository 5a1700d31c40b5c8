/* Speed dial (SERVICES.md C36): alice has bob at place 3, and a number outside at place 20. Hotline (C43). */
#include <string.h>

#include "worker_phone.h"

#define carol (rig->phones[2])
#define trunk (rig->phones[3])

static void
code(const char *pattern, const char *action)
{
	cr_assert_eq(
	    directory_put_code(&rig->directory, 0, span_str(pattern), span_str(action)), ERR_NONE);
}

static void
place(uint64_t id, unsigned at, const char *number)
{
	cr_assert_eq(directory_put_speed(&rig->directory, id, at, span_str(number)), ERR_NONE);
}

static uint64_t
id_of(const char *user)
{
	struct dir_buf room;

	return directory_subscriber(&rig->directory, 1, span_str(user), &room)->id;
}

static void
begin(void)
{
	static const uint64_t gateway = 7;

	rig_begin();
	phone_new("carol", "192.0.2.3");
	phone_at("trunk", "203.0.113.7");
	rig_gateway(7, "203.0.113.7", true);
	rig_route("0049", 1, &gateway);
	code("*0N", "speed.dial");
	code("**N", "pickup.directed");
	code("*67N", "clir.call");
	code("*870", "redial");
	code("*51*N*N#", "speed.set");
	place(id_of("alice"), 3, "1002");
	place(id_of("alice"), 20, "0049301234");
	place(id_of("alice"), 4, "3");
	place(id_of("alice"), 12, "carol");
}

TestSuite(worker_speed, .init = begin, .fini = rig_end);

/* Whom it reaches is busy. */
static const char *
reaches(const char *dialled, struct phone *p)
{
	const char *m;

	dials(alice, dialled, "", SDP_A);
	hears(alice, "100");
	m = hears(p, "INVITE");
	replies(p, "INVITE", 486, "", "");
	hears(p, "ACK");
	hears(alice, "486");
	rig_wait_ms(100);
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "direct");
	return m;
}

static void
is_refused(struct phone *p, const char *dialled, const char *status)
{
	dials(p, dialled, "", SDP_A);
	hears(p, "100");
	hears(p, status);
	hears_nothing(bob);
}

/* Every way to dial place 3. */
Test(worker_speed, C36_dialled)
{
	static const char *const ways[] = { "3", "03", "**3", "*03", "*003" };

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		reaches(ways[i], bob);
		cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), ways[i]);
		cr_expect_str_eq(rig_cdr("segment.1.called_number"), "1002");
	}
	expect_has(reaches("20", trunk), "INVITE sip:0049301234@");
	reaches("12", carol);
}

/* With a code before it; and dialled again it is the number. */
Test(worker_speed, C12_C35_with_others)
{
	expect_has(header(reaches("*673", bob), "From"), "anonymous.invalid");
	reaches("*870", bob);
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "1002");
}

/* Each has his own; an empty place is none; a place leads to no other one; one of another domain is not
 * ours. */
Test(worker_speed, C36_is_none)
{
	is_refused(carol, "3", "404");
	is_refused(alice, "5", "404");
	is_refused(alice, "4", "404");
	is_refused(alice, "*05", "403");
	is_refused(alice, "*0123", "403");
	is_refused(alice, "*51*3%23", "484");
	is_refused(alice, "*51*00000000000000000000000000000003*1002%23", "484");
	is_refused(alice, "003", "404");
	rig_ends_empty(8);
}

/* An extension of the tenant wins; by *0 the place does. */
Test(worker_speed, C36_an_extension_wins)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING };

	rig_subscriber_put(&s, "3", "");
	is_refused(alice, "3", "480");
	is_refused(alice, "**3", "403"); /* no call rings there */
	reaches("*03", bob);
}

/* --- hotline ------------------------------------------------------------------------------------*/

static void
hotline(bool immediate)
{
	struct dir_subscriber s = { .id = 500,
		.tenant = 1,
		.trust = DIR_TRUST_BINDING,
		.call_waiting = 1,
		.hotline_immediate = immediate };
	struct dir_subscriber_text text = {
		.user = SPAN("alice"), .number = SPAN("1001"), .hotline = SPAN("1002")
	};

	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
	place(500, 3, "0049301234");
	code("*78", "dnd.set");
	rig_route("112", 1, &(uint64_t){ 7 });
}

/* Nothing was dialled: a URI that names nobody. */
Test(worker_speed, C43_delayed)
{
	hotline(false);
	reaches("sip:example.com", bob);
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "1002");
	is_refused(alice, "sip:elsewhere.test", "404");
	reaches("carol", carol);
	expect_has(reaches("3", trunk), "INVITE sip:0049301234@");
	expect_has(reaches("112", trunk), "INVITE sip:112@");
}

Test(worker_speed, C43_immediate)
{
	static const char *const dialled[] = { "sip:example.com", "carol", "3", "5551234",
		"sip:bob@elsewhere.test", "sip:1002@elsewhere.test" };

	hotline(true);
	for (unsigned i = 0; i < sizeof(dialled) / sizeof(dialled[0]); i++) {
		reaches(dialled[i], bob);
		cr_expect_str_eq(rig_cdr("segment.1.called_number"), "1002");
	}
	reaches("*870", bob);
	expect_has(header(reaches("*675551234", bob), "From"), "anonymous.invalid");
	expect_has(reaches("112", trunk), "INVITE sip:112@");
	dials(alice, "*78", "", SDP_A); /* a code stays one: the database is away */
	hears(alice, "100");
	rig_wait_ms(5200);
	hears(alice, "503");
}

/* Nobody else's phone does so. */
Test(worker_speed, C43_is_none)
{
	is_refused(carol, "sip:example.com", "404");
}

/* --- emergency numbers of a country -------------------------------------------------------------*/

/* C42: 18 is one in France alone: no place, no hotline, no barring then. */
Test(worker_speed, C42_of_a_country)
{
	struct dir_tenant t = { .tenant = 1, .name = "office", .realm = "example.com" };

	hotline(true);
	place(500, 18, "carol");
	cr_assert_eq(directory_put_emergency(&rig->directory, SPAN("FR18")), ERR_NONE);
	rig_route("18", 1, &(uint64_t){ 7 });
	reaches("18", bob);
	memcpy(t.country, "FR", 3);
	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
	expect_has(reaches("18", trunk), "INVITE sip:18@");
	cr_expect_str_eq(rig_cdr("segment.1.call_class"), "emergency");
	expect_has(header(reaches("*6718", trunk), "From"), "alice@example.com");
	reaches("5551234", bob);
}

/* C43: it was set before his tenant came to a country where it is one: no lifted handset calls for help. */
Test(worker_speed, C42_C43_a_hotline_that_became_one)
{
	struct dir_tenant t = {
		.tenant = 1, .name = "office", .realm = "example.com", .country = "AT"
	};

	hotline(true);
	cr_assert_eq(directory_put_emergency(&rig->directory, SPAN("AT1002")), ERR_NONE);
	reaches("sip:example.com", bob);
	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
	is_refused(alice, "sip:example.com", "404");
	reaches("carol", carol);
}
