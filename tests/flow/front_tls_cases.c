/* TLS: handshakes both ways, names, and what is not TLS. */
#include "front_cases.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/err.h>

static const char text[] = "OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n";

struct peer {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

static void
limit_time(int fd)
{
	struct timeval tv = { .tv_sec = DEADLINE_MS / 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static void
hang_up(struct peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	close(p->fd);
	ERR_clear_error();
}

/* A client that trusts this certificate only and wants this name. */
static bool
call(const struct rig *r, struct peer *p, const struct cert *root, const char *name)
{
	p->ctx = SSL_CTX_new(TLS_client_method());
	X509_STORE_add_cert(SSL_CTX_get_cert_store(p->ctx), root->x509);
	SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER, NULL);
	p->ssl = SSL_new(p->ctx);
	SSL_set1_host(p->ssl, name);
	p->fd = peer_tcp(r->ports[LISTEN_TLS]);
	limit_time(p->fd);
	SSL_set_fd(p->ssl, p->fd);
	return SSL_connect(p->ssl) == 1;
}

/* A server that shows this certificate to who connects. */
static bool
serve(struct peer *p, int listening, const struct cert *c)
{
	p->fd = peer_accept(listening);
	if (p->fd < 0)
		return false;
	p->ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(p->ctx, c->x509);
	SSL_CTX_use_PrivateKey(p->ctx, c->key);
	p->ssl = SSL_new(p->ctx);
	limit_time(p->fd);
	SSL_set_fd(p->ssl, p->fd);
	return SSL_accept(p->ssl) == 1;
}

static bool
read_exactly(struct peer *p, const char *wanted)
{
	char got[512];
	size_t len = 0;

	while (len < strlen(wanted)) {
		int n = SSL_read(p->ssl, got + len, (int)(sizeof(got) - len));

		if (n <= 0)
			return false;
		len += (size_t)n;
	}
	return same_text(span_of(got, len), wanted);
}

static bool
write_text(struct peer *p, const char *t)
{
	return SSL_write(p->ssl, t, (int)strlen(t)) == (int)strlen(t);
}

/* A request over this connection, and its answer. */
static bool
exchange(struct rig *r, struct peer *p, const char *id)
{
	const struct sip_msg *m;

	want(write_text(p, request("REGISTER", id, "TLS", "")));
	want((m = rig_msg(r, REGISTRAR)) != NULL && m->flow.transport == SIP_T_TLS);
	rig_send(r, REGISTRAR,
	    &(struct rig_out){ .conn = m->flow.conn, .transport = SIP_T_TLS, .text = text });
	want(read_exactly(p, text));
	return true;
}

static bool
accepted(struct rig *r)
{
	struct peer p;
	const char *req;
	char half[64];

	want(call(r, &p, &certs.good, "sip.test"));
	want(SSL_version(p.ssl) >= TLS1_2_VERSION);
	want(exchange(r, &p, "tls1"));
	/* A message in two records, and the ping. */
	req = request("REGISTER", "tls2", "TLS", "");
	memcpy(half, req, sizeof(half) - 1);
	half[sizeof(half) - 1] = '\0';
	want(write_text(&p, half) && write_text(&p, req + sizeof(half) - 1));
	want(rig_msg(r, REGISTRAR) != NULL);
	want(write_text(&p, "\r\n\r\n") && read_exactly(&p, "\r\n"));
	want(SSL_shutdown(p.ssl) >= 0);
	hang_up(&p);
	return true;
}

static bool
old_versions(struct rig *r)
{
	uint64_t failed = rig_count(r, COUNT_TLS_FAILED);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = peer_tcp(r->ports[LISTEN_TLS]);

	SSL_set_min_proto_version(ssl, TLS1_VERSION);
	SSL_set_max_proto_version(ssl, TLS1_1_VERSION);
	SSL_set_security_level(ssl, 0);
	SSL_set_cipher_list(ssl, "ALL:@SECLEVEL=0");
	limit_time(fd);
	SSL_set_fd(ssl, fd);
	want(SSL_connect(ssl) != 1);
	want(rig_await(r, COUNT_TLS_FAILED, failed + 1));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	ERR_clear_error();
	return true;
}

static bool
plain_text(struct rig *r)
{
	uint64_t failed = rig_count(r, COUNT_TLS_FAILED);
	const char *req = request("OPTIONS", "plain", "TLS", "");
	int fd = peer_tcp(r->ports[LISTEN_TLS]);

	want(peer_send(fd, req, strlen(req)));
	want(peer_closed(fd, DEADLINE_MS));
	want(rig_await(r, COUNT_TLS_FAILED, failed + 1));
	close(fd);
	return true;
}

static bool
dialled(struct rig *r)
{
	uint16_t port;
	int l = peer_listen(&port, 8);
	struct rig_out o = { .transport = SIP_T_TLS, .port = port, .text = text, .ticket = 4 };
	struct peer p, other;

	o.host = "SIP.test";
	rig_send(r, WORKER_0, &o);
	want(serve(&p, l, &certs.good) && read_exactly(&p, text));
	/* The same name: the same connection. Another, though it may be the same machine: its own. */
	o.host = "sip.test";
	rig_send(r, WORKER_1, &o);
	want(read_exactly(&p, text));
	o.host = "a.wild.test";
	rig_send(r, WORKER_1, &o);
	want(serve(&other, l, &certs.good) && read_exactly(&other, text));
	hang_up(&other);
	hang_up(&p);
	close(l);
	return true;
}

static bool
denied_to(struct rig *r, const struct cert *c, const char *host)
{
	uint16_t port;
	int l = peer_listen(&port, 8);
	const struct wire_flow_down *d = (const struct wire_flow_down *)r->record;
	struct rig_out o = { .transport = SIP_T_TLS, .port = port, .text = text, .ticket = 66 };
	struct peer p;
	char got[64];

	o.host = host;
	rig_empty(r);
	rig_send(r, WORKER_0, &o);
	/* With TLS 1.3 the server is done before the client has refused; then it reads its alert. */
	if (serve(&p, l, c))
		want(SSL_read(p.ssl, got, sizeof(got)) <= 0);
	hang_up(&p);
	want(rig_next(r, WORKER_0, DEADLINE_MS));
	want(r->record_type == WIRE_FLOW_DOWN && d->ticket == 66 && d->why == ERR_DENIED);
	close(l);
	return true;
}

static bool
denied(struct rig *r)
{
	want(denied_to(r, &certs.stranger, "sip.test"));
	want(denied_to(r, &certs.good, "other.test"));
	want(denied_to(r, &certs.good, "b.a.wild.test"));
	want(
	    denied_to(r, &certs.good, NULL)); /* then it must name the address, which it does not */
	return true;
}

static bool
dialled_plain(struct rig *r)
{
	uint16_t port;
	int l = peer_listen(&port, 8), fd;
	const struct wire_flow_down *d = (const struct wire_flow_down *)r->record;

	rig_send(r, WORKER_0,
	    &(struct rig_out){ .transport = SIP_T_TLS,
		.port = port,
		.text = text,
		.ticket = 8,
		.host = "sip.test" });
	want((fd = peer_accept(l)) >= 0);
	want(peer_send(fd, text, sizeof(text) - 1));
	want(peer_closed(fd, DEADLINE_MS));
	want(rig_next(r, WORKER_0, DEADLINE_MS));
	want(d->ticket == 8);
	close(fd);
	close(l);
	return true;
}

/* A new certificate is shown to who comes next; who is there stays; a bad one changes nothing. */
static bool
renewed(struct rig *r)
{
	struct peer before, after;

	want(call(r, &before, &certs.good, "sip.test"));
	cert_write(&certs.stranger, r->certificate_fd, r->key_fd);
	rig_reload(r);
	want(call(r, &after, &certs.stranger, "sip.test"));
	want(exchange(r, &before, "before") && exchange(r, &after, "after"));
	hang_up(&after);
	want(ftruncate(r->certificate_fd, 10) == 0);
	rig_reload(r);
	want(call(r, &after, &certs.stranger, "sip.test"));
	hang_up(&after);
	cert_write(&certs.good, r->certificate_fd, r->key_fd);
	rig_reload(r);
	want(call(r, &after, &certs.good, "sip.test"));
	want(exchange(r, &before, "still"));
	hang_up(&after);
	hang_up(&before);
	return true;
}

const struct front_case tls_cases[] = {
	{ "TLS accepted: messages both ways, split, ping", accepted },
	{ "TLS before 1.2 is refused", old_versions },
	{ "plain text on the TLS port is closed", plain_text },
	{ "TLS dialled: verified, shared only for the same name", dialled },
	{ "TLS dialled: a stranger, another name, no name: denied", denied },
	{ "TLS dialled: no TLS there, no falling back", dialled_plain },
	{ "a new certificate is for new connections", renewed },
	{ NULL, NULL },
};
