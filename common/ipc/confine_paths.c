/*
 * What a confined process can still read, by Landlock: the system's own files and the roots of certificates. It is
 * the same user as the store, whose spool holds the digests of all passwords.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "ipc/confine.h"

static const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

/* Certificates and their hashed links, shared objects that are loaded late; where resolv.conf may lead. */
static const char *const system_paths[] = { "/etc", "/usr", "/lib", "/lib64",
	"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager" };

/* What is not there need not be read. */
static void
allow_path(int rules, const char *path)
{
	struct landlock_path_beneath_attr beneath = { .allowed_access = reading };

	beneath.parent_fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
	if (beneath.parent_fd < 0)
		return;
	(void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	close(beneath.parent_fd);
}

/* OpenSSL's SSL_CERT_FILE, which may be replaced by another of its name, and SSL_CERT_DIR. */
static void
allow_named(int rules, const char *variable, bool is_file)
{
	const char *value = getenv(variable);
	char *path = value == NULL ? NULL : strdup(value), *slash;

	slash = path == NULL ? NULL : strrchr(path, '/');
	if (is_file && slash != NULL)
		slash[slash == path] = '\0';
	if (path != NULL && path[0] == '/')
		allow_path(rules, path);
	free(path);
}

void
confine_paths(const char *who)
{
	const struct landlock_ruleset_attr handled = { .handled_access_fs = reading };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);

	if (rules < 0) {
		log_info("the kernel has no Landlock: files are kept from nobody by it",
		    LOG_STR("role", who), LOG_I64("errno", errno));
		return;
	}
	for (size_t i = 0; i < sizeof(system_paths) / sizeof(system_paths[0]); i++)
		allow_path(rules, system_paths[i]);
	allow_named(rules, "SSL_CERT_FILE", true);
	allow_named(rules, "SSL_CERT_DIR", false);
	if (syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		fatal(errno, "keeping files from the %s", who);
	close(rules);
}
