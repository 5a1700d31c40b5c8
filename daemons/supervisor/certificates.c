/*
 * The TLS listeners' certificates and keys. The supervisor alone can read the files: it checks them
 * and hands their text to the fronts in memfds, which a reload fills again.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/supervisor.h"

enum { PEM_MAX = 256 << 10 };

struct pem {
	char text[PEM_MAX];
	size_t len;
};

/* Too large for the stack; overwritten by each use, the key's wiped after it. */
static struct pem certificate, key;

static enum err
pem_read(const char *path, struct pem *p)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	p->len = 0;
	if (fd < 0)
		return ERR_IO;
	while (n > 0 && p->len < PEM_MAX) {
		n = read(fd, p->text + p->len, PEM_MAX - p->len);
		if (n > 0)
			p->len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	close(fd);
	if (n < 0)
		return ERR_IO;
	errno = EFBIG;
	return p->len == PEM_MAX ? ERR_RANGE : ERR_NONE;
}

/* An encrypted key cannot be had: there is nobody to ask for its passphrase. */
static int
no_passphrase(char *text, int size, int writing, void *ctx)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

static const char *
pair_fault(void)
{
	BIO *c = BIO_new_mem_buf(certificate.text, (int)certificate.len);
	BIO *k = BIO_new_mem_buf(key.text, (int)key.len);
	X509 *x = c == NULL ? NULL : PEM_read_bio_X509(c, NULL, no_passphrase, NULL);
	EVP_PKEY *p = k == NULL ? NULL : PEM_read_bio_PrivateKey(k, NULL, no_passphrase, NULL);
	const char *fault = NULL;

	if (x == NULL)
		fault = "certificate: has no certificate in PEM";
	else if (p == NULL)
		fault = "private_key: has no private key in PEM (without a passphrase)";
	else if (X509_check_private_key(x, p) != 1)
		fault = "private_key: does not belong to the certificate";
	else if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
		log_warn("a certificate has expired");
	ERR_clear_error();
	X509_free(x);
	EVP_PKEY_free(p);
	BIO_free(c);
	BIO_free(k);
	return fault;
}

/* Leaves the pair's text in `certificate` and `key` when it is good. */
static enum err
pair_load(const struct settings_file *f, unsigned i, char *why, size_t cap)
{
	const char *c = f->tls[i].certificate, *k = f->tls[i].private_key, *fault;

	if (pem_read(c, &certificate) != ERR_NONE) {
		snprintf(why, cap, "listen[%u].certificate: %s: %s", i, c, strerror(errno));
		return ERR_IO;
	}
	if (pem_read(k, &key) != ERR_NONE) {
		snprintf(why, cap, "listen[%u].private_key: %s: %s", i, k, strerror(errno));
		return ERR_IO;
	}
	fault = pair_fault();
	if (fault == NULL)
		return ERR_NONE;
	snprintf(why, cap, "listen[%u].%s", i, fault);
	return ERR_SYNTAX;
}

static void
wipe(void)
{
	explicit_bzero(key.text, sizeof(key.text));
}

enum err
certificates_check(const struct settings_file *f, char *why, size_t cap)
{
	enum err e = ERR_NONE;

	for (unsigned i = 0; e == ERR_NONE && i < f->settings.n_listeners; i++)
		if (f->settings.listeners[i].transport == SIP_T_TLS)
			e = pair_load(f, i, why, cap);
	wipe();
	return e;
}

static int
memfd_new(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		fatal(errno, "memfd %s", name);
	return fd;
}

/* A front reads these when it starts and when the version of the settings rises, which is after. */
static void
memfd_fill(int fd, const struct pem *p)
{
	if (ftruncate(fd, 0) != 0 || pwrite(fd, p->text, p->len, 0) != (ssize_t)p->len)
		log_error("a certificate could not be handed on", LOG_I64("errno", errno));
}

void
certificates_refresh(struct supervisor *s, const struct settings_file *f)
{
	char why[512];

	for (unsigned i = 0; i < f->settings.n_listeners; i++) {
		if (s->tls[i].certificate < 0)
			continue;
		if (pair_load(f, i, why, sizeof(why)) == ERR_NONE) {
			memfd_fill(s->tls[i].certificate, &certificate);
			memfd_fill(s->tls[i].key, &key);
		} else {
			log_error("certificate kept as it was", LOG_STR("why", why));
		}
	}
	wipe();
}

void
certificates_open(struct supervisor *s)
{
	memset(s->tls, -1, sizeof(s->tls));
	for (unsigned i = 0; i < s->file.settings.n_listeners; i++) {
		if (s->file.settings.listeners[i].transport != SIP_T_TLS)
			continue;
		s->tls[i].certificate = memfd_new("certificate");
		s->tls[i].key = memfd_new("private_key");
	}
	certificates_refresh(s, &s->file);
}
