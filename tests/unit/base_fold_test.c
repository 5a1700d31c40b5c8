/* fold: what is logged at once, what a minute later, and what never; the clock is a number. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fold.h"
#include "base/log.h"

static int kept_stderr, file;
static char text[1 << 17];

static void
capture(void)
{
	log_init("registrar", LOG_LEVEL_INFO);
	kept_stderr = dup(STDERR_FILENO);
	file = memfd_create("stderr", 0);
	dup2(file, STDERR_FILENO);
}

static char *
captured(void)
{
	ssize_t n;

	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	n = pread(file, text, sizeof(text) - 1, 0);
	close(file);
	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

static unsigned
count_of(const char *words)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
		n++;
	return n;
}

static const struct netaddr somebody = { .ip = { 192, 0, 2, 7 }, .port = 5060, .family = 4 };
static const struct fold_warning wrong = {
	.event = "authentication failed",
	.reason = "wrong password",
	.source = &somebody,
	.user = { "1001", 4 },
	.method = { "REGISTER", 8 },
};

static uint64_t
at_s(unsigned s)
{
	return (1000 + s) * NS_PER_S;
}

Test(base_fold, first_at_once_then_one_a_minute)
{
	capture();
	for (unsigned s = 0; s < 15; s++) {
		fold_turn(at_s(s));
		fold_warn(&wrong, at_s(s));
	}
	fold_turn(at_s(59));
	cr_expect_str_eq(captured() + 25,
	    "registrar warn: authentication failed source=192.0.2.7:5060 reason=\"wrong password\" "
	    "user=1001 method=REGISTER times=1\n");
	capture();
	fold_turn(at_s(60));
	cr_expect_str_eq(captured() + 25,
	    "registrar warn: authentication failed source=192.0.2.7:5060 reason=\"wrong password\" "
	    "user=1001 method=REGISTER times=14\n");
}

Test(base_fold, a_quiet_minute_ends_it)
{
	capture();
	fold_warn(&wrong, at_s(0));
	fold_turn(at_s(60));
	fold_warn(&wrong, at_s(61));
	captured();
	cr_expect_eq(count_of("times=1\n"), 2, "%s", text);
}

Test(base_fold, goes_on_while_it_goes_on)
{
	capture();
	for (unsigned s = 0; s < 600; s++) {
		fold_turn(at_s(s));
		fold_warn(&wrong, at_s(s));
	}
	captured();
	cr_expect_eq(count_of("\n"), 10, "%s", text);
	cr_expect_eq(count_of("times=59\n"), 1);
	cr_expect_eq(count_of("times=60\n"), 8);
}

Test(base_fold, told_apart)
{
	struct netaddr port = somebody, address = somebody;
	struct fold_warning w = wrong;

	port.port = 40000;
	address.ip[3] = 8;
	capture();
	fold_warn(&w, at_s(0));
	w.source = &port; /* each TCP connection has another */
	fold_warn(&w, at_s(0));
	w.source = &address;
	fold_warn(&w, at_s(0));
	w.user = SPAN("1002");
	fold_warn(&w, at_s(0));
	w.reason = "no such subscriber";
	fold_warn(&w, at_s(0));
	captured();
	cr_expect_eq(count_of("times=1\n"), 4, "%s", text);
}

Test(base_fold, quiet_ones)
{
	struct fold_warning w = wrong;

	w.quiet = 5;
	capture();
	for (unsigned i = 0; i < 5; i++)
		fold_warn(&w, at_s(i));
	fold_turn(at_s(60));
	for (unsigned i = 0; i < 5; i++)
		fold_warn(&w, at_s(61 + i));
	cr_expect_str_eq(captured(), "");
	capture();
	fold_warn(&w, at_s(67));
	fold_warn(&w, at_s(68));
	captured();
	cr_expect_eq(count_of("times=6\n"), 1, "%s", text);
	cr_expect_eq(count_of("\n"), 1, "%s", text);
}

/* More strangers than places: the oldest is told of and makes room. */
Test(base_fold, memory_is_bounded)
{
	struct netaddr a = somebody;
	struct fold_warning w = wrong;
	char user[200];

	memset(user, 'x', sizeof(user));
	w.user = span_of(user, sizeof(user));
	w.source = &a;
	capture();
	fold_warn(&w, at_s(0));
	fold_warn(&w, at_s(0));
	w.quiet = 1; /* these say nothing */
	for (unsigned i = 0; i < FOLD_PLACES; i++) {
		a.ip[2] = (uint8_t)(i >> 8);
		a.ip[3] = (uint8_t)i;
		a.port = (uint16_t)(i + 1);
		fold_warn(&w, at_s(1));
	}
	captured();
	user[FOLD_TEXT] = '\0';
	cr_expect_eq(count_of(user), 2, "%s", text);
	cr_expect_eq(count_of("times=1\n"), 2, "%s", text);
	capture();
	fold_turn(at_s(100));
	cr_expect_str_eq(captured(), "");
}

/* A user's name can make no line of its own, nor a second source. */
Test(base_fold, what_a_stranger_writes)
{
	struct fold_warning w = wrong;

	w.user = SPAN("x\n source=10.0.0.1:1 \"");
	capture();
	fold_warn(&w, at_s(0));
	cr_expect_str_eq(captured() + 25,
	    "registrar warn: authentication failed source=192.0.2.7:5060 reason=\"wrong password\" "
	    "user=\"x\\x0a source=10.0.0.1:1 \\x22\" method=REGISTER times=1\n");
}
