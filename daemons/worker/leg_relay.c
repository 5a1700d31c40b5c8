/*
 * Requests in a dialog that mean nothing to us and pass from one side to the other as they are (INFO,
 * MESSAGE, where pass_unknown is set also methods that we do not know), and their answers back. The
 * transaction of the one side bears the handle of the other's (`ref`), so both find back after a kill,
 * and several may be on their way.
 */
#include "worker/worker.h"

/* A place for one more that waits; NULL: too many do. */
static handle *
free_place(struct worker *w, struct leg *l)
{
	for (unsigned i = 0; i < LEG_PASSED; i++) {
		const struct txn *t = txn_at(&w->txns, l->passed[i]);

		if (t == NULL || t->state > TXN_PROCEEDING)
			return &l->passed[i];
	}
	return NULL;
}

void
leg_pass_request(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	handle *place = free_place(w, l);
	struct note n = { .what = EV_REQUEST, .method = m->method };
	struct txn *t;

	if (l->call == 0) {
		answer_request(w, m, 481, NULL, SPAN_NONE);
		return;
	}
	call_mark(w, l->call);
	t = place == NULL ? NULL : txn_server_new(&w->txns, m, true);
	if (t == NULL) {
		answer_stateless(w, m, 503, NULL, SPAN("Retry-After: 5\r\n"));
		return;
	}
	t->user = pool_handle(&w->legs, l);
	n.ref = *place = pool_handle(&w->txn_pool, t);
	leg_facts(w, l, &n);
	n.text[T_HEADERS] = headers_through(w, m);
	n.text[T_CONTENT_TYPE] = sip_span(m, m->content_type);
	n.text[T_BODY] = sip_span(m, m->body);
	if (m->method == SIP_UNKNOWN)
		n.text[T_METHOD] = sip_span(m, m->method_text);
	n.text[T_REFER_TO] = sip_header_get(m, SIP_H_REFER_TO);
	note_up(w, &n);
}

/* All of them: nobody is there to answer. A REFER is the call's own affair. */
static void
give_up_passed(struct worker *w, struct leg *l, const struct note *n)
{
	for (unsigned i = 0; i < LEG_PASSED; i++) {
		const struct txn *t = txn_at(&w->txns, l->passed[i]);

		if (t == NULL || t->method == SIP_REFER)
			continue;
		leg_respond_in(w, l, l->passed[i], n->status, n);
		l->passed[i] = 0;
	}
}

void
leg_do_response(struct worker *w, struct leg *l, const struct note *n)
{
	if (n->ref == 0)
		give_up_passed(w, l, n);
	for (unsigned i = 0; i < LEG_PASSED; i++) {
		struct txn *t = txn_at(&w->txns, n->ref);

		if (n->ref == 0 || l->passed[i] != n->ref)
			continue;
		l->passed[i] = 0;
		if (t != NULL && t->method == SIP_REFER)
			leg_refer_answer(w, l, t, n);
		else
			leg_respond_in(w, l, n->ref, n->status, n);
	}
}

void
leg_drop_passed(struct worker *w, struct leg *l)
{
	struct note over = { .what = CMD_RESPONSE, .status = 487 };

	for (unsigned i = 0; i < LEG_PASSED; i++) {
		if (l->passed[i] != 0)
			leg_respond_in(w, l, l->passed[i], 487, &over);
		l->passed[i] = 0;
	}
}

static void
tell_response(
    struct worker *w, struct leg *l, uint64_t ref, unsigned status, const struct sip_msg *m)
{
	struct note n = { .what = EV_RESPONSE, .status = (uint16_t)status, .ref = ref };

	leg_facts(w, l, &n);
	if (m != NULL) {
		n.text[T_PHRASE] = sip_span(m, m->reason);
		n.text[T_HEADERS] = headers_through(w, m);
		n.text[T_CONTENT_TYPE] = sip_span(m, m->content_type);
		n.text[T_BODY] = sip_span(m, m->body);
	}
	note_up(w, &n);
}

void
leg_do_request(struct worker *w, struct leg *l, const struct note *n)
{
	struct leg_request r = { .method = n->method,
		.name = n->text[T_METHOD],
		.max_forwards = 70,
		.headers = n->text[T_HEADERS],
		.content_type = n->text[T_CONTENT_TYPE],
		.body = n->text[T_BODY],
		.ref = n->ref };

	if ((l->dialog.state == DIALOG_CONFIRMED && l->inv != INV_IN_BYE) ||
	    l->dialog.state == DIALOG_EARLY) {
		r.cseq = ++l->dialog.local_cseq;
		if (leg_send_request(w, l, &r) != 0)
			return;
	}
	tell_response(w, l, n->ref, 500, NULL);
}

/* 481 ends the dialog with whatever request it answers; 408 to one that changes nothing does not
 * (RFC 5057 5.1). */
void
leg_pass_response(
    struct worker *w, struct leg *l, struct txn *t, enum txn_news news, const struct sip_msg *m)
{
	unsigned status = m != NULL ? m->status : news == TXN_UNREACHABLE ? 503 : 408;

	if (t->ref == 0)
		return;
	call_mark(w, l->call);
	if (leg_is_asked(w, l, t, m) && leg_request_again(w, l, t)) {
		t->ref = 0; /* the other's now */
		return;
	}
	tell_response(w, l, t->ref, status, m);
	t->ref = 0; /* told: its end brings nothing new */
	if (status != 481)
		return;
	leg_last_word(w, l, EV_RELEASED, status, 0, NULL);
	leg_release(w, l, &(struct leg_input){ .m = m, .status = 500 });
}
