/*
 * The directory: tenants' domains, subscribers, numbers, gateways and routes, as the calls read them
 * from shared memory. The store alone writes it (from PostgreSQL), worker and registrar read it; each
 * look-up copies one record out.
 *
 * It is one table (ipc/records.h) in the store's region; a key is a letter and what follows:
 *
 *     d DOMAIN              domain, lower case             -> struct dir_domain
 *     t TENANT              tenant id, 4 bytes             -> struct dir_tenant
 *     s TENANT USER         user as written in the table   -> struct dir_subscriber
 *     n TENANT NUMBER       E.164 or national, as dialled  -> struct dir_number
 *     g NAME                gateway by id, 8 bytes         -> struct dir_gateway
 *     a IP                  16 bytes + family              -> struct dir_gateway_at (its ids)
 *     r TENANT PREFIX       longest prefix wins            -> struct dir_route
 *     h TENANT NAME         a hunt group                   -> struct dir_group
 *     x TENANT USER         who may register for this user -> struct dir_delegates
 *     c TENANT PATTERN      service code; tenant 0: all    -> struct dir_code
 *     p TENANT PREFIX       E.164; tenant 0: all           -> struct dir_class
 *     l SUBSCRIBER LIST CALLER  id, 8 bytes; list, 1 byte  -> struct dir_listed
 *     e COUNTRY NUMBER      two letters before the number  -> struct dir_emergency
 *     q SUBSCRIBER PLACE    id, 8 bytes; place, 1 byte     -> struct dir_speed
 *     f SUBSCRIBER          id, 8 bytes                    -> struct dir_rules
 */
#ifndef TANDEM_MODEL_DIRECTORY_H
#define TANDEM_MODEL_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/netaddr.h"
#include "ipc/records.h"
#include "model/hours.h"
#include "model/zone.h"
#include "sip/digest.h"

struct dir_domain {
	uint32_t tenant;
	uint32_t pad;
};

struct dir_tenant {
	uint32_t tenant;
	uint8_t suspended;
	uint8_t pad[3];
	char name[64];
	char realm[128];              /* of its digest challenges: its first domain */
	char orbit[16];               /* the lowest number calls are parked at; empty: there is none */
	char country[8];              /* two letters (ISO 3166-1); empty: none */
	struct zone zone;             /* of its subscribers' wall clocks */
	char voicemail[40];           /* the number of its voicemail; empty: there is none */
};

/* Text inside a record: offset from the record's start, length; 0, 0 = none. */
struct dir_text {
	uint16_t at, len;
};

enum dir_bar { BAR_INTERNATIONAL = 1, BAR_PREMIUM = 2, BAR_OUTGOING = 4, BAR_INCOMING = 8 };

struct dir_mailbox { /* messages that wait (RFC 3842) */
	uint32_t new_messages, old_messages, urgent_new, urgent_old;
};

struct dir_subscriber {
	uint64_t id;                  /* tandem.subscriber.subscriber_id */
	uint32_t tenant;
	uint16_t call_limit;          /* 0 = none */
	uint16_t cfnr_timeout_s;      /* 0 = the configuration's no_answer_s */
	uint8_t disabled, dnd, call_waiting, clir, acr;
	uint8_t barring;              /* enum dir_bar bits */
	uint8_t trust;                /* enum dir_trust */
	uint8_t max_contacts;         /* 0 = the configuration's */
	uint8_t contact_policy;       /* enum dir_contacts */
	uint8_t min_algorithm;        /* enum digest_algorithm: weaker answers are refused */
	uint8_t notify_caller;        /* enum dir_notify */
	uint8_t lists;                /* 1 << enum dir_list of those that act and are not empty */
	uint8_t follow_me;            /* enum dir_follow_me */
	uint8_t hotline_immediate;    /* whatever he dials */
	uint8_t identity;             /* enum dir_identity bits */
	uint8_t rules;                /* 1: he has rules that send calls on, and they act */
	struct digest_ha1 ha1;
	struct dir_mailbox mailbox;
	struct dir_text user, display_name, number, pickup_group, cfu, cfb, cfnr, cfnrc, cfs, hotline;
	struct dir_text follow_me_numbers; /* lines: "DELAY_S RING_S NUMBER"; RING_S 0: to the end */
	/* the text follows */
};
/* Lists of callers (table caller_list): who is refused, who alone is not, who rings otherwise, who is
 * sent on to cfs. */
enum dir_list { DIR_LIST_BLOCK, DIR_LIST_ACCEPT, DIR_LIST_PRIORITY, DIR_LIST_FORWARD };
enum { DIR_CALLER_MAX = 64 };
struct dir_listed {               /* an entry: that it is there is all it says */
	uint32_t list, pad;
};
enum dir_trust { DIR_TRUST_CHALLENGE, DIR_TRUST_BINDING, DIR_TRUST_ADDRESS }; /* FLOWS.md S1-14 */
enum dir_identity { DIR_NO_CLIP = 1, DIR_COLP = 2, DIR_COLR = 4 };
enum dir_follow_me { DIR_FOLLOW_ME_OFF, DIR_FOLLOW_ME_SIMULTANEOUS, DIR_FOLLOW_ME_SEQUENTIAL };
enum dir_notify { DIR_NOTIFY_NO, DIR_NOTIFY_YES, DIR_NOTIFY_NUMBER }; /* 181 to a caller who is sent on */
enum dir_contacts { DIR_CONTACTS_REPLACE, DIR_CONTACTS_REJECT, DIR_CONTACTS_SINGLE }; /* S3-24 */

enum dir_number_kind { DIR_NUMBER_SUBSCRIBER, DIR_NUMBER_GROUP, DIR_NUMBER_REDIRECT,
	DIR_NUMBER_PARK };
struct dir_number {
	uint32_t tenant;
	uint8_t kind;
	uint8_t pad[3];
	struct dir_text target;       /* user, group name, URI of a redirect; an orbit's recall_s */
};

/* A hunt group, its members in their order (table hunt_group). */
enum dir_group_mode {
	DIR_RING_ALL,
	DIR_LINEAR,
	DIR_CIRCULAR,
	DIR_LONGEST_IDLE,
	DIR_WEIGHTED
};
enum { DIR_MEMBERS_MAX = 32 };
struct dir_member {
	struct dir_text user;
	uint16_t weight;              /* from 1; for DIR_WEIGHTED */
	uint8_t logged_in, pad;
};
struct dir_group {
	uint32_t tenant, id;          /* id: hunt_group_id, from 1 */
	uint8_t mode;                 /* enum dir_group_mode */
	uint8_t follow;               /* 1: members' forwards act; 0: they are ignored */
	uint16_t ring_s;              /* of each member */
	uint16_t overflow_s;          /* after the call came; 0: when nobody is left only */
	uint16_t n;
	struct dir_text name, number, overflow;
	struct dir_member members[DIR_MEMBERS_MAX];
	/* the text follows */
};

struct dir_gateway {
	uint64_t id;
	uint32_t tenant;
	uint8_t transport;            /* enum sip_transport; NONE: by DNS, UDP by default */
	uint8_t trusted;              /* 1: its calls need no credentials, its identity is believed */
	uint16_t port;                /* 0 = the transport's */
	uint8_t transit;              /* 1: its calls may leave by a route again */
	uint8_t isup;                 /* 1: it takes what telephone networks say (SIP-I, SIP-T) */
	uint8_t decline_as_busy;      /* 1: a call of its that is declined (603) is busy to it (486) */
	uint8_t bill_unacked;         /* 1: it charges for a call though the caller never confirmed it */
	uint8_t pad[4];
	struct netaddr address;       /* when host is a literal; family 0: a name */
	struct dir_text name, host;
	struct dir_text proxy;        /* outbound proxy as it was given: URI, or host and port */
	struct dir_text user;         /* who we are to it when it asks; empty: nobody */
	struct dir_text secret;       /* and the password: never in a log or record */
	struct dir_text realm;        /* the only one in whose name it may ask; empty: its first */
};
struct dir_gateway_at {
	uint32_t n, pad;
	uint64_t ids[8];
};

enum { DIR_ROUTES_MAX = 8, DIR_PREFIX_MAX = 32 };
struct dir_route {                /* of one prefix, best priority first */
	uint32_t n, pad;
	struct {
		uint64_t gateway;
		uint32_t priority;
		uint16_t strip;           /* leading digits taken off */
		uint16_t pad;
		char add[24];             /* put in front, after stripping */
		char name[48];
	} routes[DIR_ROUTES_MAX];
};

enum { DIR_DELEGATES_MAX = 64 };
struct dir_delegates {            /* table reg_delegate: no record, nobody (FLOWS.md S0-20) */
	uint32_t n, pad;
	uint64_t ids[DIR_DELEGATES_MAX]; /* only n of them stand in the record */
};

enum { DIR_ACTION_MAX = 32 };
struct dir_code {                 /* table feature_code */
	char action[DIR_ACTION_MAX];  /* "cfu.set"; empty: it is switched off */
};

struct dir_class {                /* table number_class */
	uint32_t premium, pad;        /* 1: at a premium */
};

enum { DIR_EMERGENCY_MAX = 6 };   /* digits */
struct dir_emergency {            /* table emergency_number: that it is there is all it says */
	uint32_t is, pad;
};

enum { DIR_SPEED_PLACES = 100, DIR_SPEED_MAX = 64 };
struct dir_speed {                /* table speed_dial */
	char number[DIR_SPEED_MAX + 8];
};

/* Rules that send calls on (table forward_rule), in their order: of one all conditions that are set hold. */
enum dir_priority {               /* of a request (RFC 3261 20.26) */
	DIR_PRIORITY_NORMAL,
	DIR_PRIORITY_NON_URGENT,
	DIR_PRIORITY_URGENT,
	DIR_PRIORITY_EMERGENCY
};
enum { DIR_RULES_MAX = 8 };
struct dir_rule {
	struct hours hours;
	uint8_t position;
	uint8_t priorities;           /* 1 << enum dir_priority; 0: any */
	uint8_t timed;                /* 1: the hours are a condition */
	uint8_t pad;
	struct dir_text to, callers;  /* callers: words with a comma between; empty: any */
};
struct dir_rules {
	uint32_t n, pad;
	struct dir_rule rules[DIR_RULES_MAX]; /* only n of them; then the text follows */
};

enum { DIR_RECORD_MAX = 4096 };
struct dir_buf {                  /* room for any record, 8-aligned; a caller's scratch */
	uint64_t words[DIR_RECORD_MAX / 8];
	size_t len;
};

struct directory {                /* a reader's or the writer's handle */
	struct dir_head *head;        /* in shared memory; private, as is the renewal */
	struct records records;
	struct dir_renewal *renewal;  /* the writer's; NULL while there is none */
};

/* What the store's region holds behind its process head. */
size_t directory_bytes(uint32_t subscribers);
/* How many numbers that subscribers put in themselves (lists of callers, speed dial) there is room for. */
uint32_t directory_entries(uint32_t subscribers);
enum err directory_own(struct directory *d, void *mem, size_t size, uint32_t subscribers);
enum err directory_open(struct directory *d, const void *mem, size_t size); /* ERR_AGAIN: not yet */
/* What l says of a layout, and that of all structs of the directory: who was built with others does not read
 * it, in memory or on disk. */
uint64_t directory_layout(uint64_t l);
/* 0 until the store has filled it for the first time; then never 0 again. */
bool directory_filled(const struct directory *d);
void directory_set_filled(struct directory *d);
/* A record as records_next() gave it, of this directory or of one before it. */
enum err directory_restore(struct directory *d, struct span key, struct span record);

struct span dir_text(const void *record, struct dir_text t);

/* Each returns ERR_ABSENT, or a pointer into *b through the result; of a directory that is not open,
 * nothing is found. */
enum err directory_tenant_of(const struct directory *d, struct span domain, uint32_t *tenant_r);
const struct dir_tenant *directory_tenant(const struct directory *d, uint32_t tenant,
    struct dir_buf *b);
const struct dir_subscriber *directory_subscriber(const struct directory *d, uint32_t tenant,
    struct span user, struct dir_buf *b);
const struct dir_number *directory_number(const struct directory *d, uint32_t tenant,
    struct span number, struct dir_buf *b);
const struct dir_group *directory_group(const struct directory *d, uint32_t tenant,
    struct span name, struct dir_buf *b);
const struct dir_gateway *directory_gateway(const struct directory *d, uint64_t id,
    struct dir_buf *b);
/* The gateway whose address this is (and port, when several share the address); NULL: a stranger. */
const struct dir_gateway *directory_gateway_at(const struct directory *d,
    const struct netaddr *source, struct dir_buf *b);
/* Is this the address (whatever the port) of that gateway, be it one of several there? */
bool directory_gateway_is_at(const struct directory *d, uint64_t id, const struct netaddr *a);
/* Is this where it listens, by its port or its transport's? */
bool dir_gateway_has_port(const struct dir_gateway *g, uint16_t port);
/* Longest prefix of the number that has routes. */
const struct dir_route *directory_route(const struct directory *d, uint32_t tenant,
    struct span number, struct dir_buf *b);

/* May this subscriber (by its id) register contacts for that user? */
bool directory_delegate(const struct directory *d, uint32_t tenant, uint64_t by,
    struct span for_user);

/* The action of a service code by its pattern ("*21*N#"): the tenant's row, else that of all. False:
 * there is none. */
bool directory_code(const struct directory *d, uint32_t tenant, struct span pattern,
    struct dir_code *code_r);

/* Is this caller in the subscriber's list: as he is written, or by his first characters ("0049*")? A
 * look-up for each of these, however long the list is. */
bool directory_listed(const struct directory *d, uint64_t subscriber, enum dir_list list,
    struct span caller);

/* Is it an emergency number of the tenant's country, beside those that are one everywhere? */
bool directory_emergency(const struct directory *d, uint32_t tenant, struct span number);

/* The number that stands at a place, 0 to 99, of the subscriber's speed dial. False: none. */
bool directory_speed(const struct directory *d, uint64_t subscriber, unsigned place,
    struct dir_speed *speed_r);

/* His rules; NULL: he has none. */
const struct dir_rules *directory_rules(const struct directory *d, uint64_t subscriber,
    struct dir_buf *b);

/* Is it a number at a premium? digits: E.164 without +; by its longest prefix, of the tenant or of all. */
bool directory_premium(const struct directory *d, uint32_t tenant, struct span digits);

/* Writer's side: keys and packed records are made here too, so that both sides agree. */
struct dir_subscriber_text {
	struct span user, display_name, number, pickup_group, cfu, cfb, cfnr, cfnrc, cfs, follow_me_numbers,
		hotline;
};
enum err directory_put_domain(struct directory *d, struct span domain, uint32_t tenant);
enum err directory_put_tenant(struct directory *d, const struct dir_tenant *t);
enum err directory_put_subscriber(struct directory *d, const struct dir_subscriber *s,
    const struct dir_subscriber_text *text);
enum err directory_put_number(struct directory *d, uint32_t tenant, struct span number,
    enum dir_number_kind kind, struct span target);
struct dir_group_text {
	struct span name, number, overflow, members[DIR_MEMBERS_MAX]; /* users */
};
enum err directory_put_group(struct directory *d, const struct dir_group *g,
    const struct dir_group_text *text);
struct dir_gateway_text {
	struct span name, host, proxy, user, secret, realm;
};
enum err directory_put_gateway(struct directory *d, const struct dir_gateway *g,
    const struct dir_gateway_text *text);
enum err directory_put_route(struct directory *d, uint32_t tenant, struct span prefix,
    const struct dir_route *r);
/* All delegates of a user at once; none: the record goes. ERR_RANGE: more than DIR_DELEGATES_MAX. */
enum err directory_put_delegates(struct directory *d, uint32_t tenant, struct span user,
    const uint64_t *ids, uint32_t n);
enum err directory_put_code(struct directory *d, uint32_t tenant, struct span pattern,
    struct span action);
enum err directory_put_listed(struct directory *d, uint64_t subscriber, enum dir_list list,
    struct span caller);
enum err directory_delete_listed(struct directory *d, uint64_t subscriber, enum dir_list list,
    struct span caller);
/* country_number: the country's two letters and the number behind them. */
enum err directory_put_emergency(struct directory *d, struct span country_number);
enum err directory_delete_emergency(struct directory *d, struct span country_number);
/* Empty: nothing stands there any more. */
enum err directory_put_speed(struct directory *d, uint64_t subscriber, unsigned place,
    struct span number);
struct dir_rules_text {
	struct span to[DIR_RULES_MAX], callers[DIR_RULES_MAX];
};
enum err directory_put_rules(struct directory *d, uint64_t subscriber, const struct dir_rules *r,
    const struct dir_rules_text *text);
enum err directory_delete_rules(struct directory *d, uint64_t subscriber);
enum err directory_put_class(struct directory *d, uint32_t tenant, struct span prefix, bool premium);
enum err directory_delete_class(struct directory *d, uint32_t tenant, struct span prefix);
enum err directory_delete_code(struct directory *d, uint32_t tenant, struct span pattern);
enum err directory_delete_domain(struct directory *d, struct span domain);
enum err directory_delete_tenant(struct directory *d, uint32_t tenant);
enum err directory_delete_subscriber(struct directory *d, uint32_t tenant, struct span user);
enum err directory_delete_number(struct directory *d, uint32_t tenant, struct span number);
enum err directory_delete_group(struct directory *d, uint32_t tenant, struct span name);
enum err directory_delete_gateway(struct directory *d, uint64_t id); /* and its address */
enum err directory_delete_route(struct directory *d, uint32_t tenant, struct span prefix);

/* Everything is put once more between directory_renew and directory_renewed; what was not is deleted
 * then (how many is returned). Or the renewal is broken off and nothing deleted. */
void directory_renew(struct directory *d);
unsigned directory_renewed(struct directory *d);
void directory_renew_stop(struct directory *d);

#endif
