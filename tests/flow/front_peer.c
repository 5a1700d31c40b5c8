/* The peers of a front under test: plain sockets, and certificates made on the spot. */
#include "front_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static struct sockaddr_in
loopback(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static int
reach(int type, uint16_t port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		perror("peer");
		exit(2);
	}
	return fd;
}

int
peer_udp(const struct rig *r)
{
	return reach(SOCK_DGRAM, r->ports[LISTEN_UDP]);
}

int
peer_tcp(uint16_t port)
{
	return reach(SOCK_STREAM, port);
}

int
peer_listen(uint16_t *port_r, int backlog)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0 || listen(fd, backlog) != 0) {
		perror("peer");
		exit(2);
	}
	*port_r = ntohs(a.sin_port);
	return fd;
}

static bool
readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

int
peer_accept(int fd)
{
	return readable(fd, DEADLINE_MS) ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : -1;
}

bool
peer_send(int fd, const char *text, size_t len)
{
	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

size_t
peer_recv(int fd, char *text, size_t cap, int ms)
{
	ssize_t n = readable(fd, ms) ? recv(fd, text, cap - 1, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

bool
peer_recv_all(int fd, char *text, size_t len)
{
	size_t got = 0, n;

	while (got < len && (n = peer_recv(fd, text + got, len - got + 1, DEADLINE_MS)) > 0)
		got += n;
	return got == len;
}

bool
peer_closed(int fd, int ms)
{
	char scratch[4096];

	while (readable(fd, ms)) {
		ssize_t n = recv(fd, scratch, sizeof(scratch), 0);

		if (n <= 0)
			return n == 0 || errno == ECONNRESET;
	}
	return false;
}

/* --- certificates ------------------------------------------------------------------------------------ */

struct cert
cert_make(const char *name, const char *alternative)
{
	struct cert c = { X509_new(), EVP_EC_gen("P-256") };
	X509_NAME *subject = X509_get_subject_name(c.x509);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
	static long serial;

	X509_set_version(c.x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x509), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c.x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c.x509), 86400);
	X509_set_pubkey(c.x509, c.key);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(c.x509, subject);
	X509_add_ext(c.x509, san, -1);
	X509_EXTENSION_free(san);
	X509_sign(c.x509, c.key, EVP_sha256());
	return c;
}

static void
write_bio(BIO *bio, int fd)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);

	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) {
		perror("certificate");
		exit(2);
	}
	BIO_free(bio);
}

void
cert_write(const struct cert *c, int cert_fd, int key_fd)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (cert_fd >= 0) {
		PEM_write_bio_X509(bio, c->x509);
		write_bio(bio, cert_fd);
		bio = BIO_new(BIO_s_mem());
	}
	if (key_fd >= 0) {
		PEM_write_bio_PrivateKey(bio, c->key, NULL, NULL, 0, NULL, NULL);
		write_bio(bio, key_fd);
	} else {
		BIO_free(bio);
	}
}

void
cert_done(struct cert *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
}
