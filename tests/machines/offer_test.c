/* Offer/answer: RFC 3264, RFC 6337. */
#include "sip/offer.h"
#include "txn_rig.h"

Test(offer, table)
{
	rig_check_table(&offer_fsm);
}

Test(offer, every_pair)
{
	for (unsigned state = 0; state < offer_fsm.n_states; state++) {
		for (unsigned event = 0; event < offer_fsm.n_events; event++) {
			const struct fsm_row *row =
			    fsm_find(&offer_fsm, (uint8_t)state, (uint8_t)event);
			struct offer o;

			offer_init(&o, 1);
			o.state = (uint8_t)state;
			cr_expect_eq(offer_step(&o, (enum offer_event)event, 1), row != NULL);
			cr_expect_eq(o.state, row == NULL ? state : row->to);
		}
	}
}

/* Offer in the INVITE, answer in the 183, the same body again in the 200; then a re-INVITE is
 * refused, and one without offer is answered with one (13.2.1). */
Test(offer, a_call)
{
	struct offer o;

	offer_init(&o, 1);
	cr_expect(offer_step(&o, OFFER_E_RECV_OFFER, 1));
	cr_expect(offer_step(&o, OFFER_E_SEND_ANSWER, 1));
	cr_expect_not(offer_step(&o, OFFER_E_SEND_ANSWER, 1));
	cr_expect(offer_step(&o, OFFER_E_SEND_OFFER, 1));
	cr_expect_not(offer_step(&o, OFFER_E_RECV_OFFER, 1), "491");
	cr_expect(offer_step(&o, OFFER_E_REFUSED, 1));
	cr_expect(offer_step(&o, OFFER_E_SEND_OFFER, 1));
	cr_expect(offer_step(&o, OFFER_E_RECV_ANSWER, 1));
	cr_expect_eq(o.state, OFFER_STABLE);
}
