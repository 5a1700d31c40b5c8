/*
 * What the bench (worker_rig.c) asks of its test runner, for a program that is none of Criterion's:
 * race runs thousands of cases in a process and replays one alone.
 */
#ifndef TANDEM_TESTS_RACE_CRITERION_H
#define TANDEM_TESTS_RACE_CRITERION_H

/* The case in hand has failed; race.c. */
void race_assertion(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define cr_assert(c, ...)                                                                          \
	((c) ? (void)0 : race_assertion(__FILE__, __LINE__, " " __VA_ARGS__))
#define cr_assert_fail(...)	    race_assertion(__FILE__, __LINE__, " " __VA_ARGS__)
#define cr_assert_eq(a, b, ...)	    cr_assert((a) == (b), __VA_ARGS__)
#define cr_assert_lt(a, b, ...)	    cr_assert((a) < (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...)    cr_assert((a) >= (b), __VA_ARGS__)
#define cr_assert_not_null(p, ...)  cr_assert((p) != NULL, __VA_ARGS__)
#define cr_expect		    cr_assert
#define cr_expect_fail		    cr_assert_fail
#define cr_expect_eq		    cr_assert_eq
#define cr_expect_gt(a, b, ...)	    cr_assert((a) > (b), __VA_ARGS__)
#define cr_expect_null(p, ...)	    cr_assert((p) == NULL, __VA_ARGS__)
#define cr_expect_not_null	    cr_assert_not_null
#define cr_expect_str_eq(a, b, ...) cr_assert(strcmp((a), (b)) == 0, __VA_ARGS__)
#define cr_log_info(...)	    (void)0

#endif
