/* SPDX-License-Identifier: ISC */
#include "mail/opener.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "mail/reap.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"

struct opener {
	int fd; /* owned */
	pid_t pid;
	struct event *readable; /* owned */
	opener_answer_fn answer;
	opener_gone_fn gone;
	void *context;
	bool asked;
	struct opener_reply reply; /* the one under way */
	size_t reply_len;          /* how much of it is here */
	struct buf bytes;          /* what follows it; wiped */
};

static void
stop(struct opener *opener)
{
	event_del(opener->readable);
	fdio_close(&opener->fd);
	buf_release_secret(&opener->bytes);
	/* It ends when it sees that, unless a file server makes it hang. */
	reap(event_get_base(opener->readable), opener->pid);
}

static void
lose(struct opener *opener)
{
	if (opener->fd < 0)
		return;
	stop(opener);
	opener->gone(opener->context);
}

/* 1: `len` is complete. 0: more is to come. -1: the other end is gone. */
static int
collect(struct opener *opener, char *to, size_t *have, size_t len)
{
	while (*have < len) {
		ssize_t got = read(opener->fd, to + *have, len - *have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got <= 0)
			return -1;
		*have += (size_t)got;
	}
	return 1;
}

static int
collect_bytes(struct opener *opener)
{
	size_t len = opener->reply.len;

	if (len > OPENER_FILE_LIMIT)
		return -1;

	int result =
	    collect(opener, opener->bytes.bytes ? opener->bytes.bytes : buf_reserve(&opener->bytes, len),
		&opener->bytes.len, len);
	buf_terminate(&opener->bytes);
	return result;
}

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	struct opener *opener = context;
	int result = collect(opener, (char *)&opener->reply, &opener->reply_len, sizeof opener->reply);

	(void)fd;
	(void)what;
	if (result == 1)
		result = collect_bytes(opener);
	if (result == 0)
		return;
	if (result < 0 || !opener->asked) {
		lose(opener);
		return;
	}

	struct opener_reply reply = opener->reply;
	struct buf bytes = opener->bytes;

	opener->asked = false;
	opener->reply_len = 0;
	opener->bytes = (struct buf)BUF_INIT;
	opener->answer(&reply, buf_str(&bytes), opener->context);
	buf_release_secret(&bytes);
}

static pid_t
start(const int ends[2], const char *const *names, size_t count)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0)
		opener_process_run(ends[1], parent, names, count);
	return pid;
}

struct opener *
opener_new(struct event_base *base, const char *const *names, size_t count, struct err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		err_errno(err, "socketpair");
		return NULL;
	}

	pid_t pid = start(ends, names, count);
	int saved = errno;

	fdio_close(&ends[1]);
	if (pid < 0 || fdio_set_nonblocking(ends[0], true) < 0) {
		if (pid < 0)
			errno = saved;
		err_errno(err, pid < 0 ? "fork" : "fcntl");
		fdio_close(&ends[0]);
		return NULL;
	}

	struct opener *opener = alloc_zero(sizeof *opener);

	opener->fd = ends[0];
	opener->pid = pid;
	opener->readable = event_new(base, opener->fd, EV_READ | EV_PERSIST, on_readable, opener);
	return opener;
}

void
opener_free(struct opener *opener)
{
	if (!opener)
		return;
	if (opener->fd >= 0)
		stop(opener);
	event_free(opener->readable);
	free(opener);
}

void
opener_set_handler(struct opener *opener, opener_answer_fn answer, opener_gone_fn gone, void *context)
{
	opener->answer = answer;
	opener->gone = gone;
	opener->context = context;
	if (opener->fd >= 0 && event_add(opener->readable, NULL) < 0)
		lose(opener);
}

void
opener_ask(struct opener *opener, size_t file, const struct opener_identity *known)
{
	struct opener_request request = { .file = file, .known = *known };

	if (opener->asked)
		log_panic("opener_ask: a question is open");
	opener->asked = true;
	/* An answer has been taken before: the socket has room. What fails is seen as its end. */
	if (opener->fd >= 0 && send(opener->fd, &request, sizeof request, MSG_NOSIGNAL) < 0)
		event_active(opener->readable, EV_READ, 0);
}

pid_t
opener_pid(const struct opener *opener)
{
	return opener->pid;
}
