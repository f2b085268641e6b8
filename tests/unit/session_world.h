/* SPDX-License-Identifier: ISC */
/*
 * session_world: a tlsproxy session in a test: the caller's end, the remote's end, and the loop between.
 */
#ifndef TEST_SESSION_WORLD_H
#define TEST_SESSION_WORLD_H

#include "tls_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "mail/attr.h"
#include "mail/tlsproxy_proto.h"
#include "tls/context.h"
#include "tls/mgr_client.h"
#include "tls/resume.h"
#include "tlsproxy/session.h"
#include "util/fdio.h"

enum { TURNS = 20000, BULK = 300 * 1000 };

FIXTURE struct event_base *base;
FIXTURE struct session_shared shared;
FIXTURE struct mgr_client *mgr;
FIXTURE SSL_CTX *client_ctx;
FIXTURE int gone;

/* The two ends that are not ours. */
struct world {
	int caller;
	int remote;
	SSL *ssl;
};

FIXTURE void
on_gone(void *context)
{
	(void)context;
	gone++;
}

FIXTURE int
set_up(void **state)
{
	struct fixture_cert cert =
	    fixture_make((struct fixture_kind){ .cn = "mx.example", .key = EVP_EC_gen("P-256") });
	char *chain;

	signal(SIGPIPE, SIG_IGN);
	fixture_setup(state);
	fixture_log_clear();
	base = event_base_new();
	chain = alloc_printf("%s%s", cert.key_pem, cert.cert_pem);
	struct context_server_settings settings = {
		.log_param = "tlsproxy_tls_loglevel",
		.log_level = "1",
		.verifydepth = 9,
		.chain_files = fixture_file("chain.pem", chain),
		.protocols = ">=TLSv1",
		.eecdh_auto_curves = "X25519 prime256v1",
		.fingerprint_digest = "sha256",
		.ciphers = "medium",
		.cipher_grades = { .high = "HIGH",
		    .medium = "HIGH:MEDIUM",
		    .low = "ALL",
		    .export = "ALL",
		    .null = "eNULL" },
		.session_ticket_cipher = "aes-256-cbc",
		.config_file = "none",
		.cache_policy = { .cachable = true, .timeout_s = 3600 },
	};
	shared.base = base;
	shared.server = context_new_server(&settings);
	shared.gone = on_gone;
	free(chain);
	fixture_cert_release(&cert);
	if (!shared.server)
		return -1;

	/* No tlsmgr: sessions go on without it. */
	char *path = alloc_printf("%s/tlsmgr", fixture_dir);
	mgr = mgr_client_new(
	    base, &(struct mgr_client_settings){ .path = path, .idle_s = 5, .ttl_s = 1000, .reply_ms = 500 });
	free(path);
	shared.resume = resume_new(base, mgr, "smtpd", "aes-256-cbc");
	resume_install(context_ssl_ctx(shared.server));
	while (mgr_client_is_up(mgr))
		event_base_loop(base, EVLOOP_ONCE);
	client_ctx = SSL_CTX_new(TLS_client_method());
	return 0;
}

FIXTURE int
tear_down(void **state)
{
	SSL_CTX_free(client_ctx);
	resume_free(shared.resume);
	mgr_client_free(mgr);
	context_unref(shared.server);
	event_base_free(base);
	return fixture_teardown(state);
}

FIXTURE void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

FIXTURE void
pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

/* Reads what the caller's end has got. -1: nothing now; 0: end of file. */
FIXTURE ssize_t
caller_read(struct world *w, struct buf *to)
{
	char bytes[4096];
	ssize_t got = read(w->caller, bytes, sizeof bytes);

	if (got > 0)
		buf_add(to, bytes, (size_t)got);
	return got;
}

FIXTURE void
expect_from_caller_side(struct world *w, const char *bytes, size_t len)
{
	struct buf got = BUF_INIT;

	for (int i = 0; i < TURNS && got.len < len; i++) {
		turn();
		caller_read(w, &got);
	}
	assert_int_equal(got.len, len);
	assert_memory_equal(got.bytes, bytes, len);
	buf_release(&got);
}

FIXTURE void
expect_caller_eof(struct world *w)
{
	struct buf got = BUF_INIT;
	ssize_t last = -1;

	for (int i = 0; i < TURNS && last != 0; i++) {
		turn();
		last = caller_read(w, &got);
	}
	assert_int_equal(last, 0);
	assert_int_equal(got.len, 0);
	buf_release(&got);
}

FIXTURE void
begin(struct world *w)
{
	static const char announcement[] = "protocol\0tlsproxy_protocol\0";
	int fds[2];

	fixture_log_clear();
	memset(w, 0, sizeof *w);
	pair(fds);
	w->caller = fds[0];
	w->remote = -1;
	gone = 0;
	session_start(&shared, fds[1]);
	expect_from_caller_side(w, announcement, sizeof announcement);
}

FIXTURE void
put_request(struct buf *to, int flags, int session_s)
{
	tlsproxy_proto_put_request(to, &(struct tlsproxy_request){ .remote_endpoint = "[192.0.2.1]:25",
					   .flags = flags,
					   .handshake_timeout_s = 30,
					   .session_timeout_s = session_s,
					   .serverid = "smtpd" });
}

FIXTURE void
request(struct world *w, int flags)
{
	struct buf list = BUF_INIT;

	put_request(&list, flags, 300);
	assert_int_equal(write(w->caller, list.bytes, list.len), list.len);
	buf_release(&list);
}

FIXTURE void
hand_over(struct world *w)
{
	int fds[2];

	pair(fds);
	w->remote = fds[0];
	assert_int_equal(fdio_send_fd(w->caller, fds[1]), 0);
	close(fds[1]);
	w->ssl = SSL_new(client_ctx);
	SSL_set_mode(w->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_fd(w->ssl, w->remote);
	SSL_set_connect_state(w->ssl);
}

FIXTURE void
handshake(struct world *w)
{
	int done = 0;

	for (int i = 0; i < TURNS && done != 1; i++) {
		done = SSL_do_handshake(w->ssl);
		ERR_clear_error();
		turn();
	}
	assert_int_equal(done, 1);
}

FIXTURE void
open_session(struct world *w, int flags)
{
	begin(w);
	request(w, flags);
	expect_from_caller_side(w, "status\0001\0", 10);
	hand_over(w);
	handshake(w);
}

FIXTURE void
finish(struct world *w)
{
	SSL_free(w->ssl);
	if (w->caller >= 0)
		close(w->caller);
	if (w->remote >= 0)
		close(w->remote);
	for (int i = 0; i < TURNS && gone == 0; i++)
		turn();
	assert_int_equal(gone, 1);
}

FIXTURE void
expect_at_remote(struct world *w, const char *bytes, size_t len)
{
	char *got = alloc_zero(len);
	size_t have = 0;

	for (int i = 0; i < TURNS && have < len; i++) {
		turn();
		int n = SSL_read(w->ssl, got + have, (int)(len - have));
		if (n > 0)
			have += (size_t)n;
		ERR_clear_error();
	}
	assert_int_equal(have, len);
	assert_memory_equal(got, bytes, len);
	free(got);
}

FIXTURE void
say_from_remote(struct world *w, const char *text)
{
	assert_int_equal(SSL_write(w->ssl, text, (int)strlen(text)), strlen(text));
}

FIXTURE char *
bulk(void)
{
	char *bytes = alloc_zero(BULK);

	for (size_t i = 0; i < BULK; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	return bytes;
}

#endif
