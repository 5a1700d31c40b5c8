/* TCP: framing, keep-alives, limits, and the ends of connections. */
#include "front_cases.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

static bool
send_text(int fd, const char *text)
{
	return peer_send(fd, text, strlen(text));
}

static const struct sip_msg *
take(struct rig *r, const char *call_id)
{
	const struct sip_msg *m = rig_msg(r, worker_of(r, call_id));

	return m != NULL && span_eq(sip_span(m, m->call_id), span_str(call_id)) ? m : NULL;
}

static bool
split(struct rig *r)
{
	int fd = peer_tcp(r->ports[LISTEN_TCP]), on = 1;
	const char *text = request("INVITE", "split", "TCP", "");
	const struct sip_msg *m;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (size_t i = 0; i < strlen(text); i++)
		want(peer_send(fd, text + i, 1));
	want((m = take(r, "split")) != NULL);
	want(m->flow.transport == SIP_T_TCP && m->flow.listener == LISTEN_TCP);
	want(handle_owner(m->flow.conn) == 16);
	want(m->flow.local.port == r->ports[LISTEN_TCP]);
	close(fd);
	return true;
}

static bool
coalesced(struct rig *r)
{
	int fd = peer_tcp(r->ports[LISTEN_TCP]);
	const char *const ids[] = { "one", "two", "three" };
	char text[8192] = "";
	size_t cut;

	for (unsigned i = 0; i < 3; i++) {
		strcat(text, request("OPTIONS", ids[i], "TCP", ""));
		strcat(text, "\r\n");
	}
	cut = strlen(text) - 100;
	want(peer_send(fd, text, cut));
	want(take(r, "one") != NULL && take(r, "two") != NULL);
	want(send_text(fd, text + cut));
	want(take(r, "three") != NULL);
	close(fd);
	return true;
}

static bool
ping(struct rig *r)
{
	int fd = peer_tcp(r->ports[LISTEN_TCP]);
	char got[64];

	want(send_text(fd, "\r\n\r\n"));
	want(peer_recv(fd, got, sizeof(got), DEADLINE_MS) == 2 && strcmp(got, "\r\n") == 0);
	want(send_text(fd, "\r\n") && send_text(fd, "\r\n"));
	want(peer_recv(fd, got, sizeof(got), DEADLINE_MS) == 2 && strcmp(got, "\r\n") == 0);
	/* A ping and a request in one piece: both are seen. */
	want(send_text(fd, "\r\n\r\n") && send_text(fd, request("OPTIONS", "ping", "TCP", "")));
	want(peer_recv(fd, got, sizeof(got), DEADLINE_MS) == 2);
	want(take(r, "ping") != NULL);
	close(fd);
	return true;
}

/* The answer comes whole, then the end, even though more was sent than was read. */
static bool
broken(struct rig *r)
{
	static const char text[] = "INVITE sip:bob@example.com SIP/2.0\r\n"
				   "Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKnocl\r\n"
				   "From: <sip:alice@example.com>;tag=a1\r\n"
				   "To: <sip:bob@example.com>;tag=b\r\n"
				   "Call-ID: nocl\r\nCSeq: 1 INVITE\r\n\r\n";
	static const char expected[] = "SIP/2.0 400 Missing Content-Length header\r\n"
				       "Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKnocl\r\n"
				       "From: <sip:alice@example.com>;tag=a1\r\n"
				       "To: <sip:bob@example.com>;tag=b\r\n"
				       "Call-ID: nocl\r\nCSeq: 1 INVITE\r\n"
				       "Content-Length: 0\r\n\r\n";
	int fd = peer_tcp(r->ports[LISTEN_TCP]);
	char got[2048];

	want(send_text(fd, text) && send_text(fd, "trailing bytes that nobody reads"));
	want(peer_recv_all(fd, got, sizeof(expected) - 1));
	want(same_text(span_str(got), expected));
	shutdown(fd, SHUT_WR);
	want(peer_closed(fd, DEADLINE_MS));
	close(fd);
	fd = peer_tcp(r->ports[LISTEN_TCP]);
	want(send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
	want(peer_closed(fd, DEADLINE_MS));
	close(fd);
	return true;
}

/* Malformed, but it is known where it ends: the connection goes on. */
static bool
refused_and_on(struct rig *r)
{
	int fd = peer_tcp(r->ports[LISTEN_TCP]);
	char got[2048];

	want(send_text(fd, request("INVITE", "on", "TCP", "From: <sip:a@b>;tag=2\r\n")));
	want(peer_recv(fd, got, sizeof(got), DEADLINE_MS) > 0);
	want(strncmp(got, "SIP/2.0 400 Repeated From header\r\n", 34) == 0);
	want(send_text(fd, request("INVITE", "goes", "TCP", "")));
	want(take(r, "goes") != NULL);
	close(fd);
	return true;
}

/* Everybody hears of the end of a connection that a message came from. */
static bool
flow_down(struct rig *r)
{
	int fd = peer_tcp(r->ports[LISTEN_TCP]);
	const struct sip_msg *m;
	const struct wire_flow_down *d = (const struct wire_flow_down *)r->record;
	handle conn;

	want(send_text(fd, request("REGISTER", "down", "TCP", "")));
	want((m = rig_msg(r, REGISTRAR)) != NULL);
	conn = m->flow.conn;
	rig_empty(r);
	close(fd);
	for (unsigned who = 0; who < N_OTHERS; who++) {
		want(rig_next(r, who, DEADLINE_MS));
		want(r->record_type == (who == REGISTRAR ? WIRE_FLOW_DOWN_R : WIRE_FLOW_DOWN));
		want(d->conn == conn && d->ticket == 0 && d->why == ERR_CLOSED);
	}
	/* One that never said anything is nobody's business. */
	fd = peer_tcp(r->ports[LISTEN_TCP]);
	close(fd);
	want(!rig_next(r, WORKER_0, 50));
	return true;
}

static bool
answer(struct rig *r)
{
	static const char text[] = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n";
	int fd = peer_tcp(r->ports[LISTEN_TCP]);
	const struct sip_msg *m;
	char got[256];

	want(send_text(fd, request("REGISTER", "answer", "TCP", "")));
	want((m = rig_msg(r, REGISTRAR)) != NULL);
	rig_send(r, REGISTRAR,
	    &(struct rig_out){ .conn = m->flow.conn, .transport = SIP_T_TCP, .text = text });
	want(peer_recv_all(fd, got, sizeof(text) - 1));
	want(same_text(span_str(got), text));
	close(fd);
	return true;
}

/* The cap of a source: those beyond it are hung up on. */
static bool
source_cap(struct rig *r)
{
	enum { CALLERS = 20, CAP = 12 };
	uint64_t refused = rig_count(r, COUNT_CONNECTIONS_REFUSED);
	unsigned alive = 0;
	int fds[CALLERS];
	bool good;

	r->settings->limits.connections_per_source = CAP;
	rig_reload(r);
	for (unsigned i = 0; i < CALLERS; i++)
		fds[i] = peer_tcp(r->ports[LISTEN_TCP]);
	good = rig_await(r, COUNT_CONNECTIONS_REFUSED, refused + CALLERS - CAP);
	for (unsigned i = 0; i < CALLERS; i++)
		alive += !peer_closed(fds[i], 1);
	for (unsigned i = 0; i < CALLERS; i++)
		close(fds[i]);
	r->settings->limits.connections_per_source = 100;
	rig_reload(r);
	want(good && alive > 0 && alive <= CAP);
	return true;
}

static uint64_t
cpu_ticks(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		&system) != 2)
		user = system = 0;
	fclose(f);
	return user + system;
}

/* More callers than descriptors: some are hung up on, nothing spins, and it goes on afterwards. */
static bool
with_descriptors(struct rig *r, unsigned limit)
{
	enum { CALLERS = 95 };
	struct rlimit old, few = { .rlim_cur = limit };
	uint64_t refused = rig_count(r, COUNT_CONNECTIONS_REFUSED), ticks;
	int fds[CALLERS];

	want(prlimit(r->pid, RLIMIT_NOFILE, NULL, &old) == 0);
	few.rlim_max = old.rlim_max;
	want(prlimit(r->pid, RLIMIT_NOFILE, &few, NULL) == 0);
	for (unsigned i = 0; i < CALLERS; i++)
		fds[i] = peer_tcp(r->ports[LISTEN_TCP]);
	want(rig_await(r, COUNT_CONNECTIONS_REFUSED, refused + 1));
	ticks = cpu_ticks(r->pid);
	usleep(500000);
	want(cpu_ticks(r->pid) - ticks < 20);
	want(prlimit(r->pid, RLIMIT_NOFILE, &old, NULL) == 0);
	for (unsigned i = 0; i < CALLERS; i++)
		close(fds[i]);
	fds[0] = peer_tcp(r->ports[LISTEN_TCP]);
	want(send_text(fds[0], request("OPTIONS", "again", "TCP", "")));
	want(take(r, "again") != NULL);
	close(fds[0]);
	return true;
}

static bool
no_descriptors(struct rig *r)
{
	/* With the one kept in reserve, and with not even that. */
	return with_descriptors(r, 40) && with_descriptors(r, 4);
}

/* A peer that does not read is left when too much waits for it. */
static bool
slow_reader(struct rig *r)
{
	static char text[30000];
	int fd = peer_tcp(r->ports[LISTEN_TCP]);
	const struct wire_flow_down *d = (const struct wire_flow_down *)r->record;
	const struct sip_msg *m;
	handle conn;

	memset(text, 'x', sizeof(text) - 1);
	want(send_text(fd, request("OPTIONS", "reader", "TCP", "")));
	want((m = take(r, "reader")) != NULL);
	conn = m->flow.conn;
	rig_empty(r);
	for (unsigned i = 0; i < 1000; i++) {
		if (rig_next(r, WORKER_0, 1))
			break;
		rig_send(r, WORKER_0,
		    &(struct rig_out){ .conn = conn, .transport = SIP_T_TCP, .text = text });
	}
	want(r->record_type == WIRE_FLOW_DOWN && d->conn == conn && d->why == ERR_FULL);
	close(fd);
	rig_empty(r);
	return true;
}

static bool
garbage(struct rig *r)
{
	char text[1000];
	int fd;

	for (unsigned i = 0; i < 300; i++) {
		fd = peer_tcp(r->ports[i % 2 == 0 ? LISTEN_TCP : LISTEN_TLS]);
		for (size_t k = 0; k < sizeof(text); k++)
			text[k] = (char)(k * i * 2654435761u >> 13);
		(void)peer_send(fd, text, i * 3);
		if (i % 3 == 0)
			(void)send_text(fd, "\r\n\r\n");
		close(fd);
	}
	fd = peer_tcp(r->ports[LISTEN_TCP]);
	want(send_text(fd, request("OPTIONS", "alive", "TCP", "")));
	want(take(r, "alive") != NULL);
	close(fd);
	return true;
}

const struct front_case stream_cases[] = {
	{ "a message byte by byte", split },
	{ "messages in one piece, and a part of the next", coalesced },
	{ "CRLFCRLF is answered by CRLF", ping },
	{ "no Content-Length: 400 byte for byte, then closed; HTTP is closed", broken },
	{ "a refused message does not end the connection", refused_and_on },
	{ "the end of a connection is told to all", flow_down },
	{ "an answer goes back on its connection", answer },
	{ "connections of one source are limited", source_cap },
	{ "out of descriptors: callers are hung up on, nothing spins", no_descriptors },
	{ "a reader that is too slow is left", slow_reader },
	{ "garbage and hasty goodbyes", garbage },
	{ NULL, NULL },
};
