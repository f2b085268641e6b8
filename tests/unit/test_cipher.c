/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"
#include "tsv.h"

#include "tls/cipher.h"
#include "util/err.h"

#define LONG_EXCLUSIONS "!SEED:!IDEA:!3DES:!RC2:!RC4:!RC5:!kDH:!kECDH:!aDSS:!MD5:"

static const struct cipher_grades grades_37 = {
	.high = "aNULL:-aNULL:HIGH:@STRENGTH",
	.medium = "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH",
	.low = "aNULL:-aNULL:HIGH:MEDIUM:LOW:+RC4:@STRENGTH",
	.export = "aNULL:-aNULL:HIGH:MEDIUM:LOW:EXPORT:+RC4:@STRENGTH",
	.null = "eNULL:!aNULL",
};

static const struct cipher_grades grades_311 = {
	.high = "aNULL:-aNULL:HIGH:" LONG_EXCLUSIONS "@STRENGTH",
	.medium = "aNULL:-aNULL:HIGH:MEDIUM:" LONG_EXCLUSIONS "+RC4:@STRENGTH",
	.null = "eNULL:!kDH:!kECDH:!aDSS:!MD5:!aNULL",
};

/* The names a TLS 1.2 client offers with the list, joined with colons. */
static void
expand(struct buf *names, const char *list)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	STACK_OF(SSL_CIPHER) * ciphers;
	SSL *ssl;

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	buf_clear(names);
	if (SSL_CTX_set_cipher_list(ctx, list)) {
		ssl = SSL_new(ctx);
		ciphers = SSL_get1_supported_ciphers(ssl);
		for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
			buf_printf(names, "%s%s", i ? ":" : "",
			    SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)));
		sk_SSL_CIPHER_free(ciphers);
		SSL_free(ssl);
	}
	ERR_clear_error();
	SSL_CTX_free(ctx);
}

static void
grades_make_the_lists_of_the_vectors(void **state)
{
	struct buf list = BUF_INIT;
	struct buf names = BUF_INIT;
	struct tsv tsv;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&tsv, "cipher-grades"));
	while (tsv_next(&tsv)) {
		const char *exclusions = strcmp(tsv.column[2], "-") == 0 ? "" : tsv.column[2];
		bool old = strncmp(tsv.column[0], "3.7", 3) == 0;
		struct err err = { 0 };

		print_message("%s %s without \"%s\"\n", tsv.column[0], tsv.column[1], exclusions);
		assert_int_equal(
		    cipher_list(&list, old ? &grades_37 : &grades_311, tsv.column[1], exclusions, &err), 0);
		assert_string_equal(buf_str(&list), tsv.column[3]);
		expand(&names, buf_str(&list));
		rows++;
		/* Seen at a level that raises the security level, which is not the list's doing. */
		if (strncmp(tsv.column[5], "NONE", 4) == 0)
			continue;
		assert_string_equal(
		    buf_str(&names), strncmp(tsv.column[5], "ERROR", 5) == 0 ? "" : tsv.column[5]);
	}
	assert_int_equal(rows, 30);
	buf_release(&list);
	buf_release(&names);
}

static void
exclusions_may_be_separated_by_colons_and_commas(void **state)
{
	struct buf list = BUF_INIT;

	(void)state;
	assert_int_equal(cipher_list(&list, &grades_37, "NULL", " a:b,,c\td ", NULL), 0);
	assert_string_equal(buf_str(&list), "eNULL:!aNULL:!a:!b:!c:!d");
	buf_release(&list);
}

static void
bad_grade_and_bad_exclusion_say_so(void **state)
{
	struct buf list = BUF_INIT;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(cipher_list(&list, &grades_37, "bogus", "", &err), -1);
	assert_string_equal(err.text, "invalid cipher grade: \"bogus\"");
	assert_int_equal(cipher_list(&list, &grades_37, "", "", &err), -1);
	for (const char *sign = "!+-@"; *sign; sign++) {
		char exclusions[] = "RC4, xaNULL";
		char expected[80];

		exclusions[5] = *sign;
		snprintf(
		    expected, sizeof expected, "invalid unary '!+-@' in cipher exclusion: %caNULL", *sign);
		assert_int_equal(cipher_list(&list, &grades_37, "high", exclusions, &err), -1);
		assert_string_equal(err.text, expected);
	}
	buf_release(&list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grades_make_the_lists_of_the_vectors),
		cmocka_unit_test(exclusions_may_be_separated_by_colons_and_commas),
		cmocka_unit_test(bad_grade_and_bad_exclusion_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
