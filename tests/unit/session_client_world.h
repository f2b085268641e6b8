/* SPDX-License-Identifier: ISC */
/*
 * session_client_world: session_world.h with both roles set up from main.cf, requests of two lists, and a TLS
 * server as the remote.
 */
#ifndef TEST_SESSION_CLIENT_WORLD_H
#define TEST_SESSION_CLIENT_WORLD_H

#include "session_world.h"

#include "client_request.h"

#include "mail/maincf.h"
#include "mail/param.h"
#include "mail/tlsproxy_proto.h"
#include "tlsproxy/caller_settings.h"
#include "tlsproxy/globals.h"
#include "tlsproxy/role_client.h"
#include "tlsproxy/role_server.h"
#include "tlsproxy/session.h"
#include "util/err.h"

FIXTURE SSL_CTX *server_ctx;

FIXTURE struct globals globals;
FIXTURE struct role_client_settings client_settings;
FIXTURE struct role_server_settings server_settings;

/* As programs read them: these are the values that client_request() has. */
FIXTURE const char main_cf[] = "compatibility_level = 3.6\n"
			       "tls_config_file = none\n"
			       "tls_high_cipherlist = HIGH\n"
			       "tls_medium_cipherlist = HIGH:MEDIUM\n"
			       "tls_low_cipherlist = ALL\n"
			       "tls_export_cipherlist = ALL\n"
			       "tls_null_cipherlist = eNULL\n"
			       "tls_eecdh_auto_curves = X25519 prime256v1\n"
			       "smtp_tls_security_level = may\n"
			       "smtp_tls_loglevel = 1\n"
			       "smtpd_tls_security_level = may\n"
			       "smtpd_tls_loglevel = 1\n";

FIXTURE void
read_settings(void)
{
	struct maincf *cf = maincf_new("", param_default);
	struct err err;

	assert_int_equal(maincf_parse(cf, main_cf, strlen(main_cf), &err), 0);
	assert_int_equal(param_load(cf, globals_params, &globals, &err), 0);
	assert_int_equal(param_load(cf, role_client_params, &client_settings, &err), 0);
	assert_int_equal(param_load(cf, role_server_params, &server_settings, &err), 0);
	maincf_free(cf);
}

FIXTURE int prepared;

FIXTURE void
on_prepare(struct context *context)
{
	(void)context;
	prepared++;
}

FIXTURE int
set_up_client(void **state)
{
	if (set_up(state) < 0)
		return -1;
	read_settings();
	shared.client = role_client_new(&client_settings, &globals, false);
	role_client_begin(shared.client, base, mgr);
	shared.caller = caller_settings_new(&server_settings, &globals, on_prepare);
	server_ctx = SSL_CTX_new(TLS_server_method());

	char *chain = alloc_printf("%s/chain.pem", fixture_dir);
	SSL_CTX_use_certificate_chain_file(server_ctx, chain);
	SSL_CTX_use_PrivateKey_file(server_ctx, chain, SSL_FILETYPE_PEM);
	free(chain);
	return 0;
}

FIXTURE int
tear_down_client(void **state)
{
	SSL_CTX_free(server_ctx);
	caller_settings_free(shared.caller);
	role_client_free(shared.client);
	param_release(globals_params, &globals);
	param_release(role_client_params, &client_settings);
	param_release(role_server_params, &server_settings);
	return tear_down(state);
}

/* --- helpers --- */

FIXTURE void
send_lists(struct world *w, int flags, const struct buf *second)
{
	struct buf list = BUF_INIT;

	put_request(&list, flags, 300);
	if (second)
		buf_add(&list, second->bytes, second->len);
	assert_int_equal(write(w->caller, list.bytes, list.len), list.len);
	buf_release(&list);
}

FIXTURE void
ask(struct world *w, int flags, const struct tlsproxy_client_request *request, const char *status)
{
	struct buf second = BUF_INIT;

	begin(w);
	tlsproxy_proto_client_put(&second, request);
	send_lists(w, flags, &second);
	buf_release(&second);
	expect_from_caller_side(w, status, 10);
}

#define READY     "status\0001\0"
#define NOT_READY "status\0000\0"

/* The remote is the TLS server. */
FIXTURE void
hand_over_to_server(struct world *w)
{
	hand_over(w);
	SSL_free(w->ssl);
	w->ssl = SSL_new(server_ctx);
	SSL_set_mode(w->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_fd(w->ssl, w->remote);
	SSL_set_accept_state(w->ssl);
}

/* The context list, as "name=value\n" lines. */
FIXTURE struct buf
read_context(struct world *w, int *count)
{
	struct buf got = BUF_INIT, lines = BUF_INIT;
	struct attr_frame frame;
	size_t len = 0;
	enum attr_progress progress = ATTR_MORE;
	const char *name, *value;
	struct attr_scan scan;

	attr_frame_init(&frame, 10000);
	for (int i = 0; i < TURNS && progress == ATTR_MORE; i++) {
		turn();
		if (caller_read(w, &got) > 0)
			progress = attr_frame_feed(&frame, got.bytes, got.len, &len);
	}
	assert_int_equal(progress, ATTR_COMPLETE);
	attr_scan_init(&scan, got.bytes, len, ATTR_FLAG_NONE, "test");
	while ((name = attr_scan_peek(&scan)) && attr_scan_str(&scan, name, &value) > 0)
		buf_printf(&lines, "%s=%s\n", name, value);
	*count = scan.count;
	buf_release(&got);
	return lines;
}

#endif
