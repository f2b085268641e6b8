/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include "tlsmgr/location.h"
#include "tlsmgr/scache.h"
#include "util/buf.h"
#include "util/now.h"

static struct scache *
open_cache(const char *type, uint64_t limit)
{
	char database[256];
	struct location location = { fixture_dir, "postfix" };
	struct scache_config config = {
		.label = "smtpd",
		.database = database,
		.default_type = "hash",
		.timeout_s = 60,
		.check_utf8 = true,
		.limit = limit,
		.location = &location,
	};

	snprintf(database, sizeof database, "%s:%s", type, fixture_path("cache"));
	return scache_new(&config);
}

static void
entry_lives_as_long_as_the_timeout(void **state)
{
	static const char *const types[] = { "btree", "hash" };
	struct buf session = BUF_INIT;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct scache *cache = open_cache(types[i], 0);

		print_message("type %s\n", types[i]);
		assert_int_equal(scache_timeout_s(cache), 120);
		now_set(10000);
		scache_update(cache, "id", "a\0b", 3);
		now_set(10120);
		assert_int_equal(scache_lookup(cache, "id", &session), 1);
		assert_int_equal(session.len, 3);
		assert_memory_equal(session.bytes, "a\0b", 3);
		now_set(10121);
		assert_int_equal(scache_lookup(cache, "id", &session), 0);
		assert_int_equal(scache_delete(cache, "id"), 0);
		scache_free(cache);
	}
	now_set(0);
	buf_release(&session);
}

static void
sweep_drops_only_what_has_expired(void **state)
{
	struct scache *cache = open_cache("btree", 0);
	char id[16];
	int seen = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		now_set(i % 2 ? 10000 : 10200);
		snprintf(id, sizeof id, "id%d", i);
		scache_update(cache, id, "x", 1);
	}
	now_set(10200);
	for (bool first = true; scache_sweep_step(cache, first); first = false)
		seen++;
	assert_int_equal(seen, 100);
	seen = 0;
	for (bool first = true; scache_sweep_step(cache, first); first = false)
		seen++;
	assert_int_equal(seen, 50);
	now_set(0);
	scache_free(cache);
}

static void
full_cache_makes_room(void **state)
{
	struct scache *cache = open_cache("btree", 2000);
	char id[16];
	int seen = 0;

	(void)state;
	for (int i = 0; i < 500; i++) {
		snprintf(id, sizeof id, "id%d", i);
		scache_update(cache, id, "0123456789", 10);
	}
	for (bool first = true; scache_sweep_step(cache, first); first = false)
		seen++;
	assert_in_range(seen, 10, 60);
	scache_free(cache);
}

static void
unusable_database_costs_only_the_cache(void **state)
{
	struct scache *cache = open_cache("nosuch", 0);
	struct buf session = BUF_INIT;

	(void)state;
	assert_true(scache_is_enabled(cache));
	scache_update(cache, "id", "x", 1);
	assert_int_equal(scache_lookup(cache, "id", &session), 0);
	assert_int_equal(scache_delete(cache, "id"), 0);
	assert_false(scache_sweep_step(cache, true));
	assert_string_equal(fixture_log, "error: unsupported dictionary type: nosuch\n");
	scache_free(cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    entry_lives_as_long_as_the_timeout, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
		    sweep_drops_only_what_has_expired, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(full_cache_makes_room, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
		    unusable_database_costs_only_the_cache, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
