/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "tlsmgr/entry.h"
#include "util/buf.h"

static void
what_is_written_is_read(void **state)
{
	static const int64_t stamps[] = { 0, 1, 1795250091, -1, INT64_MAX, INT64_MIN };
	static const size_t lengths[] = { 0, 1, 2, 140, 2000, 1000000 };
	struct buf bytes = BUF_INIT, session = BUF_INIT, read = BUF_INIT;
	int64_t stamp;

	(void)state;
	for (size_t l = 0; l < COUNT(lengths); l++) {
		buf_clear(&session);
		for (size_t i = 0; i < lengths[l]; i++)
			buf_add_byte(&session, (char)(i * 7));
		for (size_t s = 0; s < COUNT(stamps); s++) {
			entry_encode(&bytes, stamps[s], session.bytes, session.len);
			assert_int_equal(bytes.len, session.len + ENTRY_OVERHEAD);
			assert_int_equal(entry_decode(bytes.bytes, bytes.len, &stamp, &read), ENTRY_GOOD);
			assert_true(stamp == stamps[s]);
			assert_int_equal(read.len, session.len);
			assert_memory_equal(buf_str(&read), buf_str(&session), session.len);
		}
	}
	buf_release(&bytes);
	buf_release(&session);
	buf_release(&read);
}

static void
other_program_sees_an_entry_without_session(void **state)
{
	struct buf bytes = BUF_INIT;
	int64_t stamp = 1795250010;
	char digits[17];

	(void)state;
	for (size_t i = 0; i < 8; i++)
		snprintf(digits + 2 * i, 3, "%02X", ((unsigned char *)&stamp)[i]);
	entry_encode(&bytes, stamp, "\0\1", 2);
	assert_string_equal(bytes.bytes, digits);
	buf_release(&bytes);
}

#define STAMP      0x6b015355 /* as little-endian machines write it */
#define TEXT(text) text, sizeof text

static void
entries_of_postfix_are_read_as_postfix_does(void **state)
{
	static const struct {
		const char *name, *text;
		size_t size; /* with the zero byte at the end */
		enum entry_verdict verdict;
		const char *session;
	} cases[] = {
		{ "upper case", TEXT("5553016B000000006F6E65"), ENTRY_GOOD, "one" },
		{ "lower case", TEXT("5553016b000000006f6e65"), ENTRY_GOOD, "one" },
		{ "colons", TEXT("55:53:01:6B:00:00:00:00:6F:6E:65"), ENTRY_GOOD, "one" },
		{ "some colons", TEXT("5553:01:6B00000000:6F6E65"), ENTRY_GOOD, "one" },
		{ "no session", TEXT("5553016B00000000"), ENTRY_GOOD, "" },
		{ "empty", TEXT(""), ENTRY_TRUNCATED, "" },
		{ "15 digits", TEXT("5553016B0000000"), ENTRY_TRUNCATED, "" },
		{ "seven bytes with colons", TEXT("55:53:01:6B:00:00:00"), ENTRY_TRUNCATED, "" },
		{ "odd length", TEXT("5553016B00000000F"), ENTRY_MALFORMED, "" },
		{ "no digit", TEXT("5553016B000000006F6X"), ENTRY_MALFORMED, "" },
		{ "colon at the end", TEXT("5553016B000000006F:"), ENTRY_MALFORMED, "" },
		{ "colon at the front", TEXT(":5553016B000000006F"), ENTRY_MALFORMED, "" },
		{ "colon inside a pair", TEXT("5:553016B000000006F6E"), ENTRY_MALFORMED, "" },
		{ "two colons", TEXT("55::53016B000000006F6E"), ENTRY_MALFORMED, "" },
		{ "blank", TEXT("5553016B00000000 6F6E"), ENTRY_MALFORMED, "" },
		{ "zero byte inside", TEXT("5553016B00000000AA\0AA"), ENTRY_MALFORMED, "" },
		{ "our form, no digits", TEXT("no database here\0x"), ENTRY_MALFORMED, "" },
	};
	struct buf session = BUF_INIT;
	int64_t stamp;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("%s\n", cases[i].name);
		/* A program that is not Postfix's may leave the zero byte out. */
		for (size_t left_out = 0; left_out < 2; left_out++) {
			buf_add_str(&session, "old");
			assert_int_equal(
			    entry_decode(cases[i].text, cases[i].size - left_out, &stamp, &session),
			    cases[i].verdict);
			assert_string_equal(buf_str(&session), cases[i].session);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
			assert_true(stamp == (cases[i].verdict == ENTRY_GOOD ? STAMP : 0));
#endif
		}
	}
	buf_release(&session);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(other_program_sees_an_entry_without_session),
		cmocka_unit_test(entries_of_postfix_are_read_as_postfix_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
