/* SPDX-License-Identifier: ISC */
/*
 * gate_world: sessions of tlsgate between a client, a tlsproxy and a back end that the test plays itself, all
 * in one thread: the event loop turns until what is expected has come.
 */
#ifndef TEST_GATE_WORLD_H
#define TEST_GATE_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "mail/tlsproxy_proto.h"
#include "tlsgate/gate_backend.h"
#include "tlsgate/gate_session.h"
#include "tlsgate/gate_smtp.h"
#include "util/buf.h"
#include "util/fdio.h"
#include "util/log.h"

#define GATE_WORLD __attribute__((unused)) static

enum { TURNS = 5000 };

struct fixture {
	char dir[32];
	char backend_path[64], proxy_path[64];
	int backend_listen, proxy_listen;
	struct gate_backend *backend;
	struct gate gate;
	bool wants_context; /* tlsproxy is to be asked for what it knows of the TLS session */
	int gone;
	int client;
	int offered; /* of the last request */
};

GATE_WORLD void
no_log(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

GATE_WORLD void
count_gone(void *context)
{
	++*(int *)context;
}

GATE_WORLD int
listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

GATE_WORLD int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct err *none = NULL;
	char where[80];

	snprintf(f->dir, sizeof f->dir, "/tmp/test_gate.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->backend_path, sizeof f->backend_path, "%s/backend", f->dir);
	snprintf(f->proxy_path, sizeof f->proxy_path, "%s/tlsproxy", f->dir);
	f->backend_listen = listen_at(f->backend_path);
	f->proxy_listen = listen_at(f->proxy_path);
	snprintf(where, sizeof where, "unix:%s", f->backend_path);
	f->backend = gate_backend_new(where, none);
	f->gate = (struct gate){
		.base = event_base_new(),
		.backend = f->backend,
		.hostname = "gate.example",
		.service = "smtp",
		.protocol = &gate_smtp_protocol,
		.tlsproxy = f->proxy_path,
		.timeout_s = 100,
		.connect_timeout_s = 100,
		.starttls_timeout_s = 77,
		.gone = count_gone,
		.context = &f->gone,
	};
	f->client = -1;
	*state = f;
	return 0;
}

GATE_WORLD void
turn(struct fixture *f)
{
	event_base_loop(f->gate.base, EVLOOP_NONBLOCK);
}

GATE_WORLD int
teardown(void **state)
{
	struct fixture *f = *state;

	fdio_close(&f->client);
	fdio_close(&f->backend_listen);
	fdio_close(&f->proxy_listen);
	for (int i = 0; i < TURNS && !f->gone; i++)
		turn(f);
	assert_int_equal(f->gone, 1);
	unlink(f->backend_path);
	unlink(f->proxy_path);
	rmdir(f->dir);
	gate_backend_free(f->backend);
	event_base_free(f->gate.base);
	free(f);
	return 0;
}

GATE_WORLD void
start(struct fixture *f)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	f->client = fds[0];
	gate_session_start(&f->gate, fds[1]);
}

GATE_WORLD int
accept_from(struct fixture *f, int listening)
{
	for (int i = 0; i < TURNS; i++) {
		turn(f);
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			return fd;
		poll(NULL, 0, 1);
	}
	fail_msg("nobody connects");
	return -1;
}

GATE_WORLD void
say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* Exactly `wanted` arrives, and nothing behind it while the loop turns a few times more. */
GATE_WORLD void
hear(struct fixture *f, int fd, const char *wanted, size_t len)
{
	char got[8192];
	size_t n = 0;
	int quiet = 0;

	for (int i = 0; i < TURNS && quiet < 5; i++) {
		turn(f);
		ssize_t r = recv(fd, got + n, sizeof got - n, MSG_DONTWAIT);
		if (r > 0)
			n += (size_t)r;
		else if (n >= len)
			quiet++;
		else
			poll(NULL, 0, 1);
	}
	got[n < sizeof got ? n : sizeof got - 1] = 0;
	if (n != len || memcmp(got, wanted, len) != 0)
		fail_msg("wanted \"%s\", got \"%s\"", wanted, got);
}

GATE_WORLD void
hears(struct fixture *f, int fd, const char *wanted)
{
	hear(f, fd, wanted, strlen(wanted));
}

/* What one side says the other hears, unchanged. */
GATE_WORLD void
passes(struct fixture *f, int from, int to, const char *text)
{
	say(from, text);
	hears(f, to, text);
}

GATE_WORLD void
hears_end(struct fixture *f, int fd)
{
	char c;

	for (int i = 0; i < TURNS; i++) {
		turn(f);
		ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return;
		assert_true(n < 0);
		poll(NULL, 0, 1);
	}
	fail_msg("no end of file");
}

/* A client that has been greeted; the back end's socket. */
GATE_WORLD int
greeted(struct fixture *f)
{
	start(f);
	int backend = accept_from(f, f->backend_listen);
	say(backend, "220 back.example ESMTP\r\n");
	hears(f, f->client, "220 back.example ESMTP\r\n");
	return backend;
}

/* tlsproxy's part up to the status. */
GATE_WORLD int
proxy_asked(struct fixture *f)
{
	int proxy = accept_from(f, f->proxy_listen);
	struct buf announcement = BUF_INIT;
	char got[512];
	ssize_t n = -1;

	tlsproxy_proto_put_announcement(&announcement);
	assert_int_equal(write(proxy, announcement.bytes, announcement.len), (ssize_t)announcement.len);
	buf_release(&announcement);
	for (int i = 0; i < TURNS && n < 0; i++) {
		turn(f);
		n = recv(proxy, got, sizeof got, MSG_DONTWAIT);
		poll(NULL, 0, n < 0);
	}
	struct tlsproxy_request request = { .flags = 0 };
	assert_true(n > 0);
	assert_int_equal(tlsproxy_proto_get_request(got, (size_t)n, "test", &request), 0);
	assert_int_equal(request.flags, TLSPROXY_SERVER | (f->wants_context ? TLSPROXY_SEND_CONTEXT : 0));
	assert_int_equal(request.handshake_timeout_s, 77);
	assert_int_equal(request.session_timeout_s, f->gate.timeout_s);
	assert_string_equal(request.serverid, "smtp");
	f->offered = request.offers_plaintext;
	return proxy;
}

GATE_WORLD void
say_status(int proxy, int status)
{
	struct buf list = BUF_INIT;

	tlsproxy_proto_put_status(&list, status);
	assert_int_equal(write(proxy, list.bytes, list.len), (ssize_t)list.len);
	buf_release(&list);
}

GATE_WORLD int
descriptor_from(struct fixture *f, int proxy)
{
	int fd, result = -1;

	for (int i = 0; i < TURNS && result < 0; i++) {
		turn(f);
		result = fdio_receive_fd(proxy, &fd);
		poll(NULL, 0, result < 0);
	}
	assert_int_equal(result, 1);
	return fd;
}

/* STARTTLS has been said to a greeted session: the new back end's socket; *proxy is tlsproxy's plaintext
 * side. The old back end hears QUIT and the end. */
GATE_WORLD int
finish_starttls(struct fixture *f, int old, int *proxy)
{
	*proxy = proxy_asked(f);
	say_status(*proxy, 1);
	int backend = accept_from(f, f->backend_listen);
	say(backend, "220 back.example ESMTP\r\n");
	int fd = descriptor_from(f, *proxy);
	hears(f, f->client, "220 2.0.0 Ready to start TLS\r\n");
	hears(f, old, "QUIT\r\n");
	hears_end(f, old);
	close(old);
	close(fd);
	return backend;
}

#endif
