/* The fixed words of SIP. Each table is made from its list in names.h. */
#include <string.h>

#include "sip/names.h"

/* clang-format off */
static const struct span methods[SIP_N_METHODS] = {
	[SIP_UNKNOWN] = { NULL, 0 },
#define X(m) [SIP_##m] = { #m, sizeof(#m) - 1 },
	SIP_METHODS(X)
#undef X
};

static const struct header {
	struct span name;
	char compact;
	bool single;
} headers[SIP_N_HEADERS] = {
	[SIP_H_OTHER] = { { NULL, 0 }, 0, false },
#define X(id, name, compact, single) [SIP_H_##id] = { { name, sizeof(name) - 1 }, compact, single },
	SIP_HEADERS(X)
#undef X
};

static const struct {
	struct span name, param;
	unsigned port;
} transports[SIP_N_TRANSPORTS] = {
	[SIP_T_UDP] = { { "UDP", 3 }, { "udp", 3 }, 5060 },
	[SIP_T_TCP] = { { "TCP", 3 }, { "tcp", 3 }, 5060 },
	[SIP_T_TLS] = { { "TLS", 3 }, { "tls", 3 }, 5061 },
	[SIP_T_WS]  = { { "WS", 2 },  { "ws", 2 },  5060 },
	[SIP_T_WSS] = { { "WSS", 3 }, { "wss", 3 }, 5061 },
};

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{ 100, "Trying" }, { 180, "Ringing" }, { 181, "Call Is Being Forwarded" },
	{ 182, "Queued" }, { 183, "Session Progress" }, { 199, "Early Dialog Terminated" },
	{ 200, "OK" }, { 202, "Accepted" }, { 204, "No Notification" },
	{ 300, "Multiple Choices" }, { 301, "Moved Permanently" }, { 302, "Moved Temporarily" },
	{ 305, "Use Proxy" }, { 380, "Alternative Service" },
	{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 402, "Payment Required" },
	{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" }, { 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" }, { 410, "Gone" }, { 412, "Conditional Request Failed" },
	{ 413, "Request Entity Too Large" }, { 414, "Request-URI Too Long" },
	{ 415, "Unsupported Media Type" }, { 416, "Unsupported URI Scheme" },
	{ 417, "Unknown Resource-Priority" }, { 420, "Bad Extension" },
	{ 421, "Extension Required" }, { 422, "Session Interval Too Small" },
	{ 423, "Interval Too Brief" }, { 428, "Use Identity Header" },
	{ 429, "Provide Referrer Identity" }, { 430, "Flow Failed" },
	{ 433, "Anonymity Disallowed" }, { 436, "Bad Identity-Info" },
	{ 437, "Unsupported Certificate" }, { 438, "Invalid Identity Header" },
	{ 439, "First Hop Lacks Outbound Support" }, { 440, "Max-Breadth Exceeded" },
	{ 469, "Bad Info Package" }, { 470, "Consent Needed" },
	{ 480, "Temporarily Unavailable" }, { 481, "Call/Transaction Does Not Exist" },
	{ 482, "Loop Detected" }, { 483, "Too Many Hops" }, { 484, "Address Incomplete" },
	{ 485, "Ambiguous" }, { 486, "Busy Here" }, { 487, "Request Terminated" },
	{ 488, "Not Acceptable Here" }, { 489, "Bad Event" }, { 491, "Request Pending" },
	{ 493, "Undecipherable" }, { 494, "Security Agreement Required" },
	{ 500, "Server Internal Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" },
	{ 503, "Service Unavailable" }, { 504, "Server Time-out" },
	{ 505, "Version Not Supported" }, { 513, "Message Too Large" },
	{ 580, "Precondition Failure" },
	{ 600, "Busy Everywhere" }, { 603, "Decline" }, { 604, "Does Not Exist Anywhere" },
	{ 606, "Not Acceptable" }, { 607, "Unwanted" }, { 608, "Rejected" },
};
/* clang-format on */

/*
 * Header names are found through a table of slots. The hash looks at the length and three letters;
 * its factors were chosen so that no two names of the list meet. Should a new name meet another, it
 * takes the next slot and the search goes one step further.
 */
enum { SLOTS = 256 };
static uint8_t slots[SLOTS];
static uint8_t compacts[26];
static bool ready;

static unsigned
lower(char c)
{
	return (unsigned char)c | 0x20;
}

static unsigned
slot_of(struct span name)
{
	unsigned n = (unsigned)name.len;

	return (n * 4 + lower(name.p[0]) * 19 + lower(name.p[n / 2]) * 23 +
		   lower(name.p[n - 1]) * 5) %
	       SLOTS;
}

static void
fill_slots(void)
{
	for (unsigned id = 1; id < SIP_N_HEADERS; id++) {
		unsigned at = slot_of(headers[id].name);

		while (slots[at] != SIP_H_OTHER)
			at = (at + 1) % SLOTS;
		slots[at] = (uint8_t)id;
		if (headers[id].compact != 0)
			compacts[headers[id].compact - 'a'] = (uint8_t)id;
	}
	ready = true;
}

enum sip_header_id
sip_header_of(struct span name)
{
	if (!ready)
		fill_slots();
	if (name.len < 2) {
		unsigned c = name.len == 1 ? lower(name.p[0]) - 'a' : 26;

		return c < 26 && name.p[0] >= 'A' ? compacts[c] : SIP_H_OTHER;
	}
	for (unsigned at = slot_of(name); slots[at] != SIP_H_OTHER; at = (at + 1) % SLOTS) {
		const struct span known = headers[slots[at]].name;

		if (known.len == name.len &&
		    (memcmp(known.p, name.p, name.len) == 0 || span_ieq(known, name)))
			return slots[at];
	}
	return SIP_H_OTHER;
}

struct span
sip_header_name(enum sip_header_id id)
{
	return (unsigned)id < SIP_N_HEADERS ? headers[id].name : SPAN_NONE;
}

bool
sip_header_single(enum sip_header_id id)
{
	return (unsigned)id < SIP_N_HEADERS && headers[id].single;
}

enum sip_method
sip_method_of(struct span text)
{
	for (unsigned m = 1; m < SIP_N_METHODS; m++)
		if (methods[m].len == text.len && memcmp(methods[m].p, text.p, text.len) == 0)
			return m;
	return SIP_UNKNOWN;
}

struct span
sip_method_name(enum sip_method m)
{
	return (unsigned)m < SIP_N_METHODS ? methods[m] : SPAN_NONE;
}

enum sip_transport
sip_transport_of(struct span text)
{
	for (unsigned t = 1; t < SIP_N_TRANSPORTS; t++)
		if (span_ieq(transports[t].name, text))
			return t;
	return SIP_T_NONE;
}

struct span
sip_transport_name(enum sip_transport t)
{
	return (unsigned)t < SIP_N_TRANSPORTS ? transports[t].name : SPAN_NONE;
}

struct span
sip_transport_param(enum sip_transport t)
{
	return (unsigned)t < SIP_N_TRANSPORTS ? transports[t].param : SPAN_NONE;
}

unsigned
sip_transport_port(enum sip_transport t)
{
	return t == SIP_T_TLS || t == SIP_T_WSS ? 5061 : 5060;
}

const char *
sip_reason(unsigned status)
{
	static const char *const classes[] = { "Session Progress", "OK", "Redirection",
		"Bad Request", "Server Failure", "Global Failure" };

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return status >= 100 && status < 700 ? classes[status / 100 - 1] : "Unknown";
}
