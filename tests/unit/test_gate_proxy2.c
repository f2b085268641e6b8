/* SPDX-License-Identifier: ISC */
/* The header that tells a back end of its client, byte by byte. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tlsgate/gate_proxy2.h"
#include "util/buf.h"

#define SIGNATURE   "\r\n\r\n\0\r\nQUIT\n"
#define SIZED(text) text, sizeof text - 1

static struct gate_proxy2_ends
ends4(void)
{
	struct gate_proxy2_ends ends;
	struct sockaddr_in client = { .sin_family = AF_INET, .sin_port = htons(0x1234) };
	struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(25) };

	memset(&ends, 0, sizeof ends);
	client.sin_addr.s_addr = htonl(0xc0000201);
	server.sin_addr.s_addr = htonl(0xc6336402);
	memcpy(&ends.client, &client, sizeof client);
	memcpy(&ends.server, &server, sizeof server);
	return ends;
}

static void
is_header(
    const struct gate_proxy2_ends *ends, const struct gate_proxy2_tls *tls, const char *wanted, size_t len)
{
	struct buf out = BUF_INIT;

	gate_proxy2_put(&out, ends, tls);
	assert_int_equal(out.len, len);
	assert_memory_equal(out.bytes, wanted, len);
	buf_release(&out);
}

static void
plaintext_has_addresses_only(void **state)
{
	struct gate_proxy2_ends ends = ends4();
	(void)state;

	is_header(&ends, NULL, SIZED(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\x12\x34\0\x19"));
}

static void
tls_is_told_with_its_details(void **state)
{
	struct gate_proxy2_ends ends = ends4();
	const struct gate_proxy2_tls anonymous = { .version = "TLSv1.3", .cipher = "AB", .subject_cn = "" };
	const struct gate_proxy2_tls trusted = {
		.version = "T", .cipher = "C", .subject_cn = "joe", .has_cert = true, .verified = true
	};
	const struct gate_proxy2_tls untrusted = {
		.version = "T", .cipher = "C", .subject_cn = "joe", .has_cert = true
	};
	(void)state;

	is_header(&ends, &anonymous,
	    SIZED(SIGNATURE "\x21\x11\0\x23\xc0\0\2\1\xc6\x33\x64\2\x12\x34\0\x19"
			    "\x20\0\x14\1\0\0\0\1"
			    "\x21\0\7TLSv1.3"
			    "\x23\0\2"
			    "AB"));
	is_header(&ends, &trusted,
	    SIZED(SIGNATURE "\x21\x11\0\x22\xc0\0\2\1\xc6\x33\x64\2\x12\x34\0\x19"
			    "\x20\0\x13\5\0\0\0\0\x21\0\1T\x22\0\3joe\x23\0\1"
			    "C"));
	is_header(&ends, &untrusted,
	    SIZED(SIGNATURE "\x21\x11\0\x22\xc0\0\2\1\xc6\x33\x64\2\x12\x34\0\x19"
			    "\x20\0\x13\5\0\0\0\1\x21\0\1T\x22\0\3joe\x23\0\1"
			    "C"));
}

static void
addresses_of_the_new_kind_are_longer(void **state)
{
	struct gate_proxy2_ends ends;
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(25) };
	(void)state;

	memset(&ends, 0, sizeof ends);
	address.sin6_addr.s6_addr[15] = 1;
	memcpy(&ends.client, &address, sizeof address);
	memcpy(&ends.server, &address, sizeof address);
	is_header(&ends, NULL,
	    SIZED(SIGNATURE "\x21\x21\0\x24"
			    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x19\0\x19"));
}

static void
without_addresses_nothing_is_claimed(void **state)
{
	struct gate_proxy2_ends ends;
	const struct gate_proxy2_tls tls = { .version = "TLSv1.3", .cipher = "AB", .subject_cn = "" };
	int fds[2];
	(void)state;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	gate_proxy2_learn(&ends, fds[0]);
	is_header(&ends, &tls, SIZED(SIGNATURE "\x20\0\0\0"));
	gate_proxy2_learn(&ends, -1);
	is_header(&ends, NULL, SIZED(SIGNATURE "\x20\0\0\0"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plaintext_has_addresses_only),
		cmocka_unit_test(tls_is_told_with_its_details),
		cmocka_unit_test(addresses_of_the_new_kind_are_longer),
		cmocka_unit_test(without_addresses_nothing_is_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
