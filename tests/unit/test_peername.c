/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"
#include "tsv.h"

#include "tls/fingerprint.h"
#include "tls/peername.h"

struct name_part {
	int nid;
	int type;
	const char *bytes;
	int len;
};

/* Made by hand: the library's own functions refuse most of what is tested here. */
static X509_NAME *
make_name(const struct name_part *parts, size_t count)
{
	X509_NAME *name = X509_NAME_new();

	for (size_t i = 0; i < count; i++) {
		X509_NAME_ENTRY *entry = X509_NAME_ENTRY_new();
		ASN1_STRING *value;

		X509_NAME_ENTRY_set_object(entry, OBJ_nid2obj(parts[i].nid));
		value = X509_NAME_ENTRY_get_data(entry);
		ASN1_STRING_set(value, parts[i].bytes, parts[i].len);
		value->type = parts[i].type;
		assert_true(X509_NAME_add_entry(name, entry, -1, 0));
		X509_NAME_ENTRY_free(entry);
	}
	return name;
}

#define UTF8(text)                                                                                           \
	{                                                                                                    \
		NID_commonName, V_ASN1_UTF8STRING, text, sizeof text - 1                                     \
	}

static char long_name[301];

static void
subject_cn_is_taken_only_when_fit_to_show(void **state)
{
	memset(long_name, 'n', 300);

	const struct {
		const char *name;
		struct name_part parts[2];
		size_t count;
		const char *cn;
		const char *line;
	} cases[] = {
		{ "UTF-8", { UTF8("J\xc3\xa4nicke m\xc3\xa4il") }, 1, "J\xc3\xa4nicke m\xc3\xa4il", "" },
		{ "T61", { { NID_commonName, V_ASN1_T61STRING, "plain t61", 9 } }, 1, "plain t61", "" },
		{ "latin1 in BMP", { { NID_commonName, V_ASN1_BMPSTRING, "\0J\0\xe4", 4 } }, 1, "J\xc3\xa4",
		    "" },
		{ "control byte", { UTF8("good\x01") }, 1, "",
		    "warning: tls_text_name: p[1]: non-printable content in peer subject CN\n" },
		{ "DEL", { UTF8("go\x7fod") }, 1, "",
		    "warning: tls_text_name: p[1]: non-printable content in peer subject CN\n" },
		{ "NUL inside", { UTF8("good.example.com\0.evil") }, 1, "",
		    "warning: tls_text_name: p[1]: NULL character in peer subject CN\n" },
		{ "NULs at the end", { UTF8("trail\0\0") }, 1, "trail", "" },
		{ "two CNs", { UTF8("first.cn"), UTF8("second.cn") }, 2, "first.cn", "" },
		{ "odd but printable", { UTF8("weird (name) \"q\" \\x") }, 1, "weird (name) \"q\" \\x", "" },
		{ "too long", { { NID_commonName, V_ASN1_UTF8STRING, long_name, 300 } }, 1, "",
		    "warning: tls_text_name: p[1]: peer subject CN too long: 300\n" },
		{ "just too long", { { NID_commonName, V_ASN1_UTF8STRING, long_name, 256 } }, 1, "",
		    "warning: tls_text_name: p[1]: peer subject CN too long: 256\n" },
		{ "longest", { { NID_commonName, V_ASN1_UTF8STRING, long_name, 255 } }, 1, long_name + 45,
		    "" },
		{ "no text", { { NID_commonName, V_ASN1_BIT_STRING, "abc", 3 } }, 1, "",
		    "warning: tls_text_name: p[1]: error decoding peer subject CN of ASN.1 type=3\n" },
		{ "no CN", { { NID_organizationName, V_ASN1_UTF8STRING, "Org", 3 } }, 1, "", "" },
		{ "wildcard", { UTF8("*.example.com") }, 1, "*.example.com", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		X509 *cert = X509_new();
		X509_NAME *name = make_name(cases[i].parts, cases[i].count);
		char *cn;

		print_message("%s\n", cases[i].name);
		X509_set_subject_name(cert, name);
		fixture_log_clear();
		cn = peername_subject_cn(cert, "p[1]");
		assert_string_equal(cn, cases[i].cn);
		fixture_log_is(cases[i].line);
		free(cn);
		X509_NAME_free(name);
		X509_free(cert);
	}
}

/* The first column of the table: TYPE "text" with \\0, \\" and \\x inside, or words. */
static int
value_of(const char *words, char *bytes, int room, int *type)
{
	const char *at = strchr(words, '"');
	const char *end = strrchr(words, '"');
	int len = 0;

	*type = strstr(words, "PrintableString") ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING;
	if (strcmp(words, "300-byte CN") == 0) {
		memset(bytes, 'n', 300);
		return 300;
	}
	if (strcmp(words, "UTF8String with byte 0x01 inside") == 0)
		return sprintf(bytes, "good\x01");
	assert_non_null(at);
	for (at++; at < end && len < room; at++) {
		if (at[0] == '\\' && (at[1] == '0' || at[1] == '"'))
			bytes[len++] = *++at == '0' ? '\0' : '"';
		else
			bytes[len++] = *at;
	}
	return len;
}

static void
subject_cns_are_those_of_postfix(void **state)
{
	struct tsv tsv;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&tsv, "subject-cn"));
	while (tsv_next(&tsv)) {
		const char *words = tsv.column[0];
		const char *warning = strstr(tsv.column[2], "peer subject CN");
		bool empty = strncmp(tsv.column[1], "(empty", 6) == 0;
		X509 *cert = X509_new();
		struct name_part parts[2] = { { .nid = NID_commonName } };
		char bytes[512];
		X509_NAME *name;
		char *cn;

		if (strncmp(words, "issuer", 6) == 0) {
			X509_free(cert);
			continue; /* has a test of its own */
		}
		print_message("%s\n", words);
		parts[0].bytes = bytes;
		parts[1] = (struct name_part){ NID_commonName, V_ASN1_UTF8STRING, "second.cn", 9 };
		size_t count = 1;
		if (strstr(words, "two CN RDNs")) {
			parts[0] = (struct name_part){ NID_commonName, V_ASN1_UTF8STRING, "first.cn", 8 };
			count = 2;
		} else if (strncmp(words, "no CN", 5) == 0) {
			count = 0;
		} else {
			parts[0].len = value_of(words, bytes, sizeof bytes, &parts[0].type);
		}
		name = make_name(parts, count);
		X509_set_subject_name(cert, name);
		fixture_log_clear();
		cn = peername_subject_cn(cert, "NAMADDR");
		assert_string_equal(cn, empty ? "" : tsv.column[1]);
		if (warning) {
			char *line = alloc_printf("warning: %s\n", tsv.column[2]);

			fixture_log_is(line);
			free(line);
		} else {
			fixture_log_is("");
		}
		free(cn);
		X509_NAME_free(name);
		X509_free(cert);
		rows++;
	}
	assert_int_equal(rows, 10);
}

static void
issuer_without_cn_is_its_organization(void **state)
{
	const struct name_part organization[] = { { NID_organizationName, V_ASN1_UTF8STRING, "Org Only CA",
	    11 } };
	const struct name_part both[] = { organization[0], UTF8("The CA") };
	X509 *cert = X509_new();
	X509_NAME *name = make_name(organization, 1);
	char *text;

	(void)state;
	X509_set_issuer_name(cert, name);
	text = peername_issuer_cn(cert, "p[1]");
	assert_string_equal(text, "Org Only CA");
	free(text);
	X509_NAME_free(name);
	name = make_name(both, 2);
	X509_set_issuer_name(cert, name);
	text = peername_issuer_cn(cert, "p[1]");
	assert_string_equal(text, "The CA");
	free(text);
	X509_NAME_free(name);
	X509_free(cert);
}

static void
one_line_form_is_bounded_and_printable(void **state)
{
	const struct name_part parts[] = { { NID_organizationName, V_ASN1_UTF8STRING, "A B", 3 },
		UTF8("x\ty") };
	const struct name_part large[] = { { NID_commonName, V_ASN1_UTF8STRING, long_name, 300 } };
	X509_NAME *name = make_name(parts, 2);
	struct buf line = BUF_INIT;

	(void)state;
	memset(long_name, 'n', 300);
	peername_one_line(&line, name);
	assert_string_equal(buf_str(&line), "/O=A B/CN=x\\x09y");
	X509_NAME_free(name);
	buf_clear(&line);
	name = make_name(large, 1);
	peername_one_line(&line, name);
	assert_true(line.len <= 255);
	X509_NAME_free(name);
	buf_release(&line);
}

static void
fingerprints_are_digests_of_the_der(void **state)
{
	struct fixture_cert made =
	    fixture_make((struct fixture_kind){ .cn = "x", .key = EVP_EC_gen("P-256") });
	EVP_MD *digest = fingerprint_digest("sha256");
	unsigned char raw[32];
	unsigned char *der = NULL;
	unsigned int len;
	int der_len;
	char *text;

	(void)state;
	assert_non_null(digest);
	assert_null(fingerprint_digest("bogus"));
	assert_int_equal(ERR_peek_error(), 0);
	X509_digest(made.cert, EVP_sha256(), raw, &len);
	text = fingerprint_cert(made.cert, digest);
	assert_int_equal(strlen(text), 32 * 3 - 1);
	for (int i = 0; i < 32; i++) {
		char pair[4];

		snprintf(pair, sizeof pair, "%02X%s", raw[i], i < 31 ? ":" : "");
		assert_memory_equal(text + 3 * i, pair, strlen(pair));
	}
	free(text);

	der_len = i2d_PUBKEY(made.key, &der);
	EVP_Digest(der, (size_t)der_len, raw, &len, EVP_sha256(), NULL);
	text = fingerprint_pkey(made.cert, digest, false);
	assert_int_equal(strtol(text, NULL, 16), raw[0]);
	assert_int_equal(strtol(text + 93, NULL, 16), raw[31]);
	free(text);
	OPENSSL_free(der);

	X509_pubkey_digest(made.cert, EVP_sha256(), raw, &len);
	text = fingerprint_pkey(made.cert, digest, true);
	assert_int_equal(strtol(text, NULL, 16), raw[0]);
	assert_int_equal(strtol(text + 93, NULL, 16), raw[31]);
	free(text);
	fingerprint_digest_free(digest);
	fixture_cert_release(&made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subject_cn_is_taken_only_when_fit_to_show),
		cmocka_unit_test(subject_cns_are_those_of_postfix),
		cmocka_unit_test(issuer_without_cn_is_its_organization),
		cmocka_unit_test(one_line_form_is_bounded_and_printable),
		cmocka_unit_test(fingerprints_are_digests_of_the_der),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
