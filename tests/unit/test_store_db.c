/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include <fcntl.h>

#include "tlsmgr/store.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

static struct store *
open_store(const char *type, struct err *err)
{
	return store_new(
	    &(struct store_config){
		.type = type, .path = fixture_path("db"), .shown = "db", .boot = "", .limit = 1 << 20 },
	    err);
}

static void
locked_file_is_not_emptied(void **state)
{
	struct err err = { 0 };
	struct buf text = BUF_INIT;
	int fd = open(fixture_path("db.db"), O_RDWR | O_CREAT, 0600);

	(void)state;
	assert_int_equal(write(fd, "live", 4), 4);
	assert_int_equal(file_lock(fd, false), 1);
	assert_null(open_store("btree", &err));
	assert_non_null(strstr(err.text, "unable to get exclusive lock"));
	assert_int_equal(file_read(fixture_path("db.db"), 100, &text, &err), 0);
	assert_string_equal(text.bytes, "live");
	buf_release(&text);
	close(fd);
}

static void
leftover_of_an_interrupted_start_is_removed(void **state)
{
	struct err err = { 0 };
	struct store *store;

	(void)state;
	assert_int_equal(file_create(fixture_path("__db.db.db"), "junk", 4, 0600, &err), 0);
	store = open_store("btree", &err);
	assert_non_null(store);
	assert_int_equal(access(fixture_path("__db.db.db"), F_OK), -1);
	store_free(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(locked_file_is_not_emptied, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
		    leftover_of_an_interrupted_start_is_removed, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
