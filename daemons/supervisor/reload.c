/*
 * SIGHUP: the file is read and checked whole, then put in force with one store; a bad file changes
 * nothing. What the running processes were made for (sockets, memory, their number) stays as it was
 * until a restart, and a line for each such key says so.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "supervisor/supervisor.h"

static void
keep(const char *key, void *new, const void *old, size_t size)
{
	if (memcmp(new, old, size) == 0)
		return;
	log_warn("a change waits for a restart", LOG_STR("key", key));
	memcpy(new, old, size);
}

#define KEEP(key, member) keep(key, &f->member, &old->member, sizeof(f->member))

static void
keep_listeners(struct settings_file *f, const struct settings_file *old)
{
	bool same = f->settings.n_listeners == old->settings.n_listeners &&
		    memcmp(f->settings.listeners, old->settings.listeners,
			sizeof(f->settings.listeners)) == 0;

	if (same) /* the certificates may be other files now */
		return;
	log_warn("a change waits for a restart", LOG_STR("key", "listen"));
	f->settings.n_listeners = old->settings.n_listeners;
	memcpy(f->settings.listeners, old->settings.listeners, sizeof(f->settings.listeners));
	memcpy(f->tls, old->tls, sizeof(f->tls));
}

static void
keep_fixed(struct settings_file *f, const struct settings_file *old)
{
	keep_listeners(f, old);
	KEEP("database", database);
	KEEP("run_dir", run_dir);
	KEEP("spool_dir", spool_dir);
	KEEP("processes.fronts", settings.processes.fronts);
	KEEP("processes.workers", settings.processes.workers);
	KEEP("limits.calls", settings.limits.calls);
	KEEP("limits.subscribers", settings.limits.subscribers);
	KEEP("limits.bindings", settings.limits.bindings);
	KEEP("limits.subscriptions", settings.limits.subscriptions);
	KEEP("limits.connections", settings.limits.connections);
	KEEP("limits.connections_per_source", settings.limits.connections_per_source);
	KEEP("limits.rate_per_source", settings.limits.rate_per_source);
	KEEP("limits.burst_per_source", settings.limits.burst_per_source);
	KEEP("user", settings.user);
	KEEP("node", settings.node);
	KEEP("socket_buffer", settings.socket_buffer);
}

static enum err
certificates_of(const struct supervisor *s, const struct settings_file *f, char *why, size_t cap)
{
	char what[512];
	enum err e = certificates_check(f, what, sizeof(what));

	if (e != ERR_NONE)
		settings_fault(s->config_path, what, why, cap);
	return e;
}

enum err
reload(struct supervisor *s, char *why, size_t cap)
{
	static struct settings_file f; /* too large for the stack */
	enum err e;

	notify_reloading(s);
	e = settings_read(s->config_path, &f, why, cap);
	if (e == ERR_NONE)
		e = certificates_of(s, &f, why, cap);
	if (e == ERR_NONE) {
		keep_fixed(&f, &s->file);
		s->file = f;
		certificates_refresh(s, &s->file);
		settings_publish(s);
		log_info("settings are in force", LOG_STR("file", s->config_path),
		    LOG_U64("version", s->exchange->settings_version));
	} else {
		log_error("reload refused, nothing was changed", LOG_STR("why", why));
	}
	notify_ready(s);
	return e;
}
