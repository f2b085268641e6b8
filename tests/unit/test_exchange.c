/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include "tlsmgr/exchange.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

static void
every_update_writes_other_bytes(void **state)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct err err = { 0 };
	struct stat st;
	struct exchange *exchange = exchange_new(fixture_path("exch"), &err);

	(void)state;
	assert_non_null(exchange);
	assert_int_equal(exchange_update(exchange, &err), 0);
	assert_int_equal(file_read(fixture_path("exch"), 4096, &first, &err), 0);
	assert_int_equal(exchange_update(exchange, &err), 0);
	assert_int_equal(file_read(fixture_path("exch"), 4096, &second, &err), 0);
	assert_int_equal(first.len, 1024);
	assert_int_equal(second.len, 1024);
	assert_memory_not_equal(first.bytes, second.bytes, 1024);
	assert_int_equal(stat(fixture_path("exch"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_false(exchange_is_removed(exchange));
	assert_int_equal(unlink(fixture_path("exch")), 0);
	assert_true(exchange_is_removed(exchange));
	exchange_free(exchange);
	buf_release(&first);
	buf_release(&second);
}

static void
missing_directory_is_told(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_null(exchange_new(fixture_path("none/exch"), &err));
	assert_non_null(strstr(err.text, "cannot open PRNG exchange file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    every_update_writes_other_bytes, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(missing_directory_is_told, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
