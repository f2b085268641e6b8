/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"

#include "tls/dump.h"

static void
blocks_look_as_in_postfix(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
		const char *lines; /* behind the first */
	} cases[] = {
		{ "zero at the end", "\x16\x03\x01\x02\x00", 5,
		    "0000 16 03 01 02                                      ....\n"
		    "0004 - <SPACES/NULLS>\n" },
		{ "a row", "\x01\x00\x01\xfc\x03\x03\x25\xaf\x42\x2b\xfa\xb1\x2b\x1b\x1a\xd1", 16,
		    "0000 01 00 01 fc 03 03 25 af|42 2b fa b1 2b 1b 1a d1  ......%. B+..+...\n" },
		{ "more than a row", "ABCDEFGHIJKLMNOPQ", 17,
		    "0000 41 42 43 44 45 46 47 48|49 4a 4b 4c 4d 4e 4f 50  ABCDEFGH IJKLMNOP\n"
		    "0010 51                                               Q\n" },
		{ "blanks", "A \n  ", 5,
		    "0000 41 20 0a                                         A .\n"
		    "0003 - <SPACES/NULLS>\n" },
		{ "nothing else", "  \0", 3, "0000 - <SPACES/NULLS>\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int is_read = 0; is_read < 2; is_read++) {
			char *expected = alloc_printf("%s * (%zu bytes => %zu (0x%zX))\n%s",
			    is_read ? "read from" : "write to", cases[i].len, cases[i].len, cases[i].len,
			    cases[i].lines);
			char *lines;
			size_t head = strcspn(expected, "*");

			print_message("%s\n", cases[i].name);
			fixture_log_clear();
			dump_block(NULL, is_read, cases[i].bytes, cases[i].len, 1, cases[i].len);
			lines = fixture_log.bytes;
			assert_memory_equal(lines, expected, head);
			assert_memory_equal(lines + head, "00000000 [", 10);
			lines = strchr(lines, ']');
			assert_string_equal(lines + 1, expected + head + 1);
			free(expected);
		}
}

static void
failed_read_is_told_as_such(void **state)
{
	(void)state;
	fixture_log_clear();
	dump_block(NULL, true, NULL, 5, -1, 0);
	fixture_log_is("read from 00000000 [00000000] (5 bytes => -1)\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_look_as_in_postfix),
		cmocka_unit_test(failed_read_is_told_as_such),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
