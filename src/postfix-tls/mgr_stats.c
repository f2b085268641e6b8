/* SPDX-License-Identifier: ISC */
#include "postfix-tls/mgr_stats.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mail/attr.h"
#include "mail/tlsmgr_proto.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/now.h"
#include "util/table.h"

enum {
	WAIT_MS = 3000,
	LIST_LIMIT = 65536,
	READ_SIZE = 4096,
};

static const char stream[] = "private/tlsmgr socket";

static int
connect_to(const char *path, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof address.sun_path)
		return err_set(err, "connect to %s: name too long", path);
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		int code = errno;

		err_errno(err, "connect to %s", path);
		fdio_close(&fd);
		errno = code;
	}
	return fd;
}

/* 1: more bytes. 0: end of file, or nothing in time. -1: errno */
static int
read_more(int fd, struct buf *in, int64_t deadline_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int64_t left_ms = deadline_ms - now_ms();

	if (left_ms <= 0 || poll(&poll_fd, 1, (int)left_ms) <= 0)
		return 0;

	ssize_t got = read(fd, buf_reserve(in, READ_SIZE), READ_SIZE);
	if (got > 0)
		in->len += (size_t)got;
	buf_terminate(in);
	return got > 0 ? 1 : (int)got;
}

/* The list at the start of `in` has *len bytes. */
static bool
read_list(int fd, struct buf *in, int64_t deadline_ms, size_t *len)
{
	struct attr_frame frame;

	attr_frame_init(&frame, LIST_LIMIT);
	for (;;) {
		switch (attr_frame_feed(&frame, in->bytes, in->len, len)) {
		case ATTR_COMPLETE:
			return true;
		case ATTR_TOO_LONG:
			return false;
		case ATTR_MORE:
			break;
		}
		if (read_more(fd, in, deadline_ms) <= 0)
			return false;
	}
}

static enum mgr_stats
converse(int fd, const char *path, struct buf *bytes, struct table *numbers, struct err *err)
{
	int64_t deadline_ms = now_ms() + WAIT_MS;
	size_t len;
	int status;

	tlsmgr_proto_put_stats(bytes);
	if (fdio_write_all(fd, bytes->bytes, bytes->len, WAIT_MS / 1000) < 0) {
		err_errno(err, "write to %s", path);
		return MGR_STATS_SILENT;
	}
	buf_clear(bytes);
	if (!read_list(fd, bytes, deadline_ms, &len)) {
		err_set(err, "%s: no answer", path);
		return MGR_STATS_SILENT;
	}
	if (tlsmgr_proto_get_announcement(bytes->bytes, len, stream) < 0) {
		err_set(err, "%s: not the answer of tlsmgr", path);
		return MGR_STATS_SILENT;
	}
	buf_consume(bytes, len);
	if (!read_list(fd, bytes, deadline_ms, &len) ||
	    tlsmgr_proto_get_stats(bytes->bytes, len, stream, &status, numbers) < 0 ||
	    status != TLSMGR_PROTO_OK)
		return MGR_STATS_UNKNOWN;
	return MGR_STATS_KNOWN;
}

enum mgr_stats
mgr_stats_ask(const char *path, struct table *numbers, struct err *err)
{
	struct buf bytes = BUF_INIT;
	int fd = connect_to(path, err);

	if (fd < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? MGR_STATS_ABSENT : MGR_STATS_SILENT;

	enum mgr_stats result = converse(fd, path, &bytes, numbers, err);

	buf_release(&bytes);
	fdio_close(&fd);
	return result;
}
