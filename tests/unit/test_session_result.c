/* SPDX-License-Identifier: ISC */
/* session: what a caller of each release hears of a handshake in the client role, and what its session may
 * do. */
#include "session_client_world.h"

#include "tlsproxy/session.h"

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

/* What the caller is told of reports, by what its request says of them, and how the session turned out. */
static void
success_is_only_reported_by_the_caller_when_it_is_one(void **state)
{
	static const char *const patterns[] = { "hostname" };
	static unsigned char digest[3];
	struct tlsproxy_tlsa unusable = { 3, 1, 1, digest, sizeof digest };
	static const struct {
		const char *name;
		int present, flags, level;
		bool records;
		const char *reported;
	} cases[] = {
		{ "built without", TLSPROXY_SHAPE_ABSENT, 0, 1, false, "\nrpt_reported=0\n" },
		{ "not wanted", 0, TLSPROXY_TLSRPT_REPORTED, 8, false, "\nrpt_reported=0\n" },
		{ "a success", 1, 7, 1, false, "\nrpt_reported=0\n" },
		{ "reported before", 1, 7 | TLSPROXY_TLSRPT_REPORTED, 1, false, "\nrpt_reported=1\n" },
		{ "not trusted", 1, 7, 8, false, "\nrpt_reported=1\n" },
		{ "records of no use", 1, 7, 5, true, "\nlevel=2\n" },
		{ "records of no use, reported", 1, 7, 5, true, "\nrpt_reported=1\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct tlsproxy_client_request request = client_request(311);
		struct tlsproxy_tlsrpt *tlsrpt = &request.start.tlsrpt;
		struct world w;
		int count;

		*tlsrpt = (struct tlsproxy_tlsrpt){ .present = cases[i].present,
			.socket_name = "/run/tlsrpt",
			.policy_domain = "example",
			.policy_string = "v=TLSRPTv1",
			.tls_policy_type = 2,
			.tls_policy_domain = "example",
			.snd_mta_addr = "192.0.2.2",
			.rcv_mta_name = "mx.example",
			.rcv_mta_addr = "192.0.2.1",
			.rcv_mta_ehlo = "mx.example",
			.flags = cases[i].flags };
		request.start.tls_level = cases[i].level;
		request.start.matchargv = (struct tlsproxy_shape_list){ (const char **)patterns, 1 };
		if (cases[i].records)
			request.start.dane = (struct tlsproxy_dane){ true, "mx.example", &unusable, 1 };
		ask(&w, TLSPROXY_CLIENT | TLSPROXY_SEND_CONTEXT, &request, READY);
		hand_over_to_server(&w);
		handshake(&w);
		struct buf lines = read_context(&w, &count);
		if (count != 25 || !strstr(buf_str(&lines), cases[i].reported))
			fail_msg("%s: %d attributes:\n%s", cases[i].name, count, buf_str(&lines));
		buf_release(&lines);
		finish(&w);
	}
}

/* Callers before 3.8 leave it to the library, and that lets a server have it. */
static void
renegotiation_is_for_callers_of_old(void **state)
{
	static const int releases[] = { 37, 39, 311, 312 };

	(void)state;
	for (size_t i = 0; i < COUNT(releases); i++) {
		struct tlsproxy_client_request request = client_request(releases[i]);
		bool again = releases[i] == 37;
		struct world w;
		char byte;

		request.start.protocols = "<=TLSv1.2";
		ask(&w, TLSPROXY_CLIENT, &request, READY);
		hand_over_to_server(&w);
		handshake(&w);
		assert_int_equal(SSL_renegotiate(w.ssl), 1);
		SSL_do_handshake(w.ssl);
		for (int n = 0; n < 100 && SSL_renegotiate_pending(w.ssl); n++) {
			turn();
			SSL_read(w.ssl, &byte, 1);
		}
		if ((SSL_renegotiate_pending(w.ssl) == 0) != again)
			fail_msg("release %d: renegotiation is %s", releases[i], again ? "refused" : "done");
		ERR_clear_error();
		if (again) {
			say_from_remote(&w, "still here");
			expect_from_caller_side(&w, "still here", 10);
		}
		finish(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(context_has_the_shape_of_the_caller),
		cmocka_unit_test(success_is_only_reported_by_the_caller_when_it_is_one),
		cmocka_unit_test(renegotiation_is_for_callers_of_old),
	};

	return cmocka_run_group_tests(tests, set_up_client, tear_down_client);
}
