/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"

#include <errno.h>

#include "tls/chain.h"

static struct fixture_cert rsa, rsa2, ec, ed, ca;
static char *ec_sec1; /* the same EC key in its old form, with parameters in front */

static int
setup(void **state)
{
	EVP_PKEY *key;
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long len;

	ca = fixture_make((struct fixture_kind){ .cn = "ca", .key = EVP_EC_gen("P-256"), .ca = true });
	rsa =
	    fixture_make((struct fixture_kind){ .cn = "rsa", .key = fixture_key("rsa.key"), .issuer = &ca });
	rsa2 = fixture_make((struct fixture_kind){ .cn = "rsa2", .key = fixture_key("rsa2.key") });
	key = EVP_EC_gen("P-256");
	PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
	len = BIO_get_mem_data(bio, &bytes);
	ec_sec1 =
	    alloc_printf("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n%.*s",
		(int)len, bytes);
	BIO_free(bio);
	ec = fixture_make((struct fixture_kind){ .cn = "ec", .key = key });
	ed = fixture_make(
	    (struct fixture_kind){ .cn = "ed", .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") });
	return fixture_setup(state);
}

static int
teardown(void **state)
{
	fixture_cert_release(&rsa);
	fixture_cert_release(&rsa2);
	fixture_cert_release(&ec);
	fixture_cert_release(&ed);
	fixture_cert_release(&ca);
	free(ec_sec1);
	return fixture_teardown(state);
}

/* Files F1, F2... with contents made of letters: K rsa key, k rsa2 key, E ec key, C rsa cert, c rsa2 cert, e
 * ec cert, I issuer, P old EC key behind EC PARAMETERS, D and d Ed25519; other letters as named in the
 * switch. */
static const char *
content(char letter)
{
	switch (letter) {
	case 'K':
		return rsa.key_pem;
	case 'C':
		return rsa.cert_pem;
	case 'k':
		return rsa2.key_pem;
	case 'c':
		return rsa2.cert_pem;
	case 'E':
		return ec.key_pem;
	case 'e':
		return ec.cert_pem;
	case 'I':
		return ca.cert_pem;
	case 'P':
		return ec_sec1;
	case 'D':
		return ed.key_pem;
	case 'd':
		return ed.cert_pem;
	case 'x': /* DER that is no certificate */
		return "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	case 'y': /* DER that is no key */
		return "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
	case 'z': /* no base64 */
		return "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
	default:
		return "no PEM\n";
	}
}

static int
read_case(const char *path, struct buf *to, void *arg)
{
	const char *const *files = arg;

	if (strcmp(path, "NONE") == 0) {
		errno = ENOENT;
		return -1;
	}
	if (strcmp(path, "HUGE") == 0) {
		errno = EFBIG;
		return -1;
	}
	for (const char *at = files[path[1] - '1']; *at; at++)
		buf_add_str(to, content(*at));
	return 0;
}

static void
chain_files_follow_the_grammar(void **state)
{
	static const struct {
		const char *name;
		const char *list;
		const char *files[2];
		int result;
		int keys; /* loaded: 1 RSA, 2 EC, 4 Ed25519 */
		const char *lines;
	} cases[] = {
		{ "key, leaf, issuer", "F1", { "KCI" }, 0, 1, "" },
		{ "two sequences", "F1", { "KCIEe" }, 0, 3, "" },
		{ "sequence over two files", "F1,F2", { "K", "CIEe" }, 0, 3, "" },
		{ "Ed25519 beside RSA", "F1 F2", { "Dd", "KC" }, 0, 5, "" },
		{ "EC PARAMETERS skipped", "F1", { "Pe" }, 0, 2,
		    "warning: loading F1: ignoring PEM type: EC PARAMETERS\n" },
		{ "certificate first", "F1", { "CK" }, -1, 0,
		    "warning: error loading chain from F1: key not first\n" },
		{ "key of another", "F1", { "KcI" }, -1, 0,
		    "warning: key at index 1 in F1 does not match next certificate\n"
		    "warning: TLS library problem: error:0A000120:SSL routines::private key mismatch:*\n" },
		{ "two keys in a row", "F1", { "KkC" }, -1, 0,
		    "warning: error loading certificate chain: key at index 1 in F1 not followed by a "
		    "certificate\n" },
		{ "key only", "F1", { "K" }, -1, 0, "warning: No certs for key at index 1 in F1\n" },
		{ "no PEM", "F1,F2", { "n", "" }, -1, 0, "warning: No PEM data in F1,F2\n" },
		{ "slot used, last", "F1,F2", { "KC", "kc" }, -1, 1,
		    "warning: key at index 1 in F2 does not match next certificate\n"
		    "warning: TLS library problem: error:0A000121:SSL routines::not replacing "
		    "certificate:*\n" },
		{ "slot used, not last", "F1,F2", { "KC", "kcEe" }, -1, 1,
		    "warning: error loading certificate chain: key at index 1 in F2 does not match the "
		    "certificate\n"
		    "warning: TLS library problem: error:0A000121:SSL routines::not replacing "
		    "certificate:*\n" },
		{ "broken certificate", "F1", { "Kx" }, -1, 0,
		    "warning: error loading certificate (PEM object number 2) from F1\n"
		    "warning: TLS library problem: error:068000A8:*\nwarning: TLS library problem: "
		    "error:0688010A:*\n" },
		{ "broken key", "F1", { "yC" }, -1, 0,
		    "warning: error loading private key (PEM object number 1) from F1\n"
		    "warning: TLS library problem: error:068000A8:*\nwarning: TLS library problem: "
		    "error:0688010A:*\n" },
		{ "broken base64", "F1", { "Kz" }, -1, 0,
		    "warning: TLS library problem: error:04800064:PEM routines*\n" },
		{ "unopenable", "NONE", { "" }, 0, 0,
		    "warning: error opening chain file: NONE: No such file or directory\n" },
		{ "last sequence lost", "F1,NONE", { "KC" }, 0, 0,
		    "warning: error opening chain file: NONE: No such file or directory\n" },
		{ "earlier sequence kept", "F1,F2 NONE", { "KC", "Ee" }, 0, 1,
		    "warning: error opening chain file: NONE: No such file or directory\n" },
		{ "too large is not unopenable", "F1,HUGE", { "KC" }, -1, 0,
		    "warning: error opening chain file: HUGE: File too large\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
		char *lines =
		    cases[i].result == 0
			? alloc_string(cases[i].lines)
			: alloc_printf(
			      "%swarning: error loading private keys and certificates from: %s: disabling TLS"
			      " support\n",
			      cases[i].lines, cases[i].list);
		int keys = 0;

		print_message("%s\n", cases[i].name);
		fixture_log_clear();
		assert_int_equal(
		    chain_load_files(ctx, cases[i].list, read_case, (void *)(uintptr_t)cases[i].files),
		    cases[i].result);
		fixture_log_is(lines);
		for (int ok = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST); ok;
		     ok = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT)) {
			int type = EVP_PKEY_get_base_id(SSL_CTX_get0_privatekey(ctx));

			keys |= type == EVP_PKEY_RSA ? 1 : type == EVP_PKEY_EC ? 2 : 4;
		}
		assert_int_equal(keys, cases[i].keys);
		assert_int_equal(ERR_peek_error(), 0);
		free(lines);
		SSL_CTX_free(ctx);
	}
}

static void
pairs_load_or_say_what_is_wrong(void **state)
{
	static const struct {
		const char *name;
		enum chain_kind kind;
		const char *cert_file, *key_file;
		const char *files[2];
		int result;
		const char *lines;
	} cases[] = {
		{ "two files", CHAIN_RSA, "F1", "F2", { "CI", "K" }, 0, "" },
		{ "ECDSA takes Ed25519", CHAIN_ECDSA, "F1", "F2", { "d", "D" }, 0, "" },
		{ "one file, key last", CHAIN_RSA, "F1", "F1", { "CIK" }, 0, "" },
		{ "one file, key first", CHAIN_RSA, "F1", "F1", { "KCI" }, 0, "" },
		{ "one file, second key", CHAIN_RSA, "F1", "F1", { "CKk" }, 0,
		    "warning: ignoring 2nd key at index 3 in F1 after 1st at 2\n" },
		{ "one file, no key", CHAIN_RSA, "F1", "F1", { "C" }, -1,
		    "warning: No private key found in F1\n"
		    "warning: error loading private keys and certificates from: F1: disabling TLS "
		    "support\n" },
		{ "one file, missing", CHAIN_RSA, "NONE", "NONE", { "" }, -1,
		    "warning: error opening chain file: NONE: No such file or directory\n" },
		{ "certificate missing", CHAIN_RSA, "NONE", "F1", { "K" }, -1,
		    "warning: cannot get RSA certificate from file \"NONE\": disabling TLS support\n"
		    "warning: TLS library problem: error:80000002:system library::No such file or "
		    "directory:*\n"
		    "warning: TLS library problem: error:10080002:BIO routines::system lib:*\n"
		    "warning: TLS library problem: error:0A080002:SSL routines::system lib:*\n" },
		{ "certificate not PEM", CHAIN_DSA, "F1", "F2", { "n", "K" }, -1,
		    "warning: cannot get DSA certificate from file \"F1\": disabling TLS support\n"
		    "warning: TLS library problem: error:0480006C:PEM routines::no start line:*\n"
		    "warning: TLS library problem: error:0A080009:SSL routines::PEM lib:*\n" },
		{ "key missing", CHAIN_ECDSA, "F1", "NONE", { "e" }, -1,
		    "warning: cannot get ECDSA private key from file \"NONE\": disabling TLS support\n"
		    "warning: TLS library problem: error:80000002:system library::No such file or "
		    "directory:*\n"
		    "warning: TLS library problem: error:10080002:BIO routines::system lib:*\n"
		    "warning: TLS library problem: error:0A080002:SSL routines::system lib:*\n" },
		{ "key not PEM", CHAIN_RSA, "F1", "F2", { "C", "n" }, -1,
		    "warning: cannot get RSA private key from file \"F2\": disabling TLS support\n"
		    "warning: TLS library problem: error:1E08010C:DECODER routines::unsupported:*\n"
		    "warning: TLS library problem: error:0A080009:SSL routines::PEM lib:*\n" },
		{ "key of another", CHAIN_RSA, "F1", "F2", { "C", "k" }, -1,
		    "warning: cannot get RSA private key from file \"F2\": disabling TLS support\n"
		    "warning: TLS library problem: error:05800074:x509 certificate routines::key values "
		    "mismatch:*\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

		print_message("%s\n", cases[i].name);
		fixture_log_clear();
		assert_int_equal(chain_load_pair(ctx, cases[i].kind, cases[i].cert_file, cases[i].key_file,
				     read_case, (void *)(uintptr_t)cases[i].files),
		    cases[i].result);
		fixture_log_is(cases[i].lines);
		if (cases[i].result == 0)
			assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
		assert_int_equal(ERR_peek_error(), 0);
		SSL_CTX_free(ctx);
	}
}

static void
all_three_pairs_stay_available(void **state)
{
	static const char *const files[] = { "C", "K", "e", "E" };
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int count = 0;

	(void)state;
	assert_int_equal(chain_load_pair(ctx, CHAIN_RSA, "F1", "F2", read_case, (void *)(uintptr_t)files), 0);
	assert_int_equal(
	    chain_load_pair(ctx, CHAIN_ECDSA, "F3", "F4", read_case, (void *)(uintptr_t)files), 0);
	for (int ok = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST); ok;
	     ok = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT))
		count++;
	assert_int_equal(count, 2);
	SSL_CTX_free(ctx);
}

static void
session_chain_replaces_nothing_but_its_session(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl = SSL_new(ctx);
	char *pem = alloc_printf("%s%s", ec.key_pem, ec.cert_pem);

	(void)state;
	fixture_log_clear();
	struct chain *chain = chain_new(ssl, "SNI data for x.example", pem, strlen(pem));
	assert_non_null(chain);
	assert_non_null(SSL_get_certificate(ssl));
	assert_null(SSL_CTX_get0_certificate(ctx));
	assert_null(chain_new(ssl, "SNI data for x.example", "", 0));
	fixture_log_is(
	    "warning: No PEM data in SNI data for x.example\n"
	    "warning: error loading private keys and certificates from: SNI data for x.example: aborting"
	    " TLS handshake\n");

	/* The next session gets the same, and keeps it. */
	SSL *next = SSL_new(ctx);
	assert_int_equal(chain_use(chain, next, "SNI data for x.example"), 0);
	assert_ptr_equal(SSL_get_certificate(next), SSL_get_certificate(ssl));
	chain_unref(chain);
	assert_non_null(SSL_get_certificate(next));
	SSL_free(next);
	free(pem);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static void
files_are_read_and_limited(void **state)
{
	struct buf bytes = BUF_INIT;
	char *large = alloc_zero((1 << 20) + 2);

	(void)state;
	assert_int_equal(chain_read_file(fixture_file("a", "abc"), &bytes, NULL), 0);
	assert_string_equal(buf_str(&bytes), "abc");
	buf_clear(&bytes);
	assert_int_equal(chain_read_file(fixture_dir, &bytes, NULL), 0);
	assert_int_equal(bytes.len, 0);
	assert_int_equal(chain_read_file("/nonexistent", &bytes, NULL), -1);
	assert_int_equal(errno, ENOENT);
	memset(large, 'x', (1 << 20) + 1);
	assert_int_equal(chain_read_file(fixture_file("large", large), &bytes, NULL), -1);
	assert_int_equal(errno, EFBIG);
	free(large);
	buf_release(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_files_follow_the_grammar),
		cmocka_unit_test(pairs_load_or_say_what_is_wrong),
		cmocka_unit_test(all_three_pairs_stay_available),
		cmocka_unit_test(session_chain_replaces_nothing_but_its_session),
		cmocka_unit_test(files_are_read_and_limited),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
