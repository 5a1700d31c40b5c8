/* TCP: the plain row. */
#include "front/front.h"

#include <errno.h>
#include <sys/socket.h>

static enum err
begin(struct conn *c)
{
	(void)c;
	return ERR_NONE;
}

static enum err
again_or_gone(void)
{
	return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_IO;
}

static enum err
tcp_read(struct conn *c, void *p, size_t cap, size_t *n_r)
{
	ssize_t n = recv(c->watch.fd, p, cap, MSG_DONTWAIT);

	if (n < 0)
		return again_or_gone();
	*n_r = (size_t)n;
	return n == 0 ? ERR_CLOSED : ERR_NONE;
}

static enum err
tcp_write(struct conn *c, const void *p, size_t len, size_t *n_r)
{
	ssize_t n = send(c->watch.fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0) {
		*n_r = (size_t)n;
		return ERR_NONE;
	}
	c->want_out = true;
	return again_or_gone();
}

static void
end(struct conn *c)
{
	(void)c;
}

const struct transport transport_tcp = {
	.id = SIP_T_TCP,
	.begin = begin,
	.shake = begin,
	.read = tcp_read,
	.write = tcp_write,
	.end = end,
	.frame = sip_frame,
};
