/* SPDX-License-Identifier: ISC */
/* resume: which ticket key a server uses, over a tlsmgr that the test plays. */
#include "cmocka_all.h"

#include <event2/event.h>
#include <openssl/ssl.h>
#include <string.h>

#include "mail/tlsmgr_proto.h"
#include "tls/mgr_client.h"
#include "tls/resume.h"
#include "util/buf.h"
#include "util/now.h"

enum { NOW = 1700000000, YEARS = 10 * 365 * 24 * 3600, TIMEOUT_S = 3600, TURNS = 100 };

/* --- a connection to tlsmgr that only takes down what is asked --- */

static struct {
	mgr_reply_fn fn; /* NULL: nothing is asked */
	void *context;
	bool policy;
	char name; /* of the current key, all its bytes */
} asked;

struct mgr_request *
mgr_client_ask(struct mgr_client *client, struct buf *request, mgr_reply_fn fn, void *context)
{
	(void)client;
	assert_null(asked.fn);
	asked.fn = fn;
	asked.context = context;
	asked.policy = memmem(request->bytes, request->len, "policy", 6) != NULL;
	buf_release(request);
	return (struct mgr_request *)&asked;
}

void
mgr_client_cancel(struct mgr_request *request)
{
	(void)request;
	asked.fn = NULL;
}

bool
mgr_client_is_up(const struct mgr_client *client)
{
	(void)client;
	return true;
}

const char *
mgr_client_name(const struct mgr_client *client)
{
	(void)client;
	return "tlsmgr";
}

static void
answer_all(void)
{
	while (asked.fn) {
		struct tlsmgr_ticket_key key = { .tout = now_wall() + TIMEOUT_S / 2 - 1 };
		unsigned char record[TLSMGR_TICKET_RECORD_LEN];
		struct buf reply = BUF_INIT;
		mgr_reply_fn fn = asked.fn;

		memset(key.name, asked.name, sizeof key.name);
		tlsmgr_proto_pack_key(&key, record);
		if (asked.policy)
			tlsmgr_proto_reply_policy(&reply, TLSMGR_PROTO_OK, 0, TIMEOUT_S);
		else
			tlsmgr_proto_reply_data(
			    &reply, TLSMGR_PROTO_OK, TLSMGR_PROTO_KEYBUF, record, sizeof record);
		asked.fn = NULL;
		fn(reply.bytes, reply.len, asked.context);
		buf_release(&reply);
	}
}

/* --- handshakes --- */

static void
ready(void *context)
{
	(void)context;
}

static SSL_CTX *
context_of(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	assert_int_equal(SSL_CTX_set_cipher_list(ctx, "aNULL:@SECLEVEL=0"), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION), 1);
	SSL_CTX_set_dh_auto(ctx, 1);
	return ctx;
}

/* The first byte of the name of the key that a new ticket is sealed with. */
static char
issuer(struct resume *resume)
{
	SSL_CTX *server_ctx = context_of(TLS_server_method()), *client_ctx = context_of(TLS_client_method());
	const unsigned char *ticket = NULL;
	BIO *here, *there;
	size_t len = 0;

	resume_install(server_ctx);
	SSL *server = SSL_new(server_ctx), *client = SSL_new(client_ctx);
	struct resume_conn conn = {
		.resume = resume, .ssl = server, .serverid = "smtp", .namaddr = "test", .ready = ready
	};
	assert_int_equal(BIO_new_bio_pair(&here, 0, &there, 0), 1);
	SSL_set_bio(server, here, here);
	SSL_set_bio(client, there, there);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	assert_int_equal(resume_attach(&conn), 0);
	for (int i = 0; i < TURNS && (!SSL_is_init_finished(client) || !SSL_is_init_finished(server)); i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
		answer_all();
	}
	assert_true(SSL_is_init_finished(client));
	SSL_SESSION_get0_ticket(SSL_get0_session(client), &ticket, &len);
	assert_true(len > TLSMGR_TICKET_NAME_LEN);
	char name = (char)ticket[0];
	resume_release(&conn);
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	return name;
}

/* --- scopes --- */

/* Whether a client that has a session with `first` resumes it with `second`. */
static bool
resumes(struct resume *resume, const char *first, const char *second, bool own_scope, int version)
{
	SSL_CTX *server_ctx = context_of(TLS_server_method()), *client_ctx = context_of(TLS_client_method());
	const char *const serverid[] = { first, second };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	SSL_SESSION *session = NULL;
	bool reused = false;

	X509_set_pubkey(cert, key);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_cert_and_key(server_ctx, cert, key, NULL, 1), 1);
	SSL_CTX_set_max_proto_version(server_ctx, version);
	SSL_CTX_set_max_proto_version(client_ctx, version);
	SSL_CTX_set_session_id_context(server_ctx, (const unsigned char *)"test", 4);
	resume_install(server_ctx);
	for (int i = 0; i < 2; i++) {
		SSL *server = SSL_new(server_ctx), *client = SSL_new(client_ctx);
		struct resume_conn conn = { .resume = resume,
			.ssl = server,
			.serverid = serverid[i],
			.namaddr = "test",
			.own_scope = own_scope,
			.ready = ready };
		BIO *here, *there;
		char byte;

		assert_int_equal(BIO_new_bio_pair(&here, 0, &there, 0), 1);
		SSL_set_bio(server, here, here);
		SSL_set_bio(client, there, there);
		SSL_set_accept_state(server);
		SSL_set_connect_state(client);
		if (session)
			assert_int_equal(SSL_set_session(client, session), 1);
		assert_int_equal(resume_attach(&conn), 0);
		for (int n = 0; n < TURNS && (!SSL_is_init_finished(client) || !SSL_is_init_finished(server));
		     n++) {
			SSL_do_handshake(client);
			SSL_do_handshake(server);
			answer_all();
		}
		assert_true(SSL_is_init_finished(server));
		/* The ticket of TLS 1.3 comes behind the handshake. */
		SSL_read(client, &byte, 1);
		reused = SSL_session_reused(server);
		SSL_SESSION_free(session);
		session = SSL_get1_session(client);
		/* Or the session is no good any more. */
		SSL_shutdown(client);
		resume_release(&conn);
		SSL_free(server);
		SSL_free(client);
	}
	SSL_SESSION_free(session);
	X509_free(cert);
	EVP_PKEY_free(key);
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	return reused;
}

static void
ticket_of_another_service_is_only_good_without_scopes(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct event_base *base = event_base_new();
	struct resume *resume;

	(void)state;
	now_set(NOW);
	asked.name = 'a';
	resume = resume_new(base, NULL, "smtpd", "aes-256-cbc");
	answer_all();
	for (int i = 0; i < 2; i++) {
		assert_true(resumes(resume, "smtpd", "smtpd", false, versions[i]));
		assert_true(resumes(resume, "smtpd", "127.0.0.1:25", false, versions[i]));
		assert_true(resumes(resume, "smtpd", "smtpd", true, versions[i]));
		assert_false(resumes(resume, "smtpd", "127.0.0.1:25", true, versions[i]));
		assert_false(resumes(resume, "a", "ab", true, versions[i]));
	}
	resume_free(resume);
	event_base_free(base);
	now_set(0);
}

/* It would issue for years otherwise. */
static void
key_made_while_the_clock_was_years_ahead_goes(void **state)
{
	struct event_base *base = event_base_new();

	(void)state;
	now_set(NOW + YEARS);
	asked.name = 'A';
	struct resume *resume = resume_new(base, NULL, "smtpd", "aes-256-cbc");
	answer_all();
	assert_int_equal(issuer(resume), 'A');
	asked.name = 'B';
	assert_int_equal(issuer(resume), 'A');
	now_set(NOW);
	assert_int_equal(issuer(resume), 'B');
	asked.name = 'C';
	assert_int_equal(issuer(resume), 'B');
	resume_free(resume);
	event_base_free(base);
	now_set(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticket_of_another_service_is_only_good_without_scopes),
		cmocka_unit_test(key_made_while_the_clock_was_years_ahead_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
