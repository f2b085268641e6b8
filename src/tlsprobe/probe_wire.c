/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/conn.h"
#include "tlsprobe/probe_plan.h"
#include "tlsprobe/probe_reply.h"
#include "tlsprobe/probe_settings.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/now.h"

enum { READ_SIZE = 4096, MS = 1000 };

bool
probe_wire_await(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd wait = { .fd = fd, .events = events };
		int64_t left_ms = deadline_ms - now_ms();
		int ready = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;

		if (ready > 0)
			return true;
		if (ready == 0 || errno != EINTR)
			return false;
	}
}

static int64_t
deadline_of(const struct probe_wire *wire)
{
	return now_ms() + (int64_t)wire->timeout_s * MS;
}

/* --- connecting --- */

static void
set_port(struct sockaddr_storage *raw, int port)
{
	if (raw->ss_family == AF_INET)
		((struct sockaddr_in *)(void *)raw)->sin_port = htons((uint16_t)port);
	else if (raw->ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)raw)->sin6_port = htons((uint16_t)port);
}

/* As the client: an address that cannot be used is warned about and left. */
static void
bind_to(int fd, int family, const struct probe_settings *settings)
{
	const char *text = family == AF_INET    ? settings->bind_address
			   : family == AF_INET6 ? settings->bind_address6
						: "";
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
	void *bytes = family == AF_INET ? (void *)&ipv4.sin_addr : (void *)&ipv6.sin6_addr;
	const struct sockaddr *raw =
	    family == AF_INET ? (const struct sockaddr *)&ipv4 : (const struct sockaddr *)&ipv6;
	socklen_t len = family == AF_INET ? sizeof ipv4 : sizeof ipv6;

	if (!*text)
		return;
	if (inet_pton(family, text, bytes) != 1)
		log_warn("bad %s_bind_address parameter: %s", settings->policy.client, text);
	else if (bind(fd, raw, len) < 0)
		log_warn("bind %s: %m", text);
}

static int
finish_connect(int fd, int64_t deadline_ms, struct err *err)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (!probe_wire_await(fd, POLLOUT, deadline_ms))
		error = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	return error == 0 ? 0 : err_set(err, "%s", strerror(error));
}

int
probe_wire_connect(struct probe_wire *wire, const struct probe_server *server, int port,
    const struct probe_settings *settings, struct err *err)
{
	struct sockaddr_storage raw = server->raw;

	set_port(&raw, port);
	wire->fd = socket(raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (wire->fd < 0)
		return err_set(err, "%s", strerror(errno));
	bind_to(wire->fd, raw.ss_family, settings);
	if (connect(wire->fd, (const struct sockaddr *)&raw, server->raw_len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return err_set(err, "%s", strerror(errno));
	return finish_connect(wire->fd, deadline_of(wire), err);
}

/* --- TLS --- */

int
probe_wire_start_tls(struct probe_wire *wire, struct conn *conn, const char *namaddr)
{
	int64_t deadline_ms = deadline_of(wire);
	enum tls_io io;

	buf_clear(&wire->in);
	wire->conn = conn;
	while ((io = conn_handshake(conn)) == TLS_IO_WANT_READ || io == TLS_IO_WANT_WRITE)
		if (!probe_wire_await(wire->fd, io == TLS_IO_WANT_READ ? POLLIN : POLLOUT, deadline_ms)) {
			log_info("SSL_connect error to %s: %s", namaddr, strerror(ETIMEDOUT));
			break;
		}
	wire->tls_is_up = io == TLS_IO_DONE;
	return wire->tls_is_up ? 0 : -1;
}

void
probe_wire_replace(struct probe_wire *wire, int fd)
{
	buf_clear(&wire->in);
	fdio_close(&wire->fd);
	wire->fd = fd;
}

/* --- bytes --- */

/* Sets *len unless it has to wait. */
static enum tls_io
read_some(struct probe_wire *wire, void *to, size_t room, size_t *len)
{
	ssize_t got;

	if (wire->conn) {
		conn_begin_turn(wire->conn);
		return conn_read(wire->conn, to, room, len);
	}
	got = read(wire->fd, to, room);
	if (got > 0)
		*len = (size_t)got;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return TLS_IO_WANT_READ;
	return got > 0 ? TLS_IO_DONE : TLS_IO_CLOSED;
}

static enum tls_io
write_some(struct probe_wire *wire, const void *from, size_t len, size_t *taken)
{
	ssize_t put;

	if (wire->conn)
		return conn_write(wire->conn, from, len, taken);
	put = send(wire->fd, from, len, MSG_NOSIGNAL);
	if (put > 0)
		*taken = (size_t)put;
	if (put < 0 && (errno == EAGAIN || errno == EINTR))
		return TLS_IO_WANT_WRITE;
	return put > 0 ? TLS_IO_DONE : TLS_IO_CLOSED;
}

/* After a call that could not go on. DONE: it may be tried again. */
static enum probe_wire_result
wait_after(struct probe_wire *wire, enum tls_io io, int64_t deadline_ms)
{
	if (io == TLS_IO_DONE)
		return PROBE_WIRE_DONE;
	if (io != TLS_IO_WANT_READ && io != TLS_IO_WANT_WRITE) {
		wire->tls_is_up = false;
		return PROBE_WIRE_LOST;
	}
	return probe_wire_await(wire->fd, io == TLS_IO_WANT_READ ? POLLIN : POLLOUT, deadline_ms)
		   ? PROBE_WIRE_DONE
		   : PROBE_WIRE_LATE;
}

static enum probe_wire_result
send_line(struct probe_wire *wire, const char *command, int64_t deadline_ms)
{
	enum probe_wire_result result = PROBE_WIRE_DONE;
	struct buf out = BUF_INIT;

	buf_printf(&out, "%s\r\n", command);
	while (out.len > 0 && result == PROBE_WIRE_DONE) {
		size_t taken = 0;

		result = wait_after(wire, write_some(wire, out.bytes, out.len, &taken), deadline_ms);
		buf_consume(&out, taken);
	}
	buf_release(&out);
	return result;
}

static enum probe_wire_result
receive(struct probe_wire *wire, struct probe_reply *reply, int64_t deadline_ms)
{
	for (;;) {
		enum probe_reply_state state = probe_reply_take(reply, &wire->in);
		enum probe_wire_result result;
		size_t len = 0;

		if (state != PROBE_REPLY_MORE)
			return state == PROBE_REPLY_COMPLETE ? PROBE_WIRE_DONE : PROBE_WIRE_ODD;
		result = wait_after(
		    wire, read_some(wire, buf_reserve(&wire->in, READ_SIZE), READ_SIZE, &len), deadline_ms);
		wire->in.len += len;
		buf_terminate(&wire->in);
		if (result != PROBE_WIRE_DONE)
			return result;
	}
}

enum probe_wire_result
probe_wire_ask(struct probe_wire *wire, const char *command, struct probe_reply *reply)
{
	int64_t deadline_ms = deadline_of(wire);
	enum probe_wire_result result = command ? send_line(wire, command, deadline_ms) : PROBE_WIRE_DONE;

	return result == PROBE_WIRE_DONE ? receive(wire, reply, deadline_ms) : result;
}

void
probe_wire_close(struct probe_wire *wire)
{
	if (wire->tls_is_up && conn_close(wire->conn) != TLS_IO_DONE) {
		/* The server has closed first, or does not care. */
	}
	conn_free(wire->conn);
	wire->conn = NULL;
	wire->tls_is_up = false;
	fdio_close(&wire->fd);
	buf_release(&wire->in);
}
