/*
 * tandem.conf(5) into struct settings. The file is read into a plain struct of texts and numbers by a
 * table (base/config.h), then turned into addresses. It is read twice: whether two keys go together
 * can be judged only when all are known, and only the reader knows the line of each, so the checks
 * that compare keys are silent the first time.
 */
#include "model/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/config_salvage.h"
#include "model/location.h"
#include "model/settings_database.h"
#include "model/settings_host.h"
#include "sip/uri.h"

#define MIB (1 << 20)

enum { ADVERTISE = SETTINGS_HOST + 8, ADDRESS = 64, CALLS_PER_WORKER = 800000, DNS_PORT = 53 };

struct file_listener {
	uint8_t transport; /* index into transports[] */
	uint16_t port;	   /* 0: the transport's */
	char address[ADDRESS], advertise[ADVERTISE];
	char certificate[PATH_MAX], private_key[PATH_MAX];
};

struct file {
	struct settings_file out; /* what needs no turning */
	struct file_listener listen[LISTENERS_MAX];
	uint32_t n_listen, n_trusted, n_dns;
	char trusted[TRUSTED_MAX][ADDRESS];
	char dns[DNS_SERVERS_MAX][ADDRESS];
};

/* What is being read, and in the second reading what the first gave (else NULL). */
static struct file reading, first;
static const struct file *whole;

static const char *const transports[] = { "udp", "tcp", "tls", NULL };
static const enum sip_transport transport_ids[] = { SIP_T_UDP, SIP_T_TCP, SIP_T_TLS };
static const char *const fork_call_ids[] = { "shared", "unique", NULL };
static const char *const levels[] = { "fatal", "error", "warn", "info", "debug", NULL };

static const char *
check_domain(const void *value)
{
	const char *domain = value;

	if (!settings_is_host(span_str(domain)))
		return "is not a domain name";
	for (uint32_t i = 0; reading.out.settings.domains[i] < domain; i++)
		if (span_ieq(span_str(reading.out.settings.domains[i]), span_str(domain)))
			return "stands there twice";
	return NULL;
}

static const char *
check_address(const void *value)
{
	struct netaddr a;

	return netaddr_ip(span_str(value), &a) == ERR_NONE ? NULL
							   : "is not an IPv4 or IPv6 address";
}

static const char *
check_server(const void *value)
{
	struct netaddr a;

	return netaddr_read(span_str(value), DNS_PORT, &a) == ERR_NONE && netaddr_is_unicast(&a)
		   ? NULL
		   : "is not ADDRESS or ADDRESS:PORT";
}

static const char *
check_advertise(const void *value)
{
	struct span host;
	uint32_t port;

	return settings_host_port(span_str(value), &host, &port) == ERR_NONE
		   ? NULL
		   : "is not HOST or HOST:PORT";
}

static const char *
check_route(const void *value)
{
	struct span s = span_str(value);
	struct sip_uri uri;

	return s.len == 0 || (sip_uri_parse(s, &uri) == ERR_NONE &&
				 (uri.scheme == SIP_S_SIP || uri.scheme == SIP_S_SIPS))
		   ? NULL
		   : "is not a SIP URI";
}

/* It is not said again: there may be a password in it. */
static const char *
check_database(const void *value)
{
	return settings_is_database(span_str(value))
		   ? NULL
		   : "is neither postgresql://... nor KEY=VALUE ...";
}

static const char *
check_directory(const void *value)
{
	const char *path = value;

	if (path[0] != '/')
		return "must be an absolute path";
	if (whole != NULL && strcmp(whole->out.run_dir, whole->out.spool_dir) == 0)
		return "run_dir and spool_dir must not be the same";
	return NULL;
}

static const char *
check_file(const void *value)
{
	return *(const char *)value == '/' ? NULL : "must be an absolute path";
}

/* The name of a user or of this node: it goes into columns, headers and file names. */
static const char *
check_word(const void *value)
{
	struct span s = span_str(value);

	if (s.len == 0)
		return "must not be empty";
	for (size_t i = 0; i < s.len; i++)
		if (!isalnum((unsigned char)s.p[i]) && strchr("._-", s.p[i]) == NULL)
			return "may have letters, digits, '.', '_' and '-' only";
	return s.p[0] == '-' ? "must not begin with '-'" : NULL;
}

static enum sip_transport
transport_of(const struct file_listener *l)
{
	return transport_ids[l->transport];
}

static void
listener_address(const struct file_listener *l, struct netaddr *a_r)
{
	(void)netaddr_ip(span_str(l->address), a_r);
	a_r->port = l->port != 0 ? l->port : (uint16_t)sip_transport_port(transport_of(l));
}

/* TCP and TLS share the ports of TCP. */
static bool
same_socket(const struct file_listener *a, const struct file_listener *b)
{
	struct netaddr at, bt;

	listener_address(a, &at);
	listener_address(b, &bt);
	return netaddr_eq(&at, &bt) &&
	       (transport_of(a) == SIP_T_UDP) == (transport_of(b) == SIP_T_UDP);
}

static const char *
check_listener(const void *value)
{
	const struct file_listener *l = value;
	bool tls = transport_of(l) == SIP_T_TLS;

	if (tls && l->certificate[0] == '\0')
		return "tls needs a certificate";
	if (tls && l->private_key[0] == '\0')
		return "tls needs a private_key";
	if (!tls && (l->certificate[0] != '\0' || l->private_key[0] != '\0'))
		return "only tls has a certificate and a private_key";
	for (const struct file_listener *o = reading.listen; o < l; o++)
		if (same_socket(o, l))
			return "another listener has this address and port";
	return NULL;
}

static const char *
check_registrar(const void *value)
{
	const struct settings *s;

	(void)value;
	if (whole == NULL)
		return NULL;
	s = &whole->out.settings;
	return s->registrar.min_s > s->registrar.max_s ? "min_s is greater than max_s" : NULL;
}

static const char *
check_default_s(const void *value)
{
	const struct settings *s;

	(void)value;
	if (whole == NULL)
		return NULL;
	s = &whole->out.settings;
	return s->registrar.default_s < s->registrar.min_s ||
		       s->registrar.default_s > s->registrar.max_s
		   ? "must be between min_s and max_s"
		   : NULL;
}

static const char *
check_timers(const void *value)
{
	const struct settings *s;

	(void)value;
	if (whole == NULL)
		return NULL;
	s = &whole->out.settings;
	if (s->timers.t1_ms > s->timers.t2_ms)
		return "t1_ms is greater than t2_ms";
	return s->timers.session_s != 0 && s->timers.session_s < s->timers.min_se_s
		   ? "session_s is less than min_se_s"
		   : NULL;
}

/* What a worker's heap can address (base/arena.h) ends a little above. */
static const char *
check_calls(const void *value)
{
	const struct settings *s;

	(void)value;
	if (whole == NULL)
		return NULL;
	s = &whole->out.settings;
	return s->limits.calls / s->processes.workers > CALLS_PER_WORKER
		   ? "more than 800000 calls for each worker"
		   : NULL;
}

#define OUT(m) out.settings.m

static const struct config_key listen_keys[] = {
	CONFIG_WORD("transport", struct file_listener, transport, transports, 0),
	CONFIG_TEXT("address", struct file_listener, address, "0.0.0.0", .check = check_address),
	CONFIG_NUMBER("port", struct file_listener, port, 0, 1, 65535),
	CONFIG_TEXT("advertise", struct file_listener, advertise, "", .check = check_advertise),
	CONFIG_TEXT("certificate", struct file_listener, certificate, "", .check = check_file),
	CONFIG_TEXT("private_key", struct file_listener, private_key, "", .check = check_file),
};

static const struct config_key keys[] = {
	CONFIG_TEXTS(
	    "domains", struct file, OUT(domains), OUT(n_domains), 1, .check = check_domain),
	CONFIG_GROUPS(
	    "listen", struct file, listen, n_listen, 0, listen_keys, .check = check_listener),
	CONFIG_TEXT(
	    "database", struct file, out.database, "postgresql:///tandem", .check = check_database),
	CONFIG_TEXT("run_dir", struct file, out.run_dir, "/run/tandem", .check = check_directory),
	CONFIG_TEXT(
	    "spool_dir", struct file, out.spool_dir, "/var/spool/tandem", .check = check_directory),
	CONFIG_NUMBER("processes.fronts", struct file, OUT(processes.fronts), 1, 1, 16),
	CONFIG_NUMBER("processes.workers", struct file, OUT(processes.workers), 2, 1, 32,
	    .check = check_calls),
	CONFIG_NUMBER("limits.calls", struct file, OUT(limits.calls), 20000, 1, 1000000,
	    .check = check_calls),
	CONFIG_NUMBER("limits.ringing_per_subscriber", struct file,
	    OUT(limits.ringing_per_subscriber), 50, 1, 1000000),
	CONFIG_NUMBER(
	    "limits.subscribers", struct file, OUT(limits.subscribers), 100000, 1, 10000000),
	CONFIG_NUMBER("limits.bindings", struct file, OUT(limits.bindings), 200000, 1, 10000000),
	CONFIG_NUMBER(
	    "limits.subscriptions", struct file, OUT(limits.subscriptions), 20000, 1, 1000000),
	CONFIG_NUMBER("limits.subscriptions_per_subscriber", struct file,
	    OUT(limits.subscriptions_per_subscriber), 200, 1, 1000000),
	CONFIG_NUMBER(
	    "limits.connections", struct file, OUT(limits.connections), 10000, 1, 1000000),
	CONFIG_NUMBER("limits.connections_per_source", struct file,
	    OUT(limits.connections_per_source), 100, 1, 1000000),
	CONFIG_NUMBER(
	    "limits.rate_per_source", struct file, OUT(limits.rate_per_source), 200, 1, 1000000),
	CONFIG_NUMBER(
	    "limits.burst_per_source", struct file, OUT(limits.burst_per_source), 1000, 1, 1000000),
	CONFIG_NUMBER(
	    "timers.t1_ms", struct file, OUT(timers.t1_ms), 500, 10, 5000, .check = check_timers),
	CONFIG_NUMBER(
	    "timers.t2_ms", struct file, OUT(timers.t2_ms), 4000, 10, 60000, .check = check_timers),
	CONFIG_NUMBER("timers.t4_ms", struct file, OUT(timers.t4_ms), 5000, 10, 60000),
	CONFIG_NUMBER("timers.ring_s", struct file, OUT(timers.ring_s), 120, 1, 3600),
	CONFIG_NUMBER("timers.no_answer_s", struct file, OUT(timers.no_answer_s), 20, 1, 3600),
	CONFIG_NUMBER("timers.session_s", struct file, OUT(timers.session_s), 1800, 0, 86400,
	    .check = check_timers),
	CONFIG_NUMBER("timers.min_se_s", struct file, OUT(timers.min_se_s), 90, 90, 86400,
	    .check = check_timers),
	CONFIG_NUMBER("registrar.default_s", struct file, OUT(registrar.default_s), 3600, 1, 604800,
	    .check = check_default_s),
	CONFIG_NUMBER("registrar.min_s", struct file, OUT(registrar.min_s), 60, 1, 604800,
	    .check = check_registrar),
	CONFIG_NUMBER("registrar.max_s", struct file, OUT(registrar.max_s), 7200, 1, 604800,
	    .check = check_registrar),
	CONFIG_NUMBER("registrar.contacts", struct file, OUT(registrar.contacts), 5, 1,
	    LOCATION_BINDINGS_MAX),
	CONFIG_NUMBER("registrar.nonce_s", struct file, OUT(registrar.nonce_s), 300, 1, 8192),
	CONFIG_FLAG("refuse_unrecorded", struct file, OUT(refuse_unrecorded), false),
	CONFIG_FLAG("allow_foreign", struct file, OUT(allow_foreign), false),
	CONFIG_FLAG("pass_unknown", struct file, OUT(pass_unknown), false),
	CONFIG_WORD("fork.callid", struct file, OUT(fork_unique), fork_call_ids, 0),
	CONFIG_TEXT("registrar.service_route", struct file, OUT(registrar.service_route), "",
	    .check = check_route),
	CONFIG_TEXTS("dns.servers", struct file, dns, n_dns, 0, .check = check_server),
	CONFIG_NUMBER("dns.timeout_ms", struct file, OUT(dns.timeout_ms), 500, 50, 3000),
	CONFIG_NUMBER("dns.tries", struct file, OUT(dns.tries), 3, 1, 10),
	CONFIG_FLAG("messages.store", struct file, OUT(messages.store), true),
	CONFIG_NUMBER("messages.per_user", struct file, OUT(messages.per_user), 50, 1, 10000),
	CONFIG_NUMBER("messages.max_bytes", struct file, OUT(messages.max_bytes), 4096, 1, 16384),
	CONFIG_NUMBER(
	    "messages.expire_s", struct file, OUT(messages.expire_s), 604800, 60, 31536000),
	CONFIG_TEXTS("trusted", struct file, trusted, n_trusted, 0, .check = check_address),
	CONFIG_WORD("log.level", struct file, OUT(log_level), levels, 3),
	CONFIG_TEXT("user", struct file, OUT(user), "tandem", .check = check_word),
	CONFIG_TEXT("node", struct file, OUT(node), "", .check = check_word),
	CONFIG_NUMBER("socket_buffer", struct file, OUT(socket_buffer), 4 * MIB, 64 << 10, 1 << 30),
};

enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

static void
listen_default(struct file *f)
{
	f->n_listen = 2;
	for (unsigned i = 0; i < 2; i++) {
		config_defaults(
		    listen_keys, sizeof(listen_keys) / sizeof(listen_keys[0]), &f->listen[i]);
		f->listen[i].transport = (uint8_t)i; /* udp, tcp */
	}
}

static void
turn_listener(const struct file_listener *l, struct settings_listener *to)
{
	struct span host;
	uint32_t port;

	memset(to, 0, sizeof(*to));
	to->transport = (uint8_t)transport_of(l);
	listener_address(l, &to->address);
	if (l->advertise[0] == '\0')
		return;
	(void)settings_host_port(span_str(l->advertise), &host, &port);
	span_cstr(host, to->advertise_host, sizeof(to->advertise_host));
	to->advertise_port = (uint16_t)port;
}

/* The host's name, so far as it may stand where a node's name stands. */
static void
node_default(char node[64])
{
	if (gethostname(node, 63) != 0 || node[0] == '\0' || check_word(node) != NULL)
		strcpy(node, "localhost");
}

/* registrar.default_s goes with the bounds, unless it is given and the check has refused it. */
static void
turn_registrar(struct settings *s)
{
	if (s->registrar.default_s > s->registrar.max_s)
		s->registrar.default_s = s->registrar.max_s;
	if (s->registrar.default_s < s->registrar.min_s)
		s->registrar.default_s = s->registrar.min_s;
}

static void
turn_domains(struct settings *s)
{
	for (uint32_t i = 0; i < s->n_domains; i++)
		for (char *p = s->domains[i]; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
}

static void
turn(struct file *f)
{
	struct settings *s = &f->out.settings;

	turn_domains(s);
	if (f->n_listen == 0)
		listen_default(f);
	s->n_listeners = f->n_listen;
	for (uint32_t i = 0; i < f->n_listen; i++) {
		turn_listener(&f->listen[i], &s->listeners[i]);
		strcpy(f->out.tls[i].certificate, f->listen[i].certificate);
		strcpy(f->out.tls[i].private_key, f->listen[i].private_key);
	}
	s->n_trusted = f->n_trusted;
	for (uint32_t i = 0; i < f->n_trusted; i++)
		(void)netaddr_ip(span_str(f->trusted[i]), &s->trusted[i]);
	s->dns.n_servers = f->n_dns;
	for (uint32_t i = 0; i < f->n_dns; i++)
		(void)netaddr_read(span_str(f->dns[i]), DNS_PORT, &s->dns.servers[i]);
	if (s->node[0] == '\0')
		node_default(s->node);
	turn_registrar(s);
}

enum err
settings_read(const char *path, struct settings_file *f_r, char *why, size_t why_cap)
{
	struct buf b = buf_on(why, why_cap - 1);
	enum err e;

	memset(&reading, 0, sizeof(reading));
	whole = NULL;
	e = config_load(path, keys, N_KEYS, &reading, &b);
	if (e == ERR_NONE) {
		first = reading;
		whole = &first;
		e = config_load(path, keys, N_KEYS, &reading, &b);
	}
	why[b.len] = '\0';
	if (e != ERR_NONE)
		return e;
	turn(&reading);
	*f_r = reading.out;
	return ERR_NONE;
}

static const struct config_key *
key_of(const char *path)
{
	const struct config_key *k = keys;

	while (strcmp(k->path, path) != 0)
		k++;
	return k;
}

unsigned
settings_salvage(const char *path, struct settings_file *f_r)
{
	char *text = config_slurp(path);
	unsigned parts = 0;

	memset(&reading, 0, sizeof(reading));
	whole = NULL;
	if (text == NULL)
		return 0;
	if (config_salvage(text, key_of("run_dir"), &reading) != CONFIG_LOST)
		parts |= SETTINGS_RUN_DIR;
	if (config_salvage(text, key_of("database"), &reading) != CONFIG_LOST)
		parts |= SETTINGS_DATABASE;
	if (config_salvage(text, key_of("domains"), &reading) == CONFIG_FOUND)
		parts |= SETTINGS_DOMAINS;
	free(text);
	turn_domains(&reading.out.settings);
	*f_r = reading.out;
	return parts;
}
