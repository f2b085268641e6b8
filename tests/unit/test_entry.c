/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include "captured_log.h"

#include "mail/entry.h"
#include "mail/listing.h"
#include "util/buf.h"
#include "util/err.h"

/* What is written is read as the same entry, whatever its arguments are. */
static void
written_entry_reads_the_same(void **state)
{
	static const char *const arguments[] = { "", "-v", "-o a=b {c d} {}", "-o {a = b  c} -vo d=e x",
		"{{x}} {-o y}", "-o a={b c} - -o z", "-- -o a=b", "--o a=b", "{a}{b} {", "-o {=} -o {}" };

	(void)state;
	for (size_t i = 0; i < COUNT(arguments); i++) {
		struct buf line = BUF_INIT, once = BUF_INIT, twice = BUF_INIT;
		struct err err = { 0 };

		print_message("%s\n", arguments[i]);
		captured_log_start();
		buf_printf(&line, "s unix - - n - - c %s", arguments[i]);
		struct entry *entry = entry_new(buf_str(&line), &err);
		assert_non_null(entry);
		entry_put(entry, false, &once);
		struct entry *again = entry_new(buf_str(&once), &err);
		assert_non_null(again);
		entry_put(again, false, &twice);
		assert_string_equal(buf_str(&once), buf_str(&twice));
		entry_free(again);
		entry_free(entry);
		buf_release(&line);
		buf_release(&once);
		buf_release(&twice);
	}
	buf_release(&captured_log);
}

static void
last_of_equal_settings_counts(void **state)
{
	struct err err = { 0 };
	struct entry *entry = entry_new("s unix - - n - - c -o a=1 -o b=2 -o a=3 x", &err);
	struct buf text = BUF_INIT;

	(void)state;
	assert_non_null(entry);
	assert_string_equal(entry_value(entry, "a"), "3");
	assert_null(entry_value(entry, "x"));
	entry_set_value(entry, "a", "4");
	entry_set_value(entry, "c", "5");
	entry_remove_value(entry, "b");
	entry_put_command(entry, &(struct listing_line){ .to = &text });
	assert_string_equal(buf_str(&text), "c -o a=4 -o a=4 -o c=5 x");
	entry_free(entry);
	buf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_entry_reads_the_same),
		cmocka_unit_test(last_of_equal_settings_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
