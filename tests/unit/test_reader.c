/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include "util/reader.h"

static void
strings_end_at_their_zero_byte(void **state)
{
	struct reader reader;
	size_t len;

	(void)state;
	reader_init(&reader, "one\0\0two", 8);
	assert_string_equal(reader_string(&reader, &len), "one");
	assert_int_equal(len, 3);
	assert_string_equal(reader_string(&reader, NULL), "");
	assert_int_equal(reader_left(&reader), 3);
	assert_null(reader_string(&reader, &len)); /* no zero byte behind "two" */
	assert_int_equal(len, 0);
	assert_true(reader.failed);
}

static void
first_failure_sticks(void **state)
{
	struct reader reader;

	(void)state;
	reader_init(&reader, "abcdefgh", 8);
	assert_null(reader_take(&reader, 9));
	assert_null(reader_take(&reader, 1));
	assert_int_equal(reader_left(&reader), 0);
	assert_int_equal(reader_i64_native(&reader), 0);
}

static void
numbers_are_native(void **state)
{
	unsigned char bytes[12] = { 0 };
	int64_t large = -2;
	struct reader reader;

	(void)state;
	memcpy(bytes, &large, 8);
	reader_init(&reader, bytes, sizeof bytes);
	assert_true(reader_i64_native(&reader) == large);
	assert_false(reader.failed);
	assert_int_equal(reader_i64_native(&reader), 0); /* four bytes are too few */
	assert_true(reader.failed);
}

static void
nothing_can_be_read_from_nothing(void **state)
{
	struct reader reader;

	(void)state;
	reader_init(&reader, NULL, 0);
	assert_int_equal(reader_left(&reader), 0);
	assert_null(reader_string(&reader, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_end_at_their_zero_byte),
		cmocka_unit_test(first_failure_sticks),
		cmocka_unit_test(numbers_are_native),
		cmocka_unit_test(nothing_can_be_read_from_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
