/* The settings, for all to see: beside the copy in force, then switched over with one store. */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

void
settings_publish(struct supervisor *s)
{
	struct exchange *x = s->exchange;
	uint32_t version = x->settings_version + 1;

	x->settings_size = sizeof(struct settings);
	for (unsigned i = 0; i < 2; i++)
		x->settings_at[i] =
		    (uint32_t)(sizeof(struct exchange) + i * sizeof(struct settings));
	memcpy((char *)x + x->settings_at[version % 2], &s->file.settings, sizeof(struct settings));
	__atomic_store_n(&x->settings_version, version, __ATOMIC_RELEASE);
	__atomic_store_n(
	    &s->nonces->lifetime_s, s->file.settings.registrar.nonce_s, __ATOMIC_RELAXED);
	log_level_set((enum log_level)s->file.settings.log_level);
	bells_kick(s);
}

void
settings_fault(const char *file, const char *what, char *why, size_t cap)
{
	char key[64], where[PATH_MAX + 32];
	struct buf b = buf_on(where, sizeof(where) - 1);

	snprintf(key, sizeof(key), "%.*s", (int)strcspn(what, ":"), what);
	config_where(file, key, &b);
	snprintf(why, cap, "%.*s%s", SPAN_F(buf_span(&b)), what);
}

/* 0, 0: the daemons stay whoever started tandemd, because it is not root or is told so. */
enum err
settings_user(const struct settings *c, uid_t *uid_r, gid_t *gid_r, char *why, size_t cap)
{
	const struct passwd *p;

	*uid_r = 0;
	*gid_r = 0;
	if (geteuid() != 0)
		return ERR_NONE;
	p = getpwnam(c->user);
	if (p == NULL) {
		snprintf(why, cap,
		    "user: there is no user %s (adduser --system --group %s, or set user)", c->user,
		    c->user);
		return ERR_ABSENT;
	}
	*uid_r = p->pw_uid;
	*gid_r = p->pw_gid;
	return ERR_NONE;
}
