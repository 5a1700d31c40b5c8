/* RFC 3263 section 4, step by step: services, their targets, the targets' addresses. */
#include "sip/locate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SIX, FOUR, FAMILIES }; /* RFC 6724: IPv6 first */

/* What NAPTR and SRV call the transports (RFC 3263 4.1), best first where NAPTR does not choose. */
static const struct {
	enum sip_transport transport;
	const char *naptr, *srv;
} known[] = {
	{ SIP_T_TLS, "SIPS+D2T", "_sips._tcp" },
	{ SIP_T_TCP, "SIP+D2T", "_sip._tcp" },
	{ SIP_T_UDP, "SIP+D2U", "_sip._udp" },
};
enum { KNOWN = sizeof(known) / sizeof(known[0]) };

/* --- services and targets -----------------------------------------------------------------------*/

static bool
may_use(const struct locate *l, enum sip_transport t)
{
	return locate_serves(l->question.ways, t) && (!l->question.sips || t == SIP_T_TLS);
}

static void
service_add(struct locate *l, enum sip_transport t, struct span name)
{
	if (l->n_services < LOCATE_SERVICES && locate_name(name, l->services[l->n_services].name))
		l->services[l->n_services++].transport = (uint8_t)t;
}

/* _sip._udp.example.com, unless that would be too long for a name. */
static void
service_of_domain(struct locate *l, unsigned k)
{
	char name[LOCATE_NAME + 16];
	int n = snprintf(name, sizeof(name), "%s.%s", known[k].srv, l->question.name);

	service_add(l, known[k].transport, span_of(name, (size_t)n));
}

static void
services_of_domain(struct locate *l)
{
	enum sip_transport asked = l->question.transport;

	for (unsigned k = 0; k < KNOWN; k++)
		if (asked == SIP_T_NONE ? may_use(l, known[k].transport)
					: asked == known[k].transport)
			service_of_domain(l, k);
}

static void
target_add(
    struct locate *l, enum sip_transport t, const struct locate_target *like, struct span name)
{
	struct locate_target *to = &l->targets[l->n_targets];

	if (l->n_targets == LOCATE_TARGETS || !locate_name(name, to->name))
		return;
	to->rank = like->rank;
	to->weight = like->weight;
	to->port = like->port;
	to->transport = (uint8_t)t;
	l->n_targets++;
}

/* The host itself: a port was given, or DNS has no service of this domain. */
static void
target_host(struct locate *l)
{
	const struct locate_question *q = &l->question;
	enum sip_transport t = q->transport;
	struct locate_target like = { .port = q->port };

	if (t == SIP_T_NONE)
		t = locate_usual(q->sips, q->ways);
	if (like.port == 0)
		like.port = (uint16_t)sip_transport_port(t);
	target_add(l, t, &like, span_str(q->name));
}

/* Only a terminal record that leads to SRV, for a transport that we have, is of use (RFC 3263 4.1). */
static bool
naptr_usable(const struct locate *l, const struct locate_record *r, enum sip_transport *t_r)
{
	if (r->naptr.regexp || strcasecmp(r->naptr.flags, "s") != 0 || r->name[0] == '\0')
		return false;
	for (unsigned k = 0; k < KNOWN; k++) {
		if (strcasecmp(r->naptr.service, known[k].naptr) == 0) {
			*t_r = known[k].transport;
			return may_use(l, known[k].transport);
		}
	}
	return false;
}

/* RFC 3403 4.1: by order and then preference; a higher order counts only when a lower one has nothing
 * for us. */
static void
tell_naptr(struct locate *l, const struct locate_answer *a)
{
	struct locate_item items[LOCATE_RECORDS];
	enum sip_transport t;
	unsigned n = 0;

	for (unsigned i = 0; i < a->n; i++) {
		const struct locate_record *r = &a->records[i];

		if (naptr_usable(l, r, &t))
			items[n++] = (struct locate_item){
				(uint32_t)r->naptr.order << 16 | r->naptr.preference, 0, (uint16_t)i
			};
	}
	locate_sort(items, n, &l->seed);
	for (unsigned i = 0; i < n && items[i].rank >> 16 == items[0].rank >> 16; i++) {
		const struct locate_record *r = &a->records[items[i].index];

		(void)naptr_usable(l, r, &t);
		service_add(l, t, span_str(r->name));
	}
}

static void
tell_srv(struct locate *l, unsigned service, const struct locate_answer *a)
{
	struct locate_item items[LOCATE_RECORDS];
	unsigned n = 0;

	l->has_srv = l->has_srv || a->n > 0;
	for (unsigned i = 0; i < a->n; i++)
		/* ".": decidedly not here (RFC 2782). */
		if (a->records[i].name[0] != '\0' && a->records[i].srv.port != 0)
			items[n++] = (struct locate_item){ a->records[i].srv.priority,
				a->records[i].srv.weight, (uint16_t)i };
	locate_sort(items, n, &l->seed);
	for (unsigned i = 0; i < n && i < LOCATE_PLACES; i++) {
		const struct locate_record *r = &a->records[items[i].index];
		struct locate_target like = { service << 16 | r->srv.priority, r->srv.weight,
			r->srv.port };

		target_add(l, l->services[service].transport, &like, span_str(r->name));
	}
}

/* --- hosts --------------------------------------------------------------------------------------*/

static uint8_t
host_add(struct locate *l, const char *name)
{
	unsigned i;

	for (i = 0; i < l->n_hosts; i++)
		if (strcmp(l->hosts[i].name, name) == 0)
			return (uint8_t)i;
	strcpy(l->hosts[l->n_hosts++].name, name);
	return (uint8_t)i;
}

/* The best targets, no more than a plan has room for, and their hosts, each once. */
static void
choose_targets(struct locate *l)
{
	static const unsigned family[FAMILIES] = { [SIX] = 6, [FOUR] = 4 };
	struct locate_item items[LOCATE_TARGETS];
	struct locate_target best[LOCATE_PLACES];
	unsigned n = l->n_targets;

	for (unsigned i = 0; i < n; i++)
		items[i] =
		    (struct locate_item){ l->targets[i].rank, l->targets[i].weight, (uint16_t)i };
	locate_sort(items, n, &l->seed);
	n = n < LOCATE_PLACES ? n : LOCATE_PLACES;
	for (unsigned i = 0; i < n; i++)
		best[i] = l->targets[items[i].index];
	memcpy(l->targets, best, n * sizeof(best[0]));
	l->n_targets = n;
	for (unsigned i = 0; i < n; i++) {
		struct locate_target *t = &l->targets[i];

		t->host = host_add(l, t->name);
		for (unsigned f = 0; f < FAMILIES; f++)
			if ((l->question.ways & locate_way(t->transport, family[f])) != 0)
				l->hosts[t->host].wants[f] = true;
	}
}

static void
tell_host(struct locate *l, unsigned index, const struct locate_answer *a)
{
	unsigned host = index / FAMILIES, f = index % FAMILIES;

	for (unsigned i = 0; i < a->n && l->hosts[host].n[f] < LOCATE_ADDRESSES; i++)
		if (netaddr_is_unicast(&a->records[i].address))
			l->hosts[host].addresses[f][l->hosts[host].n[f]++] = a->records[i].address;
}

/* --- the steps ----------------------------------------------------------------------------------*/

static void
enter(struct locate *l, enum locate_step step)
{
	l->step = step;
	l->asked = 0;
}

static void
to_services(struct locate *l)
{
	enter(l, LOCATE_AT_SRV);
	if (l->n_services == 0)
		services_of_domain(l);
}

static void
to_hosts(struct locate *l)
{
	enter(l, LOCATE_AT_HOSTS);
	if (l->n_targets == 0 && !l->has_srv)
		target_host(l);
	choose_targets(l);
}

/* Is there more to ask for in this step? What no listener of ours could use is passed over. */
static bool
has_more(struct locate *l)
{
	switch (l->step) {
	case LOCATE_AT_NAPTR:
		return l->asked == 0;
	case LOCATE_AT_SRV:
		return l->asked < l->n_services;
	case LOCATE_AT_HOSTS:
		while (l->asked < l->n_hosts * FAMILIES &&
		       !l->hosts[l->asked / FAMILIES].wants[l->asked % FAMILIES])
			l->asked++;
		return l->asked < l->n_hosts * FAMILIES;
	case LOCATE_AT_END:
		break;
	}
	return false;
}

/* Goes on as far as it goes without a further answer. */
static void
advance(struct locate *l)
{
	while (l->step != LOCATE_AT_END && l->waiting == 0 && !has_more(l)) {
		if (l->step == LOCATE_AT_NAPTR)
			to_services(l);
		else if (l->step == LOCATE_AT_SRV)
			to_hosts(l);
		else
			enter(l, LOCATE_AT_END);
	}
}

void
locate_begin(struct locate *l, const struct locate_question *q, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->question = *q;
	l->seed = seed;
	l->ttl_s = LOCATE_TTL_MAX_S;
	if (q->port != 0)
		to_hosts(l);
	else if (q->transport != SIP_T_NONE)
		to_services(l);
	advance(l);
}

bool
locate_ask(struct locate *l, struct locate_ask *ask_r)
{
	unsigned i;

	if (!has_more(l))
		return false;
	i = ask_r->index = l->asked++;
	l->waiting++;
	switch (l->step) {
	case LOCATE_AT_NAPTR:
		ask_r->type = LOCATE_NAPTR;
		strcpy(ask_r->name, l->question.name);
		break;
	case LOCATE_AT_SRV:
		ask_r->type = LOCATE_SRV;
		strcpy(ask_r->name, l->services[i].name);
		break;
	case LOCATE_AT_HOSTS:
		ask_r->type = i % FAMILIES == SIX ? LOCATE_AAAA : LOCATE_A;
		strcpy(ask_r->name, l->hosts[i / FAMILIES].name);
		break;
	case LOCATE_AT_END:
		panic("nothing to ask");
	}
	return true;
}

void
locate_tell(struct locate *l, const struct locate_ask *ask, const struct locate_answer *a)
{
	l->waiting--;
	if (a->status == LOCATE_FAILED)
		l->failed = true;
	else if (a->ttl_s < l->ttl_s)
		l->ttl_s = a->ttl_s;
	if (a->status == LOCATE_FOUND && ask->type == LOCATE_NAPTR)
		tell_naptr(l, a);
	else if (a->status == LOCATE_FOUND && ask->type == LOCATE_SRV)
		tell_srv(l, ask->index, a);
	else if (a->status == LOCATE_FOUND)
		tell_host(l, ask->index, a);
	advance(l);
}

bool
locate_done(const struct locate *l)
{
	return l->step == LOCATE_AT_END;
}

/* --- the plan -----------------------------------------------------------------------------------*/

static void
plan_target(const struct locate *l, unsigned i, uint16_t rank, struct locate_plan *plan)
{
	static const unsigned family[FAMILIES] = { [SIX] = 6, [FOUR] = 4 };
	const struct locate_target *t = &l->targets[i];

	for (unsigned f = 0; f < FAMILIES; f++) {
		unsigned n = l->hosts[t->host].n[f];

		if ((l->question.ways & locate_way(t->transport, family[f])) == 0)
			continue;
		for (unsigned a = 0; a < n && plan->n < LOCATE_PLACES; a++) {
			struct locate_place *p = &plan->places[plan->n++];

			p->address = l->hosts[t->host].addresses[f][a];
			p->address.port = t->port;
			p->rank = rank;
			p->weight = t->weight;
			p->transport = t->transport;
			p->group = (uint8_t)i;
		}
	}
}

/* How long it may be kept. No zone makes us ask for the same name again and again, and none that was
 * repaired stays broken here for long. */
static uint32_t
plan_ttl(const struct locate *l, const struct locate_plan *plan)
{
	uint32_t most = plan->status == LOCATE_FOUND ? LOCATE_TTL_MAX_S : LOCATE_NONE_MAX_S;

	if (plan->status == LOCATE_FAILED)
		return LOCATE_FAILED_S;
	if (l->failed)
		most = LOCATE_HALF_S;
	return l->ttl_s == 0 ? 1 : l->ttl_s < most ? l->ttl_s : most;
}

void
locate_plan(const struct locate *l, struct locate_plan *plan_r)
{
	uint16_t rank = 0;

	memset(plan_r, 0, sizeof(*plan_r));
	for (unsigned i = 0; i < l->n_targets; i++) {
		if (i > 0 && l->targets[i].rank != l->targets[i - 1].rank)
			rank++;
		plan_target(l, i, rank, plan_r);
	}
	plan_r->status = plan_r->n > 0 ? LOCATE_FOUND : l->failed ? LOCATE_FAILED : LOCATE_NONE;
	plan_r->ttl_s = plan_ttl(l, plan_r);
}
