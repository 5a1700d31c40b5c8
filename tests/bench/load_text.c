/* Headers of a message as text, and the answer to a digest challenge (RFC 7616, MD5). */
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

const char *
header(const char *text, const char *name, size_t *len_r)
{
	const char *p = strstr(text, name);

	if (p == NULL)
		return NULL;
	p += strlen(name);
	while (*p == ' ')
		p++;
	*len_r = strcspn(p, "\r\n");
	return p;
}

bool
header_copy(const char *text, const char *name, char *room, size_t size)
{
	size_t len;
	const char *p = header(text, name, &len);

	if (p == NULL || len >= size)
		return false;
	memcpy(room, p, len);
	room[len] = '\0';
	return true;
}

bool
header_uri(const char *text, const char *name, char *room, size_t size)
{
	size_t len;
	const char *p = header(text, name, &len), *begin, *end;

	if (p == NULL || (begin = memchr(p, '<', len)) == NULL)
		return false;
	end = memchr(begin, '>', len - (size_t)(begin - p));
	if (end == NULL || (size_t)(end - begin) > size)
		return false;
	memcpy(room, begin + 1, (size_t)(end - begin - 1));
	room[end - begin - 1] = '\0';
	return true;
}

bool
read_id(const char *p, unsigned *slot_r, unsigned *serial_r)
{
	char *end;

	*slot_r = (unsigned)strtoul(p, &end, 10);
	if (end == p || *end != '.')
		return false;
	*serial_r = (unsigned)strtoul(end + 1, NULL, 10);
	return true;
}

/* --- digest ------------------------------------------------------------------------------------ */

static void
md5(char hex[33], const char *fmt, ...)
{
	static const EVP_MD *algorithm;
	unsigned char sum[EVP_MAX_MD_SIZE];
	char text[1024];
	va_list ap;
	int len;

	if (algorithm == NULL)
		algorithm = EVP_MD_fetch(NULL, "MD5", NULL);
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	EVP_Digest(text, (size_t)len, sum, NULL, algorithm, NULL);
	for (unsigned i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

/* A quoted parameter of the challenge, as text. */
static bool
parameter(const char *challenge, const char *name, char *room, size_t size)
{
	const char *p = strstr(challenge, name);
	size_t len;

	if (p == NULL)
		return false;
	p += strlen(name);
	len = strcspn(p, "\"");
	if (len >= size)
		return false;
	memcpy(room, p, len);
	room[len] = '\0';
	return true;
}

/* The challenge with MD5, or with no algorithm, which means MD5. */
static bool
md5_challenge(const char *text, const char *name, char *room, size_t size)
{
	while ((text = strstr(text, name)) != NULL) {
		if (!header_copy(text, name, room, size))
			return false;
		if (strstr(room, "algorithm=") == NULL || strstr(room, "algorithm=MD5") != NULL)
			return true;
		text++;
	}
	return false;
}

size_t
put_credentials(char *room, size_t size, const char *text, const struct credentials *c)
{
	bool proxy = strstr(text, "\nProxy-Authenticate:") != NULL;
	char challenge[512], nonce[256], opaque[128], ha1[33], ha2[33], answer[33];
	bool qop;
	int len;

	if (!md5_challenge(text, proxy ? "\nProxy-Authenticate:" : "\nWWW-Authenticate:", challenge,
		sizeof(challenge)) ||
	    !parameter(challenge, "nonce=\"", nonce, sizeof(nonce)))
		return 0;
	qop = strstr(challenge, "qop=") != NULL;
	md5(ha1, "%s:%s:%s", c->user, c->realm, c->password);
	md5(ha2, "%s:%s", c->method, c->uri);
	if (qop)
		md5(answer, "%s:%s:00000001:0a4f113b:auth:%s", ha1, nonce, ha2);
	else
		md5(answer, "%s:%s:%s", ha1, nonce, ha2);
	len = snprintf(room, size,
	    "%sAuthorization: Digest username=\"%s\",realm=\"%s\",nonce=\"%s\",uri=\"%s\","
	    "response=\"%s\",algorithm=MD5%s",
	    proxy ? "Proxy-" : "", c->user, c->realm, nonce, c->uri, answer,
	    qop ? ",qop=auth,nc=00000001,cnonce=\"0a4f113b\"" : "");
	if (parameter(challenge, "opaque=\"", opaque, sizeof(opaque)))
		len += snprintf(room + len, size - (size_t)len, ",opaque=\"%s\"", opaque);
	len += snprintf(room + len, size - (size_t)len, "\r\n");
	return (size_t)len;
}
