/* SPDX-License-Identifier: ISC */
/* Sessions of the client role: what each level makes of a peer, in fields and in the log. */
#include "client_world.h"

static struct fixture_cert stranger, expired, future, for_clients, forgery, nameless, below_expired;

static int
set_up(void **state)
{
	struct fixture_kind kind = { .issuer = &world_root };

	if (world_set_up(state) < 0)
		return -1;
	stranger = world_issue("mail.example.com", "DNS:mail.example.com", NULL, false);
	kind.cn = "old", kind.san = "DNS:mail.example.com", kind.key = EVP_EC_gen("P-256");
	kind.from_s = -7200, kind.to_s = -3600;
	expired = fixture_make(kind);
	kind.cn = "young", kind.key = EVP_EC_gen("P-256"), kind.from_s = 3600, kind.to_s = 7200;
	future = fixture_make(kind);
	kind.cn = "client", kind.key = EVP_EC_gen("P-256"), kind.from_s = kind.to_s = 0;
	kind.purpose = "clientAuth";
	for_clients = fixture_make(kind);
	forgery = world_issue("forgery", "DNS:mail.example.com", &stranger, false);
	nameless = fixture_make((struct fixture_kind){ .name = X509_NAME_new(),
	    .san = "DNS:mail.example.com",
	    .key = EVP_EC_gen("P-256"),
	    .issuer = &world_root });
	kind = (struct fixture_kind){ .cn = "x", .san = "DNS:other.example.com", .issuer = &world_root };
	kind.key = EVP_EC_gen("P-256"), kind.from_s = -7200, kind.to_s = -3600;
	below_expired = fixture_make(kind);
	return 0;
}

static int
tear_down(void **state)
{
	fixture_cert_release(&below_expired);
	fixture_cert_release(&nameless);
	fixture_cert_release(&forgery);
	fixture_cert_release(&for_clients);
	fixture_cert_release(&future);
	fixture_cert_release(&expired);
	fixture_cert_release(&stranger);
	return world_tear_down(state);
}

#define FAILED "certificate verification failed for " LOWER ": "
#define LINE   " TLS connection established to " LOWER ": *\n"

static const char *const other_name[] = { "other.example.com" };

static void
verdicts_and_their_reasons(void **state)
{
	static const struct {
		const char *name;
		int level;
		const struct fixture_cert *cert; /* NULL: anonymous */
		const char *const *match;        /* NULL: the certificate's name */
		const char *log_level;
		int release;
		bool no_ca;
		const char *forced;
		int status;
		const char *lines;
	} cases[] = {
		{ "may, trusted", LEVEL_MAY, &world_leaf, NULL, "1", 307, false, NULL, 5, "Trusted" LINE },
		{ "may, unknown CA", LEVEL_MAY, &world_leaf, NULL, "1", 307, true, NULL, 1,
		    "Untrusted" LINE },
		{ "may says why when told to", LEVEL_MAY, &stranger, NULL, "1,untrusted", 307, false, NULL, 1,
		    FAILED "self-signed certificate\nUntrusted" LINE },
		{ "may, trusted, told to say why not", LEVEL_MAY, &world_leaf, NULL, "1,untrusted", 307,
		    false, NULL, 5, "Trusted" LINE },
		{ "encrypt, wrong name", LEVEL_ENCRYPT, &world_leaf, other_name, "1", 307, false, NULL, 5,
		    "Trusted" LINE },
		{ "anonymous", LEVEL_MAY, NULL, NULL, "1,untrusted", 307, false, NULL, 0, "Anonymous" LINE },
		{ "verify", LEVEL_VERIFY, &world_leaf, NULL, "1", 307, false, NULL, 29, "Verified" LINE },
		{ "secure", LEVEL_SECURE, &world_leaf, NULL, "1", 311, false, NULL, 29, "Verified" LINE },
		{ "wrong name", LEVEL_SECURE, &world_leaf, other_name, "0", 307, false, NULL, 1,
		    "server " FAILED "num=62:hostname mismatch\n" },
		{ "wrong name, 3.10", LEVEL_SECURE, &world_leaf, other_name, "1", 310, false, NULL, 5,
		    "server " FAILED "num=62:hostname mismatch\nTrusted" LINE },
		{ "unknown CA", LEVEL_SECURE, &world_leaf, NULL, "0", 307, true, NULL, 1,
		    FAILED "untrusted issuer /CN=root\n" },
		{ "self-signed", LEVEL_VERIFY, &stranger, NULL, "0", 307, false, NULL, 1,
		    FAILED "self-signed certificate\n" },
		{ "self-signed and wrong name", LEVEL_VERIFY, &stranger, other_name, "0", 310, false, NULL, 1,
		    FAILED "self-signed certificate\n" },
		{ "forged", LEVEL_VERIFY, &forgery, NULL, "0", 307, false, NULL, 1,
		    FAILED "untrusted issuer /CN=mail.example.com\n" },
		{ "expired", LEVEL_SECURE, &expired, NULL, "0", 307, false, NULL, 1,
		    "server " FAILED "certificate has expired\n" },
		{ "expired and wrong name", LEVEL_SECURE, &below_expired, NULL, "0", 307, false, NULL, 1,
		    "server " FAILED "num=62:hostname mismatch\n" },
		{ "expired and wrong name, 3.10", LEVEL_SECURE, &below_expired, NULL, "1", 310, false, NULL,
		    1, "server " FAILED "certificate has expired\nUntrusted" LINE },
		{ "not yet valid", LEVEL_SECURE, &future, NULL, "0", 307, false, NULL, 1,
		    "server " FAILED "certificate not yet valid\n" },
		{ "for clients", LEVEL_SECURE, &for_clients, NULL, "0", 307, false, NULL, 1,
		    FAILED "not designated for use as a server certificate\n" },
		{ "decided elsewhere", LEVEL_SECURE, &world_leaf, NULL, "1", 310, false, "sts-policy-invalid",
		    1, FAILED "external policy failure (sts-policy-invalid)\nUntrusted" LINE },
		{ "decided elsewhere, at may", LEVEL_MAY, &world_leaf, NULL, "1", 310, false,
		    "sts-webpki-invalid", 1, "Untrusted" LINE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			struct context *context = world_context((struct world_settings){
			    .log_level = cases[i].log_level, .no_ca = cases[i].no_ca });
			SSL_CTX *server = world_server(cases[i].cert, version);
			struct conn_client_settings in = world_request(cases[i].level);
			struct summary summary;

			print_message("%s\n", cases[i].name);
			in.release = cases[i].release;
			if (cases[i].match)
				in.match = cases[i].match;
			in.forced_failure_type = cases[i].forced;
			fixture_log_clear();
			assert_true(world_run(context, server, in, &summary));
			fixture_log_is(cases[i].lines);
			assert_int_equal(summary.peer_status, cases[i].status);
			assert_int_equal(summary.level, cases[i].level);
			summary_release(&summary);
			SSL_CTX_free(server);
			context_unref(context);
		}
	}
}

/* Records for the levels that take some; what they say of the leaf and its issuers. */
static void
records_and_what_they_match(void **state)
{
	static const struct {
		const char *name;
		int level;
		int usage, selector, mtype;
		const struct fixture_cert *of;
		int status;
		const char *lines;
	} cases[] = {
		{ "fingerprint", LEVEL_FINGERPRINT, 3, 0, 255, &world_leaf, 29,
		    LOWER ": Matched fingerprint: *\n*\nVerified" LINE },
		{ "fingerprint of the key", LEVEL_FINGERPRINT, 3, 1, 255, &world_leaf, 29,
		    LOWER ": Matched fingerprint: *\n*\nVerified" LINE },
		{ "another fingerprint", LEVEL_FINGERPRINT, 3, 1, 255, &world_root, 1,
		    "server " FAILED "num=65:no matching DANE TLSA records\n*\nUntrusted" LINE },
		{ "DANE-EE", LEVEL_DANE, 3, 1, 1, &world_leaf, 29,
		    LOWER ": Matched DANE EE certificate at depth 0: 3 1 1 *\n*\nVerified" LINE },
		{ "DANE-TA", LEVEL_DANE_ONLY, 2, 0, 1, &world_middle, 29,
		    LOWER ": matched peername: mail.example.com\n" LOWER
			  ": Matched DANE TA certificate at depth 1: 2 0 1 *\n*\nVerified" LINE },
		{ "DANE-TA in full", LEVEL_DANE, 2, 1, 0, &world_root, 29,
		    LOWER ": matched peername: mail.example.com\n" LOWER
			  ": Matched DANE TA public key verified certificate at depth 1: 2 1 0 "
			  "*\n*\nVerified" LINE },
		{ "half DANE", LEVEL_HALFDANE, 3, 1, 2, &world_leaf, 13,
		    LOWER ": Matched DANE EE certificate at depth 0: 3 1 2 *\n*\nTrusted" LINE },
		{ "trust anchor", LEVEL_SECURE, 2, 0, 0, &world_root, 29,
		    LOWER ": matched peername: mail.example.com\n" LOWER
			  ": Matched trust anchor at depth 2\n*\nVerified" LINE },
		{ "trust anchor that is the leaf", LEVEL_VERIFY, 3, 0, 0, &world_leaf, 29,
		    LOWER ": matched peername: mail.example.com\n" LOWER
			  ": Matched trust anchor at depth 0\n*\nVerified" LINE },
		{ "another trust anchor, and a good CAfile", LEVEL_SECURE, 2, 0, 0, &stranger, 1,
		    "*\n*\nUntrusted" LINE },
	};
	struct context *context = world_context((struct world_settings){ .log_level = "1,certmatch" });
	SSL_CTX *server = world_server(&world_leaf, TLS1_3_VERSION);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conn_client_settings in = world_request(cases[i].level);
		struct dane_set *set = dane_set_new(level_is_dane(cases[i].level) ? "mail.example.com" : "");
		struct dane_set *raw = dane_set_new("");
		struct summary summary;

		print_message("%s\n", cases[i].name);
		world_tlsa(raw, cases[i].usage, cases[i].selector, cases[i].mtype, cases[i].of);
		const struct dane_record *record = dane_set_record(raw, 0);
		dane_set_add(set, record->usage, record->selector, record->mtype, record->data, record->len);
		in.dane = set;
		fixture_log_clear();
		assert_true(world_run(context, server, in, &summary));
		fixture_log_is(cases[i].lines);
		assert_int_equal(summary.peer_status, cases[i].status);
		summary_release(&summary);
		dane_set_free(raw);
		dane_set_free(set);
	}
	SSL_CTX_free(server);
	context_unref(context);
}

static void
trust_anchor_does_not_replace_the_name(void **state)
{
	struct context *context = world_context((struct world_settings){ .log_level = "0" });
	SSL_CTX *server = world_server(&world_leaf, TLS1_3_VERSION);
	struct conn_client_settings in = world_request(LEVEL_SECURE);
	struct dane_set *set = dane_set_new("");
	struct summary summary;

	(void)state;
	assert_int_equal(
	    dane_set_add_anchors(set, "ta", world_leaf.cert_pem, strlen(world_leaf.cert_pem), 0), 0);
	in.dane = set;
	in.match = other_name;
	fixture_log_clear();
	assert_true(world_run(context, server, in, &summary));
	fixture_log_is("server " FAILED "num=62:hostname mismatch\n");
	assert_int_equal(summary.peer_status, 1);
	summary_release(&summary);
	dane_set_free(set);
	SSL_CTX_free(server);
	context_unref(context);
}

static void
nothing_usable_to_match_is_a_failure(void **state)
{
	static const unsigned char shorter[] = { 0, 0x11, 0x22 };
	static const struct {
		int level;
		int effective;
		int status;
		bool none; /* not even an unusable one */
		const char *lines;
	} cases[] = {
		{ LEVEL_FINGERPRINT, LEVEL_FINGERPRINT, 1, false,
		    "warning: " LOWER ": unusable TLSA RR: 3 0 255 001122\nwarning: " LOWER
		    ": all fingerprints unusable\nserver " FAILED
		    "num=1:unspecified certificate verification error\n" },
		{ LEVEL_FINGERPRINT, LEVEL_FINGERPRINT, 1, true,
		    "warning: " LOWER ": all fingerprints unusable\nserver " FAILED
		    "num=1:unspecified certificate verification error\n" },
		{ LEVEL_HALFDANE, LEVEL_ENCRYPT, 5, false,
		    "*\nwarning: " LOWER
		    ": all TLSA records unusable, fallback to unauthenticated TLS\n*\n" },
		{ LEVEL_DANE, LEVEL_ENCRYPT, 5, false,
		    "*\nwarning: " LOWER
		    ": all TLSA records unusable, fallback to unauthenticated TLS\n*\n" },
		{ LEVEL_DANE_ONLY, LEVEL_DANE_ONLY, 1, false,
		    "*\nwarning: " LOWER ": all TLSA records unusable\nserver " FAILED
		    "num=1:unspecified certificate verification error\n" },
		{ LEVEL_VERIFY, LEVEL_VERIFY, 1, false,
		    "*\nwarning: " LOWER ": all trust anchors unusable\nserver " FAILED
		    "num=1:unspecified certificate verification error\n" },
		{ LEVEL_SECURE, LEVEL_SECURE, 1, false,
		    "*\nwarning: " LOWER ": all trust anchors unusable\nserver " FAILED
		    "num=1:unspecified certificate verification error\n" },
		/* A caller that found no records and goes on by authorities and names. */
		{ LEVEL_SECURE, LEVEL_SECURE, 29, true, "" },
	};
	struct context *context = world_context((struct world_settings){ .log_level = "0" });
	SSL_CTX *server = world_server(&world_leaf, TLS1_3_VERSION);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conn_client_settings in = world_request(cases[i].level);
		struct dane_set *set = dane_set_new("");
		struct summary summary;

		print_message("%s\n", level_name(cases[i].level));
		if (!cases[i].none)
			dane_set_add(set, 3, 0, 255, shorter, sizeof shorter);
		in.dane = set;
		fixture_log_clear();
		assert_true(world_run(context, server, in, &summary));
		if (cases[i].status == 1)
			fixture_log_is(cases[i].lines);
		assert_int_equal(summary.peer_status, cases[i].status);
		assert_int_equal(summary.level, cases[i].effective);
		summary_release(&summary);
		dane_set_free(set);
	}
	SSL_CTX_free(server);
	context_unref(context);
}

/* --- requests that come to nothing --- */

static void
bad_requests_are_refused_with_a_reason(void **state)
{
	static char long_name[400];
	static const struct {
		const char *name;
		int level;
		const char *protocols, *grade, *exclusions, *sni, *mdalg;
		bool no_match, dane;
		const char *lines;
	} cases[] = {
		{ "protocols", LEVEL_MAY, "TLSv9", "medium", "", "", "sha256", false, false,
		    "warning: " NAMADDR ": Invalid TLS protocol list \"TLSv9\": aborting TLS session\n" },
		{ "grade", LEVEL_MAY, "", "bogus", "", "", "sha256", false, false,
		    "warning: " LOWER ": invalid cipher grade: \"bogus\"\n" },
		{ "no such grade here", LEVEL_MAY, "", "", "", "", "sha256", false, false,
		    "warning: " LOWER ": invalid cipher grade: \"\"\n" },
		{ "exclusion", LEVEL_MAY, "", "medium", "aNULL !MD5", "", "sha256", false, false,
		    "warning: " LOWER ": invalid unary '!+-@' in cipher exclusion: !MD5\n" },
		{ "no cipher", LEVEL_MAY, "", "null", "eNULL", "", "sha256", false, false,
		    "warning: " LOWER ": error setting cipher grade: \"null\"\n"
		    "warning: TLS library problem: *\n" },
		{ "SNI", LEVEL_MAY, "", "medium", "", long_name, "sha256", false, false,
		    "warning: " NAMADDR ": ignoring too long SNI hostname: aaaaa*\n" },
		{ "digest", LEVEL_MAY, "", "medium", "", "", "md42", false, false,
		    "warning: Digest algorithm \"md42\" not found\n" },
		{ "level", 9, "", "medium", "", "", "sha256", false, false,
		    "warning: " LOWER ": bad TLS security level: 9\n" },
		{ "absurd level", -1, "", "medium", "", "", "sha256", false, false,
		    "warning: " LOWER ": bad TLS security level: -1\n" },
		{ "verify without names", LEVEL_VERIFY, "", "medium", "", "", "sha256", true, false,
		    "warning: " LOWER ": level \"verify\" without names to match: aborting TLS session\n" },
		{ "secure without names", LEVEL_SECURE, "", "medium", "", "", "sha256", true, true,
		    "warning: " LOWER ": level \"secure\" without names to match: aborting TLS session\n" },
		{ "half DANE without records", LEVEL_HALFDANE, "", "medium", "", "", "sha256", false, false,
		    "warning: " LOWER ": level \"halfdane\" without TLSA records: aborting TLS session\n" },
		{ "DANE without names", LEVEL_DANE, "", "medium", "", "", "sha256", true, true,
		    "warning: " LOWER ": level \"dane\" without names to match: aborting TLS session\n" },
		{ "DANE only without records", LEVEL_DANE_ONLY, "", "medium", "", "", "sha256", false, false,
		    "warning: " LOWER ": level \"dane-only\" without TLSA records: aborting TLS session\n" },
	};
	struct context *context = world_context((struct world_settings){ 0 });
	SSL_CTX *server = world_server(&world_leaf, TLS1_3_VERSION);
	struct dane_set *set = dane_set_new("mail.example.com");

	(void)state;
	memset(long_name, 'a', sizeof long_name - 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conn_client_settings in = world_request(cases[i].level);
		struct summary summary;

		print_message("%s\n", cases[i].name);
		in.protocols = cases[i].protocols;
		in.cipher_grade = cases[i].grade;
		in.cipher_exclusions = cases[i].exclusions;
		in.sni = cases[i].sni;
		in.mdalg = cases[i].mdalg;
		in.match_count = cases[i].no_match ? 0 : 1;
		in.dane = cases[i].dane ? set : NULL;
		fixture_log_clear();
		assert_false(world_run(context, server, in, &summary));
		fixture_log_is(cases[i].lines);
	}

	/* Nothing at all. */
	struct conn_client_settings empty = { .enable_rpk = -1, .fd = -1 };
	fixture_log_clear();
	assert_null(conn_new_client(context, NULL, &empty));
	fixture_log_is("warning: : invalid cipher grade: \"\"\n");
	dane_set_free(set);
	SSL_CTX_free(server);
	context_unref(context);
}

/* --- SNI --- */

static void
sni_is_what_the_level_asks_for(void **state)
{
	static const struct {
		int level;
		const char *sni;
		const char *sent;
	} cases[] = {
		{ LEVEL_MAY, "", NULL },
		{ LEVEL_MAY, "hostname", "mail.example.com" },
		{ LEVEL_MAY, "nexthop", "example.com" },
		{ LEVEL_MAY, "Hostname", "Hostname" },
		{ LEVEL_SECURE, "mx.example.net", "mx.example.net" },
		{ LEVEL_SECURE,
		    "b\xc3\xbc"
		    "cher.example",
		    "xn--bcher-kva.example" },
		{ LEVEL_DANE, "hostname", "tlsa.example" },
		{ LEVEL_DANE, "", "tlsa.example" },
	};
	struct context *context = world_context((struct world_settings){ .log_level = "0" });
	SSL_CTX *server = world_server(&world_leaf, TLS1_3_VERSION);
	struct dane_set *set = dane_set_new("tlsa.example");

	(void)state;
	world_tlsa(set, 3, 1, 1, &world_leaf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conn_client_settings in = world_request(cases[i].level);
		struct summary summary;

		in.sni = cases[i].sni;
		in.dane = level_is_dane(cases[i].level) ? set : NULL;
		assert_true(world_run(context, server, in, &summary));
		if (cases[i].sent)
			assert_string_equal(summary.peer_sni, cases[i].sent);
		else
			assert_null(summary.peer_sni);
		summary_release(&summary);
	}
	dane_set_free(set);
	SSL_CTX_free(server);
	context_unref(context);
}

/* --- the log --- */

static void
details_come_in_the_order_of_postfix(void **state)
{
	static const struct {
		int release;
		const char *log_level; /* of the session */
		const char *lines;
	} cases[] = {
		{ 307, "1,peercert",
		    LOWER ": matched peername: mail.example.com\n" NAMADDR
			  ": subject_CN=mail.example.com, issuer_CN=middle, fingerprint=*\n"
			  "Verified TLS connection established to " LOWER
			  ": TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519"
			  " server-signature ECDSA (prime256v1) server-digest SHA256\n" },
		{ 311, "1,certmatch",
		    LOWER ": matched peername: mail.example.com\n" NAMADDR
			  ": subject_CN=mail.example.com, issuer=middle, cert fingerprint=*\n"
			  "Verified TLS connection established to " LOWER
			  ": TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange x25519"
			  " server-signature ECDSA (prime256v1) server-digest SHA256\n" },
		{ 307, "verbose",
		    "setting up TLS connection to " NAMADDR "\n" NAMADDR
		    ": TLS cipher list \"aNULL:-aNULL:HIGH:@STRENGTH:!aNULL\"\n" LOWER
		    ": depth=2 verify=1 subject=/CN=root\n" LOWER
		    ": depth=1 verify=1 subject=/CN=middle\n" LOWER
		    ": depth=0 verify=1 subject=/CN=mail.example.com\n" LOWER
		    ": matched peername: mail.example.com\n*\n" },
		{ 307, "0", "" },
		{ 312, "1,bogus", "warning: unknown smtp_tls_loglevel value \"bogus\" in \"1,bogus\"\n" },
	};
	struct context *context = world_context((struct world_settings){ .log_level = "0" });
	SSL_CTX *server = world_server(&world_leaf, TLS1_3_VERSION);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conn_client_settings in = world_request(LEVEL_SECURE);
		struct summary summary;

		in.release = cases[i].release;
		in.log_param = "smtp_tls_loglevel";
		in.log_level = cases[i].log_level;
		fixture_log_clear();
		assert_true(world_run(context, server, in, &summary));
		fixture_log_is(cases[i].lines);
		summary_release(&summary);
	}
	SSL_CTX_free(server);
	context_unref(context);
}

static void
client_certificate_is_named_only_when_used(void **state)
{
	char *pem = alloc_printf("%s%s", for_clients.key_pem, for_clients.cert_pem);
	const char *path = fixture_file("client.pem", pem);
	struct context *context = world_context((struct world_settings){ .chain_files = path });

	(void)state;
	for (int asked = 0; asked <= 1; asked++) {
		SSL_CTX *server = world_server(&world_leaf, TLS1_3_VERSION);
		struct summary summary;

		if (asked)
			SSL_CTX_set_verify(server, SSL_VERIFY_PEER, NULL);
		X509_STORE_add_cert(SSL_CTX_get_cert_store(server), world_root.cert);
		fixture_log_clear();
		assert_true(world_run(context, server, world_request(LEVEL_MAY), &summary));
		assert_string_equal(summary.clnt_signature.name, asked ? "ECDSA" : "");
		assert_int_equal(
		    fixture_log_count(" client-signature ECDSA (prime256v1) client-digest SHA256\n"), asked);
		assert_string_equal(summary.srvr_signature.name, "ECDSA");
		summary_release(&summary);
		SSL_CTX_free(server);
	}
	context_unref(context);
	free(pem);
}

static void
matched_name_stands_in_for_a_missing_cn(void **state)
{
	struct context *context = world_context((struct world_settings){ .log_level = "0" });
	SSL_CTX *server = world_server(&nameless, TLS1_3_VERSION);
	struct summary summary;

	(void)state;
	assert_true(world_run(context, server, world_request(LEVEL_SECURE), &summary));
	assert_string_equal(summary.peer_CN, "mail.example.com");
	assert_string_equal(summary.namaddr, LOWER);
	summary_release(&summary);
	assert_true(world_run(context, server, world_request(LEVEL_MAY), &summary));
	assert_string_equal(summary.peer_CN, "");
	summary_release(&summary);
	SSL_CTX_free(server);
	context_unref(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_and_their_reasons),
		cmocka_unit_test(records_and_what_they_match),
		cmocka_unit_test(trust_anchor_does_not_replace_the_name),
		cmocka_unit_test(nothing_usable_to_match_is_a_failure),
		cmocka_unit_test(bad_requests_are_refused_with_a_reason),
		cmocka_unit_test(sni_is_what_the_level_asks_for),
		cmocka_unit_test(details_come_in_the_order_of_postfix),
		cmocka_unit_test(client_certificate_is_named_only_when_used),
		cmocka_unit_test(matched_name_stands_in_for_a_missing_cn),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
