/* Event and Subscription-State. */
#include "sip/event.h"

#include "sip/build.h"
#include "sip/chars.h"
#include "sip/fields.h"
#include "sip/uri.h"

static const struct span states[] = {
	[SIP_SUB_OTHER] = { NULL, 0 },
	[SIP_SUB_ACTIVE] = { "active", 6 },
	[SIP_SUB_PENDING] = { "pending", 7 },
	[SIP_SUB_TERMINATED] = { "terminated", 10 },
};

static const struct span reasons[SIP_N_SUB_REASONS] = { [SIP_SUB_REASON_NONE] = { NULL, 0 },
#define X(id, text) [SIP_SUB_##id] = { text, sizeof(text) - 1 },
	SIP_SUB_REASONS(X)
#undef X
};

/* The token that the value begins with; *params_r is what stands behind its first ';'. */
static bool
cut_token(struct span value, struct span *token_r, struct span *params_r)
{
	*params_r = span_cut(value, ';', token_r);
	*token_r = span_trim(*token_r);
	return token_r->len > 0 && sip_skip(token_r->p, token_r->p + token_r->len, SIP_C_TOKEN) ==
				       token_r->p + token_r->len;
}

enum err
sip_event_parse(struct span value, struct sip_event *event_r)
{
	struct sip_event event = { .id = SPAN_NONE };
	struct span rest, name, param;

	if (!cut_token(value, &event.package, &event.params))
		return ERR_SYNTAX;
	rest = event.params;
	while (sip_param_cut(&rest, &name, &param)) {
		if (!span_ieq(name, SPAN("id")))
			continue;
		if (event.id.p != NULL || param.len == 0 || param.p[0] == '"')
			return ERR_SYNTAX;
		event.id = param;
	}
	if (rest.len > 0)
		return ERR_SYNTAX;
	*event_r = event;
	return ERR_NONE;
}

bool
sip_event_is(const struct sip_event *a, const struct sip_event *b)
{
	return span_eq(a->package, b->package) && span_eq(a->id, b->id);
}

void
sip_put_event(struct buf *b, struct span package, struct span id)
{
	buf_lit(b, "Event: ");
	sip_put_text(b, package);
	if (id.len > 0) {
		buf_lit(b, ";id=");
		sip_put_text(b, id);
	}
	buf_lit(b, "\r\n");
}

static enum sip_substate
state_of(struct span word)
{
	for (unsigned i = SIP_SUB_ACTIVE; i <= SIP_SUB_TERMINATED; i++)
		if (span_ieq(states[i], word))
			return (enum sip_substate)i;
	return SIP_SUB_OTHER;
}

static enum sip_sub_reason
reason_of(struct span word)
{
	for (unsigned i = SIP_SUB_REASON_NONE + 1; i < SIP_N_SUB_REASONS; i++)
		if (span_ieq(reasons[i], word))
			return (enum sip_sub_reason)i;
	return SIP_SUB_REASON_NONE;
}

enum err
sip_subscription_state_parse(struct span value, struct sip_subscription_state *state_r)
{
	struct sip_subscription_state s = { .reason = SIP_SUB_REASON_NONE };
	struct span word, rest, name, param;
	enum err e = ERR_NONE;

	if (!cut_token(value, &word, &rest))
		return ERR_SYNTAX;
	s.state = state_of(word);
	while (e == ERR_NONE && sip_param_cut(&rest, &name, &param)) {
		if (span_ieq(name, SPAN("reason"))) {
			s.reason = reason_of(param);
		} else if (span_ieq(name, SPAN("expires"))) {
			s.has_expires = true;
			e = sip_delta(param, &s.expires);
		} else if (span_ieq(name, SPAN("retry-after"))) {
			s.has_retry_after = true;
			e = sip_delta(param, &s.retry_after);
		}
	}
	if (e != ERR_NONE || rest.len > 0)
		return ERR_SYNTAX;
	*state_r = s;
	return ERR_NONE;
}

void
sip_put_subscription_state(struct buf *b, const struct sip_subscription_state *state)
{
	if (state->state == SIP_SUB_OTHER)
		b->overrun = true;
	buf_lit(b, "Subscription-State: ");
	buf_put(b, states[state->state]);
	if (state->state != SIP_SUB_TERMINATED) {
		buf_lit(b, ";expires=");
		buf_u64(b, state->expires);
	}
	if (state->reason != SIP_SUB_REASON_NONE) {
		buf_lit(b, ";reason=");
		buf_put(b, reasons[state->reason]);
	}
	if (state->has_retry_after) {
		buf_lit(b, ";retry-after=");
		buf_u64(b, state->retry_after);
	}
	buf_lit(b, "\r\n");
}
