/*
 * Asking the running exchange: one line of JSON to the control process, one line back, over the
 * admin socket in run_dir. No socket, or nobody behind it: the exchange is not running.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"

enum { REPLY_MOST = 256 << 20, PATIENCE_S = 10 };

static int
dial(struct ctl *c, int *fd_r)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd, n;

	n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/control.sock", c->settings->run_dir);
	if (n < 0 || (size_t)n >= sizeof(a.sun_path))
		return ctl_refuse(c, "run_dir is too long for a socket: %s", c->settings->run_dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ctl_refuse(c, "socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0) {
		*fd_r = fd;
		return CTL_DONE;
	}
	n = errno;
	close(fd);
	if (n == EACCES)
		return ctl_refuse(c,
		    "%s: %s; the exchange can be asked by root and by the group of its user",
		    a.sun_path, strerror(n));
	if (n != ENOENT && n != ECONNREFUSED)
		return ctl_refuse(c, "%s: %s", a.sun_path, strerror(n));
	ctl_refuse(c,
	    "the exchange is not running (nobody at %s); start it as before: contrib/quickstart, "
	    "systemctl start tandem, or tandemd -c %s",
	    a.sun_path, c->file);
	return CTL_ABSENT;
}

static bool
send_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* Up to the end of the line, or of the connection. The caller frees it; NULL: errno tells. */
static char *
read_line(int fd, size_t *len_r)
{
	size_t len = 0, cap = 0;
	char *text = NULL;
	ssize_t n;

	do {
		if (cap - len < 4096) {
			char *more = cap >= REPLY_MOST ? NULL : realloc(text, cap * 2 + 65536);

			if (more == NULL) {
				free(text);
				errno = EMSGSIZE;
				return NULL;
			}
			text = more;
			cap = cap * 2 + 65536;
		}
		n = recv(fd, text + len, cap - len, 0);
		if (n < 0 && errno != EINTR) {
			free(text);
			return NULL;
		}
		len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && (len == 0 || text[len - 1] != '\n'));
	*len_r = len;
	return text;
}

/* It went away between our connecting and its answer, as when it was just told to stop. */
static int
stopped(struct ctl *c)
{
	ctl_refuse(c, "the exchange stopped before it answered");
	return CTL_ABSENT;
}

static int
answer_read(struct ctl *c, int fd, json_t **reply_r)
{
	json_error_t where;
	char *text;
	size_t len;

	text = read_line(fd, &len);
	if (text == NULL && (errno == EAGAIN || errno == EWOULDBLOCK))
		return ctl_refuse(c, "the exchange did not answer within %d seconds", PATIENCE_S);
	if (text == NULL && errno == ECONNRESET)
		return stopped(c);
	if (text == NULL)
		return ctl_refuse(c, "reading the exchange's answer: %s", strerror(errno));
	*reply_r = json_loadb(text, len, JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK, &where);
	free(text);
	if (!json_is_object(*reply_r)) {
		json_decref(*reply_r);
		*reply_r = NULL;
		return ctl_refuse(c, len == 0 ? "the exchange ended without an answer"
					      : "the exchange's answer makes no sense");
	}
	return json_is_true(json_object_get(*reply_r, "ok")) ? CTL_DONE : CTL_REFUSED;
}

int
control_refuse(struct ctl *c, json_t *reply)
{
	const char *error = json_string_value(json_object_get(reply, "error"));

	ctl_refuse(c, "%s", error == NULL ? "the exchange refused, and did not say why" : error);
	json_decref(reply);
	return CTL_REFUSED;
}

int
control_ask(struct ctl *c, const char *command, json_t *args, json_t **reply_r)
{
	int status = control_try(c, command, args, reply_r);

	return status == CTL_REFUSED && *reply_r != NULL ? control_refuse(c, *reply_r) : status;
}

int
control_try(struct ctl *c, const char *command, json_t *args, json_t **reply_r)
{
	json_t *request = json_pack(
	    "{s:s, s:o}", "command", command, "args", args == NULL ? json_object() : args);
	char *line = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);
	int fd = -1, status;

	json_decref(request);
	*reply_r = NULL;
	if (line == NULL)
		return ctl_refuse(c, "this is not text that can be asked for");
	status = dial(c, &fd);
	if (status == CTL_DONE) {
		if (send_all(fd, line, strlen(line)) && send_all(fd, "\n", 1))
			status = answer_read(c, fd, reply_r);
		else if (errno == EPIPE || errno == ECONNRESET)
			status = stopped(c);
		else
			status = ctl_refuse(c, "asking the exchange: %s", strerror(errno));
		close(fd);
	}
	free(line);
	return status;
}
