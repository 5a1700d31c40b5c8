/*
 * A subscriber's password: taken, made, and turned into the digests that are kept. It is never stored
 * and never shown, but for one that was made here: once, to whoever asked for the subscriber.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/rand.h"
#include "ctl/ctl.h"
#include "sip/digest.h"

int
password_check(struct ctl *c, const char *password)
{
	if (*password == '\0' || strlen(password) > PASSWORD_MAX)
		return ctl_refuse(c, "password: it has 1 to %d bytes", (int)PASSWORD_MAX);
	for (const char *p = password; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return ctl_refuse(c, "password: it has control characters");
	}
	return CTL_DONE;
}

int
password_given(struct ctl *c, char password_r[PASSWORD_MAX + 1], bool *given_r)
{
	char line[PASSWORD_MAX + 4] = "";
	int status;

	*given_r = c->password_stdin || c->password != NULL;
	if (!*given_r)
		return CTL_DONE;
	if (c->password_stdin && c->password != NULL)
		return ctl_usage(c, "--password and --password-stdin: one of them");
	if (c->password_stdin) {
		if (fgets(line, sizeof(line), stdin) == NULL)
			return ctl_refuse(c, "password: nothing came on standard input");
		line[strcspn(line, "\r\n")] = '\0';
	}
	status = password_check(c, c->password_stdin ? line : c->password);
	if (status == CTL_DONE)
		span_cstr(
		    span_str(c->password_stdin ? line : c->password), password_r, PASSWORD_MAX + 1);
	return status;
}

void
password_make(char password_r[PASSWORD_MAX + 1])
{
	/* Without what is mistaken for something else when it is typed on a phone. 20 of 54: 115 bits. */
	static const char letters[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

	for (int i = 0; i < 20; i++)
		password_r[i] = letters[rand_below(sizeof(letters) - 1)];
	password_r[20] = '\0';
}

static void
one(enum digest_algorithm a, const struct name *name, const char *password, struct buf *b)
{
	uint8_t ha1[32];

	digest_ha1(a, span_str(name->text), span_str(name->realm), span_str(password), ha1);
	buf_hex(b, ha1, digest_size(a));
	buf_char(b, '\0');
	must(buf_ok(b));
}

void
password_ha1(const struct name *name, const char *password, struct password_ha1 *ha1_r)
{
	struct buf md5 = buf_on(ha1_r->md5, sizeof(ha1_r->md5));
	struct buf sha256 = buf_on(ha1_r->sha256, sizeof(ha1_r->sha256));
	struct buf sha512_256 = buf_on(ha1_r->sha512_256, sizeof(ha1_r->sha512_256));

	one(DIGEST_MD5, name, password, &md5);
	one(DIGEST_SHA256, name, password, &sha256);
	one(DIGEST_SHA512_256, name, password, &sha512_256);
}
