/*
 * The fixed words of SIP: methods, header names, schemes, transports, option tags. Each word stands
 * once, in a list here; a number is what travels between processes.
 */
#ifndef TANDEM_SIP_NAMES_H
#define TANDEM_SIP_NAMES_H

#include "base/span.h"

#define SIP_METHODS(X)                                                                             \
	X(INVITE) X(ACK) X(BYE) X(CANCEL) X(OPTIONS) X(REGISTER) X(INFO) X(UPDATE) X(PRACK)        \
	X(REFER) X(SUBSCRIBE) X(NOTIFY) X(MESSAGE) X(PUBLISH)

/* The numbers stand in journals (model/ladder.h): a new method comes last. */
enum sip_method {
	SIP_UNKNOWN, /* any other token; the text tells */
#define X(m) SIP_##m,
	SIP_METHODS(X)
#undef X
	SIP_N_METHODS
};

/* id, name, compact form (0: none), may it stand only once in a message */
#define SIP_HEADERS(X)                                                                             \
	X(ACCEPT, "Accept", 0, 0)                                                                  \
	X(ACCEPT_CONTACT, "Accept-Contact", 'a', 0)                                                \
	X(ACCEPT_ENCODING, "Accept-Encoding", 0, 0)                                                \
	X(ACCEPT_LANGUAGE, "Accept-Language", 0, 0)                                                \
	X(ALERT_INFO, "Alert-Info", 0, 0)                                                          \
	X(ALLOW, "Allow", 0, 0)                                                                    \
	X(ALLOW_EVENTS, "Allow-Events", 'u', 0)                                                    \
	X(ANSWER_MODE, "Answer-Mode", 0, 1)                                                        \
	X(AUTHORIZATION, "Authorization", 0, 0)                                                    \
	X(CALL_ID, "Call-ID", 'i', 1)                                                              \
	X(CALL_INFO, "Call-Info", 0, 0)                                                            \
	X(CONTACT, "Contact", 'm', 0)                                                              \
	X(CONTENT_DISPOSITION, "Content-Disposition", 0, 1)                                        \
	X(CONTENT_ENCODING, "Content-Encoding", 'e', 0)                                            \
	X(CONTENT_LANGUAGE, "Content-Language", 0, 0)                                              \
	X(CONTENT_LENGTH, "Content-Length", 'l', 1)                                                \
	X(CONTENT_TYPE, "Content-Type", 'c', 1)                                                    \
	X(CSEQ, "CSeq", 0, 1)                                                                      \
	X(DATE, "Date", 0, 1)                                                                      \
	X(DIVERSION, "Diversion", 0, 0)                                                            \
	X(EVENT, "Event", 'o', 1)                                                                  \
	X(EXPIRES, "Expires", 0, 1)                                                                \
	X(FROM, "From", 'f', 1)                                                                    \
	X(HISTORY_INFO, "History-Info", 0, 0)                                                      \
	X(IDENTITY, "Identity", 'y', 0)                                                            \
	X(IN_REPLY_TO, "In-Reply-To", 0, 0)                                                        \
	X(INFO_PACKAGE, "Info-Package", 0, 1)                                                      \
	X(JOIN, "Join", 0, 1)                                                                      \
	X(MAX_FORWARDS, "Max-Forwards", 0, 1)                                                      \
	X(MIME_VERSION, "MIME-Version", 0, 1)                                                      \
	X(MIN_EXPIRES, "Min-Expires", 0, 1)                                                        \
	X(MIN_SE, "Min-SE", 0, 1)                                                                  \
	X(ORGANIZATION, "Organization", 0, 1)                                                      \
	X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0, 0)                                        \
	X(P_EARLY_MEDIA, "P-Early-Media", 0, 0)                                                    \
	X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0, 0)                                      \
	X(PATH, "Path", 0, 0)                                                                      \
	X(PRIORITY, "Priority", 0, 1)                                                              \
	X(PRIVACY, "Privacy", 0, 0)                                                                \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0, 0)                                          \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0, 0)                                        \
	X(PROXY_REQUIRE, "Proxy-Require", 0, 0)                                                    \
	X(RACK, "RAck", 0, 1)                                                                      \
	X(REASON, "Reason", 0, 0)                                                                  \
	X(RECV_INFO, "Recv-Info", 0, 0)                                                            \
	X(RECORD_ROUTE, "Record-Route", 0, 0)                                                      \
	X(REFER_SUB, "Refer-Sub", 0, 1)                                                            \
	X(REFER_TO, "Refer-To", 'r', 1)                                                            \
	X(REFERRED_BY, "Referred-By", 'b', 1)                                                      \
	X(REMOTE_PARTY_ID, "Remote-Party-ID", 0, 0)                                                \
	X(REPLACES, "Replaces", 0, 1)                                                              \
	X(REQUIRE, "Require", 0, 0)                                                                \
	X(RETRY_AFTER, "Retry-After", 0, 1)                                                        \
	X(ROUTE, "Route", 0, 0)                                                                    \
	X(RSEQ, "RSeq", 0, 1)                                                                      \
	X(SERVER, "Server", 0, 1)                                                                  \
	X(SERVICE_ROUTE, "Service-Route", 0, 0)                                                    \
	X(SESSION_EXPIRES, "Session-Expires", 'x', 1)                                              \
	X(SESSION_ID, "Session-ID", 0, 1)                                                          \
	X(SIP_ETAG, "SIP-ETag", 0, 1)                                                              \
	X(SIP_IF_MATCH, "SIP-If-Match", 0, 1)                                                      \
	X(SUBJECT, "Subject", 's', 1)                                                              \
	X(SUBSCRIPTION_STATE, "Subscription-State", 0, 1)                                          \
	X(SUPPORTED, "Supported", 'k', 0)                                                          \
	X(TARGET_DIALOG, "Target-Dialog", 0, 1)                                                    \
	X(TIMESTAMP, "Timestamp", 0, 1)                                                            \
	X(TO, "To", 't', 1)                                                                        \
	X(UNSUPPORTED, "Unsupported", 0, 0)                                                        \
	X(USER_AGENT, "User-Agent", 0, 1)                                                          \
	X(VIA, "Via", 'v', 0)                                                                      \
	X(WARNING, "Warning", 0, 0)                                                                \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", 0, 0)

enum sip_header_id {
	SIP_H_OTHER, /* unknown: kept with its name */
#define X(id, name, compact, single) SIP_H_##id,
	SIP_HEADERS(X)
#undef X
	SIP_N_HEADERS
};

enum sip_transport { SIP_T_NONE, SIP_T_UDP, SIP_T_TCP, SIP_T_TLS, SIP_T_WS, SIP_T_WSS, SIP_N_TRANSPORTS };

enum sip_scheme { SIP_S_OTHER, SIP_S_SIP, SIP_S_SIPS, SIP_S_TEL };

/* Methods are compared with case (RFC 3261 7.1), header names, transports and schemes without. */
enum sip_method sip_method_of(struct span text);
struct span sip_method_name(enum sip_method m);
enum sip_header_id sip_header_of(struct span name);
struct span sip_header_name(enum sip_header_id id);
bool sip_header_single(enum sip_header_id id);
enum sip_transport sip_transport_of(struct span text);
struct span sip_transport_name(enum sip_transport t); /* "UDP" */
struct span sip_transport_param(enum sip_transport t); /* "udp" */
static inline bool
sip_transport_reliable(enum sip_transport t)
{
	return t > SIP_T_UDP;
}
unsigned sip_transport_port(enum sip_transport t);     /* 5060 or 5061 */
/* The reason phrase of RFC 3261 21 and its extensions; a class's phrase for others. */
const char *sip_reason(unsigned status);

#endif
