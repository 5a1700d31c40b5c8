/*
 * TLS (RFC 3261 26.2, RFC 5922): 1.2 or newer, no renegotiation. An accepted connection shows the
 * certificate of its listener and asks for none. One that we make goes on only if the chain leads
 * to a root this system trusts and the certificate names the host that was asked for; there is no
 * way back to TCP. A name may match a wildcard in its first label only.
 *
 * Certificates are read again when the settings change: new handshakes show the new one,
 * connections that are up go on with theirs.
 */
#include "front/front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { PEM_BYTES_MAX = 256 << 10 };

/* --- certificates --------------------------------------------------------------------------- */

/* The file's bytes; pread, because all fronts share one file offset. */
static BIO *
read_file(const struct child *c, unsigned listener, const char *what, char **text_r, size_t *len_r)
{
	char name[40];
	struct buf b = buf_on(name, sizeof(name));
	struct stat st;
	int fd;
	BIO *bio = NULL;

	*text_r = NULL;
	*len_r = 0;
	buf_printf(&b, "tls.%u.%s", listener, what);
	buf_char(&b, '\0');
	fd = buf_ok(&b) ? child_file(c, name) : -1;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= PEM_BYTES_MAX &&
	    (*text_r = malloc((size_t)st.st_size)) != NULL &&
	    pread(fd, *text_r, (size_t)st.st_size, 0) == st.st_size) {
		*len_r = (size_t)st.st_size;
		bio = BIO_new_mem_buf(*text_r, (int)*len_r);
	}
	close(fd);
	return bio;
}

static void
forget_file(BIO *bio, char *text, size_t len)
{
	BIO_free(bio);
	if (text != NULL)
		OPENSSL_cleanse(text, len);
	free(text);
}

/* The certificate and what stands behind it of its chain. */
static bool
use_certificate(SSL_CTX *ctx, BIO *bio)
{
	X509 *x = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
	bool good = x != NULL && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	while (good && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (SSL_CTX_add0_chain_cert(ctx, x) != 1) {
			X509_free(x);
			good = false;
		}
	ERR_clear_error(); /* the end of the file is an error to PEM_read */
	return good;
}

static bool
use_key(SSL_CTX *ctx, BIO *bio)
{
	EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	bool good = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
		    SSL_CTX_check_private_key(ctx) == 1;

	EVP_PKEY_free(key);
	return good;
}

static SSL_CTX *
context(void)
{
	static const unsigned char id[] = "tandem";
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(
	    ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets carry it instead */
	SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
	return ctx;
}

static SSL_CTX *
listener_context(const struct child *c, unsigned listener)
{
	SSL_CTX *ctx = context();
	char *cert_text, *key_text;
	size_t cert_len, key_len;
	BIO *cert = read_file(c, listener, "certificate", &cert_text, &cert_len);
	BIO *key = read_file(c, listener, "key", &key_text, &key_len);
	bool good = ctx != NULL && use_certificate(ctx, cert) && use_key(ctx, key);

	forget_file(cert, cert_text, cert_len);
	forget_file(key, key_text, key_len);
	if (good)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* SSL_CERT_FILE and SSL_CERT_DIR are honoured by OpenSSL. */
static SSL_CTX *
client_context(void)
{
	SSL_CTX *ctx = context();

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_default_verify_paths(ctx) != 1)
		log_warn("no trusted roots for outgoing TLS");
	ERR_clear_error();
	return ctx;
}

static void
replace(SSL_CTX **place, SSL_CTX *ctx)
{
	SSL_CTX_free(*place); /* connections that use it hold it */
	*place = ctx;
}

void
tls_load(struct front *f, bool first)
{
	SSL_CTX *ctx = client_context();

	if (ctx == NULL && first)
		fatal(ENOMEM, "TLS");
	if (ctx != NULL)
		replace(&f->tls.client, ctx);
	for (unsigned i = 0; i < LISTENERS_MAX; i++) {
		if (f->child.stream[i] < 0 || f->settings->listeners[i].transport != SIP_T_TLS)
			continue;
		ctx = listener_context(&f->child, i);
		if (ctx != NULL)
			replace(&f->tls.listener[i], ctx);
		else if (first)
			fatal(0, "the certificate or key of listener %u cannot be used", i);
		else
			log_error("certificate or key cannot be used, the old one stays",
			    LOG_U64("listener", i));
		ERR_clear_error();
	}
}

void
tls_unload(struct front *f)
{
	replace(&f->tls.client, NULL);
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		replace(&f->tls.listener[i], NULL);
}

/* --- the row -------------------------------------------------------------------------------- */

/* What the peer's certificate must name: an address, or a host, which is then asked for (SNI). */
static bool
expect(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct netaddr ip;

	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (netaddr_ip(span_str(host), &ip) == ERR_NONE)
		return X509_VERIFY_PARAM_set1_ip(param, ip.ip, ip.family == 4 ? 4 : 16) == 1;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static enum err
begin(struct conn *c)
{
	struct tls *t = &c->front->tls;
	SSL_CTX *ctx = c->outgoing ? t->client : t->listener[c->flow.listener];

	c->ssl = ctx == NULL ? NULL : SSL_new(ctx);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->watch.fd) != 1)
		return ERR_FULL;
	if (!c->outgoing) {
		SSL_set_accept_state(c->ssl);
		return ERR_NONE;
	}
	SSL_set_connect_state(c->ssl);
	return c->host != NULL && expect(c->ssl, c->host) ? ERR_NONE : ERR_DENIED;
}

static enum err
outcome(struct conn *c, int returned)
{
	switch (SSL_get_error(c->ssl, returned)) {
	case SSL_ERROR_WANT_READ:
		return ERR_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		c->want_out = true;
		return ERR_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return ERR_CLOSED;
	default:
		ERR_clear_error();
		return ERR_IO;
	}
}

/* Scanners make no line in the log; a peer of ours that cannot be had does. */
static void
log_failed(const struct conn *c, long verified)
{
	if (c->outgoing)
		log_warn("TLS handshake failed", LOG_ADDR("peer", &c->flow.peer),
		    LOG_STR("host", c->host == NULL ? "" : c->host),
		    LOG_STR("verify", X509_verify_cert_error_string(verified)));
	else
		log_debug("TLS handshake failed", LOG_ADDR("peer", &c->flow.peer));
}

static enum err
shake(struct conn *c)
{
	long verified;
	enum err e;
	int n;

	ERR_clear_error();
	n = SSL_do_handshake(c->ssl);
	if (n == 1)
		return ERR_NONE;
	e = outcome(c, n);
	if (e == ERR_AGAIN)
		return e;
	front_count(c->front, COUNT_TLS_FAILED);
	verified = c->outgoing ? SSL_get_verify_result(c->ssl) : X509_V_OK;
	log_failed(c, verified);
	return verified == X509_V_OK ? e : ERR_DENIED;
}

static enum err
tls_read(struct conn *c, void *p, size_t cap, size_t *n_r)
{
	ERR_clear_error();
	/* The caller has room for the largest record, so nothing stays behind in the library where
	 * epoll would not see it. */
	if (SSL_read_ex(c->ssl, p, cap, n_r) == 1)
		return ERR_NONE;
	return outcome(c, 0);
}

static enum err
tls_write(struct conn *c, const void *p, size_t len, size_t *n_r)
{
	ERR_clear_error();
	if (SSL_write_ex(c->ssl, p, len, n_r) == 1)
		return ERR_NONE;
	return outcome(c, 0);
}

static void
end(struct conn *c)
{
	if (c->ssl == NULL)
		return;
	ERR_clear_error();
	if (SSL_is_init_finished(c->ssl) && c->why != ERR_IO)
		(void)SSL_shutdown(c->ssl); /* its alert goes out if it can; nobody waits */
	ERR_clear_error();
	SSL_free(c->ssl);
	c->ssl = NULL;
}

const struct transport transport_tls = {
	.id = SIP_T_TLS,
	.begin = begin,
	.shake = shake,
	.read = tls_read,
	.write = tls_write,
	.end = end,
	.frame = sip_frame,
};
