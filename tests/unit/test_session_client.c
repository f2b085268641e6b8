/* SPDX-License-Identifier: ISC */
/* session: requests of two lists, and the client role with a real TLS server at the far end. */
#include "session_client_world.h"

#include "tlsproxy/session.h"

#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

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

/* Files without an end, or without a beginning, keep nobody waiting. */
static void
what_is_no_file_is_not_waited_for(void **state)
{
	char *fifo = alloc_printf("%s/fifo", fixture_dir);
	const char *const paths[] = { fifo, "/dev/urandom", "/dev/null", fixture_dir };

	(void)state;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	alarm(60); /* ends a test that waits after all */
	for (size_t i = 0; i < COUNT(paths); i++) {
		for (int member = 0; member < 4; member++) {
			struct tlsproxy_client_request request = client_request(311);
			struct world w;

			*(member == 0     ? &request.init.CAfile
			    : member == 1 ? &request.init.chain_files
			    : member == 2 ? &request.init.cert_file
					  : &request.init.eccert_file) = paths[i];
			ask(&w, TLSPROXY_CLIENT, &request, NOT_READY);
			finish(&w);
		}
	}
	alarm(0);
	unlink(fifo);
	free(fifo);
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

/* --- renegotiation --- */

enum { RECORD = 4000 };

/* A session under TLS 1.2, where the server can ask for another handshake. */
static void
open_renegotiable(struct world *w)
{
	struct tlsproxy_client_request request = client_request(37);

	ask(w, TLSPROXY_CLIENT, &request, READY);
	hand_over_to_server(w);
	SSL_set_max_proto_version(w->ssl, TLS1_2_VERSION);
	handshake(w);
	turn();
}

static void
say_record(struct world *w)
{
	static const char bytes[RECORD];

	assert_int_equal(SSL_write(w->ssl, bytes, RECORD), RECORD);
}

/* How many records the session reads for a caller that takes none: of the last one it keeps a part. */
static int
records_until_full(void)
{
	struct world w;
	int unread = 0, count = -1;

	open_renegotiable(&w);
	for (; unread == 0 && count < TURNS; count++) {
		say_record(&w);
		turn();
		assert_int_equal(ioctl(w.remote, TIOCOUTQ, &unread), 0);
	}
	assert_int_not_equal(unread, 0);
	finish(&w);
	return count;
}

/* Nobody reads then but who writes. */
static void
renegotiation_goes_on_while_the_caller_takes_nothing(void **state)
{
	int last = records_until_full();
	struct world w;

	(void)state;
	alarm(60); /* ends a test that goes in circles after all */
	open_renegotiable(&w);
	for (int i = 1; i < last; i++) {
		say_record(&w);
		turn();
	}
	say_record(&w);
	assert_int_equal(SSL_renegotiate(w.ssl), 1);
	assert_int_equal(SSL_do_handshake(w.ssl), 1);
	turn();
	assert_int_equal(write(w.caller, "QUIT\r\n", 6), 6);
	expect_at_remote(&w, "QUIT\r\n", 6);
	assert_int_equal(SSL_num_renegotiations(w.ssl), 1);
	finish(&w);
	alarm(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_role_passes_plaintext_both_ways),
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
		cmocka_unit_test(what_is_no_file_is_not_waited_for),
		cmocka_unit_test(server_lists_may_ask_for_another_context),
		cmocka_unit_test(two_descriptors_are_refused_and_closed),
		cmocka_unit_test(renegotiation_goes_on_while_the_caller_takes_nothing),
	};

	return cmocka_run_group_tests(tests, set_up_client, tear_down_client);
}
