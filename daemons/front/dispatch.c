/*
 * Whose message is it? A pure function of the message, the key and the number of workers, so that
 * every front answers alike and a retransmission goes where the first one went.
 *
 *     response                      the token in the branch of the top Via, else nobody's
 *     request, REGISTER             the registrar
 *     request with a token of ours  its owner: in the user part of the Request-URI, else of the top
 *                                   Route, else as To tag
 *     SUBSCRIBE, PUBLISH            the registrar, which is the agent of all state
 *     any other request             a worker, by its Call-ID
 *
 * The tokens count whether or not there is a To tag: a CANCEL has none, and it, the INVITE and the
 * ACK of a refusal share Request-URI and Route (RFC 3261 9.1, 17.1.1.3), so they stay together.
 * Nobody can make a token but us, and where a host name points does not matter.
 */
#include "front/front.h"

#include "sip/addr.h"
#include "sip/token.h"
#include "sip/via.h"

/* Who takes a request that is nobody's yet. What is not named goes to the workers. */
static const uint8_t registrar_takes[SIP_N_METHODS] = {
	[SIP_REGISTER] = 1,
	[SIP_SUBSCRIBE] = 1,
	[SIP_PUBLISH] = 1,
};

/* Only a process that is sent SIP messages can be named: our own key made the token, but perhaps
 * while there were more workers. */
static bool
takes_sip(const struct dispatch *d, unsigned proc)
{
	switch (proc_role(proc)) {
	case ROLE_REGISTRAR:
		return true;
	case ROLE_WORKER:
		return proc_index(proc) < d->workers;
	case ROLE_SUPERVISOR:
	case ROLE_STORE:
	case ROLE_CONTROL:
	case ROLE_FRONT:
	case ROLE_RESOLVER:
	case N_ROLES:
		break;
	}
	return false;
}

static bool
read_owner(const struct dispatch *d, enum token_kind kind, struct span text, unsigned *proc_r)
{
	handle h;

	if (token_read(&d->key, kind, text, &h) != ERR_NONE || !takes_sip(d, handle_proc(h)))
		return false;
	*proc_r = handle_proc(h);
	return true;
}

static bool
uri_owner(const struct dispatch *d, struct span text, unsigned *proc_r)
{
	struct sip_uri uri;

	return sip_uri_parse(text, &uri) == ERR_NONE &&
	       read_owner(d, TOKEN_CONTACT, uri.user, proc_r);
}

static bool
route_owner(const struct dispatch *d, const struct sip_msg *m, unsigned *proc_r)
{
	struct sip_values v = sip_values(m, SIP_H_ROUTE);
	struct sip_addr addr;
	struct span value;

	return sip_has(m, SIP_H_ROUTE) && sip_values_next(&v, &value) &&
	       sip_addr_parse(value, &addr) == ERR_NONE && uri_owner(d, addr.uri, proc_r);
}

static bool
branch_owner(const struct dispatch *d, struct span branch, unsigned *proc_r)
{
	static const struct span cookie = { SIP_COOKIE, sizeof(SIP_COOKIE) - 1 };

	/* RFC 3261 8.1.1.7; token characters compare without case, ours come back as written. */
	return span_starts(branch, cookie) &&
	       read_owner(d, TOKEN_BRANCH, span_from(branch, cookie.len), proc_r);
}

static unsigned
home(const struct dispatch *d, const struct sip_msg *m)
{
	uint64_t hash;

	if (registrar_takes[m->method])
		return proc_of(ROLE_REGISTRAR, 0);
	hash = hash_span(&d->key, sip_span(m, m->call_id));
	return proc_of(ROLE_WORKER, d->workers == 0 ? 0 : (unsigned)(hash % d->workers));
}

enum err
dispatch_to(const struct dispatch *d, const struct sip_msg *m, struct dispatched *to_r)
{
	to_r->ours = true;
	if (!m->request)
		return branch_owner(d, sip_span(m, m->via_branch), &to_r->proc) ? ERR_NONE
										: ERR_ABSENT;
	/* A REGISTER is in no dialog, whatever it says. */
	if (m->method != SIP_REGISTER &&
	    (uri_owner(d, sip_span(m, m->uri), &to_r->proc) || route_owner(d, m, &to_r->proc) ||
		read_owner(d, TOKEN_TAG, sip_span(m, m->to_tag), &to_r->proc)))
		return ERR_NONE;
	to_r->proc = home(d, m);
	to_r->ours = m->method == SIP_CANCEL || m->method == SIP_ACK;
	return ERR_NONE;
}
