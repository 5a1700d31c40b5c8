/* Call park (SERVICES.md C28, BILLING.md R16): alice waits in orbit 701; dave, whose calls the other worker
 * has, takes her, or bob is called back. */
#include <stdlib.h>
#include <string.h>

#include "model/decision.h"
#include "worker_refer.h"

static void
begin(void)
{
	static const struct dir_tenant tenant = {
		.tenant = 1, .name = "default", .realm = "example.com", .orbit = "701"
	};

	across_begin();
	directory_put_code(&rig->directory, 0, SPAN("*59"), SPAN("park"));
	directory_put_code(&rig->directory, 0, SPAN("*59N"), SPAN("park"));
	directory_put_tenant(&rig->directory, &tenant);
	directory_put_number(&rig->directory, 1, SPAN("701"), DIR_NUMBER_PARK, SPAN("60"));
	directory_put_number(&rig->directory, 1, SPAN("702"), DIR_NUMBER_PARK, SPAN("60"));
}

TestSuite(worker_park, .init = begin, .fini = rig_end);

/* alice is asked for an offer and hears that nobody is there. */
static void
is_held(void)
{
	cr_expect_str_eq(body_of(hears(alice, "INVITE")), "");
	replies(alice, "INVITE", 200, "", SDP_A);
	expect_has(hears(alice, "ACK"), "a=inactive");
}

static void
bob_parks(const char *orbit)
{
	transfers(bob, orbit);
	ENDS(bob, "200 OK");
	is_released(bob);
	is_held();
	rig_wait_ms(1000);
}

static void
is_parked(void)
{
	talk(alice, bob);
	rig_wait_ms(1000);
	bob_parks("701");
}

/* dave has alice. */
static void
dave_has_her(void)
{
	expect_has(hears(alice, "INVITE"), "m=audio 4008");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	rig_wait_ms(1);
	expect_has(hears(dave, "200 INVITE"), "m=audio 4000");
	acks(dave, "");
	rig_wait_ms(1000);
}

static void
she_hangs_up_on_dave(void)
{
	says_bye(alice);
	rig_wait_ms(1);
	is_released(dave);
}

/* R16: one record, from the answer to the end; who dials the orbit pays nothing. */
Test(worker_park, R16_parked_and_retrieved)
{
	is_parked();
	dials_across(dave, "701", SDP_D);
	dave_has_her();
	she_hangs_up_on_dave();
	rig_ends_empty(2);
	cr_expect_str_eq(rig_cdr("segment.1.payer_kind"), "nobody");
	cr_expect_str_eq(rig_cdr("segment.1.bill_ms"), "0");
	cr_expect_str_neq(rig_cdr("call.merged_into"), "");
}

Test(worker_park, R16_the_payer_stays)
{
	is_parked();
	dials_across(dave, "701", SDP_D);
	dave_has_her();
	says_bye(dave);
	rig_wait_ms(1);
	is_released(alice);
	rig_ends_empty(2);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "answered");
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
	cr_expect_geq(atoi(rig_cdr("segment.1.bill_ms")), 3000);
	cr_expect_geq(atoi(rig_cdr("segment.1.hold_ms")), 1000);
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
}

/* bob, who called alice, parks her: he goes on paying (R12). */
Test(worker_park, by_who_called)
{
	talk(bob, alice);
	transfers(bob, "701");
	ENDS(bob, "200 OK");
	is_released(bob);
	is_held();
	dials_across(dave, "701", SDP_D);
	dave_has_her();
	says_bye(dave);
	rig_wait_ms(1);
	is_released(alice);
	rig_ends_empty(2);
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1002");
}

/* By code, from the phone's other line in another worker: the first free orbit, and one that is named. */
Test(worker_park, by_code)
{
	struct phone *line = phone_at("bob", "192.0.2.22");

	line->worker = 1;
	talk(alice, bob);
	rig_bind("bob", line->contact, line->host, 1, 0);
	dials(line, "*59", "", SDP_B);
	hears(line, "100");
	rig_wait_ms(1);
	is_released(bob);
	is_held();
	rig_wait_ms(1);
	expect_has(header(hears(line, "200 INVITE"), "P-Asserted-Identity"), "parked 701");
	acks(line, "");
	waits(line);
	is_released(line);
	dials(line, "*59", "", SDP_B);
	hears(line, "100");
	expect_has(hears(line, "403"), "There is no call to park");
	dials_across(dave, "701", SDP_D);
	dave_has_her();
	she_hangs_up_on_dave();
	rig_ends_empty(4);
}

Test(worker_park, refused)
{
	dials_across(dave, "701", SDP_D);
	expect_has(hears(dave, "480"), "Nobody is parked there");
	dials_across(dave, "*59799", SDP_D);
	hears(dave, "404");
	dials_across(dave, "*59702", SDP_D);
	hears(dave, "403");
	is_parked();
	dials_across(dave, "*59701", SDP_D);
	hears(dave, "486");
	dave->worker = 0;
	talk(carol, dave);
	transfers(carol, "701");
	ENDS(carol, "486 Busy Here");
	hangs_up(carol, dave);
	says_bye(alice);
	rig_ends_empty(6);
}

/* Nobody takes her: bob is called back, at nobody's cost, and talks with her again. */
Test(worker_park, recall)
{
	is_parked();
	waits(bob);
	rings(bob);
	replies(bob, "INVITE", 200, "", SDP_B);
	expect_has(hears(alice, "INVITE"), "m=audio 4002");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	expect_has(hears(bob, "ACK"), "m=audio 4000");
	dials_across(dave, "701", SDP_D);
	hears(dave, "480");
	hangs_up(alice, bob);
	rig_ends_empty(2);
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
}

/* He does not answer: she waits on, and may be taken. */
Test(worker_park, recall_in_vain)
{
	is_parked();
	waits(bob);
	rings(bob);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	is_held();
	dials_across(dave, "701", SDP_D);
	dave_has_her();
	she_hangs_up_on_dave();
	rig_ends_empty(2);
}

static unsigned
times(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

/* R16: bob is rung again and again, and the record has that once; what befell her is in it, however much
 * else was decided on before. */
Test(worker_park, R16_no_event_is_lost, .timeout = 120)
{
	talk(alice, bob);
	for (unsigned i = 0; i < DECISIONS_MAX; i++)
		decision_words(
		    rig->w[0], pool_next(&rig->w[0]->calls, NULL), "test", SPAN("x"), "");
	rig_wait_ms(1000);
	bob_parks("701");
	for (unsigned i = 0; i < 12; i++) {
		waits(bob);
		rings(bob);
		replies(bob, "INVITE", 486, "", "");
		hears(bob, "ACK");
		is_held();
	}
	dials_across(dave, "701", SDP_D);
	dave_has_her();
	she_hangs_up_on_dave();
	rig_ends_empty(2);
	cr_expect_eq(times(rig_cdr_of(0, "call.decisions"), "\"parked\""), 1);
	cr_expect_eq(times(rig_cdr_of(0, "call.decisions"), "\"recalled\""), 1);
	cr_expect_eq(times(rig_cdr_of(0, "call.decisions"), "\"retrieved\""), 1);
}

/* dave dials the orbit while bob is rung. */
Test(worker_park, taken_while_the_parker_rings)
{
	is_parked();
	waits(bob);
	rings(bob);
	dials_across(dave, "701", SDP_D);
	is_passed_over(bob);
	dave_has_her();
	she_hangs_up_on_dave();
	rig_ends_empty(2);
}

/* Two dial at once: one has her. */
Test(worker_park, two_at_once)
{
	is_parked();
	two_dial("701");
	expect_has(hears(alice, "INVITE"), "m=audio 4006");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(carol, "200 INVITE");
	acks(carol, "");
	rig->apart = false;
	rig_wait_ms(1);
	expect_has(hears(dave, "480"), "Nobody is parked there");
	hangs_up(alice, carol);
	rig_ends_empty(3);
}

/* dave gives up while alice is asked: she waits on. */
Test(worker_park, retrieval_given_up)
{
	is_parked();
	dials_across(dave, "701", SDP_D);
	hears(alice, "INVITE");
	cancels(dave, "");
	hears(dave, "200 CANCEL");
	hears(dave, "487");
	rig_wait_ms(1);
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	phones_serve(1000);
	dials_across(dave, "701", SDP_D);
	dave_has_her();
	she_hangs_up_on_dave();
	rig_ends_empty(3);
}

/* What she offers while she waits is answered; and she may hang up. */
Test(worker_park, she_refreshes_and_hangs_up)
{
	is_parked();
	says(alice, "INVITE", "", SDP("192.0.2.1", "4100", ""));
	hears(alice, "100");
	expect_has(hears(alice, "200 INVITE"), "a=inactive");
	acks(alice, "");
	says_bye(alice);
	rig_ends_empty(1);
	cr_expect_str_eq(rig_cdr("segment.1.released_by"), "caller");
}

/* Killed while she waits, and again while dave has her. */
Test(worker_park, survives_a_kill)
{
	is_parked();
	rig_restart(0);
	dials_across(dave, "701", SDP_D);
	dave_has_her();
	rig_restart(0);
	rig_restart(1);
	she_hangs_up_on_dave();
	rig_ends_empty(2);
}

Test(worker_park, recall_survives_a_kill)
{
	is_parked();
	rig_restart(0);
	waits(bob);
	rings(bob);
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "ACK");
	hangs_up(bob, alice);
	rig_ends_empty(1);
}

/* An orbit is its tenant's: the same user part at another domain is none, dialled or transferred to. */
Test(worker_park, of_another_domain)
{
	is_parked();
	dials_across(dave, "sip:701@elsewhere.test", SDP_D);
	hears(dave, "404");
	hears_nothing(alice);
	dials_across(dave, "701", SDP_D);
	dave_has_her();
	says(dave, "REFER", "Refer-To: <sip:702@elsewhere.test>\r\n", "");
	hears(dave, "202 REFER");
	TRYING(dave);
	ENDS(dave, "404 Not Found");
	hears_nothing(alice);
	she_hangs_up_on_dave();
	rig_ends_empty(3);
}

/* The wish to have her kills her worker: she waits on. */
Test(worker_park, a_wish_that_kills)
{
	is_parked();
	rig->apart = true;
	dials(dave, "701", "", SDP_D);
	hears(dave, "100");
	dies_of_a_note(0, 1);
	hears(dave, "500");
	hears_nothing(alice);
	dials_across(dave, "701", SDP_D);
	dave_has_her();
	she_hangs_up_on_dave();
	rig_ends_empty(3);
}
