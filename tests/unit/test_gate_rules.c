/* SPDX-License-Identifier: ISC */
/* Sessions of tlsgate whose client's certificate decides, and back ends that are told of it. */
#include "gate_world.h"

#include "mail/attr.h"
#include "tlsgate/gate_access.h"
#include "tlsgate/gate_session.h"
#include "util/err.h"

enum {
	NO_CERT = 0,
	UNTRUSTED = TLSPROXY_PEER_PRESENT,
	TRUSTED = TLSPROXY_PEER_PRESENT | TLSPROXY_PEER_TRUSTED
};

#define PRINT "AA:BB"

static const struct gate_access *
rules(const char *restrictions)
{
	const struct gate_access_settings settings = { restrictions, "inline:{" PRINT "=x}", true };
	struct err err;
	const struct gate_access *access = gate_access_new(&settings, &err);

	assert_non_null(access);
	return access;
}

static void
say_context(int proxy, int status)
{
	struct buf list = BUF_INIT;

	attr_put_str(&list, "peer_CN", status ? "client.example" : "");
	attr_put_str(&list, "issuer_CN", status ? "ca" : "");
	attr_put_str(&list, "peer_fingerprint", status ? PRINT : "");
	attr_put_str(&list, "peer_pubkey_fingerprint", status ? "CC:DD" : "");
	attr_put_int(&list, "level", 0);
	attr_put_int(&list, "peer_status", status);
	attr_put_str(&list, "cipher_protocol", "TLSv1.3");
	attr_put_str(&list, "cipher_name", "TLS_AES_256_GCM_SHA384");
	attr_put_int(&list, "cipher_usebits", 256);
	attr_put_int(&list, "cipher_algbits", 256);
	attr_put_str(&list, "key_exchange", "X25519");
	attr_put_str(&list, "key_exchange_curve", "");
	attr_put_int(&list, "key_exchange_bits", 0);
	for (int i = 0; i < 2; i++) {
		attr_put_str(&list, i ? "srvr_signature" : "clnt_signature", i ? "RSA-PSS" : "");
		attr_put_str(&list, i ? "srvr_signature_curve" : "clnt_signature_curve", "");
		attr_put_int(&list, i ? "srvr_signature_bits" : "clnt_signature_bits", i ? 2048 : 0);
		attr_put_str(&list, i ? "srvr_signature_digest" : "clnt_signature_digest", i ? "SHA256" : "");
	}
	attr_put_end(&list);
	assert_int_equal(write(proxy, list.bytes, list.len), (ssize_t)list.len);
	buf_release(&list);
}

/* From a greeted client to a TLS session with such a certificate; tlsproxy's plaintext side. */
static int
start_tls(struct fixture *f, int status)
{
	int old = greeted(f);

	f->wants_context = true;
	say(f->client, "STARTTLS\r\n");
	int proxy = proxy_asked(f);
	say_status(proxy, 1);
	close(descriptor_from(f, proxy));
	hears(f, f->client, "220 2.0.0 Ready to start TLS\r\n");
	hears(f, old, "QUIT\r\n");
	hears_end(f, old);
	close(old);
	say_context(proxy, status);
	return proxy;
}

static int
new_backend(struct fixture *f)
{
	int backend = accept_from(f, f->backend_listen);

	say(backend, "220 back.example ESMTP\r\n");
	return backend;
}

static void
end(struct fixture *f, int proxy, int backend)
{
	close(proxy);
	if (backend >= 0)
		close(backend);
	gate_access_free((struct gate_access *)f->gate.access);
	f->gate.access = NULL;
}

static void
who_is_refused_hears_so_at_the_recipient(void **state)
{
	struct fixture *f = *state;

	f->gate.access = rules("check_ccert_access inline:{" PRINT "=REJECT}");
	int proxy = start_tls(f, TRUSTED), backend = new_backend(f);
	passes(f, proxy, backend, "EHLO c\r\n");
	passes(f, backend, proxy, "250 back.example\r\n");
	passes(f, proxy, backend, "MAIL FROM:<>\r\n");
	passes(f, backend, proxy, "250 Ok\r\n");
	for (size_t i = 0; i < 4; i++) {
		static const char *const lines[] = { "RCPT TO:<a@b>\r\n", "DATA\r\n", "BDAT 4 LAST\r\n",
			"AUTH PLAIN\r\n" };
		say(proxy, lines[i]);
		hears(f, proxy, "554 5.7.1 <client.example>: Client certificate rejected: Access denied\r\n");
	}
	hears(f, backend, "");
	passes(f, proxy, backend, "RSET\r\n");
	passes(f, backend, proxy, "250 Ok\r\n");
	end(f, proxy, backend);
}

/* What a back end that asks for more would get next is no command. */
static void
a_refused_client_is_never_passed_unread(void **state)
{
	struct fixture *f = *state;

	f->gate.access = rules("reject");
	int proxy = start_tls(f, NO_CERT), backend = new_backend(f);
	passes(f, proxy, backend, "MAIL FROM:<>\r\n");
	say(backend, "354 go on\r\n");
	say(proxy, "RCPT TO:<a@b>\r\n");
	hears_end(f, backend);
	end(f, proxy, backend);
}

static void
plaintext_may_be_refused_and_tls_still_begin(void **state)
{
	struct fixture *f = *state;

	f->gate.access = rules("reject_plaintext_session");
	f->wants_context = true;
	int old = greeted(f);
	say(f->client, "RCPT TO:<a@b>\r\n");
	hears(f, f->client, "450 4.7.1 Session encryption is required\r\n");
	say(f->client, "STARTTLS\r\n");
	int proxy = proxy_asked(f);
	say_status(proxy, 1);
	close(descriptor_from(f, proxy));
	hears(f, f->client, "220 2.0.0 Ready to start TLS\r\n");
	close(old);
	say_context(proxy, NO_CERT);
	int backend = new_backend(f);
	passes(f, proxy, backend, "MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\n");
	end(f, proxy, backend);
}

static void
a_required_certificate_is_asked_for_after_the_first_command(void **state)
{
	static const struct {
		int status;
		const char *reply;
	} cases[] = {
		{ NO_CERT, "421 4.7.1 gate.example Error: No client certificate presented\r\n" },
		{ UNTRUSTED, "421 4.7.1 gate.example Error: Client certificate not trusted\r\n" },
	};
	struct fixture *f = *state;

	f->gate.req_ccert = true;
	for (size_t i = 0; i < 2; i++) {
		int proxy = start_tls(f, cases[i].status);
		hears(f, proxy, "");
		say(proxy, "EHLO c\r\nMAIL FROM:<>\r\n");
		hears(f, proxy, cases[i].reply);
		hears_end(f, proxy);
		assert_int_equal(f->gone, 1);
		if (i == 0)
			f->gone = 0;
		close(proxy);
		fdio_close(&f->client);
	}
}

/* There is nothing to answer yet, and nobody to say more. */
static void
in_wrapper_mode_it_is_asked_for_at_once(void **state)
{
	struct fixture *f = *state;

	f->gate.req_ccert = f->gate.wrappermode = f->wants_context = true;
	start(f);
	int proxy = proxy_asked(f);
	say_status(proxy, 1);
	close(descriptor_from(f, proxy));
	say_context(proxy, NO_CERT);
	hears(f, proxy, "421 4.7.1 gate.example Error: No client certificate presented\r\n");
	hears_end(f, proxy);
	close(proxy);
}

static void
a_trusted_certificate_is_enough(void **state)
{
	struct fixture *f = *state;

	f->gate.req_ccert = true;
	int proxy = start_tls(f, TRUSTED), backend = new_backend(f);
	passes(f, proxy, backend, "EHLO c\r\n");
	end(f, proxy, backend);
}

static void
a_certified_client_gets_the_back_end_for_such(void **state)
{
	struct fixture *f = *state;
	char path[80], where[90];
	struct err err;

	snprintf(path, sizeof path, "%s/certified", f->dir);
	snprintf(where, sizeof where, "unix:%s", path);
	int listening = listen_at(path);
	struct gate_backend *certified = gate_backend_new(where, &err);
	f->gate.certified_backend = certified;
	f->gate.access = rules("permit_tls_clientcerts");
	int proxy = start_tls(f, UNTRUSTED), backend = accept_from(f, listening);
	say(backend, "220 other.example ESMTP\r\n");
	passes(f, proxy, backend, "EHLO c\r\n");
	end(f, proxy, backend);
	for (int i = 0; i < TURNS && !f->gone; i++)
		turn(f);
	close(listening);
	unlink(path);
	gate_backend_free(certified);
}

/* --- XCLIENT --- */

#define OFFER "250-back\r\n250-XCLIENT NAME ADDR LOGIN\r\n250-XFORWARD NAME\r\n250 DSN\r\n"

static void
tell(struct fixture *f, int backend, const char *command)
{
	say(backend, "220 back.example ESMTP\r\n");
	hears(f, backend, "EHLO gate.example\r\n");
	say(backend, OFFER);
	hears(f, backend, command);
	say(backend, "220-again\r\n220 hello\r\n");
}

static void
a_back_end_is_told_of_the_client_before_it_hears_it(void **state)
{
	struct fixture *f = *state;

	f->gate.xclient = true;
	f->wants_context = true;
	f->gate.access = rules("permit_tls_all_clientcerts");
	start(f);
	int old = accept_from(f, f->backend_listen);
	tell(f, old, "XCLIENT NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]\r\n");
	hears(f, f->client, "220-again\r\n220 hello\r\n");
	passes(f, f->client, old, "EHLO c\r\n");
	say(old, OFFER);
	hears(f, f->client, "250-back\r\n250-DSN\r\n250 STARTTLS\r\n");
	say(f->client, "XCLIENT ADDR=127.0.0.1\r\nXFORWARD ADDR=127.0.0.1\r\n");
	hears(f, f->client,
	    "550 5.7.0 Error: insufficient authorization\r\n550 5.7.0 Error: insufficient authorization\r\n");
	say(f->client, "STARTTLS\r\n");
	int proxy = proxy_asked(f);
	say_status(proxy, 1);
	close(descriptor_from(f, proxy));
	hears(f, f->client, "220 2.0.0 Ready to start TLS\r\n");
	close(old);
	say_context(proxy, TRUSTED);
	int backend = accept_from(f, f->backend_listen);
	tell(f, backend, "XCLIENT NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] LOGIN=" PRINT "\r\n");
	hears(f, proxy, "");
	passes(f, proxy, backend, "EHLO c\r\n");
	end(f, proxy, backend);
}

static void
a_back_end_that_cannot_be_told_is_none(void **state)
{
	static const struct {
		const char *ehlo, *xclient;
	} cases[] = {
		{ "250-back\r\n250 DSN\r\n", NULL },
		{ "250-back\r\n250 XCLIENT NAME LOGIN\r\n", NULL },
		{ "502 what\r\n", NULL },
		{ OFFER, "501 5.5.4 Bad ADDR syntax\r\n" },
		{ OFFER, "250 Ok\r\n" },
		{ OFFER, "hello\r\n" },
	};
	struct fixture *f = *state;

	f->gate.xclient = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		print_message("case %zu\n", i);
		f->gone = 0;
		start(f);
		int backend = accept_from(f, f->backend_listen);
		say(backend, "220 back.example ESMTP\r\n");
		hears(f, backend, "EHLO gate.example\r\n");
		say(backend, cases[i].ehlo);
		if (cases[i].xclient) {
			hears(f, backend, "XCLIENT NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]\r\n");
			say(backend, cases[i].xclient);
		}
		hears(f, f->client, "421 4.3.0 gate.example Service currently unavailable\r\n");
		hears_end(f, f->client);
		close(backend);
		fdio_close(&f->client);
	}
}

/* --- listening to the end --- */

/* What the header holds is the matter of another test. */
static void
hears_header_and(struct fixture *f, int fd, const char *wanted)
{
	char got[8192];
	size_t n = 0, len = strlen(wanted);

	for (int i = 0; i < TURNS && (n < len || memcmp(got + n - len, wanted, len) != 0); i++) {
		turn(f);
		ssize_t r = recv(fd, got + n, sizeof got - n - 1, MSG_DONTWAIT);
		n += r > 0 ? (size_t)r : 0;
		poll(NULL, 0, r < 0);
	}
	got[n] = 0;
	assert_memory_equal(got, "Received: from c (unknown [", 27);
	char *behind = strstr(got, "(UTC)\r\n");
	assert_non_null(behind);
	assert_string_equal(behind + 7, wanted);
}

static void
each_message_gets_a_header_and_nothing_passes_unread(void **state)
{
	struct fixture *f = *state;

	f->gate.received_header = true;
	int proxy = start_tls(f, NO_CERT), backend = new_backend(f);
	say(proxy, "EHLO c\r\nBDAT 3 LAST\r\n");
	hears(f, backend, "EHLO c\r\n");
	say(backend, "250-back\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 DSN\r\n");
	hears(f, proxy, "250-back\r\n250 DSN\r\n502 5.5.1 Error: command not implemented\r\n");

	passes(f, proxy, backend, "AUTH LOGIN\r\n");
	passes(f, backend, proxy, "334 VXNlcg==\r\n");
	say(proxy, "am9l\nSTARTTLS\r\n");
	hears(f, backend, "am9l\r\n");
	passes(f, backend, proxy, "334 UGFzcw==\r\n");
	/* It was the second line, whatever it looks like. */
	hears(f, backend, "STARTTLS\r\n");
	passes(f, backend, proxy, "235 Ok\r\n");

	for (int i = 0; i < 2; i++) {
		passes(f, proxy, backend, "MAIL FROM:<>\r\n");
		passes(f, backend, proxy, "250 Ok\r\n");
		passes(f, proxy, backend, "DATA\r\n");
		passes(f, backend, proxy, "354 go\r\n");
		say(proxy, "Subject: x\n\nSTARTTLS\n..\r\n.\r\nSTARTTLS\r\n");
		hears_header_and(f, backend, "Subject: x\r\n\r\nSTARTTLS\r\n..\r\n.\r\n");
		say(backend, "250 Ok\r\n");
		hears(f, proxy, "250 Ok\r\n554 5.5.1 Error: TLS already active\r\n");
	}
	passes(f, proxy, backend, "DATA\r\n");
	passes(f, backend, proxy, "503 no\r\n");
	/* What follows is unknown. */
	passes(f, proxy, backend, "NOOP\r\n");
	say(backend, "354 go\r\n");
	hears(f, proxy, "354 go\r\n421 4.3.0 gate.example Service currently unavailable\r\n");
	hears_end(f, proxy);
	end(f, proxy, backend);
}

static void
a_message_passes_at_the_pace_of_the_back_end(void **state)
{
	static char block[4096], got[65536];
	struct fixture *f = *state;
	size_t sent = 0, heard = 0;

	f->gate.received_header = true;
	int proxy = start_tls(f, NO_CERT), backend = new_backend(f);
	passes(f, proxy, backend, "EHLO c\r\n");
	passes(f, backend, proxy, "250 back\r\n");
	passes(f, proxy, backend, "DATA\r\n");
	passes(f, backend, proxy, "354 go\r\n");
	memset(block, 'x', sizeof block);
	/* The back end takes nothing: there is an end to what the gate takes. */
	for (int quiet = 0; quiet < 100;) {
		ssize_t n = send(proxy, block, sizeof block, MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		quiet = n > 0 ? 0 : quiet + 1;
		turn(f);
		assert_true(sent < 4000000);
	}
	for (int i = 0; i < TURNS && heard < sent; i++) {
		ssize_t n = recv(backend, got, sizeof got, MSG_DONTWAIT);
		heard += n > 0 ? (size_t)n : 0;
		turn(f);
	}
	assert_true(heard > sent);
	say(proxy, "\r\n.\r\n");
	hears(f, backend, "\r\n.\r\n");
	passes(f, backend, proxy, "250 Ok\r\n");
	end(f, proxy, backend);
}

static void
a_client_that_goes_amid_a_message_leaves_none(void **state)
{
	struct fixture *f = *state;

	f->gate.received_header = true;
	int proxy = start_tls(f, NO_CERT), backend = new_backend(f);
	passes(f, proxy, backend, "EHLO c\r\n");
	passes(f, backend, proxy, "250 back\r\n");
	passes(f, proxy, backend, "DATA\r\n");
	passes(f, backend, proxy, "354 go\r\n");
	say(proxy, "a\r\n.");
	hears_header_and(f, backend, "a\r\n.");
	close(proxy);
	hears_end(f, backend);
	close(backend);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_is_refused_hears_so_at_the_recipient, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_client_is_never_passed_unread, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    plaintext_may_be_refused_and_tls_still_begin, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_required_certificate_is_asked_for_after_the_first_command, setup, teardown),
		cmocka_unit_test_setup_teardown(in_wrapper_mode_it_is_asked_for_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_trusted_certificate_is_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_certified_client_gets_the_back_end_for_such, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_back_end_is_told_of_the_client_before_it_hears_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_back_end_that_cannot_be_told_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    each_message_gets_a_header_and_nothing_passes_unread, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_message_passes_at_the_pace_of_the_back_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_client_that_goes_amid_a_message_leaves_none, setup, teardown),
	};

	log_set_sink(no_log, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
