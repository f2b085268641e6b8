/* SPDX-License-Identifier: ISC */
/* match: names in certificates against names that are looked for, in whole handshakes. */
#include "client_world.h"
#include "tsv.h"

#include "util/text.h"

enum { PATTERNS = 4 };

static void
add_cn(X509_NAME *name, const char *bytes, int len)
{
	X509_NAME_ENTRY *entry = X509_NAME_ENTRY_new();

	/* By hand: the library's own function refuses a zero byte. */
	X509_NAME_ENTRY_set_object(entry, OBJ_nid2obj(NID_commonName));
	ASN1_STRING_set(X509_NAME_ENTRY_get_data(entry), bytes, len);
	X509_NAME_ENTRY_get_data(entry)->type = V_ASN1_UTF8STRING;
	assert_true(X509_NAME_add_entry(name, entry, -1, 0));
	X509_NAME_ENTRY_free(entry);
}

/* From the words of the table. */
static struct fixture_cert
certificate(const char *cn, const char *san)
{
	static const char deceitful[] = "good.example.com\0.evil";
	X509_NAME *name = X509_NAME_new();
	char *alt = NULL;
	struct fixture_cert made;

	if (strcmp(cn, "first.cn, second.cn (two RDNs)") == 0) {
		add_cn(name, "first.cn", 8);
		add_cn(name, "second.cn", 9);
	} else if (strstr(cn, "(embedded NUL)")) {
		add_cn(name, deceitful, sizeof deceitful - 1);
	} else {
		add_cn(name, cn, (int)strlen(cn));
	}
	if (strncmp(san, "dNSName ", 8) == 0)
		alt = alloc_printf("DNS:%s", san + 8);
	else if (strncmp(san, "iPAddress ", 10) == 0)
		alt = alloc_printf("IP:%s", san + 10);
	made = fixture_make((struct fixture_kind){
	    .name = name, .san = alt, .key = EVP_EC_gen("P-256"), .issuer = &world_root });
	free(alt);
	return made;
}

static void
check_row(struct context *context, const char *const *field)
{
	struct fixture_cert cert = certificate(field[0], field[1]);
	SSL_CTX *server = world_server(&cert, TLS1_2_VERSION);
	struct conn_client_settings in = world_request(LEVEL_VERIFY);
	const char *match[PATTERNS];
	char *owned[PATTERNS];
	struct summary summary;
	const char *at = field[2], *word;
	size_t len, count = 0;
	bool matches = strcmp(field[3], "match") == 0;

	while ((word = text_token(&at, " ", &len)) != NULL && count < PATTERNS)
		match[count] = owned[count] = alloc_string_n(word, len), count++;
	in.match = match;
	in.match_count = count;
	fixture_log_clear();
	print_message("%s, %s: %s\n", field[0], field[1], field[2]);
	assert_true(world_run(context, server, in, &summary));
	assert_int_equal(summary.peer_status, matches ? 29 : 1);
	if (strcmp(field[4], "-") == 0) {
		assert_int_equal(fixture_log_count("matched peername"), 0);
	} else {
		char *line = alloc_printf(LOWER ": matched peername: %s\n", field[4]);

		assert_int_equal(fixture_log_count(line), 1);
		free(line);
	}
	/* A certificate for an address is compared by another function, which has its own word. */
	assert_int_equal(fixture_log_count("server certificate verification failed for " LOWER
					   ": num=62:hostname mismatch\n"),
	    matches ? 0 : 1);
	summary_release(&summary);
	while (count > 0)
		free(owned[--count]);
	SSL_CTX_free(server);
	fixture_cert_release(&cert);
}

static void
names_match_as_in_postfix(void **state)
{
	struct context *context = world_context((struct world_settings){ .log_level = "1,certmatch" });
	struct tsv tsv;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&tsv, "name-match"));
	while (tsv_next(&tsv)) {
		check_row(context, tsv.column);
		rows++;
	}
	assert_int_equal(rows, 30);
	context_unref(context);
}

static void
patterns_become_names(void **state)
{
	static const char *const keywords[] = { "NextHop", "dot-nexthop", "hostname" };
	static const char *const dot[] = { "." };
	static const char *const empty[] = { "" };
	static const char *const wide_dot[] = { "\xe3\x80\x82"
						"example.com" };
	static const char *const folded[] = { "MAIL.Example.COM" };
	static const char *const trailing[] = { "mail.example.com." };
	static const char *const no_utf8[] = { "b\xff\xfe", "mail.example.com" };
	static const char *const unfit[] = { "-\xc3\xbc.example" };
	static const char *const addresses[] = { "127.0.0.1", "127.0.0.2" };
	static const struct {
		const char *name;
		const char *const *match;
		size_t count;
		const char *nexthop, *host;
		int status;
		const char *lines;
	} cases[] = {
		{ "nexthop", keywords, 3, "mail.example.com", "x.test", 29, "" },
		{ "below nexthop", keywords, 3, "example.com", "x.test", 29, "" },
		{ "hostname", keywords, 3, "example.net", "mail.example.com", 29, "" },
		{ "none of them", keywords, 3, "example.net", "x.test", 1,
		    "server certificate verification failed for " LOWER ": num=62:hostname mismatch\n" },
		{ "empty next hop", keywords, 3, "", "mail.example.com", 29,
		    "warning: " LOWER ": error loading match name: \"\"\n"
		    "warning: " LOWER ": error loading match name: \".\"\n" },
		{ "dot alone", dot, 1, "", "", 1,
		    "warning: " LOWER ": ignoring invalid match name: \".\"\n"
		    "warning: " LOWER ": could not configure peer name checks\n"
		    "server certificate verification failed for " LOWER
		    ": num=1:unspecified certificate verification error\n" },
		{ "nothing", empty, 1, "", "", 1,
		    "warning: " LOWER ": error loading match name: \"\"\n"
		    "warning: " LOWER ": could not configure peer name checks\n"
		    "server certificate verification failed for " LOWER
		    ": num=1:unspecified certificate verification error\n" },
		{ "ideographic dot", wide_dot, 1, "", "", 29, "" },
		{ "capitals", folded, 1, "", "", 29, "" },
		{ "trailing dot", trailing, 1, "", "", 1, "*\n" },
		{ "no UTF-8", no_utf8, 2, "", "", 29,
		    "warning: midna_domain_to_ascii_create: Problem translating domain*\n" },
		{ "no IDN", unfit, 1, "", "", 1,
		    "warning: midna_domain_to_ascii_create: Problem translating domain*\n*\n" },
		{ "two addresses", addresses, 2, "", "", 1,
		    "warning: " LOWER ": error loading match name: \"127.0.0.2\"\n"
		    "server certificate verification failed for " LOWER ": num=64:IP address mismatch\n" },
	};
	struct context *context = world_context((struct world_settings){ .log_level = "0" });
	SSL_CTX *server = world_server(&world_leaf, TLS1_3_VERSION);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conn_client_settings in = world_request(LEVEL_SECURE);
		struct summary summary;

		print_message("%s\n", cases[i].name);
		in.match = cases[i].match;
		in.match_count = cases[i].count;
		in.nexthop = cases[i].nexthop;
		in.host = cases[i].host;
		fixture_log_clear();
		assert_true(world_run(context, server, in, &summary));
		fixture_log_is(cases[i].lines);
		assert_int_equal(summary.peer_status, cases[i].status);
		summary_release(&summary);
	}
	SSL_CTX_free(server);
	context_unref(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_match_as_in_postfix),
		cmocka_unit_test(patterns_become_names),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
