/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_drive: one session through a tlsproxy, with both its ends in one process: the caller, and the TLS
 * peer.
 *
 * Every wait ends, by what is waited for or after PATIENCE_S.
 */
#ifndef TLSPROXY_DRIVE_H
#define TLSPROXY_DRIVE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "send_descriptor.h"
#include "tlsproxy_request.h"

enum { PATIENCE_S = 30, SERVER = 1, CLIENT = 2, CONTEXT = 4, PROBE = 8 };

static const char *service_path;
static SSL_CTX *peer_client_ctx, *peer_server_ctx;

TOOL double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

TOOL void
set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* --- the caller --- */

TOOL int
connect_service(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", service_path);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		close(fd);
		return -1;
	}
	set_nonblocking(fd);
	return fd;
}

/* Exactly `len` bytes within `seconds`. What came: fewer means end of file or the time. */
TOOL size_t
read_for(int fd, void *to, size_t len, double seconds, bool *eof)
{
	double end = now_s() + seconds;
	size_t have = 0;

	*eof = false;
	while (have < len && now_s() < end) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		ssize_t got = read(fd, (char *)to + have, len - have);

		if (got > 0) {
			have += (size_t)got;
		} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			*eof = true;
			break;
		} else {
			poll(&wait, 1, 50);
		}
	}
	return have;
}

TOOL bool
expect_bytes(int fd, const void *bytes, size_t len)
{
	char *got = malloc(len);
	bool eof, same = read_for(fd, got, len, PATIENCE_S, &eof) == len && memcmp(got, bytes, len) == 0;

	free(got);
	return same;
}

/* "eof" when nothing but the end comes, "data" when something does, "open" when the time is up. */
TOOL const char *
what_comes(int fd, double seconds)
{
	char byte;
	bool eof;

	if (read_for(fd, &byte, 1, seconds, &eof) > 0)
		return "data";
	return eof ? "eof" : "open";
}

TOOL void
write_all(int fd, const void *bytes, size_t len)
{
	for (size_t put = 0; put < len;) {
		struct pollfd wait = { .fd = fd, .events = POLLOUT };
		ssize_t n = write(fd, (const char *)bytes + put, len - put);

		if (n > 0)
			put += (size_t)n;
		else if (errno != EAGAIN || poll(&wait, 1, PATIENCE_S * 1000) <= 0)
			return;
	}
}

/* A caller to whom the service has announced itself; -1: it did not. */
TOOL int
greet(void)
{
	int fd = connect_service();

	if (fd >= 0 && !expect_bytes(fd, "protocol\0tlsproxy_protocol\0", 28)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* 1, 0, or -1: closed without a word. */
TOOL int
read_status(int fd)
{
	char got[10];
	bool eof;

	if (read_for(fd, got, 10, PATIENCE_S, &eof) < 10 || memcmp(got, "status", 7) != 0)
		return -1;
	return got[7] - '0';
}

TOOL int
ask_service(int flags, const struct session_request *want, long handshake_s, long session_s, int *status)
{
	struct list request = { 0 };
	int fd = greet();

	request_common(&request, "[127.0.0.1]:25", flags, handshake_s, session_s, "test");
	if (want)
		request_client(&request, want);
	write_all(fd, request.bytes, request.len);
	list_free(&request);
	*status = read_status(fd);
	return fd;
}

/* --- the peer --- */

TOOL void
tcp_pair(int ends[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		abort();
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(ends[0], (struct sockaddr *)&address, sizeof address) < 0)
		abort();
	ends[1] = accept(listener, NULL, NULL);
	close(listener);
}

struct session {
	int caller;
	int remote; /* the peer's end */
	SSL *ssl;   /* the peer's */
	int status;
};

/* Up to the descriptor. `want` NULL: the server role. `version`: of the peer, 0: any. */
TOOL bool
begin(struct session *s, int flags, const struct session_request *want, int version, long handshake_s,
    long session_s)
{
	int ends[2];

	memset(s, 0, sizeof *s);
	s->remote = -1;
	s->caller = ask_service(flags | (want ? CLIENT : SERVER), want, handshake_s, session_s, &s->status);
	if (s->status != 1)
		return false;
	tcp_pair(ends);
	s->remote = ends[0];
	if (send_descriptor(s->caller, ends[1]) < 0)
		return false;
	close(ends[1]);
	set_nonblocking(s->remote);
	s->ssl = SSL_new(want ? peer_server_ctx : peer_client_ctx);
	SSL_set_fd(s->ssl, s->remote);
	SSL_set_mode(s->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (version)
		SSL_set_min_proto_version(s->ssl, version), SSL_set_max_proto_version(s->ssl, version);
	if (want)
		SSL_set_accept_state(s->ssl);
	else
		SSL_set_connect_state(s->ssl);
	return true;
}

TOOL bool
ssl_wait(SSL *ssl, int result, double end)
{
	int error = SSL_get_error(ssl, result);
	struct pollfd wait = { .fd = SSL_get_fd(ssl),
		.events = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN };

	ERR_clear_error();
	return (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) && now_s() < end &&
	       poll(&wait, 1, 100) >= 0;
}

TOOL bool
shake(struct session *s)
{
	double end = now_s() + PATIENCE_S;
	int result;

	while ((result = SSL_do_handshake(s->ssl)) != 1)
		if (!ssl_wait(s->ssl, result, end))
			return false;
	return true;
}

TOOL bool
open_session(struct session *s, int flags, const struct session_request *want, int version)
{
	return begin(s, flags, want, version, 30, 300) && shake(s);
}

TOOL void
close_session(struct session *s)
{
	SSL_free(s->ssl);
	if (s->caller >= 0)
		close(s->caller);
	if (s->remote >= 0)
		close(s->remote);
	s->ssl = NULL;
	s->caller = s->remote = -1;
}

/* What the peer gets: `len` bytes; fewer: its end came, or the time. */
TOOL size_t
peer_read(struct session *s, void *to, size_t len)
{
	double end = now_s() + PATIENCE_S;
	size_t have = 0;

	while (have < len) {
		int n = SSL_read(s->ssl, (char *)to + have, (int)(len - have));

		if (n > 0)
			have += (size_t)n;
		else if (!ssl_wait(s->ssl, n, end))
			break;
	}
	return have;
}

TOOL bool
peer_expect(struct session *s, const void *bytes, size_t len)
{
	char *got = malloc(len);
	bool same = peer_read(s, got, len) == len && memcmp(got, bytes, len) == 0;

	free(got);
	return same;
}

/* "close_notify", "eof", or "open". */
TOOL const char *
peer_end(struct session *s)
{
	char byte;

	if (peer_read(s, &byte, 1) == 1)
		return "data";
	if (SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN)
		return "close_notify";
	return what_comes(s->remote, 1);
}

/* Both directions at once, as fast as they go: `up` bytes from the peer and `down` from the caller. */
TOOL bool
exchange(struct session *s, const char *bytes, size_t up, size_t down)
{
	size_t sent_up = 0, got_up = 0, sent_down = 0, got_down = 0;
	double end = now_s() + PATIENCE_S;
	char piece[16384];

	while ((got_up < up || got_down < down) && now_s() < end) {
		bool moved = false;
		ssize_t n;
		int m;

		if (sent_up < up && (m = SSL_write(s->ssl, bytes + sent_up, (int)(up - sent_up))) > 0)
			sent_up += (size_t)m, moved = true;
		if ((m = SSL_read(s->ssl, piece, sizeof piece)) > 0) {
			if (got_down + (size_t)m > down || memcmp(piece, bytes + got_down, (size_t)m) != 0)
				return false;
			got_down += (size_t)m, moved = true;
		}
		ERR_clear_error();
		if (sent_down < down && (n = write(s->caller, bytes + sent_down, down - sent_down)) > 0)
			sent_down += (size_t)n, moved = true;
		if ((n = read(s->caller, piece, sizeof piece)) > 0) {
			if (got_up + (size_t)n > up || memcmp(piece, bytes + got_up, (size_t)n) != 0)
				return false;
			got_up += (size_t)n, moved = true;
		}
		if (!moved) {
			struct pollfd wait[2] = { { .fd = s->remote, .events = POLLIN },
				{ .fd = s->caller, .events = POLLIN } };
			poll(wait, 2, 5);
		}
	}
	return got_up == up && got_down == down;
}

/* The TLS context list as "name=value\n" lines; "" when there is none. Freed by the caller. */
TOOL char *
read_result(struct session *s, int *count)
{
	struct list lines = { 0 };
	bool is_name = true, empty = true, eof;
	char byte;

	*count = 0;
	while (read_for(s->caller, &byte, 1, PATIENCE_S, &eof) == 1) {
		if (byte) {
			list_add(&lines, &byte, 1);
			empty = false;
			continue;
		}
		if (is_name && empty)
			break;
		list_add(&lines, is_name ? "=" : "\n", 1);
		*count += is_name;
		is_name = !is_name;
		empty = true;
	}
	list_end(&lines);
	return lines.bytes;
}

TOOL const char *
field(const char *lines, const char *name, char *to, size_t room)
{
	size_t len = strlen(name);

	for (const char *at = lines; *at; at = strchr(at, '\n') + 1)
		if (strncmp(at, name, len) == 0 && at[len] == '=') {
			snprintf(to, room, "%.*s", (int)strcspn(at + len + 1, "\n"), at + len + 1);
			return to;
		}
	return "(none)";
}

#endif
