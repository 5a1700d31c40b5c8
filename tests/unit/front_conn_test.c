/* conn: how long silence is borne (THREATS.md C4), with a clock that is set. What else ends a connection is
 * tried over sockets, tests/flow/front_harness.c. */
#include <criterion/criterion.h>

#include <sys/socket.h>
#include <unistd.h>

#include "front/front.h"

enum { HALF_HOUR_S = 1800, BINDING_S = 7200, MARGIN_S = 60 };

static struct front f;
static struct settings settings;
static struct process self;
static int peer;

static void
setup(void)
{
	settings.limits.connections = 8;
	settings.limits.rate_per_source = settings.limits.burst_per_source = 100;
	settings.registrar.max_s = BINDING_S;
	f.child.self = &self;
	f.settings = &settings;
	f.loop = loop_new();
	f.wheel = wheel_new(front_now(&f));
	f.guard = guard_new();
	guard_set(f.guard, &settings);
	conn_open_all(&f);
}

static void
teardown(void)
{
	conn_close_all(&f);
	guard_drop(f.guard);
	wheel_drop(f.wheel);
	loop_drop(f.loop);
	close(peer);
}

TestSuite(front_conn, .init = setup, .fini = teardown);

static struct conn *
accepted(void)
{
	struct sip_flow flow = { .transport = SIP_T_TCP };
	struct conn *c;
	int fds[2];

	cr_assert_eq(netaddr_ip(SPAN("192.0.2.1"), &flow.peer), ERR_NONE);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	peer = fds[1];
	c = conn_new(&f, fds[0], &flow, false);
	cr_assert_not_null(c);
	conn_start(c, true);
	cr_assert_eq(c->state, CONN_OPEN);
	return c;
}

/* So many seconds pass; is it still there? */
static bool
lasts(handle h, unsigned seconds)
{
	clock_move(&f.child.clock, seconds * NS_PER_S);
	alarm_run(&f);
	conn_bury(&f);
	return conn_find(&f, h) != NULL;
}

static bool
is_hung_up_on(void)
{
	char byte;

	return recv(peer, &byte, 1, 0) == 0;
}

Test(front_conn, C4_silence_ends_it)
{
	handle h = accepted()->flow.conn;

	cr_expect(lasts(h, HALF_HOUR_S - 1));
	cr_expect_not(is_hung_up_on());
	cr_expect_not(lasts(h, 2));
	cr_expect(is_hung_up_on());
	cr_expect_eq(self.counters[COUNT_LIVE_FLOWS], 0);
}

Test(front_conn, C4_what_is_sent_counts_as_well)
{
	struct conn *c = accepted();
	handle h = c->flow.conn;

	cr_expect(lasts(h, HALF_HOUR_S - 1));
	conn_send(c, SPAN("x"), NULL);
	cr_expect(lasts(h, HALF_HOUR_S - 1));
	cr_expect_not(lasts(h, 2));
}

/* Nobody could call the phone any more: as long as its binding can last. */
Test(front_conn, C4_the_flow_of_a_registration_is_kept)
{
	struct conn *c = accepted();
	handle h = c->flow.conn;

	c->registered = true;
	conn_send(c, SPAN("x"), NULL);
	cr_expect(lasts(h, HALF_HOUR_S + 1));
	cr_expect(lasts(h, BINDING_S + MARGIN_S - HALF_HOUR_S - 2));
	cr_expect_not(lasts(h, 2));
}

/* Half a message has ten seconds, however new the connection's last one is. */
Test(front_conn, C4_half_a_message_is_not_waited_for)
{
	struct conn *c = accepted();
	handle h = c->flow.conn;

	f.stream = stream_new();
	cr_assert_eq(send(peer, "INVITE s", 8, 0), 8);
	stream_read(c);
	conn_watch(c);
	cr_expect(lasts(h, 9));
	cr_expect_not(lasts(h, 2));
	stream_drop(f.stream);
}
