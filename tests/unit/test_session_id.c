/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"
#include "tsv.h"

#include "tls/dane.h"
#include "tls/session_id.h"
#include "util/hex.h"

/* "3/0/255/HEX 3/1/255/HEX", or "-". */
static struct dane_set *
records_of(const char *field)
{
	struct dane_set *set;
	unsigned int usage, selector, mtype;
	char hex[256];
	int len;

	if (strcmp(field, "-") == 0)
		return NULL;
	set = dane_set_new("");
	while (sscanf(field, " %u/%u/%u/%255[0-9A-F]%n", &usage, &selector, &mtype, hex, &len) == 4) {
		struct buf bytes = BUF_INIT;

		assert_true(hex_decode(&bytes, hex, strlen(hex)));
		dane_set_add(set, (uint8_t)usage, (uint8_t)selector, (uint8_t)mtype, bytes.bytes, bytes.len);
		buf_release(&bytes);
		field += len;
	}
	return set;
}

static const char *
or_empty(const char *field)
{
	return strcmp(field, "(empty)") == 0 ? "" : field;
}

static void
keys_are_those_of_postfix(void **state)
{
	struct tsv tsv;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&tsv, "serverid-digest"));
	while (tsv_next(&tsv)) {
		const char *const *field = tsv.column;
		struct dane_set *set = records_of(field[8]);
		char *id = session_id_client(&(struct session_id_input){
		    .serverid = "smtp&[127.0.0.1]:25&host&127.0.0.1&",
		    .helo = or_empty(field[2]),
		    .library_version = strtol(field[3], NULL, 10),
		    .protocols = field[4],
		    .cipher_list = field[5],
		    .enable_rpk = strcmp(field[6], "-") == 0 ? -1 : atoi(field[6]),
		    .must_fail = atoi(field[7]) != 0,
		    .dane = set,
		    .sni = or_empty(field[9]),
		});
		char *expected = alloc_printf("smtp&[127.0.0.1]:25&host&127.0.0.1&&%s", field[10]);

		print_message("%s %s\n", field[0], field[1]);
		assert_string_equal(id, expected);
		free(expected);
		free(id);
		dane_set_free(set);
		rows++;
	}
	assert_int_equal(rows, 10);
}

static char *
id_with(const unsigned char *first, const unsigned char *second)
{
	struct dane_set *set = dane_set_new("");
	char *id;

	dane_set_add(set, 3, 1, 1, first, 32);
	dane_set_add(set, 3, 1, 1, second, 32);
	id = session_id_client(&(struct session_id_input){
	    .serverid = "", .helo = "", .protocols = "", .cipher_list = "", .dane = set, .sni = "" });
	dane_set_free(set);
	return id;
}

static void
order_of_records_does_not_matter_but_their_content_does(void **state)
{
	static const unsigned char a[32] = { 1 }, b[32] = { 2 };
	char *ab = id_with(a, b), *ba = id_with(b, a), *aa = id_with(a, a);

	(void)state;
	assert_string_equal(ab, ba);
	assert_string_not_equal(ab, aa);
	free(ab);
	free(ba);
	free(aa);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_those_of_postfix),
		cmocka_unit_test(order_of_records_does_not_matter_but_their_content_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
