/* SPDX-License-Identifier: ISC */
/* session: a whole tlsproxy session over socket pairs, with a real TLS client at the far end. */
#include "session_world.h"

#include <fcntl.h>

#include "mail/attr.h"
#include "mail/tlsproxy_proto.h"
#include "tlsproxy/session.h"
#include "util/fdio.h"

/* --- the tests --- */

static void
plaintext_passes_both_ways(void **state)
{
	struct world w;

	(void)state;
	open_session(&w, TLSPROXY_SERVER);
	say_from_remote(&w, "EHLO client\r\n");
	expect_from_caller_side(&w, "EHLO client\r\n", 13);
	assert_int_equal(write(w.caller, "250 hello\r\n", 11), 11);
	expect_at_remote(&w, "250 hello\r\n", 11);
	finish(&w);
	assert_int_equal(fixture_log_count("CONNECT from [192.0.2.1]:25"), 1);
	assert_int_equal(
	    fixture_log_count("Anonymous TLS connection established from [192.0.2.1]:25: TLSv1.3"), 1);
	assert_int_equal(fixture_log_count("DISCONNECT [192.0.2.1]:25"), 1);
}

static void
a_caller_that_does_not_wait_gets_announcement_and_status_at_once(void **state)
{
	static const char wanted[] = "protocol\0tlsproxy_protocol\0\0status\0001\0";
	struct buf list = BUF_INIT;
	struct world w = { .remote = -1 };
	char got[100];
	int fds[2];

	(void)state;
	gone = 0;
	pair(fds);
	w.caller = fds[0];
	put_request(&list, TLSPROXY_SERVER, 300);
	assert_int_equal(write(w.caller, list.bytes, list.len), list.len);
	buf_release(&list);
	session_start(&shared, fds[1]);
	assert_int_equal(read(w.caller, got, sizeof got), sizeof wanted);
	assert_memory_equal(got, wanted, sizeof wanted);
	hand_over(&w);
	handshake(&w);
	finish(&w);
}

static void
context_precedes_plaintext(void **state)
{
	struct world w;
	struct buf got = BUF_INIT;
	struct attr_frame frame;
	size_t len = 0;
	enum attr_progress progress = ATTR_MORE;

	(void)state;
	open_session(&w, TLSPROXY_SERVER | TLSPROXY_SEND_CONTEXT);
	say_from_remote(&w, "EHLO client\r\n");
	attr_frame_init(&frame, 10000);
	for (int i = 0; i < TURNS && progress == ATTR_MORE; i++) {
		turn();
		if (caller_read(&w, &got) > 0)
			progress = attr_frame_feed(&frame, got.bytes, got.len, &len);
	}
	assert_int_equal(progress, ATTR_COMPLETE);

	struct attr_scan scan;
	const char *text;
	attr_scan_init(&scan, got.bytes, len, ATTR_FLAG_NONE, "test");
	assert_int_equal(attr_scan_str(&scan, "cipher_protocol", &text), 1);
	assert_string_equal(text, "TLSv1.3");
	assert_int_equal(attr_scan_str(&scan, "namaddr", &text), 1);
	assert_string_equal(text, "[192.0.2.1]:25");
	for (int i = 0; i < TURNS && got.len < len + 13; i++) {
		turn();
		caller_read(&w, &got);
	}
	assert_memory_equal(got.bytes + len, "EHLO client\r\n", 13);
	buf_release(&got);
	finish(&w);
}

static void
request_may_come_byte_by_byte(void **state)
{
	struct world w;
	struct buf list = BUF_INIT;

	(void)state;
	begin(&w);
	put_request(&list, TLSPROXY_SERVER, 300);
	for (size_t i = 0; i < list.len; i++) {
		assert_int_equal(write(w.caller, list.bytes + i, 1), 1);
		turn();
	}
	expect_from_caller_side(&w, "status\0001\0", 10);
	buf_release(&list);
	finish(&w);
}

static void
bad_role_is_refused_with_a_status(void **state)
{
	static const int flags[] = { 0, 3, 2 };

	(void)state;
	for (size_t i = 0; i < COUNT(flags); i++) {
		struct world w;

		begin(&w);
		request(&w, flags[i]);
		expect_from_caller_side(&w, "status\0000\0", 10);
		turn();
		assert_int_equal(gone, 0);
		finish(&w);
	}
}

static void
absurd_time_limit_is_refused(void **state)
{
	struct world w;
	struct buf list = BUF_INIT;

	(void)state;
	begin(&w);
	put_request(&list, TLSPROXY_SERVER, -10);
	assert_int_equal(write(w.caller, list.bytes, list.len), list.len);
	expect_from_caller_side(&w, "status\0000\0", 10);
	buf_release(&list);
	finish(&w);
}

static void
garbage_ends_without_a_reply(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
	} cases[] = {
		{ "terminator", "\0", 1 },
		{ "wrong name", "remote\0x\0\0", 10 },
		{ "missing", "remote_endpoint\0x\0flags\0001\0\0", 27 },
		{ "not a number", "remote_endpoint\0x\0flags\0a\0\0", 27 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;

		begin(&w);
		assert_int_equal(write(w.caller, cases[i].bytes, cases[i].len), cases[i].len);
		expect_caller_eof(&w);
		if (fixture_log_count("receive request attributes") != 1)
			fail_msg("%s: log is %s", cases[i].name, buf_str(&fixture_log));
		finish(&w);
	}
}

static void
early_plaintext_arrives_after_the_handshake(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	request(&w, TLSPROXY_SERVER);
	expect_from_caller_side(&w, "status\0001\0", 10);
	hand_over(&w);
	assert_int_equal(write(w.caller, "220 early\r\n", 11), 11);
	turn();
	handshake(&w);
	expect_at_remote(&w, "220 early\r\n", 11);
	finish(&w);
}

static void
caller_that_leaves_in_the_handshake_ends_it(void **state)
{
	struct world w;
	char byte;

	(void)state;
	begin(&w);
	request(&w, TLSPROXY_SERVER);
	expect_from_caller_side(&w, "status\0001\0", 10);
	hand_over(&w);
	turn();
	close(w.caller);
	w.caller = -1;
	for (int i = 0; i < TURNS && gone == 0; i++)
		turn();
	assert_int_equal(gone, 1);
	assert_int_equal(read(w.remote, &byte, 1), 0);
	assert_int_equal(fixture_log_count("TLS handshake failed for service=smtpd peer=[192.0.2.1]:25"), 1);
	finish(&w);
}

static void
message_without_descriptor_ends_the_session(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	request(&w, TLSPROXY_SERVER);
	expect_from_caller_side(&w, "status\0001\0", 10);
	assert_int_equal(write(w.caller, "", 1), 1);
	expect_caller_eof(&w);
	assert_int_equal(fixture_log_count("receive remote SMTP peer file descriptor"), 1);
	finish(&w);
}

static void
descriptor_that_is_no_socket_does_no_harm(void **state)
{
	struct world w;
	int fd = open("/dev/null", O_RDWR);

	(void)state;
	begin(&w);
	request(&w, TLSPROXY_SERVER);
	expect_from_caller_side(&w, "status\0001\0", 10);
	assert_int_equal(fdio_send_fd(w.caller, fd), 0);
	close(fd);
	expect_caller_eof(&w);
	finish(&w);
}

static void
socket_without_a_peer_ends_the_session(void **state)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		int fd = socket(AF_INET, types[i], 0);
		struct world w;

		begin(&w);
		request(&w, TLSPROXY_SERVER);
		expect_from_caller_side(&w, "status\0001\0", 10);
		assert_int_equal(fdio_send_fd(w.caller, fd), 0);
		expect_caller_eof(&w);
		assert_int_equal(fixture_log_count("warning"), 0);
		close(fd);
		finish(&w);
	}
}

static void
garbage_from_the_remote_is_a_failed_handshake(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	request(&w, TLSPROXY_SERVER | TLSPROXY_SEND_CONTEXT);
	expect_from_caller_side(&w, "status\0001\0", 10);
	hand_over(&w);
	assert_int_equal(write(w.remote, "QUIT\r\nQUIT\r\n", 12), 12);
	expect_caller_eof(&w);
	assert_int_equal(fixture_log_count("TLS library problem"), 1);
	finish(&w);
}

/* The caller writes a lot and closes while the remote reads nothing: all of it arrives, and then
 * close_notify. */
static void
what_the_caller_sent_last_is_delivered(void **state)
{
	struct world w;
	char *bytes = bulk();
	size_t put = 0;

	(void)state;
	open_session(&w, TLSPROXY_SERVER);
	for (int i = 0; i < TURNS && put < BULK; i++) {
		ssize_t n = write(w.caller, bytes + put, BULK - put);
		if (n > 0)
			put += (size_t)n;
		else if (i > 100)
			break;
		turn();
	}
	close(w.caller);
	w.caller = -1;
	for (int i = 0; i < 100; i++)
		turn();
	assert_int_equal(gone, 0);
	expect_at_remote(&w, bytes, put);

	char byte;
	int last = -1;
	for (int i = 0; i < TURNS && gone == 0; i++)
		turn();
	last = SSL_read(w.ssl, &byte, 1);
	assert_int_equal(SSL_get_error(w.ssl, last), SSL_ERROR_ZERO_RETURN);
	assert_int_equal(SSL_get_shutdown(w.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
	finish(&w);
	free(bytes);
}

/* The remote writes until nothing goes any more, and closes; a caller that reads late gets everything. */
static void
what_the_remote_sent_last_is_delivered(void **state)
{
	struct world w;
	char *bytes = bulk();
	size_t put = 0;
	struct buf got = BUF_INIT;
	ssize_t last = -1;

	(void)state;
	open_session(&w, TLSPROXY_SERVER);
	for (int stalled = 0; stalled < 100 && put < BULK; turn()) {
		int n = SSL_write(w.ssl, bytes + put, (int)(BULK - put > 16000 ? 16000 : BULK - put));
		ERR_clear_error();
		stalled = n > 0 ? 0 : stalled + 1;
		put += n > 0 ? (size_t)n : 0;
	}
	shutdown(w.remote, SHUT_WR);
	for (int i = 0; i < TURNS && last != 0; i++) {
		turn();
		last = caller_read(&w, &got);
	}
	assert_int_equal(last, 0);
	assert_int_equal(got.len, put);
	assert_memory_equal(got.bytes, bytes, put);
	buf_release(&got);
	finish(&w);
	free(bytes);
}

/* A caller that does not read is still read. */
static void
directions_do_not_wait_for_each_other(void **state)
{
	struct world w;
	char *bytes = bulk();
	int stalled = 0;

	(void)state;
	open_session(&w, TLSPROXY_SERVER);
	while (stalled < 100) {
		int n = SSL_write(w.ssl, bytes, 16000);
		ERR_clear_error();
		stalled = n > 0 ? 0 : stalled + 1;
		turn();
	}
	assert_int_equal(write(w.caller, "250 still here\r\n", 16), 16);
	expect_at_remote(&w, "250 still here\r\n", 16);
	finish(&w);
	free(bytes);
}

static void
handshake_ends_at_its_time_limit(void **state)
{
	struct world w;
	struct buf list = BUF_INIT;

	(void)state;
	begin(&w);
	tlsproxy_proto_put_request(&list, &(struct tlsproxy_request){ .remote_endpoint = "[192.0.2.1]:25",
					      .flags = TLSPROXY_SERVER,
					      .handshake_timeout_s = 0,
					      .session_timeout_s = 300,
					      .serverid = "smtpd" });
	assert_int_equal(write(w.caller, list.bytes, list.len), list.len);
	buf_release(&list);
	expect_from_caller_side(&w, "status\0001\0", 10);
	hand_over(&w);
	expect_caller_eof(&w);
	assert_int_equal(fixture_log_count("ciphertext read/write timeout for [192.0.2.1]:25"), 1);
	finish(&w);
}

static size_t
write_what_goes(int fd, const struct buf *from, size_t at)
{
	size_t put = 0;
	ssize_t n;

	while ((n = write(fd, from->bytes + at + put, from->len - at - put)) > 0)
		put += (size_t)n;
	return put;
}

/* Records that carry no data cost much and are short: a socket full of them is not worked off in one turn, in
 * which no other session gets anywhere. What comes behind them arrives. */
static void
flood_of_key_updates_takes_several_turns(void **state)
{
	struct world w;
	struct buf records = BUF_INIT;
	char *bytes;

	(void)state;
	open_session(&w, TLSPROXY_SERVER);
	SSL_set0_wbio(w.ssl, BIO_new(BIO_s_mem()));
	for (int i = 0; i < 20000; i++) {
		assert_int_equal(SSL_key_update(w.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(w.ssl), 1);
	}
	say_from_remote(&w, "QUIT\r\n");
	long len = BIO_get_mem_data(SSL_get_wbio(w.ssl), &bytes);
	buf_add(&records, bytes, (size_t)len);

	size_t full = write_what_goes(w.remote, &records, 0);
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	size_t after = write_what_goes(w.remote, &records, full);
	assert_true(full > 150000);
	assert_true(after < full - 50000);
	for (size_t put = full + after; put < records.len; turn())
		put += write_what_goes(w.remote, &records, put);
	expect_from_caller_side(&w, "QUIT\r\n", 6);
	buf_release(&records);
	finish(&w);
}

/* From the linker: where static variables without a value lie. */
extern char __bss_start[], _end[];

/* memmem() is not for memory in which the address sanitizer keeps its red zones. */
__attribute__((no_sanitize("address"))) static bool
static_memory_has(const char *bytes, size_t len)
{
	for (const volatile char *at = __bss_start; at + len <= _end; at++) {
		size_t same = 0;

		while (same < len && at[same] == bytes[same])
			same++;
		if (same == len)
			return true;
	}
	return false;
}

static void
plaintext_stays_nowhere_when_it_has_passed(void **state)
{
	struct world w;
	char down[64], up[64];

	(void)state;
	for (size_t i = 0; i < sizeof down; i++) {
		down[i] = (char)(i * 11 + 5);
		up[i] = (char)(i * 13 + 7);
	}
	open_session(&w, TLSPROXY_SERVER);
	assert_int_equal(write(w.caller, down, sizeof down), sizeof down);
	expect_at_remote(&w, down, sizeof down);
	assert_false(static_memory_has(down + 20, 40));
	assert_int_equal(SSL_write(w.ssl, up, sizeof up), sizeof up);
	expect_from_caller_side(&w, up, sizeof up);
	assert_false(static_memory_has(up + 20, 40));
	finish(&w);
}

static SSL *seen; /* the SSL of the session under test */

static void
see(const SSL *ssl, int where, int value)
{
	(void)where;
	(void)value;
	seen = (SSL *)ssl;
}

/* Buffers come with the first step of a handshake. */
static void
silent_client_gets_no_buffers(void **state)
{
	struct world w;

	(void)state;
	SSL_CTX_set_info_callback(context_ssl_ctx(shared.server), see);
	seen = NULL;
	begin(&w);
	request(&w, TLSPROXY_SERVER);
	expect_from_caller_side(&w, "status\0001\0", 10);
	hand_over(&w);
	for (int i = 0; i < 20; i++)
		turn();
	assert_null(seen);
	handshake(&w);
	assert_non_null(seen);
	finish(&w);
	SSL_CTX_set_info_callback(context_ssl_ctx(shared.server), NULL);
}

static void
ephemeral_keys_end_with_the_handshake(void **state)
{
	static const struct {
		const char *group;
		int version;
	} cases[] = {
		{ "P-256", TLS1_3_VERSION },
		{ "X25519", TLS1_3_VERSION },
		{ "P-256", TLS1_2_VERSION },
	};
	static const char text[] = "the session goes on";

	(void)state;
	SSL_CTX_set_info_callback(context_ssl_ctx(shared.server), see);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world w;
		EVP_PKEY *key = NULL;
		unsigned char *point = NULL;

		print_message("%s, %x\n", cases[i].group, (unsigned int)cases[i].version);
		SSL_CTX_set1_groups_list(client_ctx, cases[i].group);
		SSL_CTX_set_max_proto_version(client_ctx, cases[i].version);
		open_session(&w, TLSPROXY_SERVER);
		say_from_remote(&w, text);
		expect_from_caller_side(&w, text, sizeof text - 1);
		for (int side = 0; side < 2; side++) {
			if ((side ? SSL_get_tmp_key(seen, &key) : SSL_get_peer_tmp_key(seen, &key)) != 1)
				continue;
			assert_int_equal(EVP_PKEY_get1_encoded_public_key(key, &point), 0);
			EVP_PKEY_free(key);
		}
		finish(&w);
	}
	SSL_CTX_set_info_callback(context_ssl_ctx(shared.server), NULL);
	SSL_CTX_set_max_proto_version(client_ctx, 0);
	ERR_clear_error();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plaintext_passes_both_ways),
		cmocka_unit_test(a_caller_that_does_not_wait_gets_announcement_and_status_at_once),
		cmocka_unit_test(context_precedes_plaintext),
		cmocka_unit_test(request_may_come_byte_by_byte),
		cmocka_unit_test(bad_role_is_refused_with_a_status),
		cmocka_unit_test(absurd_time_limit_is_refused),
		cmocka_unit_test(garbage_ends_without_a_reply),
		cmocka_unit_test(early_plaintext_arrives_after_the_handshake),
		cmocka_unit_test(caller_that_leaves_in_the_handshake_ends_it),
		cmocka_unit_test(message_without_descriptor_ends_the_session),
		cmocka_unit_test(descriptor_that_is_no_socket_does_no_harm),
		cmocka_unit_test(socket_without_a_peer_ends_the_session),
		cmocka_unit_test(garbage_from_the_remote_is_a_failed_handshake),
		cmocka_unit_test(what_the_caller_sent_last_is_delivered),
		cmocka_unit_test(what_the_remote_sent_last_is_delivered),
		cmocka_unit_test(directions_do_not_wait_for_each_other),
		cmocka_unit_test(handshake_ends_at_its_time_limit),
		cmocka_unit_test(flood_of_key_updates_takes_several_turns),
		cmocka_unit_test(plaintext_stays_nowhere_when_it_has_passed),
		cmocka_unit_test(silent_client_gets_no_buffers),
		cmocka_unit_test(ephemeral_keys_end_with_the_handshake),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
