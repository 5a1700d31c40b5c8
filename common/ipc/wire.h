/* What travels in the rings. The list is wire.def; sip_msg is of the sip floor and only named here. */
#ifndef TANDEM_IPC_WIRE_H
#define TANDEM_IPC_WIRE_H

#include <stdint.h>

#include "base/netaddr.h"
#include "base/pool.h"
#include "ipc/topology.h"

enum wire_type {
	WIRE_NONE, /* filler; never delivered */
#define WIRE(id, from, to, payload) WIRE_##id,
#include "ipc/wire.def"
#undef WIRE
	N_WIRE
};

struct wire_none {
	uint64_t zero;
};

/* A connection that a front held. conn is what sip_flow.conn said; when it was never made (a connect
 * that failed), `ticket` is what wire_sip_out gave. */
struct wire_flow_down {
	handle conn;
	uint64_t ticket;
	struct netaddr peer;
	uint32_t why; /* enum err */
	uint32_t pad;
};

/* Text for a connection. conn 0: the front finds a connection to this transport and peer, or makes
 * one; for TLS `host` (behind the text) is the name that the peer's certificate must carry. */
struct wire_sip_out {
	handle conn;
	uint64_t ticket; /* given back in FLOW_DOWN: the transaction's handle, or 0 */
	struct netaddr peer;
	uint8_t transport; /* enum sip_transport */
	uint8_t listener;
	uint16_t host_len;
	uint32_t text_len;
	char text[]; /* text_len bytes, then host_len bytes */
};

/* A leg and its call in different workers. What follows is the record of daemons/worker. */
struct wire_note {
	handle call, leg;
	uint32_t what;
	uint32_t len;
	char data[];
};

/* A message that was in hand when its process died (poison.h). */
struct wire_poison {
	uint64_t hash;
	uint32_t len;
	uint32_t type; /* enum wire_type of the message */
	char data[];
};

struct wire_cdr {
	uint32_t len;
	uint32_t pad;
	char data[]; /* model/cdr.h */
};

/* A message of one user to another: to be kept, or to be delivered (MESSAGE_KEEP, MESSAGE_DUE). */
struct wire_message {
	handle relay; /* KEEP: whose answer waits; comes back in KEPT */
	uint32_t len;
	uint32_t pad;
	char data[]; /* model/cdr.h, a record of CDR_MESSAGE */
};

/* What became of one (MESSAGE_KEPT, MESSAGE_DONE). */
struct wire_message_fate {
	handle relay;
	uint8_t id[16];
	uint32_t tenant;
	uint16_t status; /* KEPT: 202, or 480 for a full box; DONE: a phone's answer, 408 for none */
	uint16_t of;	 /* DONE: so many phones were tried at once, each says one */
};

/* A subscriber dialled a service code that asks for or changes his settings. */
struct wire_code {
	handle call;
	uint64_t subscriber;
	uint64_t at_ns;	  /* monotonic; one that is too old is nobody's any more */
	char action[32];  /* NUL-terminated, as the number */
	char number[48];  /* empty: none was dialled */
	uint32_t seconds; /* 0: none */
	uint32_t pad;
};

struct wire_code_done {
	handle call;
	uint16_t status; /* 200: it is in force */
	uint16_t pad[3];
	char phrase[128]; /* what the phone may show; NUL-terminated */
};

struct wire_binding {
	uint32_t len;
	uint32_t deleted; /* 1: the key's record is gone */
	uint32_t key_len;
	uint32_t pad;
	char data[]; /* key, then the record of model/location.h */
};

/* The calls of this subscriber have changed, or one has; the views tell what there is now. */
struct wire_call_state {
	uint64_t user; /* call_user_hash of model/callview.h */
	uint32_t view; /* which view of the sender's; it may be empty by now */
	uint32_t pad;
};

struct wire_hangup {
	uint8_t call_id[16]; /* the call's uuid */
	uint64_t ticket;
	uint32_t found; /* in the answer: 1 when there was such a call */
	uint32_t pad;
};

struct wire_show {
	uint8_t call_id[16];
	uint64_t ticket;
};

struct wire_shown {
	uint64_t ticket;
	uint32_t len; /* 0: there is no such call */
	uint32_t pad;
	char data[]; /* model/cdr.h, the record as it is by now */
};

/* What would a call do, if `from` dialled `to`? at: "2026-12-24 18:30", local time; empty: now. priority: that
 * of the INVITE; empty: none. All NUL-terminated. */
enum { EXPLAIN_MAX = 24576 };
struct wire_explain {
	uint64_t ticket;
	char from[160], to[160], at[32], priority[32];
};

struct wire_explained {
	uint64_t ticket;
	uint32_t len;
	uint32_t refused; /* 1: data says why nothing can be explained */
	char data[];	  /* lines of when HT what HT who HT why LF; daemons/worker/explain.c */
};

struct wire_operate {
	enum { OPERATE_STOP = 1, OPERATE_RELOAD, OPERATE_UPGRADE } what;
	uint32_t pad;
};

/* Where does a name lead? What follows is a struct locate_question. */
struct wire_resolve {
	uint64_t ticket; /* the asker's own word; comes back in the answer */
	uint32_t len;
	uint32_t pad;
	char data[];
};

struct wire_resolved {
	uint64_t ticket;
	uint32_t len; /* of the struct locate_plan, with the places that it has */
	uint32_t pad;
	char data[];
};

const char *wire_name(enum wire_type t);
/* May `from` send this to `to`? Checked by the receiver: a front is not trusted. */
bool wire_allowed(enum wire_type t, enum role from, enum role to);
/* The shortest payload of this type: the size of its struct (0 for sip_msg, which the sip floor
 * checks). The receiver checks the lengths inside. */
uint32_t wire_least(enum wire_type t);

#endif
