/* SPDX-License-Identifier: ISC */
/* Where a message ends that passes tlsgate, and the header that goes in front of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail/tlsproxy_proto.h"
#include "tlsgate/gate_content.h"
#include "tlsgate/gate_received.h"
#include "util/buf.h"
#include "util/now.h"

static void
content_ends_where_it_should(void **state)
{
	static const struct {
		bool one_line;
		const char *in, *out, *rest;
		bool ended;
	} cases[] = {
		{ false, "a\r\n.\r\nQUIT\r\n", "a\r\n.\r\n", "QUIT\r\n", true },
		{ false, ".\r\nQUIT\r\n", ".\r\n", "QUIT\r\n", true },
		{ false, "a\n.\nb\r\n.\r\nRSET\r\n", "a\r\n..\r\nb\r\n.\r\n", "RSET\r\n", true },
		{ false, "a\r\n.\nRSET\r\n", "a\r\n..\r\nRSET\r\n", "", false },
		{ false, "a\n.\r\n.\r\nRSET\r\n", "a\r\n..\r\n.\r\n", "RSET\r\n", true },
		{ false, ".\n.\r\n", "..\r\n..\r\n", "", false },
		{ false, "a\n..\n", "a\r\n..\r\n", "", false },
		{ false, "..\r\n.a\r\na.\r\n", "..\r\n.a\r\na.\r\n", "", false },
		{ false, "a\r.\r\n.\r\n", "a\r.\r\n.\r\n", "", true },
		{ false, "a\r\r\n.\r\r\r\nRSET\r\n", "a\r\n.\r\n", "RSET\r\n", true },
		{ false, "a\r\rb\r\n.\r\r.\r\n", "a\rb\r\n.\r.\r\n", "", false },
		{ true, "AAAA\r\r\nQUIT\r\n", "AAAA\r\n", "QUIT\r\n", true },
		{ false, "\r.\r\n", "\r.\r\n", "", false },
		{ false, "\n\n", "\r\n\r\n", "", false },
		{ true, "AAAA\r\nQUIT\r\n", "AAAA\r\n", "QUIT\r\n", true },
		{ true, "*\nQUIT\r\n", "*\r\n", "QUIT\r\n", true },
		{ true, "\r\n", "\r\n", "", true },
		{ true, "AAAA", "AAAA", "", false },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t piece = 1; piece < 20; piece += 6) {
			const char *bytes = cases[i].in;
			size_t len = strlen(bytes), at = 0;
			struct gate_content content;
			struct buf in = BUF_INIT, out = BUF_INIT;
			bool ended = false;
			print_message("case %zu, pieces of %zu\n", i, piece);
			gate_content_init(&content, cases[i].one_line);
			while (at < len && !ended) {
				size_t n = len - at < piece ? len - at : piece;
				buf_add(&in, bytes + at, n);
				at += n;
				ended = gate_content_pass(&content, &in, &out);
			}
			buf_add(&in, bytes + at, len - at);
			assert_int_equal(ended, cases[i].ended);
			assert_string_equal(buf_str(&out), cases[i].out);
			assert_string_equal(buf_str(&in), cases[i].rest);
			buf_release(&in);
			buf_release(&out);
		}
	}
}

static const struct tlsproxy_context tls13 = {
	.peer_CN = "client.example.org",
	.issuer_CN = "Test Intermediate CA",
	.peer_fingerprint = "",
	.peer_pubkey_fingerprint = "",
	.peer_status = TLSPROXY_PEER_PRESENT | TLSPROXY_PEER_TRUSTED,
	.cipher_protocol = "TLSv1.3",
	.cipher_name = "TLS_AES_256_GCM_SHA384",
	.cipher_usebits = 256,
	.cipher_algbits = 256,
	.key_exchange = "X25519",
	.key_exchange_curve = "",
	.client_signature = { "RSA-PSS", "", 2048, "SHA256" },
	.server_signature = { "ECDSA", "prime256v1", 256, "SHA256" },
};

static void
header(
    const struct tlsproxy_context *context, const char *helo, const char *address, bool ask, struct buf *out)
{
	struct gate_peer peer = { .protocol = NULL };
	const struct gate_received received = { helo, address, "mx.example", "ESMTPS", ask, &peer };

	now_set(1000000000);
	gate_peer_set(&peer, context);
	gate_received_put(out, &received);
	gate_peer_release(&peer);
	now_set(0);
}

#define END "\tby mx.example (tlsgate) with ESMTPS;\r\n\tSun, 09 Sep 2001 01:46:40 +0000 (UTC)\r\n"

static void
the_header_says_what_smtpd_says(void **state)
{
	struct tlsproxy_context context = tls13;
	struct buf out = BUF_INIT;
	(void)state;

	header(&context, "c.example", "[192.0.2.1]:1234", true, &out);
	assert_string_equal(buf_str(&out),
	    "Received: from c.example (unknown [192.0.2.1])\r\n"
	    "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n"
	    "\t key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256\r\n"
	    "\t client-signature RSA-PSS (2048 bits) client-digest SHA256)\r\n"
	    "\t(Client CN \"client.example.org\", Issuer \"Test Intermediate CA\" (verified OK))\r\n" END);

	context.cipher_protocol = "TLSv1.2";
	context.cipher_name = "ECDHE-RSA-AES256-GCM-SHA384";
	context.key_exchange = context.client_signature.name = context.server_signature.name = "";
	context.peer_status = 0;
	buf_clear(&out);
	header(&context, "c.example", "[2001:db8::1]:1234", false, &out);
	assert_string_equal(buf_str(&out),
	    "Received: from c.example (unknown [IPv6:2001:db8::1])\r\n"
	    "\t(using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits))\r\n"
	    "\t(No client certificate requested)\r\n" END);
	buf_clear(&out);
	header(&context, "c.example", "[192.0.2.1]:1234", true, &out);
	assert_non_null(strstr(buf_str(&out), "\r\n\t(Client did not present a certificate)\r\n"));

	/* As observed. */
	static const char *const names[][2] = { { "we(ird", "we(ird)" }, { "we)ird", "we?ird" },
		{ "a(b(c", "a(b(c))" }, { "a)b(c", "a?b(c)" }, { "a\\b\303\251\r\n", "a?b????" },
		{ "", "" } };
	context.peer_status = TLSPROXY_PEER_PRESENT;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct buf wanted = BUF_INIT;
		context.peer_CN = context.issuer_CN = names[i][0];
		buf_printf(&wanted, "\r\n\t(Client CN \"%s\", Issuer \"%s\" (not verified))\r\n", names[i][1],
		    names[i][1]);
		buf_clear(&out);
		header(&context, "c.example", "[192.0.2.1]:1234", true, &out);
		assert_non_null(strstr(buf_str(&out), buf_str(&wanted)));
		buf_release(&wanted);
	}

	buf_clear(&out);
	header(&context, "a b\r\nX: (;<>\"\\\303\251", "[unknown]:0", true, &out);
	assert_non_null(strstr(buf_str(&out), "Received: from a?b??X:????????? (unknown [unknown])\r\n\t("));
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_ends_where_it_should),
		cmocka_unit_test(the_header_says_what_smtpd_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
