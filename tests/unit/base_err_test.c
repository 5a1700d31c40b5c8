/* err: names, and how a process ends: fatal with 1, panic with a core. */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/err.h"

Test(base_err, every_error_has_a_name)
{
	for (int e = ERR_NONE; e <= ERR_IO; e++) {
		cr_expect_str_neq(err_name((enum err)e), "unknown", "%d", e);
		for (int other = ERR_NONE; other < e; other++)
			cr_expect_str_neq(err_name((enum err)e), err_name((enum err)other));
	}
	cr_expect_str_eq(err_name((enum err)1000), "unknown");
}

Test(base_err, fatal_exits_with_1, .exit_code = 1)
{
	fatal(ENOENT, "no %s", "file");
}

Test(base_err, panic_aborts, .signal = SIGABRT)
{
	panic("the %d wheels came off", 4);
}

Test(base_err, must_holds)
{
	must(1 + 1 == 2);
}

Test(base_err, must_aborts, .signal = SIGABRT)
{
	must(1 + 1 == 3);
}
