/* config: values and defaults, and each kind of error with its line and key. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"

enum proto { UDP, TCP, TLS };
static const char *const protos[] = { "udp", "tcp", "tls", NULL };

struct listener {
	enum proto proto;
	char address[16];
	uint16_t port;
	char certificate[16];
};

struct conf {
	char domains[3][12];
	uint32_t n_domains;
	struct listener listen[2];
	uint32_t n_listen;
	uint32_t t1_ms;
	int8_t offset;
	int64_t big;
	bool tracing;
	char database[16];
};

static const char *
check_dots(const void *value)
{
	return strchr(value, '.') == NULL ? "must have a dot" : NULL;
}

static const char *
check_listener(const void *value)
{
	const struct listener *l = value;

	return l->proto == TLS && l->certificate[0] == '\0' ? "tls needs a certificate" : NULL;
}

static const struct config_key listen_keys[] = {
	CONFIG_WORD("transport", struct listener, proto, protos, UDP),
	CONFIG_TEXT("address", struct listener, address, "0.0.0.0", .check = check_dots),
	CONFIG_NUMBER("port", struct listener, port, 5060, 1, 65535),
	CONFIG_TEXT("tls.certificate", struct listener, certificate, ""),
};

static const struct config_key keys[] = {
	CONFIG_TEXTS("domains", struct conf, domains, n_domains, 1, .check = check_dots),
	CONFIG_GROUPS(
	    "listen", struct conf, listen, n_listen, 0, listen_keys, .check = check_listener),
	CONFIG_NUMBER("timers.t1_ms", struct conf, t1_ms, 500, 100, 5000),
	CONFIG_NUMBER("offset", struct conf, offset, -3, -100, 100),
	CONFIG_NUMBER("big", struct conf, big, 1, 0, INT64_MAX),
	CONFIG_FLAG("log.tracing", struct conf, tracing, true),
	CONFIG_TEXT("database", struct conf, database, "postgresql:///"),
};

enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

static struct conf conf;
static char why_text[200];

static enum err
load(const char *text)
{
	struct buf why = buf_on(why_text, sizeof(why_text) - 1);
	enum err e;

	memset(&conf, 0xa5, sizeof(conf));
	e = config_text("t.conf", text, keys, N_KEYS, &conf, &why);
	cr_assert(buf_ok(&why));
	why_text[why.len] = '\0';
	return e;
}

static void
refuses(const char *text, enum err e, const char *why)
{
	cr_expect_eq(load(text), e, "%s", text);
	cr_expect_str_eq(why_text, why);
}

Test(base_config, defaults)
{
	cr_assert_eq(load("domains = [ \"a.example\" ];"), ERR_NONE, "%s", why_text);
	cr_expect_eq(conf.n_domains, 1);
	cr_expect_str_eq(conf.domains[0], "a.example");
	cr_expect_eq(conf.n_listen, 0);
	cr_expect_eq(conf.t1_ms, 500);
	cr_expect_eq(conf.offset, -3);
	cr_expect_eq(conf.big, 1);
	cr_expect(conf.tracing);
	cr_expect_str_eq(conf.database, "postgresql:///");
	cr_expect_str_empty(why_text);
}

Test(base_config, values)
{
	cr_assert_eq(load("domains = ( \"a.b\", \"12345678.bc\" );\n"
			  "listen = ( { port = 65535; transport = \"tls\"; "
			  "tls = { certificate = \"c\"; }; }, { } );\n"
			  "timers : { t1_ms = 0x64 }\noffset = -100\nbig = 5000000000L\n"
			  "log = { tracing = false; };\ndatabase = \"\""),
	    ERR_NONE, "%s", why_text);
	cr_expect_eq(conf.n_domains, 2);
	cr_expect_str_eq(conf.domains[1], "12345678.bc");
	cr_assert_eq(conf.n_listen, 2);
	cr_expect_eq(conf.listen[0].proto, TLS);
	cr_expect_eq(conf.listen[0].port, 65535);
	cr_expect_str_eq(conf.listen[0].certificate, "c");
	cr_expect_eq(conf.listen[1].proto, UDP);
	cr_expect_str_eq(conf.listen[1].address, "0.0.0.0");
	cr_expect_eq(conf.t1_ms, 100);
	cr_expect_eq(conf.offset, -100);
	cr_expect_eq(conf.big, 5000000000);
	cr_expect_not(conf.tracing);
	cr_expect_str_empty(conf.database);
}

#define D "domains = [ \"a.b\" ];\n"

Test(base_config, unknown_keys)
{
	refuses(D "\ndomain = 1;", ERR_SYNTAX, "t.conf:3: domain: unknown key");
	refuses(D "timers = {\n t1 = 500; };", ERR_SYNTAX, "t.conf:3: timers.t1: unknown key");
	refuses(D "timers = { t1_ms = { x = 1; }; };", ERR_SYNTAX,
	    "t.conf:2: timers.t1_ms: must be a whole number");
	refuses(D "tim = { };", ERR_SYNTAX, "t.conf:2: tim: unknown key");
	refuses(D "listen = ( { },\n { prot = 1; } );", ERR_SYNTAX,
	    "t.conf:3: listen[1].prot: unknown key");
	refuses(D "listen = ( { tls = { key = 1; }; } );", ERR_SYNTAX,
	    "t.conf:2: listen[0].tls.key: unknown key");
}

Test(base_config, wrong_types)
{
	refuses(D "timers = 5;", ERR_SYNTAX, "t.conf:2: timers: must be a group: { ... }");
	refuses(D "big = 1.5;", ERR_SYNTAX, "t.conf:2: big: must be a whole number");
	refuses(D "big = true;", ERR_SYNTAX, "t.conf:2: big: must be a whole number");
	refuses(D "log = { tracing = 1; };", ERR_SYNTAX,
	    "t.conf:2: log.tracing: must be true or false");
	refuses(D "database = 5;", ERR_SYNTAX, "t.conf:2: database: must be text in quotes");
	refuses("domains = \"a.b\";", ERR_SYNTAX,
	    "t.conf:1: domains: must be an array of texts: [ \"...\" ]");
	refuses("domains = [ 1, 2 ];", ERR_SYNTAX, "t.conf:1: domains[0]: must be text in quotes");
	refuses(D "listen = { };", ERR_SYNTAX,
	    "t.conf:2: listen: must be a list of groups: ( { ... } )");
	refuses(D "listen = ( { },\n 7 );", ERR_SYNTAX,
	    "t.conf:3: listen[1]: must be a group: { ... }");
	refuses(D "listen = ( { transport = udp; } );", ERR_SYNTAX, "t.conf:2: syntax error");
}

Test(base_config, impossible_values)
{
	refuses(D "timers = { t1_ms = 99; };", ERR_RANGE,
	    "t.conf:2: timers.t1_ms: must be from 100 to 5000");
	refuses(D "timers = { t1_ms = 5001; };", ERR_RANGE,
	    "t.conf:2: timers.t1_ms: must be from 100 to 5000");
	/* 2^32 + 500: must not be taken modulo. */
	refuses(D "timers = { t1_ms = 4294967796L; };", ERR_RANGE,
	    "t.conf:2: timers.t1_ms: must be from 100 to 5000");
	refuses(D "database = \"1234567890123456\";", ERR_RANGE,
	    "t.conf:2: database: is longer than 15 bytes");
	refuses("domains = [ \"a.b\",\n \"nodot\" ];", ERR_RANGE,
	    "t.conf:2: domains[1]: must have a dot");
	refuses("domains = [ \"a.b\", \"a.b\", \"a.b\", \"a.b\" ];", ERR_RANGE,
	    "t.conf:1: domains: must have from 1 to 3 elements");
	refuses("domains = [ ];", ERR_RANGE, "t.conf:1: domains: must have from 1 to 3 elements");
	refuses(D "listen = ( { transport = \"sctp\"; } );", ERR_RANGE,
	    "t.conf:2: listen[0].transport: must be one of: udp, tcp, tls");
	refuses(D "listen = ( { },\n { transport = \"tls\"; } );", ERR_RANGE,
	    "t.conf:3: listen[1]: tls needs a certificate");
}

Test(base_config, numbers_that_libconfig_would_wrap)
{
#define WRAPS(key) key ": the number needs an L behind it, or is too large"
	refuses(D "timers = { t1_ms = 4294967796; };", ERR_RANGE, "t.conf:2: " WRAPS("t1_ms"));
	refuses(D "/* \n\n */ big = 2147483648;", ERR_RANGE, "t.conf:4: " WRAPS("big"));
	refuses(D "big = 0x80000000;", ERR_RANGE, "t.conf:2: " WRAPS("big"));
	refuses(D "offset = -2147483649;", ERR_RANGE, "t.conf:2: " WRAPS("offset"));
	refuses(D "big = 99999999999999999999999;", ERR_RANGE, "t.conf:2: " WRAPS("big"));
	cr_expect_eq(load(D "# 4294967796\n// 4294967796\nbig = 2147483647; /* 4294967796 */\n"
			    "database = \"\\\"4294967796\""),
	    ERR_NONE, "%s", why_text);
	cr_expect_eq(conf.big, 2147483647);
}

Test(base_config, missing_and_twice)
{
	refuses("", ERR_SYNTAX, "t.conf:1: domains: is missing");
	refuses(D D, ERR_SYNTAX, "t.conf:2: duplicate setting name");
}

Test(base_config, a_small_buffer_is_cut)
{
	char text[10];
	struct buf why = buf_on(text, sizeof(text));

	cr_expect_eq(config_text("t.conf", "", keys, N_KEYS, &conf, &why), ERR_SYNTAX);
	cr_expect(buf_ok(&why));
	cr_expect(span_eq(buf_span(&why), SPAN("t.conf:1: ")));
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

Test(base_config, files)
{
	char dir[] = "/tmp/base_config_XXXXXX", main_file[64], included[64], expected[256];
	struct buf why = buf_on(why_text, sizeof(why_text) - 1);

	cr_assert_not_null(mkdtemp(dir));
	snprintf(main_file, sizeof(main_file), "%s/main.conf", dir);
	snprintf(included, sizeof(included), "%s/more.conf", dir);
	write_file(main_file, D "@include \"more.conf\"\n");
	write_file(included, "timers = { t1_ms = 200; };\n");
	cr_expect_eq(config_load(main_file, keys, N_KEYS, &conf, &why), ERR_NONE);
	cr_expect_eq(conf.t1_ms, 200);

	write_file(included, "\n\ntimers = { t1_ms = 1; };\n");
	cr_expect_eq(config_load(main_file, keys, N_KEYS, &conf, &why), ERR_RANGE);
	why_text[why.len] = '\0';
	/* libconfig names the included file as it was written in @include, or with its path. */
	cr_expect_not_null(strstr(why_text, "more.conf:3: timers.t1_ms: must be"), "%s", why_text);

	why.len = 0;
	cr_expect_eq(config_load(dir, keys, N_KEYS, &conf, &why), ERR_IO);
	why_text[why.len] = '\0';
	snprintf(expected, sizeof(expected), "%s: Is a directory", dir);
	cr_expect_str_eq(why_text, expected);

	unlink(included);
	unlink(main_file);
	why.len = 0;
	cr_expect_eq(config_load(main_file, keys, N_KEYS, &conf, &why), ERR_IO);
	why_text[why.len] = '\0';
	snprintf(expected, sizeof(expected), "%s: No such file or directory", main_file);
	cr_expect_str_eq(why_text, expected);
	rmdir(dir);
}

/* What is found wrong later is said with its line too. */
Test(base_config, where)
{
	static const char text[] = "domains = [ \"a.b\" ];\nlisten = ( { port = 1; },\n"
				   "{ tls = {\n certificate = \"/x\"; }; } );\n";
	static const struct {
		const char *key, *where;
	} cases[] = { { "domains", ":1: " }, { "listen[0].port", ":2: " },
		{ "listen[1].tls.certificate", ":4: " }, { "listen[2].port", ":1: " },
		{ "database", ":1: " } };
	char path[] = "/tmp/config_XXXXXX", got[128];
	int fd = mkstemp(path);

	cr_assert_eq(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
	close(fd);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = buf_on(got, sizeof(got) - 1);

		config_where(path, cases[i].key, &b);
		got[b.len] = '\0';
		cr_expect_eq(strncmp(got, path, strlen(path)), 0, "%s", got);
		cr_expect_str_eq(got + strlen(path), cases[i].where, "%s", cases[i].key);
	}
	unlink(path);
}
