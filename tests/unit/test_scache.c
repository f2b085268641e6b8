/* SPDX-License-Identifier: ISC */
#include "scache_fixture.h"

#include "tlsmgr/scache.h"

static void
entry_lives_as_long_as_the_timeout(void **state)
{
	(void)state;
	config.timeout_s = 1;
	struct scache *cache = scache_new(&config);

	assert_int_equal(scache_timeout_s(cache), 120);
	scache_update(cache, "id", "a\0b", 3);
	now_set(10120);
	assert_int_equal(tend(cache), 0);
	assert_int_equal(scache_lookup(cache, "id", &session), 1);
	assert_int_equal(session.len, 3);
	assert_memory_equal(session.bytes, "a\0b", 3);
	now_set(10121);
	assert_int_equal(scache_lookup(cache, "id", &session), 0);
	assert_int_equal(scache_delete(cache, "id"), 0);
	assert_int_equal(stats_of(cache).expired, 1);
	assert_int_equal(stats_of(cache).hits, 1);
	assert_int_equal(stats_of(cache).misses, 1);
	scache_free(cache);
}

static void
empty_id_and_empty_session_are_kept(void **state)
{
	struct scache *cache = scache_new(&config);

	(void)state;
	scache_update(cache, "", "", 0);
	buf_add_str(&session, "old");
	assert_int_equal(scache_lookup(cache, "", &session), 1);
	assert_int_equal(session.len, 0);
	assert_int_equal(scache_lookup(cache, "x", &session), 0);
	assert_int_equal(scache_delete(cache, ""), 1);
	scache_free(cache);
}

static void
cache_without_database_or_time_is_not_enabled(void **state)
{
	static const struct {
		const char *database;
		int timeout_s, effective_s;
		bool enabled;
	} cases[] = {
		{ "", 3600, 3600, false },
		{ "internal:x", 0, 0, false },
		{ "internal:x", -1, 0, false },
		{ "internal:x", 119, 120, true },
		{ "internal:x", 8640000, 8640000, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		config.database = cases[i].database;
		config.timeout_s = cases[i].timeout_s;
		struct scache *cache = scache_new(&config);

		assert_int_equal(scache_is_enabled(cache), cases[i].enabled);
		assert_int_equal(scache_timeout_s(cache), cases[i].effective_s);
		assert_int_equal(stats_of(cache).available, cases[i].enabled);
		scache_free(cache);
	}
}

static void
lines_are_those_of_postfix(void **state)
{
	(void)state;
	config.log = true;
	struct scache *cache = scache_new(&config);

	log_is("open smtpd TLS cache internal:x\n");
	scache_update(cache, "X", "abc", 3);
	log_is("put smtpd session id=X [data 3 bytes]\n"
	       "write smtpd TLS cache entry X: time=10000 [data 3 bytes]\n");
	scache_lookup(cache, "X", &session);
	log_is("lookup smtpd session id=X\n"
	       "read smtpd TLS cache entry X: time=10000 [data 3 bytes]\n");
	scache_lookup(cache, "Y", &session);
	log_is("lookup smtpd session id=Y\n");
	scache_delete(cache, "X");
	log_is("delete smtpd session id=X\n");
	scache_delete(cache, "X");
	log_is("delete smtpd session id=X\n");
	scache_update(cache, "X", "abc", 3);
	buf_clear(&captured_log);
	now_set(10121);
	scache_lookup(cache, "X", &session);
	log_is("lookup smtpd session id=X\n"
	       "read smtpd TLS cache entry X: time=10000 [data 3 bytes]\n"
	       "delete smtpd session id=X\n");
	now_set(10000);
	scache_update(cache, "X", "abc", 3);
	buf_clear(&captured_log);
	now_set(10121);
	tend(cache);
	log_is("read smtpd TLS cache entry X: time=10000 [data 3 bytes]\n"
	       "lookup smtpd session id=X\n"
	       "read smtpd TLS cache entry X: time=10000 [data 3 bytes]\n"
	       "delete smtpd session id=X\n");
	scache_free(cache);
}

static void
id_that_is_no_text_is_refused_with_a_warning(void **state)
{
	static const char warning[] =
	    "warning: internal:x: non-UTF-8 key \"a?b\": malformed UTF-8 or invalid codepoint\n";
	struct scache *cache = scache_new(&config);

	(void)state;
	scache_update(cache, "a\377b", "x", 1);
	log_is(warning);
	assert_int_equal(scache_lookup(cache, "a\377b", &session), 0);
	log_is(warning);
	assert_int_equal(scache_delete(cache, "a\377b"), 1);
	log_is(warning);
	assert_int_equal(stats_of(cache).refused, 1);
	scache_update(cache, "gr\303\274n", "x", 1);
	assert_int_equal(scache_lookup(cache, "gr\303\274n", &session), 1);
	scache_free(cache);

	config.check_utf8 = false;
	cache = scache_new(&config);
	scache_update(cache, "a\377b", "x", 1);
	assert_int_equal(scache_lookup(cache, "a\377b", &session), 1);
	log_is("");
	scache_free(cache);
}

static void
what_is_not_there_costs_no_database_access(void **state)
{
	struct scache *cache = scache_new(&config);

	(void)state;
	scache_update(cache, "id", "x", 1);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(scache_lookup(cache, "other", &session), 0);
		assert_int_equal(scache_delete(cache, "other"), 0);
	}
	assert_int_equal(fake.gets + fake.removes, 0);
	scache_free(cache);
}

static void
expiry_visits_only_what_has_expired(void **state)
{
	enum { MANY = 20000, OLD = 7000 };
	struct scache *cache = scache_new(&config);
	char id[16];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		now_set(i < OLD ? 10000 : 10100);
		snprintf(id, sizeof id, "id%d", i);
		scache_update(cache, id, "x", 1);
	}
	now_set(10121);
	assert_int_equal(tend(cache), OLD);
	assert_int_equal(tend(cache), 0);
	assert_int_equal(fake.removes, OLD);
	assert_int_equal(fake.gets + fake.walked, 0);
	assert_int_equal(stats_of(cache).expired, OLD);
	assert_int_equal(stats_of(cache).entries, MANY - OLD);
	assert_int_equal(scache_lookup(cache, "id6999", &session), 0);
	assert_int_equal(scache_lookup(cache, "id7000", &session), 1);
	scache_free(cache);
}

static void
refreshed_entry_survives(void **state)
{
	struct scache *cache = scache_new(&config);

	(void)state;
	scache_update(cache, "id", "one", 3);
	now_set(10119);
	scache_update(cache, "id", "two", 3);
	now_set(10200);
	assert_int_equal(tend(cache), 0);
	assert_int_equal(scache_lookup(cache, "id", &session), 1);
	assert_string_equal(session.bytes, "two");
	scache_free(cache);
}

static void
limits_hold_after_each_call_and_the_oldest_go_first(void **state)
{
	static const struct {
		const char *name;
		uint64_t entries, bytes;
	} cases[] = {
		{ "entries", 50, 0 },
		{ "bytes", 0, 5000 },
		{ "both", 50, 5000 },
		{ "one entry", 1, 0 },
		{ "hardly a byte", 0, 5 },
	};

	(void)state;
	for (size_t c = 0; c < COUNT(cases); c++) {
		config.entry_limit = cases[c].entries;
		config.size_limit = cases[c].bytes;
		struct scache *cache = scache_new(&config);
		char id[16], data[200];

		print_message("%s\n", cases[c].name);
		memset(data, 'x', sizeof data);
		srandom(7);
		for (int i = 0; i < 3000; i++) {
			snprintf(id, sizeof id, "id%ld", random() % 200);
			if (random() % 5 == 0)
				scache_delete(cache, id);
			else
				scache_update(cache, id, data, (size_t)random() % sizeof data);
			struct scache_stats stats = stats_of(cache);
			assert_true(!cases[c].entries || stats.entries <= cases[c].entries);
			assert_true(!cases[c].bytes || stats.bytes <= cases[c].bytes);
			assert_int_equal(stats.entries, table_count(fake.by_key));
		}
		scache_free(cache);
	}

	config.entry_limit = 3;
	config.size_limit = 0;
	struct scache *cache = scache_new(&config);
	scache_update(cache, "a", "1", 1);
	scache_update(cache, "b", "1", 1);
	scache_update(cache, "c", "1", 1);
	scache_update(cache, "a", "2", 1);
	scache_update(cache, "d", "1", 1);
	assert_int_equal(scache_lookup(cache, "a", &session), 1);
	assert_int_equal(scache_lookup(cache, "b", &session), 0);
	assert_int_equal(scache_lookup(cache, "c", &session), 1);
	assert_int_equal(stats_of(cache).evicted, 1);
	scache_free(cache);
}

static void
session_larger_than_the_limit_replaces_nothing_by_nothing(void **state)
{
	char large[100] = "";

	(void)state;
	config.size_limit = 100;
	struct scache *cache = scache_new(&config);
	scache_update(cache, "other", "x", 1);
	scache_update(cache, "id", "x", 1);
	scache_update(cache, "id", large, 100);
	assert_int_equal(scache_lookup(cache, "id", &session), 0);
	assert_int_equal(scache_lookup(cache, "other", &session), 1);
	scache_update(cache, "id", large, 98);
	assert_int_equal(scache_lookup(cache, "id", &session), 1);
	assert_int_equal(scache_lookup(cache, "other", &session), 0);
	assert_int_equal(stats_of(cache).refused, 1);
	assert_int_equal(stats_of(cache).evicted, 1);
	log_is("");
	scache_free(cache);
}

/* A large session in the place of thousands would keep other clients waiting. */
static void
no_request_drops_many(void **state)
{
	static char large[900000], small[180];
	char id[16];

	(void)state;
	config.size_limit = 1000000;
	struct scache *cache = scache_new(&config);
	for (int i = 0; i < 6000; i++) {
		snprintf(id, sizeof id, "%d", i);
		scache_update(cache, id, small, sizeof small);
	}
	scache_update(cache, "5999", large, sizeof large);
	assert_in_range(fake.removes, 600, 900);
	assert_int_equal(stats_of(cache).refused, 1);
	assert_int_equal(scache_lookup(cache, "5999", &session), 0);

	int before = fake.removes;
	scache_update(cache, "large", large, sizeof large);
	assert_in_range(fake.removes - before, 1, 100);
	assert_int_equal(stats_of(cache).refused, 2);
	/* Room for it is made between requests. */
	assert_true(tend(cache) > 1000);
	assert_int_equal(tend(cache), 0);
	scache_update(cache, "large", large, sizeof large);
	assert_int_equal(scache_lookup(cache, "large", &session), 1);
	assert_int_equal(stats_of(cache).refused, 2);
	assert_true(stats_of(cache).bytes <= config.size_limit);
	scache_free(cache);
}

static void
memory_for_ids_is_bounded_like_entries(void **state)
{
	static char id[1000001];

	(void)state;
	memset(id, 'x', sizeof id - 1);
	config.entry_limit = 1000;
	struct scache *cache = scache_new(&config);
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof id, "%02d", i);
		id[2] = 'x';
		scache_update(cache, id, "x", 1);
	}
	assert_in_range(stats_of(cache).entries, 1, 8);
	assert_int_equal(scache_lookup(cache, id, &session), 1);
	scache_free(cache);
}

static void
database_is_told_how_much_it_may_have_to_hold(void **state)
{
	static const struct {
		uint64_t entries, bytes, limit;
	} cases[] = {
		{ 100, 1000, 1000 + 100 * 18 },
		{ 0, 0, UINT64_C(1) << 40 },
		{ UINT64_MAX, UINT64_MAX, UINT64_C(1) << 40 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		config.entry_limit = cases[i].entries;
		config.size_limit = cases[i].bytes;
		scache_free(scache_new(&config));
		assert_true(fake.limit == cases[i].limit);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entry_lives_as_long_as_the_timeout),
		TEST(empty_id_and_empty_session_are_kept),
		TEST(cache_without_database_or_time_is_not_enabled),
		TEST(lines_are_those_of_postfix),
		TEST(id_that_is_no_text_is_refused_with_a_warning),
		TEST(what_is_not_there_costs_no_database_access),
		TEST(expiry_visits_only_what_has_expired),
		TEST(refreshed_entry_survives),
		TEST(limits_hold_after_each_call_and_the_oldest_go_first),
		TEST(session_larger_than_the_limit_replaces_nothing_by_nothing),
		TEST(no_request_drops_many),
		TEST(memory_for_ids_is_bounded_like_entries),
		TEST(database_is_told_how_much_it_may_have_to_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
