/*
 * REGISTER, RFC 3261 10.3:
 *
 *     phone                registrar            store
 *       | REGISTER             |                  |
 *       |--------------------->| (1) (2) (3)      |
 *       | 401, a new nonce     | nothing is kept  |
 *       |<---------------------|                  |
 *       | REGISTER, digest     |                  |
 *       |--------------------->| (3) to (7): the record of the address is replaced as a whole
 *       | 200, all bindings    |----------------->| written through
 *       |<---------------------| (8)              |
 */
#include "registrar/registrar.h"

#include "base/log.h"

static struct policy
policy_of(const struct registrar *r, const struct dir_subscriber *owner)
{
	return (struct policy){ .contacts = (enum dir_contacts)owner->contact_policy,
		.most = owner->max_contacts != 0 ? owner->max_contacts
						 : r->settings->registrar.contacts,
		.node = span_str(r->settings->node),
		.now_ms = registrar_steady_ms(r) };
}

/* (6), (7). The new list in *b, in force; or why not, and nothing has changed. */
static struct verdict
update(struct registrar *r, const struct sip_msg *m, const struct dir_subscriber *owner,
    struct registration *reg, struct bindings *b)
{
	const struct policy policy = policy_of(r, owner);
	unsigned before = b->n;
	struct verdict v = reach_contacts(r, m, reg);

	if (v.status == 0)
		v = bindings_apply(reg, &policy, b);
	if (v.status == 0 && record_put(r, reg->tenant, reg->user, b, before) != ERR_NONE) {
		log_error("no room for bindings", LOG_SPAN("user", reg->user));
		v = (struct verdict){ 503, "No Room" };
	}
	if (v.status == 0 && reg->by.len > 0)
		log_info("registered for another", LOG_SPAN("by", reg->by),
		    LOG_SPAN("user", reg->user), LOG_ADDR("source", &m->flow.peer));
	return v;
}

void
register_request(struct registrar *r, const struct sip_msg *m)
{
	struct registration reg = { 0 };
	struct loc_buf stands;
	struct dir_buf owner_room;
	struct bindings b;
	struct verdict v;
	const struct dir_subscriber *owner = gate_request(r, m, &reg, &owner_room);

	if (owner == NULL)
		return;
	v = contacts_read(m, r->settings, &reg);
	if (v.status == 0) {
		bindings_read(
		    record_find(r, reg.tenant, reg.user, &stands), registrar_steady_ms(r), &b);
		if (reg.n > 0 || reg.star) /* else it only asks what there is */
			v = update(r, m, owner, &reg, &b);
	}
	if (v.status != 0) {
		answer_refuse(r, m, v.status, v.reason);
		return;
	}
	count(r->child.self, COUNT_REGISTERED, 1);
	answer_bindings(r, m, &reg, &b);
}
