/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdlib.h>

#include "util/buf.h"

static void
untouched_buffer_reads_as_empty_text(void **state)
{
	struct buf buf = BUF_INIT;

	(void)state;
	assert_string_equal(buf_str(&buf), "");
	buf_clear(&buf);
	buf_truncate(&buf, 5);
	buf_consume(&buf, 0);
	assert_int_equal(buf.len, 0);
	buf_release(&buf);
}

static void
what_was_added_is_there_and_terminated(void **state)
{
	struct buf buf = BUF_INIT;

	(void)state;
	buf_add(&buf, "ab\0c", 4);
	buf_add_byte(&buf, 'd');
	buf_add_str(&buf, "ef");
	buf_printf(&buf, "%d", 42);
	assert_int_equal(buf.len, 9);
	assert_memory_equal(buf.bytes, "ab\0cdef42", 10);
	buf_release(&buf);
	assert_int_equal(buf.len, 0);
}

static void
growth_keeps_content(void **state)
{
	struct buf buf = BUF_INIT;

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_add_byte(&buf, (char)i);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(buf.bytes[i], (char)i);
	buf_release_secret(&buf);
}

static void
consume_and_truncate_cut_the_right_end(void **state)
{
	struct buf buf = BUF_INIT;

	(void)state;
	buf_add_str(&buf, "0123456789");
	buf_consume(&buf, 3);
	assert_string_equal(buf_str(&buf), "3456789");
	buf_truncate(&buf, 4);
	assert_string_equal(buf_str(&buf), "3456");
	buf_truncate(&buf, 100);
	assert_string_equal(buf_str(&buf), "3456");
	buf_consume(&buf, 4);
	assert_string_equal(buf_str(&buf), "");
	buf_release(&buf);
}

static void
reserved_bytes_count_when_the_caller_says_so(void **state)
{
	struct buf buf = BUF_INIT;

	(void)state;
	memcpy(buf_reserve(&buf, 3), "xyz", 3);
	assert_int_equal(buf.len, 0);
	buf.len = 3;
	buf_terminate(&buf);
	assert_string_equal(buf_str(&buf), "xyz");
	buf_release(&buf);
}

static void
detached_text_is_the_callers(void **state)
{
	struct buf buf = BUF_INIT;

	(void)state;
	char *empty = buf_detach(&buf);
	assert_string_equal(empty, "");
	free(empty);
	buf_add_str(&buf, "mine");
	char *text = buf_detach(&buf);
	assert_string_equal(text, "mine");
	assert_string_equal(buf_str(&buf), "");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(untouched_buffer_reads_as_empty_text),
		cmocka_unit_test(what_was_added_is_there_and_terminated),
		cmocka_unit_test(growth_keeps_content),
		cmocka_unit_test(consume_and_truncate_cut_the_right_end),
		cmocka_unit_test(reserved_bytes_count_when_the_caller_says_so),
		cmocka_unit_test(detached_text_is_the_callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
