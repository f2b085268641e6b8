/* SPDX-License-Identifier: ISC */
#include "client_world.h"
#include "tsv.h"

#include "tls/loglevel.h"
#include "util/hex.h"
#include "util/text.h"

/* The lines of the log that are warnings, as the tables have them: "a; b", digits of records as HEX. */
static char *
warnings(void)
{
	struct buf list = BUF_INIT;
	const char *line = buf_str(&fixture_log);

	for (; *line; line += strcspn(line, "\n") + 1) {
		size_t len = strcspn(line, "\n");
		char *text, *hex;

		if (strncmp(line, "warning: ", 9) != 0)
			continue;
		text = alloc_string_n(line + 9, len - 9);
		hex = strrchr(text, ' ');
		if (strstr(text, "TLSA RR: "))
			strcpy(hex, " HEX");
		buf_printf(&list, "%s%s", list.len > 0 ? "; " : "",
		    strncmp(text, LOWER, strlen(LOWER)) == 0 ? text + strlen(LOWER) : text);
		free(text);
	}
	return buf_detach(&list);
}

/* "NAMADDR: a; NAMADDR: b" in the same form. */
static char *
expected_warnings(const char *field)
{
	struct buf list = BUF_INIT;

	for (const char *at = field; *at; at++)
		if (strncmp(at, "NAMADDR", 7) == 0)
			at += 6;
		else
			buf_add_byte(&list, *at);
	return buf_detach(&list);
}

/* --- the table --- */

enum { RIGHT, WRONG, MIDDLE, ROOT };

struct planned {
	int usage, selector, mtype;
	int of;
	size_t cut; /* so many bytes of it; 0: all */
};

/* What the words of the table's first column are to the engine; rows that DNS or the next hop decide are not
 * here. */
static const struct row {
	const char *words;
	bool other_name; /* the names that are looked for are not the certificate's */
	const char *digests;
	struct planned records[2];
} rows[] = {
	{ "3 1 1 = leaf SPKI", false, NULL, { { 3, 1, 1, RIGHT, 0 } } },
	{ "2 1 1 = intermediate SPKI, no certificate name matches MX host or next-hop", true, NULL,
	    { { 2, 1, 1, MIDDLE, 0 } } },
	{ "2 1 1 = intermediate SPKI, dNSName equals MX host", false, NULL, { { 2, 1, 1, MIDDLE, 0 } } },
	{ "2 0 1 = intermediate cert + 2 1 1 = root SPKI, name mismatch", true, NULL,
	    { { 2, 0, 1, MIDDLE, 0 }, { 2, 1, 1, ROOT, 0 } } },
	{ "3 1 5 (unknown matching type)", true, NULL, { { 3, 1, 5, RIGHT, 0 } } },
	{ "3 1 5", true, NULL, { { 3, 1, 5, RIGHT, 0 } } },
	{ "3 1 1 with a 20-byte digest", true, NULL, { { 3, 1, 1, RIGHT, 20 } } },
	{ "3 1 1 = leaf SPKI with tls_dane_digests = sha512", true, "sha512", { { 3, 1, 1, RIGHT, 0 } } },
	{ "3 1 1 = wrong key", false, NULL, { { 3, 1, 1, WRONG, 0 } } },
	{ "3 1 1 wrong + 3 1 2 right", false, NULL, { { 3, 1, 1, WRONG, 0 }, { 3, 1, 2, RIGHT, 0 } } },
	{ "3 1 1 right + 3 1 2 wrong (digest agility: SHA2-512 wins)", false, NULL,
	    { { 3, 1, 1, RIGHT, 0 }, { 3, 1, 2, WRONG, 0 } } },
	{ "3 0 1 = leaf cert; 3 1 0 = full SPKI; 3 0 0 = full cert", true, NULL, { { 3, 0, 1, RIGHT, 0 } } },
	{ "3 0 1 = leaf cert; 3 1 0 = full SPKI; 3 0 0 = full cert", true, NULL, { { 3, 1, 0, RIGHT, 0 } } },
	{ "3 0 1 = leaf cert; 3 1 0 = full SPKI; 3 0 0 = full cert", true, NULL, { { 3, 0, 0, RIGHT, 0 } } },
	{ "3 1 1 right", true, NULL, { { 3, 1, 1, RIGHT, 0 } } },
	{ "3 1 1 wrong", true, NULL, { { 3, 1, 1, WRONG, 0 } } },
};

static struct dane_set *
plan(const struct row *row)
{
	const struct fixture_cert *certs[] = { &world_leaf, &world_root, &world_middle, &world_root };
	struct dane_set *set = dane_set_new("mail.example.com");

	for (size_t i = 0; i < COUNT(row->records) && row->records[i].usage; i++) {
		const struct planned *p = &row->records[i];
		struct dane_set *one = dane_set_new("");

		world_tlsa(one, p->usage, p->selector, p->mtype, certs[p->of]);
		const struct dane_record *record = dane_set_record(one, 0);
		dane_set_add(set, record->usage, record->selector, record->mtype, record->data,
		    p->cut ? p->cut : record->len);
		dane_set_free(one);
	}
	return set;
}

/* "Untrusted (3.11.6: Trusted)" */
static const char *
word_for(const char *field, int release)
{
	const char *other = strstr(field, "3.11.6: ");

	return release >= CONN_RELEASE_3_11 && other ? other + 8 : field;
}

static void
check(const struct row *row, const char *const *field, int level, int release)
{
	static const char *const other[] = { "mx.other.test" };
	struct context *context = world_context((struct world_settings){ .digests = row->digests });
	SSL_CTX *server = world_server(&world_leaf, TLS1_3_VERSION);
	struct conn_client_settings in = world_request(level);
	struct dane_set *set = plan(row);
	const char *word = word_for(field[5], release);
	bool downgraded = strstr(field[4], "encrypt in the engine") != NULL;
	char *got, *expected, *line;
	struct summary summary;

	in.release = release;
	in.dane = set;
	if (row->other_name)
		in.match = other;
	fixture_log_clear();
	assert_true(world_run(context, server, in, &summary));
	assert_int_equal(summary.level, downgraded ? LEVEL_ENCRYPT : level);
	assert_string_equal(summary.peer_sni, "mail.example.com");
	line = alloc_printf("%.*s TLS connection established to ", (int)strcspn(word, " )"), word);
	assert_int_equal(fixture_log_count(line), 1);
	free(line);
	assert_int_equal(
	    (summary.peer_status & SUMMARY_MATCHED) != 0, strcmp(field[6], "delivered") == 0 && !downgraded);
	got = warnings();
	expected = *field[7] == '-' ? alloc_string("") : expected_warnings(field[7]);
	assert_string_equal(got, expected);
	free(expected);
	free(got);
	summary_release(&summary);
	dane_set_free(set);
	SSL_CTX_free(server);
	context_unref(context);
}

static void
records_decide_as_in_postfix(void **state)
{
	struct tsv tsv;
	int checked = 0;

	(void)state;
	assert_true(tsv_open(&tsv, "dane-policy"));
	while (tsv_next(&tsv)) {
		const char *const *field = tsv.column;
		bool half = strcmp(field[4], "halfdane") == 0;

		for (size_t i = 0; i < COUNT(rows); i++) {
			if (strcmp(field[0], rows[i].words) != 0 ||
			    (!half && strncmp(field[4], "dane", 4) != 0))
				continue;
			print_message("%s: %s\n", field[2], field[0]);
			for (int release = CONN_RELEASE_3_7; release <= CONN_RELEASE_3_11; release += 4) {
				int level = half                                 ? LEVEL_HALFDANE
					    : strcmp(field[2], "dane-only") == 0 ? LEVEL_DANE_ONLY
										 : LEVEL_DANE;

				check(&rows[i], field, level, release);
				if (strstr(field[2], " or dane-only"))
					check(&rows[i], field, LEVEL_DANE_ONLY, release);
			}
			checked++;
		}
	}
	assert_int_equal(checked, 18);
}

/* --- the parts --- */

static void
records_from_dns_are_filtered(void **state)
{
	static const struct {
		int usage, selector, mtype;
		size_t len;
		const char *line;
	} cases[] = {
		{ 3, 1, 1, 4, "" },
		{ 2, 0, 0, 4, "" },
		{ 3, 9, 9, 4, "" },
		{ 0, 1, 1, 4, "warning: _25._tcp.mx unsupported TLSA certificate usage: 0 1 1 01020304\n" },
		{ 1, 1, 1, 4, "warning: _25._tcp.mx unsupported TLSA certificate usage: 1 1 1 01020304\n" },
		{ 4, 1, 1, 4, "warning: _25._tcp.mx unsupported TLSA certificate usage: 4 1 1 01020304\n" },
		{ 3, 1, 255, 4,
		    "warning: _25._tcp.mx reserved private-use matching type: 3 1 255 01020304\n" },
		{ 3, 1, 1, 0, "warning: _25._tcp.mx: truncated TLSA RR length == 3\n" },
	};
	static const unsigned char data[] = { 1, 2, 3, 4 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dane_record record = { .usage = (uint8_t)cases[i].usage,
			.selector = (uint8_t)cases[i].selector,
			.mtype = (uint8_t)cases[i].mtype,
			.data = data,
			.len = cases[i].len };

		fixture_log_clear();
		assert_int_equal(dane_record_is_acceptable(&record, "_25._tcp.mx"), !*cases[i].line);
		fixture_log_is(cases[i].line);
	}
}

static void
digests_are_read_with_the_warnings_of_postfix(void **state)
{
	static const struct {
		const char *list;
		const char *lines;
	} cases[] = {
		{ "sha512 sha256", "" },
		{ "SHA512,sha256=1 sha384=7", "" },
		{ "", "" },
		{ "=", "" },
		{ "sha256=", "" },
		{ "=1 sha512", "" },
		{ "sha256=0", "warning: Reserved matching type number in tls_dane_digests: sha256=0\n" },
		{ "sha256=255", "warning: Invalid matching type number in tls_dane_digests: sha256=255\n" },
		{ "sha256=256", "warning: Invalid matching type number in tls_dane_digests: sha256=256\n" },
		{ "sha256=x", "warning: Invalid matching type number in tls_dane_digests: sha256=x\n" },
		{ "sha1=5=6", "warning: Invalid matching type number in tls_dane_digests: sha1=5=6\n" },
		{ "sha512=1", "warning: tls_dane_digests: matching type 1 can only be sha256\n" },
		{ "sha256=2", "warning: tls_dane_digests: matching type 2 can only be sha512\n" },
		{ "sha1", "warning: tls_dane_digests: digest algorithm sha1 needs an explicit number\n" },
		{ "sha1=5 sha256=5",
		    "warning: tls_dane_digests: matching type 5 specified more than once\n" },
		{ "bogus=7", "warning: tls_dane_digests: digest algorithm \"bogus\"(7) unknown\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct context *context;

		print_message("%s\n", cases[i].list);
		fixture_log_clear();
		context = world_context((struct world_settings){ .digests = cases[i].list });
		fixture_log_is(cases[i].lines);
		context_unref(context);
	}
}

static void
fingerprints_become_pairs_of_records(void **state)
{
	static const struct {
		const char *list;
		size_t count;
		const char *lines;
	} cases[] = {
		{ "aA:bb:0C", 2, "fingerprint: digest as private-use TLSA record: 3 0 255 AABB0C\n" },
		{ "aabb0c|112233, 445566", 6, "*\n*\n*\n" },
		{ "", 0, "" },
		{ "zz", 0, "warning: malformed fingerprint value: zz\n" },
		{ "aab", 0, "warning: malformed fingerprint value: aab\n" },
		{ ":aa", 0, "warning: malformed fingerprint value: :aa\n" },
		{ "aa::bb", 0, "warning: malformed fingerprint value: aa::bb\n" },
		{ "aa:", 0, "warning: malformed fingerprint value: aa:\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dane_set *set = dane_set_new("");

		fixture_log_clear();
		dane_set_add_fingerprints(set, cases[i].list, LOGLEVEL_DANE);
		fixture_log_is(cases[i].lines);
		assert_int_equal(dane_set_count(set), cases[i].count);
		dane_set_free(set);
	}

	char longest[194];
	struct dane_set *set = dane_set_new("");

	memset(longest, 'a', sizeof longest);
	longest[192] = '\0';
	dane_set_add_fingerprints(set, longest, 0);
	assert_int_equal(dane_set_count(set), 2);
	longest[192] = 'a', longest[193] = '\0';
	fixture_log_clear();
	dane_set_add_fingerprints(set, longest, 0);
	assert_int_equal(dane_set_count(set), 2);
	assert_int_equal(fixture_log_count("warning: malformed fingerprint value: aaa"), 1);
	assert_int_equal(fixture_log_count("a...\n"), 1);
	dane_set_free(set);
}

static void
anchor_files_become_pairs_of_records(void **state)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes, *both;
	struct dane_set *set = dane_set_new("");

	(void)state;
	assert_true(PEM_write_bio_PUBKEY(bio, world_root.key));
	long len = BIO_get_mem_data(bio, &bytes);
	both = alloc_printf("%s%s%.*s", world_leaf.key_pem, world_leaf.cert_pem, (int)len, bytes);
	BIO_free(bio);
	fixture_log_clear();
	assert_int_equal(dane_set_add_anchors(set, "ta.pem", both, strlen(both), LOGLEVEL_VERBOSE), 0);
	fixture_log_is("TA cert as TLSA record: ta.pem: 2 0 0 *\nTA pkey as TLSA record: ta.pem: 2 1 0 *\n");
	assert_int_equal(dane_set_count(set), 4);
	assert_int_equal(dane_set_record(set, 1)->usage, 3);
	assert_int_equal(dane_set_record(set, 2)->selector, 1);
	free(both);

	fixture_log_clear();
	assert_int_equal(dane_set_add_anchors(set, "x", "garbage\n", 8, 0), -1);
	assert_int_equal(dane_set_add_anchors(set, "x", "", 0, 0), -1);
	fixture_log_is("");
	static const char cut[] = "-----BEGIN CERTIFICATE-----\nAAAA\n";
	assert_int_equal(dane_set_add_anchors(set, "x", cut, sizeof cut - 1, 0), -1);
	fixture_log_is("warning: TLS library problem: *\n");
	assert_int_equal(ERR_peek_error(), 0);
	dane_set_free(set);
}

/* What a caller may send that no DNS server would. */
static void
absurd_records_are_only_unusable(void **state)
{
	struct context *context = world_context((struct world_settings){ 0 });
	SSL_CTX *server = world_server(&world_leaf, TLS1_3_VERSION);
	unsigned char *large = alloc_zero(70000);

	(void)state;
	for (int level = LEVEL_FINGERPRINT; level <= LEVEL_SECURE; level++) {
		struct conn_client_settings in = world_request(level);
		struct dane_set *set = dane_set_new(level_is_dane(level) ? "mail.example.com" : "");
		struct summary summary;

		for (int i = 0; i < 256; i++) {
			dane_set_add(set, (uint8_t)i, (uint8_t)(255 - i), (uint8_t)(i * 7), large, (size_t)i);
			dane_set_add(set, 3, (uint8_t)i, 0, large, 3);
			dane_set_add(set, 2, 0, (uint8_t)i, large, i % 2 ? 32 : 64);
		}
		dane_set_add(set, 3, 1, 0, large, 70000);
		dane_set_add(set, 2, 0, 0, NULL, 0);
		in.dane = set;
		fixture_log_clear();
		assert_true(world_run(context, server, in, &summary));
		assert_int_equal(summary.peer_status & (SUMMARY_MATCHED | SUMMARY_SECURED), 0);
		assert_int_equal(fixture_log_count(": unusable TLSA RR: 2 0 0 \n"), 1);
		summary_release(&summary);
		dane_set_free(set);
	}
	free(large);
	SSL_CTX_free(server);
	context_unref(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_decide_as_in_postfix),
		cmocka_unit_test(records_from_dns_are_filtered),
		cmocka_unit_test(digests_are_read_with_the_warnings_of_postfix),
		cmocka_unit_test(fingerprints_become_pairs_of_records),
		cmocka_unit_test(anchor_files_become_pairs_of_records),
		cmocka_unit_test(absurd_records_are_only_unusable),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
