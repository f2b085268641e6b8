/* SPDX-License-Identifier: ISC */
/* What tlsgate tells a back end with XCLIENT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "tlsgate/gate_xclient.h"
#include "util/buf.h"

static void
offers_are_read_from_their_line(void **state)
{
	static const struct {
		const char *reply;
		int offered;
	} cases[] = {
		{ "250-x\r\n250-XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR "
		  "DESTPORT\r\n250 DSN\r\n",
		    127 },
		{ "250-x\n250 xclient addr\n", GATE_XCLIENT_ADDR },
		{ "250-XCLIENT ADDR\r\n250 DSN\r\n", 0 },
		{ "250-x\r\n250-XCLIENTS ADDR\r\n250 XCLIENT\r\n", 0 },
		{ "250-x\r\n250 XCLIENT ADDRESS PORTS LOGIN\r\n", GATE_XCLIENT_LOGIN },
		{ "250 x\r\n", 0 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		print_message("%s", cases[i].reply);
		assert_int_equal(
		    gate_xclient_offers(cases[i].reply, strlen(cases[i].reply)), cases[i].offered);
	}
}

static struct sockaddr_storage
address(int family, const char *text, int port)
{
	struct sockaddr_storage space = { .ss_family = AF_UNSPEC };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };

	if (family == AF_INET) {
		assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
		memcpy(&space, &v4, sizeof v4);
	} else if (family == AF_INET6) {
		assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		memcpy(&space, &v6, sizeof v6);
	}
	return space;
}

static void
the_command_says_what_is_offered_and_known(void **state)
{
	static const struct {
		int family;
		const char *client, *server;
		int offered;
		const char *login, *wanted;
	} cases[] = {
		{ AF_INET, "192.0.2.1", "192.0.2.2", 127, "AA:BB",
		    "XCLIENT NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] ADDR=192.0.2.1 PORT=1234 "
		    "DESTADDR=192.0.2.2 DESTPORT=25 LOGIN=AA:BB\r\n" },
		{ AF_INET6, "2001:db8::1", "2001:db8::2", 127 & ~GATE_XCLIENT_REVERSE_NAME, NULL,
		    "XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 PORT=1234 DESTADDR=IPV6:2001:db8::2 "
		    "DESTPORT=25\r\n" },
		{ AF_INET, "192.0.2.1", "192.0.2.2", GATE_XCLIENT_ADDR, "AA:BB",
		    "XCLIENT ADDR=192.0.2.1\r\n" },
		/* Not the gate's own address, and no port of it. */
		{ AF_UNSPEC, "", "", 127, NULL,
		    "XCLIENT NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]\r\n" },
		/* A value is one word of one line, and no other attribute. */
		{ AF_INET, "192.0.2.1", "192.0.2.2", GATE_XCLIENT_LOGIN, "a b\r\nX+=\303\251\\",
		    "XCLIENT LOGIN=a+20b+0D+0AX+2B+3D+C3+A9\\\r\n" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct gate_proxy2_ends ends = {
			.client = address(cases[i].family, cases[i].client, 1234),
			.server = address(cases[i].family, cases[i].server, 25),
		};
		struct buf out = BUF_INIT;
		print_message("case %zu\n", i);
		gate_xclient_put(&out, cases[i].offered, &ends, cases[i].login);
		assert_string_equal(buf_str(&out), cases[i].wanted);
		buf_release(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_are_read_from_their_line),
		cmocka_unit_test(the_command_says_what_is_offered_and_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
