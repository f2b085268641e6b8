/* SPDX-License-Identifier: ISC */
#include "mail/map_keeper.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "mail/map_list.h"
#include "mail/map_source.h"
#include "mail/reap.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"

/* At once, so that sessions have their turns. */
enum { PIECE = 64 << 10 };

struct map_keeper {
	struct map_keeper_handler handler;
	struct map_list *list; /* a reference */
	char *title, *names;   /* owned */
	unsigned int flags;
	int fd; /* owned */
	pid_t pid;
	struct event *readable; /* owned */
	struct buf in;          /* wiped */
	bool held;
};

static void
stop(struct map_keeper *keeper)
{
	if (keeper->fd < 0)
		return;
	event_del(keeper->readable);
	fdio_close(&keeper->fd);
	buf_release_secret(&keeper->in);
	/* It ends when it sees that, unless a file server makes it hang. */
	reap(event_get_base(keeper->readable), keeper->pid);
}

static void
hold(struct map_keeper *keeper, bool on)
{
	if (keeper->held == on)
		return;
	keeper->held = on;
	keeper->handler.hold(on, keeper->handler.context);
}

/* What is left of the message is the recording. False: it is none. */
static bool
exchange(struct map_keeper *keeper, struct buf *recording)
{
	struct map_source *source = map_source_replay(recording);

	if (!source)
		return false;

	struct map_list *list = map_list_new_from(source, keeper->title, keeper->names, keeper->flags);

	map_list_exchange(keeper->list, list);
	map_list_unref(list);
	map_source_free(source);
	keeper->handler.exchanged(keeper->handler.context);
	return true;
}

static bool
take(struct map_keeper *keeper, enum map_keeper_kind kind, struct buf *rest)
{
	void *context = keeper->handler.context;

	switch (kind) {
	case MAP_KEEPER_TABLES:
		return exchange(keeper, rest);
	case MAP_KEEPER_REFUSED:
		keeper->handler.refused(buf_str(rest), context);
		return true;
	case MAP_KEEPER_HOLD:
	case MAP_KEEPER_RELEASE:
		hold(keeper, kind == MAP_KEEPER_HOLD);
		return true;
	}
	return false;
}

/* 1: one message was taken. 0: more is to come. -1: it makes no sense. */
static int
take_next(struct map_keeper *keeper)
{
	struct map_keeper_head head;
	struct buf rest = BUF_INIT;

	if (keeper->in.len < sizeof head)
		return 0;
	memcpy(&head, keeper->in.bytes, sizeof head);
	if (head.len > MAP_SOURCE_RECORD_LIMIT)
		return -1;
	if (keeper->in.len < sizeof head + head.len)
		return 0;
	if (keeper->in.len == sizeof head + head.len) {
		rest = keeper->in;
		keeper->in = (struct buf)BUF_INIT;
		buf_consume(&rest, sizeof head);
	} else {
		buf_add(&rest, keeper->in.bytes + sizeof head, head.len);
		buf_consume(&keeper->in, sizeof head + head.len);
	}

	bool good = take(keeper, head.kind, &rest);

	buf_release_secret(&rest);
	return good ? 1 : -1;
}

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	struct map_keeper *keeper = context;
	ssize_t got = read(fd, buf_reserve(&keeper->in, PIECE), PIECE);
	int result = 0;

	(void)what;
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got > 0) {
		keeper->in.len += (size_t)got;
		buf_terminate(&keeper->in);
		while ((result = take_next(keeper)) > 0)
			continue;
	}
	if (got > 0 && result == 0)
		return;
	stop(keeper);
	hold(keeper, false);
	keeper->handler.gone(keeper->handler.context);
}

/* The process, on one end of a socket pair; the other end, or -1 with `err`. */
static int
start(const struct map_keeper_tables *tables, pid_t *pid, struct err *err)
{
	pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(err, "socketpair");
	*pid = fork();
	if (*pid == 0)
		map_keeper_process_run(ends[1], parent, tables);
	if (*pid < 0)
		err_errno(err, "fork");
	fdio_close(&ends[1]);
	if (*pid < 0)
		fdio_close(&ends[0]);
	return ends[0];
}

struct map_keeper *
map_keeper_new(struct event_base *base, const struct map_keeper_tables *tables,
    const struct map_keeper_handler *handler, struct err *err)
{
	pid_t pid = -1;

	map_source_wipe(tables->source);

	int fd = start(tables, &pid, err);

	map_source_free(tables->source);
	if (fd < 0)
		return NULL;

	struct map_keeper *keeper = alloc_zero(sizeof *keeper);

	keeper->handler = *handler;
	keeper->list = map_list_ref(tables->list);
	keeper->title = alloc_string(tables->title);
	keeper->names = alloc_string(tables->names);
	keeper->flags = tables->flags;
	keeper->fd = fd;
	keeper->pid = pid;
	keeper->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, keeper);
	if (event_add(keeper->readable, NULL) < 0)
		log_warn("map_keeper: event_add: %m");
	return keeper;
}

void
map_keeper_free(struct map_keeper *keeper)
{
	if (!keeper)
		return;
	stop(keeper);
	event_free(keeper->readable);
	map_list_unref(keeper->list);
	free(keeper->names);
	free(keeper->title);
	free(keeper);
}
