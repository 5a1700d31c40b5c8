/* Who may send what to whom, and how short it may be. Everything here is made of wire.def. */
#include "ipc/wire.h"

/* The least that a payload has. sip_msg is checked by the sip floor, which alone knows it. */
enum {
	LEAST_sip_msg = 0,
	LEAST_wire_none = sizeof(struct wire_none),
	LEAST_wire_flow_down = sizeof(struct wire_flow_down),
	LEAST_wire_sip_out = sizeof(struct wire_sip_out),
	LEAST_wire_note = sizeof(struct wire_note),
	LEAST_wire_poison = sizeof(struct wire_poison),
	LEAST_wire_cdr = sizeof(struct wire_cdr),
	LEAST_wire_message = sizeof(struct wire_message),
	LEAST_wire_message_fate = sizeof(struct wire_message_fate),
	LEAST_wire_code = sizeof(struct wire_code),
	LEAST_wire_code_done = sizeof(struct wire_code_done),
	LEAST_wire_binding = sizeof(struct wire_binding),
	LEAST_wire_call_state = sizeof(struct wire_call_state),
	LEAST_wire_hangup = sizeof(struct wire_hangup),
	LEAST_wire_show = sizeof(struct wire_show),
	LEAST_wire_shown = sizeof(struct wire_shown),
	LEAST_wire_explain = sizeof(struct wire_explain),
	LEAST_wire_explained = sizeof(struct wire_explained),
	LEAST_wire_operate = sizeof(struct wire_operate),
	LEAST_wire_resolve = sizeof(struct wire_resolve),
	LEAST_wire_resolved = sizeof(struct wire_resolved),
};

static const struct {
	const char *name;
	enum role from, to;
	uint32_t least;
} wires[N_WIRE] = {
	[WIRE_NONE] = { "NONE", N_ROLES, N_ROLES, 0 },
#define WIRE(id, from, to, payload) [WIRE_##id] = { #id, ROLE_##from, ROLE_##to, LEAST_##payload },
#include "ipc/wire.def"
#undef WIRE
};

const char *
wire_name(enum wire_type t)
{
	return (unsigned)t < N_WIRE ? wires[t].name : "UNKNOWN";
}

bool
wire_allowed(enum wire_type t, enum role from, enum role to)
{
	return t != WIRE_NONE && (unsigned)t < N_WIRE && wires[t].from == from && wires[t].to == to;
}

uint32_t
wire_least(enum wire_type t)
{
	return (unsigned)t < N_WIRE ? wires[t].least : UINT32_MAX;
}
