/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdbool.h>

#include "tls/pem_text.h"

#define BLOCK "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

static void
blocks_are_counted_and_cut_ones_seen(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		int blocks;
	} cases[] = {
		{ "nothing", "", 0 },
		{ "one", BLOCK, 1 },
		{ "two", BLOCK BLOCK, 2 },
		{ "text around", "Subject: x\n" BLOCK "\n# more\n" BLOCK "end", 2 },
		{ "no newline at the end", "-----BEGIN X-----\nA\n-----END X-----", 1 },
		{ "CR LF", "-----BEGIN X-----\r\nA\r\n-----END X-----\r\n", 1 },
		{ "inside", BLOCK "-----BEGIN CERTIFICATE-----\nMIIB\n", -1 },
		{ "inside the first line", BLOCK "-----BEGIN CERTIF", -1 },
		{ "behind the first line", BLOCK "-----BEGIN CERTIFICATE-----", -1 },
		{ "inside the dashes", BLOCK "--", -1 },
		{ "inside the last line", "-----BEGIN X-----\nA\n-----END", -1 },
		{ "inside the last dashes", "-----BEGIN X-----\nA\n-----END X---", -1 },
		{ "begun twice", "-----BEGIN X-----\nA\n" BLOCK, -1 },
		{ "only an end", "-----END X-----\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		CASE_IS(
		    pem_text_blocks(cases[i].text, strlen(cases[i].text)) == cases[i].blocks, cases[i].name);
}

/* However much of a file is there: never fewer blocks than it had, without a sign of it, but at its seams. */
static void
any_cut_is_seen_but_those_between_blocks(void **state)
{
	static const char text[] = BLOCK BLOCK;
	const size_t block = strlen(BLOCK);

	(void)state;
	for (size_t len = 1; len < sizeof text; len++) {
		int blocks = pem_text_blocks(text, len);
		bool seam = len % block == 0 || (len + 1) % block == 0;

		assert_true(seam ? blocks == (int)((len + 1) / block) : blocks == -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_counted_and_cut_ones_seen),
		cmocka_unit_test(any_cut_is_seen_but_those_between_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
