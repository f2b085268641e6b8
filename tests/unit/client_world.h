/* SPDX-License-Identifier: ISC */
/*
 * client_world: sessions of the client role with a server in the same process, over a socket pair.
 */
#ifndef TEST_CLIENT_WORLD_H
#define TEST_CLIENT_WORLD_H

#include "tls_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "tls/conn.h"
#include "tls/context.h"
#include "tls/dane.h"
#include "tls/level.h"
#include "tls/summary.h"

#define NAMADDR "MX.Example[192.0.2.1]:25"
#define LOWER   "mx.example[192.0.2.1]:25"

/* A chain of three; root is in `world_root_path`. */
FIXTURE struct fixture_cert world_root, world_middle, world_leaf;
FIXTURE const char *world_root_path;

FIXTURE struct fixture_cert
world_issue(const char *cn, const char *san, const struct fixture_cert *issuer, bool ca)
{
	return fixture_make((struct fixture_kind){
	    .cn = cn, .san = san, .key = EVP_EC_gen("P-256"), .issuer = issuer, .ca = ca });
}

FIXTURE int
world_set_up(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	if (fixture_setup(state) < 0)
		return -1;
	world_root = world_issue("root", NULL, NULL, true);
	world_middle = world_issue("middle", NULL, &world_root, true);
	world_leaf = world_issue("mail.example.com", "DNS:mail.example.com", &world_middle, false);
	world_root_path = fixture_file("root.pem", world_root.cert_pem);
	return 0;
}

FIXTURE int
world_tear_down(void **state)
{
	fixture_cert_release(&world_leaf);
	fixture_cert_release(&world_middle);
	fixture_cert_release(&world_root);
	return fixture_teardown(state);
}

struct world_settings {
	const char *log_level; /* NULL: "1" */
	const char *digests;   /* tls_dane_digests; NULL: the default */
	bool no_ca;
	const char *chain_files;
};

FIXTURE struct context *
world_context(struct world_settings in)
{
	struct context *context = context_new_client(&(struct context_client_settings){
	    .log_param = "smtp_tls_loglevel",
	    .log_level = in.log_level ? in.log_level : "1",
	    .verifydepth = 9,
	    .CAfile = in.no_ca ? NULL : world_root_path,
	    .chain_files = in.chain_files,
	    .fingerprint_digest = "sha256",
	    .dane_digests = in.digests ? in.digests : "sha512 sha256",
	    .eecdh_auto_curves = "X25519 prime256v1",
	    .cipher_grades = { .high = "HIGH", .medium = "aNULL:-aNULL:HIGH:@STRENGTH", .null = "eNULL" },
	    .config_file = "none",
	});

	assert_non_null(context);
	return context;
}

/* What an ordinary request says; the caller changes what it tests. */
FIXTURE struct conn_client_settings
world_request(int level)
{
	static const char *const match[] = { "mail.example.com" };

	return (struct conn_client_settings){
		.release = CONN_RELEASE_3_7,
		.level = level,
		.nexthop = "example.com",
		.host = "mail.example.com",
		.namaddr = NAMADDR,
		.serverid = "smtp&example.com&&&",
		.helo = "mail.example.com",
		.protocols = ">=TLSv1",
		.cipher_grade = "medium",
		.cipher_exclusions = level > LEVEL_ENCRYPT ? "aNULL" : "",
		.match = match,
		.match_count = 1,
		.mdalg = "sha256",
		.enable_rpk = -1,
		.fd = -1,
	};
}

/* A server that shows `cert` and, if it is the leaf of the world, the issuer. NULL: an anonymous one. */
FIXTURE SSL_CTX *
world_server(const struct fixture_cert *cert, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_max_proto_version(ctx, cert ? version : TLS1_2_VERSION);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"world", 5);
	if (cert)
		assert_true(SSL_CTX_use_cert_and_key(ctx, cert->cert, cert->key, NULL, 1));
	else
		assert_true(SSL_CTX_set_cipher_list(ctx, "aNULL:@SECLEVEL=0"));
	if (cert == &world_leaf)
		SSL_CTX_add1_chain_cert(ctx, world_middle.cert);
	return ctx;
}

FIXTURE void
world_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

/* One session. True: the handshake was done, and `summary` is filled. */
FIXTURE bool
world_run(
    struct context *context, SSL_CTX *server_ctx, struct conn_client_settings in, struct summary *summary)
{
	enum tls_io result = TLS_IO_WANT_READ;
	struct conn *conn;
	int fds[2];
	SSL *server = SSL_new(server_ctx);

	world_pair(fds);
	SSL_set_fd(server, fds[1]);
	SSL_set_accept_state(server);
	in.fd = fds[0];
	conn = conn_new_client(context, NULL, &in);
	for (int i = 0; conn && i < 50 && result != TLS_IO_DONE && result != TLS_IO_ERROR; i++) {
		result = conn_handshake(conn);
		(void)SSL_do_handshake(server);
		ERR_clear_error();
	}
	if (result == TLS_IO_DONE)
		conn_summary(conn, summary);
	conn_free(conn);
	SSL_free(server);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(ERR_peek_error(), 0);
	return result == TLS_IO_DONE;
}

/* The bytes that a record of this kind has for `cert`. */
FIXTURE void
world_tlsa(struct dane_set *set, int usage, int selector, int mtype, const struct fixture_cert *cert)
{
	unsigned char *der = NULL;
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int md_len;
	int len = selector ? i2d_PUBKEY(cert->key, &der) : i2d_X509(cert->cert, &der);

	if (mtype == 0) {
		dane_set_add(set, (uint8_t)usage, (uint8_t)selector, 0, der, (size_t)len);
	} else {
		EVP_Digest(der, (size_t)len, md, &md_len, mtype == 2 ? EVP_sha512() : EVP_sha256(), NULL);
		dane_set_add(set, (uint8_t)usage, (uint8_t)selector, (uint8_t)mtype, md, md_len);
	}
	OPENSSL_free(der);
}

#endif
