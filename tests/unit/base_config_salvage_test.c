/* config_salvage: one key out of files that cannot be read whole, and those it must not guess. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/config_salvage.h"

struct conf {
	char run_dir[32], domains[3][12];
	uint32_t n_domains;
};

static const char *
check_slash(const void *value)
{
	return *(const char *)value == '/' ? NULL : "must be an absolute path";
}

static const struct config_key run_dir =
    CONFIG_TEXT("run_dir", struct conf, run_dir, "/run/default", .check = check_slash);
static const struct config_key domains =
    CONFIG_TEXTS("domains", struct conf, domains, n_domains, 1);

static const struct {
	const char *text;
	enum config_salvaged how;
	const char *run_dir;
} cases[] = {
	{ "colour = 1;\nrun_dir = \"/a\";\n", CONFIG_FOUND, "/a" },
	{ "run_dir : \"/a\"", CONFIG_FOUND, "/a" },
	{ "x = ; run_dir=\"/a;b\"; y = {", CONFIG_FOUND, "/a;b" },
	{ "x = \"forgotten;\nrun_dir = \"/a\";", CONFIG_FOUND, "/a" },
	{ "run_dir =\n  \"/a\"\n  \"/b\";", CONFIG_FOUND, "/a/b" },
	{ "# run_dir = \"/old\";\n/* run_dir */ // run_dir\n ]", CONFIG_ABSENT, "/run/default" },
	{ "rundir = \"/a\"; my_run_dir = 1; x = \"run_dir\"", CONFIG_ABSENT, "/run/default" },
	{ "", CONFIG_ABSENT, "/run/default" },
	{ "run_dir", CONFIG_LOST, "/run/default" },
	{ "run_dir = \"/a", CONFIG_LOST, "/run/default" },
	{ "run_dir = \"a\";", CONFIG_LOST, "/run/default" },
	{ "run_dir = 5;", CONFIG_LOST, "/run/default" },
	{ "run_dir = \"/a\";\nrun_dir = \"/b\";", CONFIG_LOST, "/run/default" },
	{ "@include \"more\"\nx = ", CONFIG_LOST, "/run/default" },
};

Test(config_salvage, text)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf c;
		enum config_salvaged how = config_salvage(cases[i].text, &run_dir, &c);

		cr_expect_eq(how, cases[i].how, "%s: %d", cases[i].text, (int)how);
		cr_expect_str_eq(c.run_dir, cases[i].run_dir, "%s: %s", cases[i].text, c.run_dir);
	}
}

Test(config_salvage, texts_over_lines)
{
	struct conf c;

	cr_assert_eq(
	    config_salvage("bad = = 1;\ndomains = [ \"a.b\", # first\n  \"c\" ];\n}", &domains, &c),
	    CONFIG_FOUND);
	cr_expect_eq(c.n_domains, 2);
	cr_expect_str_eq(c.domains[0], "a.b");
	cr_expect_str_eq(c.domains[1], "c");
	cr_expect_eq(config_salvage("domains = [ ];", &domains, &c), CONFIG_LOST);
	cr_expect_eq(c.n_domains, 0);
}
