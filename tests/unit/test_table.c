/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/table.h"

static void
keys_are_found_until_removed(void **state)
{
	struct table *table = table_new(free);

	(void)state;
	assert_null(table_get(table, "a"));
	table_put(table, "a", alloc_string("1"));
	table_put(table, "b", alloc_string("2"));
	table_put(table, "a", alloc_string("3")); /* the old value is freed */
	assert_int_equal(table_count(table), 2);
	assert_string_equal(table_get(table, "a"), "3");
	assert_true(table_remove(table, "a"));
	assert_false(table_remove(table, "a"));
	assert_null(table_get(table, "a"));
	assert_string_equal(table_get(table, "b"), "2");
	table_free(table);
	table_free(NULL);
}

static void
order_is_that_of_insertion(void **state)
{
	struct table *table = table_new(NULL);
	static char values[5];
	const char *keys[] = { "e", "d", "c", "b", "a" };
	void *value;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++)
		table_put(table, keys[i], &values[i]);
	table_remove(table, "c");
	assert_string_equal(table_next(table, &at, &value), "e");
	assert_ptr_equal(value, &values[0]);
	assert_string_equal(table_next(table, &at, NULL), "d");
	assert_string_equal(table_next(table, &at, NULL), "b");
	assert_string_equal(table_next(table, &at, &value), "a");
	assert_ptr_equal(value, &values[4]);
	assert_null(table_next(table, &at, &value));
	table_free(table);
}

static void
many_keys_that_come_and_go(void **state)
{
	struct table *table = table_new(NULL);
	char key[32];

	(void)state;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 500; i++) {
			snprintf(key, sizeof key, "%d/%d", round, i);
			table_put(table, key, table);
		}
		for (int i = 0; i < 499; i++) {
			snprintf(key, sizeof key, "%d/%d", round, i);
			assert_true(table_remove(table, key));
		}
	}
	assert_int_equal(table_count(table), 20);
	for (int round = 0; round < 20; round++) {
		snprintf(key, sizeof key, "%d/499", round);
		assert_ptr_equal(table_get(table, key), table);
	}
	table_free(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_found_until_removed),
		cmocka_unit_test(order_is_that_of_insertion),
		cmocka_unit_test(many_keys_that_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
