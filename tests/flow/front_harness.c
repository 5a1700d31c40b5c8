/*
 * The real front between sockets and rings, without an exchange: front_harness [PROGRAM [TORTURE_DIR]].
 * Prints a line for each case, ends with 0 when all are good. About twelve seconds, the longest time
 * limit of a front that is waited for.
 */
#include "front_cases.h"

#include <stdlib.h>
#include <string.h>

struct front_certs certs;
const char *torture_dir;

const char *
request(const char *method, const char *call_id, const char *via, const char *extra)
{
	static char text[4096];

	snprintf(text, sizeof(text),
	    "%s sip:bob@example.com SIP/2.0\r\n"
	    "Via: SIP/2.0/%s 127.0.0.1;rport;branch=z9hG4bK%s\r\n"
	    "Max-Forwards: 70\r\n"
	    "From: <sip:alice@example.com>;tag=a1\r\n"
	    "To: <sip:bob@example.com>\r\n"
	    "Call-ID: %s\r\n"
	    "CSeq: 1 %s\r\n"
	    "%s"
	    "Content-Length: 0\r\n\r\n",
	    method, via, call_id, call_id, method, extra);
	return text;
}

unsigned
worker_of(const struct rig *r, const char *call_id)
{
	return (unsigned)(hash_span(&r->exchange->token_key, span_str(call_id)) % 2);
}

bool
same_text(struct span got, const char *wanted)
{
	if (span_eq(got, span_str(wanted)))
		return true;
	printf("# got:\n%.*s\n# wanted:\n%s\n", SPAN_F(got), wanted);
	return false;
}

/* The connections of the last case are gone, and what was told of them has come: each ring is read up
 * to a request that was sent after. */
static void
settle(struct rig *r)
{
	static const char *const methods[N_OTHERS] = { "OPTIONS", "OPTIONS", "REGISTER" };
	int fd = peer_udp(r);

	rig_empty(r);
	rig_await_most(r, COUNT_LIVE_FLOWS, 2);
	for (unsigned who = 0; who < N_OTHERS; who++) {
		const struct sip_msg *m = NULL;
		char id[16] = "fence";
		const char *text;

		for (unsigned i = 0; who < REGISTRAR && worker_of(r, id) != who; i++)
			snprintf(id, sizeof(id), "fence%u", i);
		text = request(methods[who], id, "UDP", "");
		if (peer_send(fd, text, strlen(text)))
			m = rig_msg(r, who);
		if (m == NULL || !span_eq(sip_span(m, m->call_id), span_str(id)))
			printf("# no fence for %u\n", who);
	}
	close(fd);
}

static unsigned
run(struct rig *r, const struct front_case *list)
{
	unsigned failed = 0;

	for (; list->name != NULL; list++) {
		bool good;

		settle(r);
		good = list->run(r);
		printf("%s %s\n", good ? "ok" : "FAIL", list->name);
		fflush(stdout);
		failed += !good;
	}
	return failed;
}

static int
slow_connection(const struct rig *r, unsigned listener, const char *text)
{
	int fd = peer_tcp(r->ports[listener]);

	if (!peer_send(fd, text, strlen(text)))
		printf("# could not begin a slow connection\n");
	return fd;
}

/* Nothing may be kept for who never ends: ten seconds for a message and for a handshake. */
static unsigned
slow_ones(struct rig *r, int message, int handshake)
{
	bool good = peer_closed(message, 12000) && peer_closed(handshake, 5000);

	printf("%s a message or handshake that does not end is closed\n", good ? "ok" : "FAIL");
	good = good && rig_await_most(r, COUNT_LIVE_FLOWS, 0);
	close(message);
	close(handshake);
	return !good;
}

int
main(int argc, char **argv)
{
	static struct rig r;
	static char torture[512], roots[] = "/tmp/tandem-roots-XXXXXX";
	unsigned failed = 0;
	int message, handshake;

	if (argc > 2)
		snprintf(torture, sizeof(torture), "%s", argv[2]);
	else
		snprintf(torture, sizeof(torture), "%s/tests/torture",
		    getenv("srcdir") == NULL ? "." : getenv("srcdir"));
	torture_dir = torture;
	certs.roots_fd = mkstemp(roots);
	certs.good = cert_make("sip.test", "DNS:sip.test,DNS:*.wild.test");
	certs.stranger = cert_make("sip.test", "DNS:sip.test");
	cert_write(&certs.good, certs.roots_fd, -1);
	rig_make(&r);
	cert_write(&certs.good, r.certificate_fd, r.key_fd);
	rig_start(&r, argc > 1 ? argv[1] : "./front", roots);
	message = slow_connection(&r, LISTEN_TCP, "INVITE sip:bob@example.com SIP/2.0\r\nVia: ");
	handshake = slow_connection(&r, LISTEN_TLS, "\x16");
	failed += run(&r, udp_cases);
	failed += run(&r, stream_cases);
	failed += run(&r, connect_cases);
	failed += run(&r, tls_cases);
	failed += slow_ones(&r, message, handshake);
	if (rig_stop(&r) != 0) {
		printf("FAIL the front ends well\n");
		failed++;
	}
	rig_done(&r);
	unlink(roots);
	cert_done(&certs.good);
	cert_done(&certs.stranger);
	printf("%u failed\n", failed);
	return failed != 0;
}
