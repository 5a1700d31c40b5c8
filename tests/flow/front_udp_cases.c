/* Datagrams: who gets them, what is answered, what is not. */
#include "front_cases.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "sip/token.h"

static size_t
send_text(int fd, const char *text)
{
	return peer_send(fd, text, strlen(text)) ? strlen(text) : 0;
}

static void
put_token(const struct rig *r, char *text, enum token_kind kind, handle h)
{
	struct buf b = buf_on(text, TOKEN_LEN);

	token_put(&b, &r->exchange->token_key, kind, h);
	text[TOKEN_LEN] = '\0';
}

static bool
new_request(struct rig *r)
{
	int fd = peer_udp(r);
	const struct sip_msg *m;
	char id[16];

	for (unsigned i = 0; i < 8; i++) {
		snprintf(id, sizeof(id), "call%u", i);
		want(send_text(fd, request("INVITE", id, "UDP", "")));
		m = rig_msg(r, worker_of(r, id));
		want(m != NULL && m->request && m->method == SIP_INVITE);
		want(span_eq(sip_span(m, m->call_id), span_str(id)));
		want(m->flow.transport == SIP_T_UDP && m->flow.listener == LISTEN_UDP);
		want(m->flow.conn == 0 && m->flow.peer.ip[0] == 127 && m->flow.peer.port != 0);
		want(m->flow.local.ip[3] == 1 && m->flow.local.port == r->ports[LISTEN_UDP]);
		want(m->at_ns != 0);
	}
	want(send_text(fd, request("REGISTER", "reg", "UDP", "")));
	want((m = rig_msg(r, REGISTRAR)) != NULL && m->method == SIP_REGISTER);
	close(fd);
	return true;
}

static bool
send_response(struct rig *r, int fd, enum token_kind kind, handle h)
{
	char token[TOKEN_LEN + 1], text[512];

	put_token(r, token, kind, h);
	snprintf(text, sizeof(text),
	    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK%s.7\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
	    "Content-Length: 0\r\n\r\n",
	    token);
	return send_text(fd, text) > 0;
}

static bool
responses(struct rig *r)
{
	uint64_t unmatched = rig_count(r, COUNT_UNMATCHED);
	int fd = peer_udp(r);
	const struct sip_msg *m;

	for (unsigned who = 0; who < N_OTHERS; who++) {
		want(send_response(r, fd, TOKEN_BRANCH, handle_make(rig_proc(who), 5, 77)));
		want((m = rig_msg(r, who)) != NULL && !m->request && m->status == 200);
	}
	/* Of another kind; of a worker there is not; of a process that takes no SIP. */
	want(send_response(r, fd, TOKEN_CONTACT, handle_make(rig_proc(0), 5, 77)));
	want(send_response(r, fd, TOKEN_BRANCH, handle_make(rig_proc(9), 5, 77)));
	want(send_response(r, fd, TOKEN_BRANCH, handle_make(2, 5, 77)));
	want(rig_await(r, COUNT_UNMATCHED, unmatched + 3));
	close(fd);
	return true;
}

static bool
in_dialog(struct rig *r)
{
	static const char *const before[] = { "sip:",
		"sip:other@example.net SIP/2.0\r\nRoute: <sip:" };
	static const char *const after[] = { "@127.0.0.1 SIP/2.0", "-x@127.0.0.1;lr>" };
	char token[TOKEN_LEN + 1], text[1024];
	const struct sip_msg *m;
	int fd = peer_udp(r);

	for (unsigned i = 0; i < 2 * N_OTHERS; i++) {
		unsigned who = i / 2;

		put_token(r, token, TOKEN_CONTACT, handle_make(rig_proc(who), 9, 3));
		snprintf(text, sizeof(text),
		    "BYE %s%s%s\r\n"
		    "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKq\r\n"
		    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: y\r\n"
		    "CSeq: 2 BYE\r\n\r\n",
		    before[i % 2], token, after[i % 2]);
		want(send_text(fd, text));
		want((m = rig_msg(r, who)) != NULL && m->method == SIP_BYE);
	}
	close(fd);
	return true;
}

/* Byte for byte, and the same for the retransmission. */
static bool
malformed(struct rig *r)
{
	static const char text[] = "INVITE sip:bob@example.com SIP/2.0\r\n"
				   "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKm\r\n"
				   "From: <sip:alice@example.com>;tag=a1\r\n"
				   "To: <sip:bob@example.com>\r\n"
				   "CSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n";
	char got[2048], again[2048], expected[2048];
	int fd = peer_udp(r);
	const char *tag;
	char port[8];

	want(send_text(fd, text));
	want(peer_recv(fd, got, sizeof(got), DEADLINE_MS) > 0);
	want((tag = strstr(got, "To: <sip:bob@example.com>;tag=")) != NULL);
	want(strstr(got, "rport=") != NULL);
	snprintf(port, sizeof(port), "%.*s", (int)strspn(strstr(got, "rport=") + 6, "0123456789"),
	    strstr(got, "rport=") + 6);
	snprintf(expected, sizeof(expected),
	    "SIP/2.0 400 Missing Call-ID header\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1:5060;rport=%s;branch=z9hG4bKm;received=127.0.0.1\r\n"
	    "From: <sip:alice@example.com>;tag=a1\r\n"
	    "To: <sip:bob@example.com>;tag=%.16s\r\n"
	    "CSeq: 7 INVITE\r\n"
	    "Content-Length: 0\r\n\r\n",
	    port, tag + 30);
	want(same_text(span_str(got), expected));
	want(send_text(fd, text));
	want(peer_recv(fd, again, sizeof(again), DEADLINE_MS) > 0);
	want(same_text(span_str(again), got));
	close(fd);
	return true;
}

#define QUIET(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

/* Each is followed by a request whose record shows that it was passed over in silence. */
static bool
silence(struct rig *r)
{
	static const struct span quiet[] = {
		QUIET("\r\n"),
		QUIET("\r\n\r\n"),
		QUIET("\0\0\0\0"),
		QUIET("\0"),
		QUIET("\x00\x01\x00\x00\x21\x12\xa4\x42"
		      "abcdefghijkl"),
		QUIET("garbage without end"),
		QUIET("ACK sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKz\r\n"
		      "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCSeq: 1 ACK\r\n\r\n"),
		QUIET("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKz\r\n\r\n"),
		QUIET("INVITE sip:b@c SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\n\r\n"),
	};
	int fd = peer_udp(r);
	char got[1024], id[16];

	for (unsigned i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
		want(peer_send(fd, quiet[i].p, quiet[i].len));
		snprintf(id, sizeof(id), "fence%u", i);
		want(send_text(fd, request("OPTIONS", id, "UDP", "")));
		want(rig_msg(r, worker_of(r, id)) != NULL);
	}
	want(peer_recv(fd, got, sizeof(got), 50) == 0);
	close(fd);
	return true;
}

/* New requests are sent away before the ring is full; what belongs to a dialog is not. */
static bool
full_ring(struct rig *r)
{
	static char text[32000];
	char got[1024], token[TOKEN_LEN + 1];
	int fd = peer_udp(r);
	uint64_t shed = rig_count(r, COUNT_SHED);
	struct ring *ring = &r->from_front[WORKER_0];

	put_token(r, token, TOKEN_CONTACT, handle_make(rig_proc(WORKER_0), 1, 1));
	snprintf(text, sizeof(text),
	    "INFO sip:%s@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKq\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: y\r\nCSeq: 2 INFO\r\n\r\n",
	    token);
	memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 1);
	while (ring_fill(ring) < ring->size / 4 * 3)
		want(send_text(fd, text) && (usleep(200), true));
	for (unsigned i = 0; i < 16; i++) {
		char id[16];

		snprintf(id, sizeof(id), "full%u", i);
		if (worker_of(r, id) != WORKER_0)
			continue;
		want(send_text(fd, request("INVITE", id, "UDP", "")));
		want(peer_recv(fd, got, sizeof(got), DEADLINE_MS) > 0);
		want(strncmp(got, "SIP/2.0 503 Service Unavailable\r\n", 33) == 0);
		want(strstr(got, "\r\nRetry-After: ") != NULL);
	}
	/* The reserve, and then silence: its sender will come again. */
	want(rig_count(r, COUNT_SHED) > shed);
	shed = rig_count(r, COUNT_SHED);
	for (unsigned i = 0; i < 100 && rig_count(r, COUNT_SHED) == shed; i++)
		want(send_text(fd, text) && (usleep(1000), true));
	want(rig_await(r, COUNT_SHED, shed + 1));
	want(ring_fill(ring) > ring->size / 16 * 15);
	want(peer_recv(fd, got, sizeof(got), 50) == 0);
	rig_empty(r);
	want(send_text(fd, request("INVITE", "room", "UDP", "")));
	want(rig_msg(r, worker_of(r, "room")) != NULL);
	close(fd);
	return true;
}

static bool
no_worker(struct rig *r)
{
	struct process_row *rows = r->exchange->rows;
	int fd = peer_udp(r);
	char got[1024], text[1024], token[TOKEN_LEN + 1];

	rows[rig_proc(0)].state = rows[rig_proc(1)].state = PROCESS_THROTTLED;
	want(send_text(fd, request("INVITE", "gone", "UDP", "")));
	want(peer_recv(fd, got, sizeof(got), DEADLINE_MS) > 0);
	want(strncmp(got, "SIP/2.0 503 ", 12) == 0);
	want(send_text(fd, request("ACK", "gone", "UDP", "")));
	want(peer_recv(fd, got, sizeof(got), 50) == 0);
	/* In a dialog 503 would end one side of it: nothing is said, and it comes again. */
	put_token(r, token, TOKEN_CONTACT, handle_make(rig_proc(WORKER_0), 1, 1));
	snprintf(text, sizeof(text),
	    "BYE sip:%s@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKb\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: b\r\nCSeq: 2 BYE\r\n\r\n",
	    token);
	want(send_text(fd, text));
	want(peer_recv(fd, got, sizeof(got), 50) == 0);
	/* One that died is started again: its ring goes on taking. */
	rows[rig_proc(0)].state = rows[rig_proc(1)].state = PROCESS_DIED;
	want(send_text(fd, request("INVITE", "soon", "UDP", "")));
	want(rig_msg(r, worker_of(r, "soon")) != NULL);
	rows[rig_proc(0)].state = rows[rig_proc(1)].state = PROCESS_RUNNING;
	close(fd);
	return true;
}

/* The ACK of what the front itself refused ends there; with any other tag it is a worker's. */
static bool
refusal_acked(struct rig *r)
{
	struct process_row *rows = r->exchange->rows;
	unsigned worker = worker_of(r, "away");
	char got[1024], text[1024], tags[2][17];
	const char *at;
	const struct sip_msg *m;
	int fd = peer_udp(r);

	rows[rig_proc(0)].state = rows[rig_proc(1)].state = PROCESS_THROTTLED;
	want(send_text(fd, request("INVITE", "away", "UDP", "")));
	want(peer_recv(fd, got, sizeof(got), DEADLINE_MS) > 0);
	rows[rig_proc(0)].state = rows[rig_proc(1)].state = PROCESS_RUNNING;
	at = strstr(got, "To: <sip:bob@example.com>;tag=");
	want(at != NULL);
	for (unsigned i = 0; i < 2; i++)
		snprintf(tags[i], sizeof(tags[i]), "%.16s", strchr(at, '=') + 1);
	tags[1][15] = tags[1][15] == '0' ? '1' : '0';
	for (unsigned i = 0; i < 2; i++) {
		snprintf(text, sizeof(text),
		    "ACK sip:bob@example.com SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKaway\r\nMax-Forwards: 70\r\n"
		    "From: <sip:alice@example.com>;tag=a1\r\nTo: <sip:bob@example.com>;tag=%s\r\n"
		    "Call-ID: away\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
		    tags[i]);
		want(send_text(fd, text));
	}
	m = rig_msg(r, worker);
	want(m != NULL && m->method == SIP_ACK);
	want(span_eq(sip_span(m, m->to_tag), span_str(tags[1])));
	close(fd);
	return true;
}

static bool
flood(struct rig *r)
{
	int fd = peer_udp(r);
	char text[1400];
	uint32_t seed = 1;
	bool heard = false;

	for (unsigned i = 0; i < 20000; i++) {
		size_t len = (seed >> 8) % sizeof(text);

		for (size_t k = 0; k < len; k++) {
			seed = seed * 1664525u + 1013904223u;
			text[k] = (char)(seed >> 24);
		}
		(void)peer_send(fd, text, len);
	}
	/* The kernel may have thrown away what came last: asked again, as over UDP one has to. */
	for (unsigned i = 0; i < 50 && !heard; i++) {
		want(send_text(fd, request("OPTIONS", "after", "UDP", "")));
		heard = rig_next(r, worker_of(r, "after"), 100);
	}
	want(heard);
	rig_empty(r);
	close(fd);
	return true;
}

/* The messages of RFC 4475 and RFC 5118; which verdict each gets is the parser's own test. */
static bool
torture(struct rig *r)
{
	DIR *dir = torture_dir == NULL ? NULL : opendir(torture_dir);
	char path[512], text[65000];
	struct dirent *entry;
	int fd = peer_udp(r);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		int file;
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", torture_dir, entry->d_name);
		if (strstr(path, ".dat") == NULL || (file = open(path, O_RDONLY)) < 0)
			continue;
		n = read(file, text, sizeof(text));
		close(file);
		for (ssize_t len = n; len > 0; len -= 37)
			(void)peer_send(fd, text, (size_t)len);
		rig_empty(r);
	}
	if (dir != NULL)
		closedir(dir);
	close(fd);
	usleep(10000);
	rig_empty(r);
	return flood(r);
}

const struct front_case udp_cases[] = {
	{ "new requests: Call-ID chooses the worker, REGISTER goes to the registrar", new_request },
	{ "responses: the branch names who waits, others are dropped", responses },
	{ "in a dialog: Request-URI or Route name the owner", in_dialog },
	{ "malformed: 400 byte for byte, the same again", malformed },
	{ "keep-alives, garbage, ACK, responses: silence", silence },
	{ "full ring: 503 for the new, the reserve for the old", full_ring },
	{ "no worker: 503, never to an ACK", no_worker },
	{ "the ACK of a refusal goes no further", refusal_acked },
	{ "torture messages and random bytes", torture },
	{ NULL, NULL },
};
