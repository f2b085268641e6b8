/* SPDX-License-Identifier: ISC */
/* session: requests of two lists, and the client role with a real TLS server at the far end. */
#include "session_world.h"

#include <dirent.h>

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

static SSL_CTX *server_ctx;

static struct globals globals;
static struct role_client_settings client_settings;
static struct role_server_settings server_settings;

/* As programs read them: these are the values that client_request() has. */
static const char main_cf[] = "compatibility_level = 3.6\n"
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

static void
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

static int prepared;

static void
on_prepare(struct context *context)
{
	(void)context;
	prepared++;
}

static int
set_up_client(void **state)
{
	if (set_up(state) < 0)
		return -1;
	read_settings();
	shared.client = role_client_new(&client_settings, &globals);
	role_client_begin(shared.client, base, mgr);
	shared.caller = caller_settings_new(&server_settings, &globals, on_prepare);
	server_ctx = SSL_CTX_new(TLS_server_method());

	char *chain = alloc_printf("%s/chain.pem", fixture_dir);
	SSL_CTX_use_certificate_chain_file(server_ctx, chain);
	SSL_CTX_use_PrivateKey_file(server_ctx, chain, SSL_FILETYPE_PEM);
	free(chain);
	return 0;
}

static int
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

static void
send_lists(struct world *w, int flags, const struct buf *second)
{
	struct buf list = BUF_INIT;

	put_request(&list, flags, 300);
	if (second)
		buf_add(&list, second->bytes, second->len);
	assert_int_equal(write(w->caller, list.bytes, list.len), list.len);
	buf_release(&list);
}

static void
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
static void
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
static struct buf
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

static int
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* --- the client role --- */

static void
client_role_passes_plaintext_both_ways(void **state)
{
	struct tlsproxy_client_request request = client_request(37);
	struct world w;

	(void)state;
	ask(&w, TLSPROXY_CLIENT, &request, READY);
	hand_over_to_server(&w);
	handshake(&w);
	say_from_remote(&w, "250 hello\r\n");
	expect_from_caller_side(&w, "250 hello\r\n", 11);
	assert_int_equal(write(w.caller, "EHLO client\r\n", 13), 13);
	expect_at_remote(&w, "EHLO client\r\n", 13);
	finish(&w);
	assert_int_equal(fixture_log_count("CONNECT to [192.0.2.1]:25"), 1);
	assert_int_equal(
	    fixture_log_count("Untrusted TLS connection established to mx.example[192.0.2.1]:25: TLSv1.3"),
	    1);
	assert_int_equal(fixture_log_count("DISCONNECT [192.0.2.1]:25"), 1);
	assert_int_equal(fixture_log_count("unexpected settings"), 0);
}

static void
context_has_the_shape_of_the_caller(void **state)
{
	static const struct {
		const char *name;
		int release;
		int count;
		const char *last;
		const char *key_exchange;
	} cases[] = {
		{ "3.7", 37, 22, "\nnamaddr=mx.example[192.0.2.1]:25\n", "\nkey_exchange=X25519\n" },
		{ "3.9", 39, 24, "\nnamaddr=mx.example[192.0.2.1]:25\n", "\nkey_exchange=X25519\n" },
		{ "3.11", 311, 25, "\nrpt_reported=0\n", "\nkey_exchange=x25519\n" },
		{ "3.12", 312, 26, "\nrpt_reported=0\ntrace_size_limit=102400\n", "\nkey_exchange=x25519\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct tlsproxy_client_request request = client_request(cases[i].release);
		struct world w;
		int count;

		ask(&w, TLSPROXY_CLIENT | TLSPROXY_SEND_CONTEXT, &request, READY);
		hand_over_to_server(&w);
		handshake(&w);
		struct buf lines = read_context(&w, &count);
		const char *last = strstr(buf_str(&lines), cases[i].last);
		if (count != cases[i].count || !last || strlen(last) != strlen(cases[i].last) ||
		    !strstr(buf_str(&lines), cases[i].key_exchange))
			fail_msg("%s: %d attributes:\n%s", cases[i].name, count, buf_str(&lines));
		assert_non_null(strstr(buf_str(&lines), "peer_CN=mx.example\n"));
		assert_non_null(strstr(buf_str(&lines), "\nlevel=1\npeer_status=1\n"));
		assert_int_equal(strstr(buf_str(&lines), "stoc_rpk=0\n") != NULL, cases[i].count > 22);
		buf_release(&lines);
		finish(&w);
	}
}

static void
lists_may_come_in_pieces(void **state)
{
	static const int sizes[] = { 1, 7, 100 };
	struct tlsproxy_client_request request = client_request(312);

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct buf list = BUF_INIT;
		struct world w;

		begin(&w);
		put_request(&list, TLSPROXY_CLIENT, 300);
		tlsproxy_proto_client_put(&list, &request);
		for (size_t at = 0; at < list.len; at += (size_t)sizes[i]) {
			size_t len = list.len - at < (size_t)sizes[i] ? list.len - at : (size_t)sizes[i];

			assert_int_equal(write(w.caller, list.bytes + at, len), len);
			turn();
		}
		expect_from_caller_side(&w, READY, 10);
		buf_release(&list);
		finish(&w);
	}
}

static void
session_that_cannot_be_ends_after_the_descriptor(void **state)
{
	struct tlsproxy_client_request cases[5];
	static const char *const names[] = { "protocols", "grade", "dane without records",
		"secure without names", "level 77" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		cases[i] = client_request(37);
	cases[0].start.protocols = ">=TLSv9";
	cases[1].start.cipher_grade = "best";
	cases[2].start.tls_level = 5;
	cases[3].start.tls_level = 8;
	cases[4].start.tls_level = 77;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;

		ask(&w, TLSPROXY_CLIENT | TLSPROXY_SEND_CONTEXT, &cases[i], READY);
		hand_over_to_server(&w);
		expect_caller_eof(&w);
		if (fixture_log_count("TLS handshake failed for service=smtpd") != 1)
			fail_msg("%s: log is %s", names[i], buf_str(&fixture_log));
		finish(&w);
	}
}

static void
context_that_cannot_be_built_is_not_tried_again_at_once(void **state)
{
	struct tlsproxy_client_request request = client_request(37);
	struct world w;

	(void)state;
	request.init.CAfile = "/nonexistent/ca.pem";
	ask(&w, TLSPROXY_CLIENT, &request, NOT_READY);
	assert_int_equal(fixture_log_count("cannot load Certification Authority data"), 1);
	assert_int_equal(fixture_log_count("request from tlsproxy client with unexpected settings"), 1);
	assert_int_equal(fixture_log_count("(server) 'CAfile=' != (client) 'CAfile=/nonexistent/ca.pem'"), 1);
	assert_int_equal(gone, 0);
	finish(&w);
	for (int i = 0; i < 20; i++) {
		ask(&w, TLSPROXY_CLIENT, &request, NOT_READY);
		assert_int_equal(fixture_log_count("cannot load Certification Authority data"), 0);
		assert_int_equal(fixture_log_count("unexpected settings"), 0);
		finish(&w);
	}
}

static void
settings_that_differ_are_told_once(void **state)
{
	struct tlsproxy_client_request request = client_request(37);
	struct world w;

	(void)state;
	request.params.daemon_random_bytes = 48;
	for (int i = 0; i < 2; i++) {
		ask(&w, TLSPROXY_CLIENT, &request, READY);
		assert_int_equal(fixture_log_count("(server) 'tls_daemon_random_bytes=32' != (client) "
						   "'tls_daemon_random_bytes=48'"),
		    i == 0);
		assert_int_equal(fixture_log_count("to avoid this warning, 1) identify"), i == 0);
		finish(&w);
	}
	/* No file is named: other settings are as good as ours. */
	request = client_request(37);
	request.init.log_param = "-L option";
	ask(&w, TLSPROXY_CLIENT, &request, READY);
	assert_int_equal(fixture_log_count("unexpected settings"), 0);
	finish(&w);
}

static void
more_than_wanted_between_the_lists_is_refused(void **state)
{
	struct tlsproxy_client_request request = client_request(37);
	struct buf list = BUF_INIT;
	struct world w;

	(void)state;
	begin(&w);
	put_request(&list, TLSPROXY_CLIENT, 300);
	buf_truncate(&list, list.len - 1);
	attr_put_str(&list, "later", "1");
	attr_put_end(&list);
	tlsproxy_proto_client_put(&list, &request);
	assert_int_equal(write(w.caller, list.bytes, list.len), list.len);
	expect_caller_eof(&w);
	assert_int_equal(fixture_log_count("receive client TLS settings: malformed request"), 1);
	buf_release(&list);
	finish(&w);
}

static void
endless_list_is_given_up_by_its_size(void **state)
{
	struct world w;
	char bytes[4096];
	size_t put = 0;

	(void)state;
	begin(&w);
	send_lists(&w, TLSPROXY_CLIENT, NULL);
	memset(bytes, 'x', sizeof bytes);
	for (int i = 0; i < TURNS && gone == 0; i++) {
		ssize_t n = write(w.caller, bytes, sizeof bytes);

		put += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_int_equal(gone, 1);
	assert_in_range(put, 1024 * 1024, 2048 * 1024);
	assert_int_equal(fixture_log_count("receive client TLS settings: request too long"), 1);
	finish(&w);
}

static void
caller_that_leaves_before_its_second_list_is_let_go(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	send_lists(&w, TLSPROXY_CLIENT, NULL);
	turn();
	shutdown(w.caller, SHUT_WR);
	expect_caller_eof(&w);
	assert_int_equal(fixture_log_count("receive client TLS settings: Application error"), 1);
	assert_int_equal(fixture_log_count("CONNECT"), 2);
	finish(&w);
}

static void
role_that_is_off_says_so_before_its_list(void **state)
{
	struct role_client *client = shared.client;
	struct tlsproxy_client_request request = client_request(37);
	struct world w;

	(void)state;
	shared.client = NULL;
	ask(&w, TLSPROXY_CLIENT, &request, NOT_READY);
	assert_int_equal(fixture_log_count("TLS client role is disabled by configuration"), 1);
	assert_int_equal(gone, 0);
	finish(&w);
	shared.client = client;
}

/* --- both roles --- */

static void
probe_tells_whether_the_role_is_there(void **state)
{
	static const struct {
		const char *name;
		int flags;
		bool there;
	} cases[] = {
		{ "client", TLSPROXY_CLIENT | TLSPROXY_PROBE, true },
		{ "server", TLSPROXY_SERVER | TLSPROXY_PROBE, true },
		{ "client, off", TLSPROXY_CLIENT | TLSPROXY_PROBE, false },
		{ "server, off", TLSPROXY_SERVER | TLSPROXY_PROBE, false },
	};
	const struct session_shared all = shared;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;

		if (!cases[i].there) {
			shared.client = NULL;
			shared.server = NULL;
		}
		begin(&w);
		send_lists(&w, cases[i].flags, NULL);
		expect_from_caller_side(&w, cases[i].there ? READY : NOT_READY, 10);
		turn();
		assert_int_equal(gone, 0);
		finish(&w);
		shared = all;
	}
}

static void
server_lists_are_taken(void **state)
{
	struct tlsproxy_server_request request = server_request();
	struct buf second = BUF_INIT;
	struct world w;
	int count;

	(void)state;
	begin(&w);
	tlsproxy_proto_server_put(&second, &request);
	send_lists(&w, TLSPROXY_SERVER | TLSPROXY_SEND_CONTEXT, &second);
	buf_release(&second);
	expect_from_caller_side(&w, READY, 10);
	hand_over(&w);
	handshake(&w);
	struct buf lines = read_context(&w, &count);
	assert_int_equal(count, 26);
	assert_non_null(strstr(buf_str(&lines), "\nlevel=0\npeer_status=0\ncipher_protocol=TLSv1.3\n"));
	buf_release(&lines);
	finish(&w);
	assert_int_equal(fixture_log_count("unexpected settings"), 0);
	assert_int_equal(prepared, 0);
}

/* The caller's certificate is the one to show. */
static void
server_lists_may_ask_for_another_context(void **state)
{
	struct tlsproxy_server_request request = server_request();
	struct fixture_cert cert =
	    fixture_make((struct fixture_kind){ .cn = "other.example", .key = EVP_EC_gen("P-256") });
	char *chain = alloc_printf("%s%s", cert.key_pem, cert.cert_pem);
	struct buf second = BUF_INIT;
	struct world w;

	(void)state;
	request.init.chain_files = fixture_file("other.pem", chain);
	begin(&w);
	tlsproxy_proto_server_put(&second, &request);
	send_lists(&w, TLSPROXY_SERVER, &second);
	buf_release(&second);
	expect_from_caller_side(&w, READY, 10);
	hand_over(&w);
	handshake(&w);

	char name[64] = "";
	X509_NAME_get_text_by_NID(
	    X509_get_subject_name(SSL_get0_peer_certificate(w.ssl)), NID_commonName, name, sizeof name);
	assert_string_equal(name, "other.example");
	assert_int_equal(prepared, 1);
	assert_int_equal(fixture_log_count("request from tlsproxy server with unexpected settings"), 1);
	finish(&w);
	free(chain);
	fixture_cert_release(&cert);
}

static void
two_descriptors_are_refused_and_closed(void **state)
{
	struct world w;
	int fds[2];
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char nothing = 0;
	struct iovec byte = { .iov_base = &nothing, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes };

	(void)state;
	begin(&w);
	request(&w, TLSPROXY_SERVER);
	expect_from_caller_side(&w, READY, 10);
	pair(fds);

	int before = open_descriptors();
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(head), fds, sizeof fds);
	assert_int_equal(sendmsg(w.caller, &message, 0), 1);
	expect_caller_eof(&w);
	/* The session's own end is closed, too. */
	assert_int_equal(open_descriptors(), before - 1);
	close(fds[0]);
	close(fds[1]);
	finish(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_role_passes_plaintext_both_ways),
		cmocka_unit_test(context_has_the_shape_of_the_caller),
		cmocka_unit_test(lists_may_come_in_pieces),
		cmocka_unit_test(session_that_cannot_be_ends_after_the_descriptor),
		cmocka_unit_test(context_that_cannot_be_built_is_not_tried_again_at_once),
		cmocka_unit_test(settings_that_differ_are_told_once),
		cmocka_unit_test(more_than_wanted_between_the_lists_is_refused),
		cmocka_unit_test(endless_list_is_given_up_by_its_size),
		cmocka_unit_test(caller_that_leaves_before_its_second_list_is_let_go),
		cmocka_unit_test(role_that_is_off_says_so_before_its_list),
		cmocka_unit_test(probe_tells_whether_the_role_is_there),
		cmocka_unit_test(server_lists_are_taken),
		cmocka_unit_test(server_lists_may_ask_for_another_context),
		cmocka_unit_test(two_descriptors_are_refused_and_closed),
	};

	return cmocka_run_group_tests(tests, set_up_client, tear_down_client);
}
