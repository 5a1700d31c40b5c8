/*
 * The load of the benches: callers and called phones, or phones that register, over UDP in one process.
 * It works on text and shares no code with what it measures. What it costs itself stays small because
 * it sends and receives in batches; its clock is the monotonic one, read when a batch came or goes.
 *
 * load.c      what was asked for, the loop, the report
 * load_uac.c  who calls or registers
 * load_uas.c  who is called
 * load_net.c  datagrams in batches
 * load_text.c headers of a message, digest answers
 */
#ifndef TANDEM_BENCH_LOAD_H
#define TANDEM_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_MAX = 2048, NET_BATCH = 64, TRIES = 7, LATENCIES = 1 << 20 };
#define MS 1000000ull
#define SECOND 1000000000ull

/* --- load_net.c -------------------------------------------------------------------------------- */

struct net {
	int fd;
	struct sockaddr_in own;
	char own_text[32];
	unsigned n_out;
	struct batch *in, *out;
};

uint64_t now_ns(void);
struct sockaddr_in address_of(const char *text); /* "127.0.0.2:5060"; ends the program when it is none */
void net_open(struct net *n, const char *address);
/* Room for one message to send; net_put then sends it at the next flush at the latest. */
char *net_room(struct net *n);
void net_put(struct net *n, size_t len, const struct sockaddr_in *to);
void net_flush(struct net *n);
/* How many came; each is a text with its end. */
unsigned net_receive(struct net *n);
char *net_text(struct net *n, unsigned i, struct sockaddr_in **from_r);

/* --- load_text.c ------------------------------------------------------------------------------- */

/* The value of the first header line of this name ("\nCall-ID:"), and its length; NULL without one. */
const char *header(const char *text, const char *name, size_t *len_r);
/* The header's value as a text of its own, cut to the room. */
bool header_copy(const char *text, const char *name, char *room, size_t size);
/* The URI between < and > of a header. */
bool header_uri(const char *text, const char *name, char *room, size_t size);
/* The number and the serial of a call, written as 12.345 at this place. */
bool read_id(const char *p, unsigned *slot_r, unsigned *serial_r);

struct credentials {
	const char *user, *password, *realm, *method, *uri;
};
/* The line of an answer to the MD5 challenge of a 401 or 407, with its line end; 0: there is none. */
size_t put_credentials(char *room, size_t size, const char *text, const struct credentials *c);

/* --- load.c ------------------------------------------------------------------------------------ */

enum state { FREE, INVITED, UP, LEAVING, REGISTERING };

struct call {
	unsigned serial;
	enum state state;
	bool rang, challenged;
	unsigned tries, called_tries; /* sendings of `request`, of `answer` */
	uint64_t began_ns, due_ns;    /* the first INVITE; when the request goes again, or the BYE goes */
	uint64_t called_due_ns;	      /* when the answer goes again; 0: never */
	unsigned cseq;
	unsigned next; /* in the list of free slots, or in the queue of those that are up */
	char tag_to[160], target[128], route[256];
	char request[TEXT_MAX], answer[TEXT_MAX];
	size_t request_len, answer_len;
	struct net *answer_by;
	struct sockaddr_in answer_to;
};

struct load {
	/* what was asked for */
	bool registers, keeps; /* keeps: calls stay up until standard input ends */
	unsigned rate, count, hold_ms, subscribers, first, limit_s;
	const char *prefix, *domain, *password;
	struct sockaddr_in server;
	struct net uac, uas;
	/* what goes on */
	struct call *calls;
	unsigned base, slots, free_head, up_head, up_tail, live, started;
	bool stopping;
	/* what came of it */
	unsigned good, failed, retransmitted, up, n_latencies;
	uint64_t begin_ns, last_start_ns;
	uint32_t *latency_us;
};

#define NONE UINT32_MAX

void call_failed(struct load *l, struct call *c, const char *why);
void call_done(struct load *l, struct call *c);
void call_is_up(struct load *l, struct call *c);
struct call *call_at(struct load *l, const char *id);

/* --- load_uac.c, load_uas.c -------------------------------------------------------------------- */

void uac_start(struct load *l, struct call *c);
void uac_leave(struct load *l, struct call *c);
void uac_response(struct load *l, const char *text);
void uac_again(struct load *l, struct call *c, uint64_t now);
/* `own`: where it came in; the answer goes out there. */
void uas_request(
    struct load *l, struct net *own, const char *text, const struct sockaddr_in *from);
void uas_again(struct load *l, struct call *c, uint64_t now);

#endif
