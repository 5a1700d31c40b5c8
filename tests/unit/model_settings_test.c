/* settings: the defaults, every key, and each kind of error with its line and key. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "ipc/topology.h"
#include "model/settings.h"

#define D "domains = [ \"pbx.example.com\" ];\n"

static struct settings_file f;
static char path[64], why[300];

static enum err
load(const char *text)
{
	enum err e;
	FILE *to;
	int fd;

	strcpy(path, "/tmp/settings_XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	to = fdopen(fd, "w");
	fputs(text, to);
	fclose(to);
	memset(&f, 0xa5, sizeof(f));
	e = settings_read(path, &f, why, sizeof(why));
	unlink(path);
	return e;
}

/* The file is named as it was given; what follows its name is compared. */
static void
refuses(const char *text, enum err e, const char *what)
{
	cr_expect_eq(load(text), e, "%s", text);
	cr_assert_eq(strncmp(why, path, strlen(path)), 0, "%s", why);
	cr_expect_str_eq(why + strlen(path), what);
}

static bool
is(const struct netaddr *a, const char *text)
{
	char s[80];
	struct buf b = buf_on(s, sizeof(s) - 1);

	netaddr_put(&b, a);
	return span_eq(buf_span(&b), span_str(text));
}

Test(model_settings, defaults)
{
	const struct settings *s = &f.settings;

	cr_assert_eq(load(D), ERR_NONE, "%s", why);
	cr_expect_str_empty(why);
	cr_expect_eq(s->n_domains, 1);
	cr_expect_str_eq(s->domains[0], "pbx.example.com");
	cr_assert_eq(s->n_listeners, 2);
	cr_expect_eq(s->listeners[0].transport, SIP_T_UDP);
	cr_expect_eq(s->listeners[1].transport, SIP_T_TCP);
	cr_expect(is(&s->listeners[0].address, "0.0.0.0:5060"));
	cr_expect(is(&s->listeners[1].address, "0.0.0.0:5060"));
	cr_expect_str_empty(s->listeners[0].advertise_host);
	cr_expect_eq(s->listeners[0].advertise_port, 0);
	cr_expect_str_eq(f.database, "postgresql:///tandem");
	cr_expect_str_eq(f.run_dir, "/run/tandem");
	cr_expect_str_eq(f.spool_dir, "/var/spool/tandem");
	cr_expect_str_empty(f.tls[0].certificate);
	cr_expect_eq(s->processes.fronts, 1);
	cr_expect_eq(s->processes.workers, 2);
	cr_expect_eq(s->n_trusted, 0);
	cr_expect_eq(s->dns.n_servers, 0);
	cr_expect_eq(s->dns.timeout_ms, 500);
	cr_expect_eq(s->dns.tries, 3);
	cr_expect_eq(s->limits.ringing_per_subscriber, 50);
	cr_expect_eq(s->fork_unique, 0);
	cr_expect(!s->allow_foreign);
	cr_expect(!s->pass_unknown);
	cr_expect_str_empty(s->registrar.service_route);
	cr_expect_eq(s->log_level, LOG_LEVEL_INFO);
	cr_expect_str_eq(s->user, "tandem");
	cr_expect_str_not_empty(s->node);
	cr_expect_eq(s->socket_buffer, 4 << 20);
}

Test(model_settings, default_numbers)
{
	const struct settings *s = &f.settings;

	cr_assert_eq(load(D), ERR_NONE, "%s", why);
	cr_expect_eq(s->limits.calls, 20000);
	cr_expect_eq(s->limits.subscribers, 100000);
	cr_expect_eq(s->limits.bindings, 200000);
	cr_expect_eq(s->limits.connections, 10000);
	cr_expect_eq(s->limits.connections_per_source, 100);
	cr_expect_eq(s->limits.rate_per_source, 200);
	cr_expect_eq(s->limits.burst_per_source, 1000);
	cr_expect_eq(s->timers.t1_ms, 500);
	cr_expect_eq(s->timers.t2_ms, 4000);
	cr_expect_eq(s->timers.t4_ms, 5000);
	cr_expect_eq(s->timers.ring_s, 120);
	cr_expect_eq(s->timers.no_answer_s, 20);
	cr_expect_eq(s->timers.session_s, 1800);
	cr_expect_eq(s->timers.min_se_s, 90);
	cr_expect_eq(s->registrar.default_s, 3600);
	cr_expect_eq(s->registrar.min_s, 60);
	cr_expect_eq(s->registrar.max_s, 7200);
	cr_expect_eq(s->registrar.contacts, 5);
	cr_expect_eq(s->registrar.nonce_s, 300);
	cr_expect_eq(s->messages.store, 1);
	cr_expect_eq(s->messages.per_user, 50);
	cr_expect_eq(s->messages.max_bytes, 4096);
	cr_expect_eq(s->messages.expire_s, 604800);
}

Test(model_settings, listeners)
{
	const struct settings_listener *l = f.settings.listeners;

	cr_assert_eq(
	    load(D "listen = ( { transport = \"udp\"; address = \"192.0.2.1\"; port = 5070;\n"
		   "advertise = \"203.0.113.5:5062\"; },\n"
		   "{ transport = \"tcp\"; address = \"2001:db8::1\"; advertise = "
		   "\"[2001:db8::5]\"; },\n"
		   "{ transport = \"tls\"; address = \"::\"; advertise = \"sip.example.com:443\";\n"
		   "certificate = \"/etc/c.pem\"; private_key = \"/etc/k.pem\"; } );"),
	    ERR_NONE, "%s", why);
	cr_assert_eq(f.settings.n_listeners, 3);
	cr_expect(is(&l[0].address, "192.0.2.1:5070"));
	cr_expect_str_eq(l[0].advertise_host, "203.0.113.5");
	cr_expect_eq(l[0].advertise_port, 5062);
	cr_expect(is(&l[1].address, "[2001:db8::1]:5060"));
	cr_expect_str_eq(l[1].advertise_host, "[2001:db8::5]");
	cr_expect_eq(l[1].advertise_port, 0);
	cr_expect_eq(l[2].transport, SIP_T_TLS);
	cr_expect(is(&l[2].address, "[::]:5061"));
	cr_expect_str_eq(l[2].advertise_host, "sip.example.com");
	cr_expect_eq(l[2].advertise_port, 443);
	cr_expect_str_eq(f.tls[2].certificate, "/etc/c.pem");
	cr_expect_str_eq(f.tls[2].private_key, "/etc/k.pem");
	cr_expect_str_empty(f.tls[1].certificate);
}

Test(model_settings, values)
{
	const struct settings *s = &f.settings;

	cr_assert_eq(load("domains = [ \"PBX.Example.com\", \"127.0.0.1\", \"[::1]\" ];\n"
			  "database = \"host=/x\"; run_dir = \"/r\"; spool_dir = \"/s\";\n"
			  "processes = { fronts = 16; workers = 32; };\n"
			  "trusted = [ \"192.0.2.10\", \"2001:db8::9\" ];\n"
			  "dns = { servers = [ \"192.0.2.53\", \"[2001:db8::5]:5353\" ];"
			  " timeout_ms = 900; tries = 2; };\n"
			  "fork = { callid = \"unique\"; };\n"
			  "allow_foreign = true;\n"
			  "pass_unknown = true;\n"
			  "log = { level = \"debug\"; };\n"
			  "user = \"nobody\"; node = \"a-1\"; socket_buffer = 65536;"),
	    ERR_NONE, "%s", why);
	cr_expect_eq(s->n_domains, 3);
	cr_expect_str_eq(s->domains[0], "pbx.example.com");
	cr_expect_str_eq(s->domains[2], "[::1]");
	cr_expect_str_eq(f.database, "host=/x");
	cr_expect_str_eq(f.run_dir, "/r");
	cr_expect_str_eq(f.spool_dir, "/s");
	cr_expect_eq(s->processes.fronts, role_most(ROLE_FRONT));
	cr_expect_eq(s->processes.workers, role_most(ROLE_WORKER));
	cr_assert_eq(s->n_trusted, 2);
	cr_expect(is(&s->trusted[0], "192.0.2.10"));
	cr_expect(is(&s->trusted[1], "[2001:db8::9]"));
	cr_assert_eq(s->dns.n_servers, 2);
	cr_expect(is(&s->dns.servers[0], "192.0.2.53:53"));
	cr_expect(is(&s->dns.servers[1], "[2001:db8::5]:5353"));
	cr_expect_eq(s->dns.timeout_ms, 900);
	cr_expect_eq(s->dns.tries, 2);
	cr_expect_eq(s->fork_unique, 1);
	cr_expect(s->allow_foreign);
	cr_expect(s->pass_unknown);
	cr_expect_eq(s->log_level, LOG_LEVEL_DEBUG);
	cr_expect_str_eq(s->user, "nobody");
	cr_expect_str_eq(s->node, "a-1");
	cr_expect_eq(s->socket_buffer, 65536);
}

/* A default gives way to bounds that were set; a value that was set does not. */
Test(model_settings, default_expiry_follows_the_bounds)
{
	cr_assert_eq(load(D "registrar = { max_s = 600; };"), ERR_NONE, "%s", why);
	cr_expect_eq(f.settings.registrar.default_s, 600);
	cr_assert_eq(load(D "registrar = { min_s = 7000; };"), ERR_NONE, "%s", why);
	cr_expect_eq(f.settings.registrar.default_s, 7000);
	refuses(D "registrar = { max_s = 600;\n default_s = 601; };", ERR_RANGE,
	    ":3: registrar.default_s: must be between min_s and max_s");
}

Test(model_settings, unknown_and_wrong)
{
	refuses("", ERR_SYNTAX, ":1: domains: is missing");
	refuses(D "\ndomian = 1;", ERR_SYNTAX, ":3: domian: unknown key");
	refuses(D "limits = {\n call = 1; };", ERR_SYNTAX, ":3: limits.call: unknown key");
	refuses(D "database = 5;", ERR_SYNTAX, ":2: database: must be text in quotes");
	refuses(D "limits = { calls = \"many\"; };", ERR_SYNTAX,
	    ":2: limits.calls: must be a whole number");
	refuses(D "listen = ( { transport = \"sctp\"; } );", ERR_RANGE,
	    ":2: listen[0].transport: must be one of: udp, tcp, tls");
	refuses(D "log = { level = \"loud\"; };", ERR_RANGE,
	    ":2: log.level: must be one of: fatal, error, warn, info, debug");
	refuses(D "processes = { fronts = 17; };", ERR_RANGE,
	    ":2: processes.fronts: must be from 1 to 16");
	refuses(
	    D "limits = { calls = 0; };", ERR_RANGE, ":2: limits.calls: must be from 1 to 1000000");
	refuses(D "listen = ( {\n port = 70000; } );", ERR_RANGE,
	    ":3: listen[0].port: must be from 1 to 65535");
}

Test(model_settings, names_and_addresses)
{
	refuses("domains = [ ];", ERR_RANGE, ":1: domains: must have from 1 to 16 elements");
	refuses("domains = [ \"a b\" ];", ERR_RANGE, ":1: domains[0]: is not a domain name");
	refuses("domains = [ \"-a.b\" ];", ERR_RANGE, ":1: domains[0]: is not a domain name");
	refuses("domains = [ \"a..b\" ];", ERR_RANGE, ":1: domains[0]: is not a domain name");
	refuses("domains = [ \"a.b\",\n\"c.d\", \"A.B\" ];", ERR_RANGE,
	    ":2: domains[2]: stands there twice");
	refuses(D "listen = ( { address = \"localhost\"; } );", ERR_RANGE,
	    ":2: listen[0].address: is not an IPv4 or IPv6 address");
	refuses(D "listen = ( { advertise = \"a:b\"; } );", ERR_RANGE,
	    ":2: listen[0].advertise: is not HOST or HOST:PORT");
	refuses(D "listen = ( { advertise = \"a:0\"; } );", ERR_RANGE,
	    ":2: listen[0].advertise: is not HOST or HOST:PORT");
	refuses(D "listen = ( { advertise = \"[::1]5\"; } );", ERR_RANGE,
	    ":2: listen[0].advertise: is not HOST or HOST:PORT");
	refuses(D "dns = { servers = [ \"ns.test\" ]; };", ERR_RANGE,
	    ":2: dns.servers[0]: is not ADDRESS or ADDRESS:PORT");
	refuses(D "registrar = { service_route = \"tel:1\"; };", ERR_RANGE,
	    ":2: registrar.service_route: is not a SIP URI");
	refuses(D "trusted = [ \"10.0.0.0/8\" ];", ERR_RANGE,
	    ":2: trusted[0]: is not an IPv4 or IPv6 address");
	refuses(D "user = \"a b\";", ERR_RANGE,
	    ":2: user: may have letters, digits, '.', '_' and '-' only");
	refuses(D "node = \"\";", ERR_RANGE, ":2: node: must not be empty");
	refuses(D "run_dir = \"run\";", ERR_RANGE, ":2: run_dir: must be an absolute path");
}

/* Before anything starts: an exchange that nobody can register with is half of one. */
Test(model_settings, database)
{
	static const char *const good[] = { "", "dbname=tandem", "postgresql:///tandem",
		"postgres://u:p@a,b:5433/x?sslmode=require", " host = /run/x  dbname=a ",
		"password='a \\\\' b = c' user=x", "password=a\\\\ b user=x", "user= dbname=x",
		"password=" };
	static const char *const bad[] = { "tandem", "dbname=tandem tandem", "=x", "dbname x",
		"password='open", "password='open\\\\'", "mysql://host/x",
		"password='it''s' dbname=x" };
	char text[256];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), D "database = \"%s\";", good[i]);
		cr_expect_eq(load(text), ERR_NONE, "%s: %s", good[i], why);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), D "database = \"%s\";", bad[i]);
		refuses(
		    text, ERR_RANGE, ":2: database: is neither postgresql://... nor KEY=VALUE ...");
	}
}

Test(model_settings, keys_that_do_not_go_together)
{
	refuses(D "listen = ( { transport = \"tls\"; } );", ERR_RANGE,
	    ":2: listen[0]: tls needs a certificate");
	refuses(D "listen = ( { transport = \"tls\"; certificate = \"/c\"; } );", ERR_RANGE,
	    ":2: listen[0]: tls needs a private_key");
	refuses(D "listen = ( { certificate = \"/c\"; } );", ERR_RANGE,
	    ":2: listen[0]: only tls has a certificate and a private_key");
	refuses(D "listen = ( { transport = \"tcp\"; port = 5061; },\n"
		  "{ transport = \"tls\"; certificate = \"/c\"; private_key = \"/k\"; } );",
	    ERR_RANGE, ":3: listen[1]: another listener has this address and port");
	refuses(D "run_dir = \"/x\";\nspool_dir = \"/x\";", ERR_RANGE,
	    ":2: run_dir: run_dir and spool_dir must not be the same");
	refuses(D "limits = { calls = 800001; };\nprocesses = { workers = 1; };", ERR_RANGE,
	    ":3: processes.workers: more than 800000 calls for each worker");
	refuses(D "registrar = { min_s = 8000; };", ERR_RANGE,
	    ":2: registrar.min_s: min_s is greater than max_s");
	refuses(D "timers = { t2_ms = 100; };", ERR_RANGE,
	    ":2: timers.t2_ms: t1_ms is greater than t2_ms");
	refuses(D "timers = { min_se_s = 1801; };", ERR_RANGE,
	    ":2: timers.min_se_s: session_s is less than min_se_s");
}

Test(model_settings, no_file)
{
	cr_expect_eq(settings_read("/nonexistent", &f, why, sizeof(why)), ERR_IO);
	cr_expect_str_eq(why, "/nonexistent: No such file or directory");
}
