/* SPDX-License-Identifier: ISC */
#include "store_fixture.h"

#include "tlsmgr/store.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static char *
long_key(size_t len, char last)
{
	char *key = malloc(len + 1);

	assert_non_null(key);
	for (size_t i = 0; i < len; i++)
		key[i] = (char)(1 + i % 255);
	if (len > 0)
		key[len - 1] = last;
	key[len] = 0;
	return key;
}

static void
any_bytes_of_any_length_come_back(void **state)
{
	static const size_t lengths[] = { 0, 1, 2, 17, 255, 256, 257, 1000, 1023, 1024, 2016, 2017, 2022,
		2023, 2024, 4000, 4080, 4096, 65535, 65536, 100000, 1 << 20, 3, 0 };
	struct buf value = BUF_INIT, wanted = BUF_INIT;
	struct err err = { 0 };

	(void)state;
	for (EACH_KIND(kind)) {
		struct store *store = store_open(kind, "boot");
		char key[32];

		for (size_t round = 0; round < 2; round++) {
			for (size_t i = 0; i < COUNT(lengths); i++) {
				snprintf(key, sizeof key, "%zu", i);
				buf_clear(&wanted);
				store_pattern(
				    &wanted, (unsigned int)i, lengths[(i + round) % COUNT(lengths)]);
				assert_int_equal(
				    store_put(store, key, buf_str(&wanted), wanted.len, &err), 0);
			}
			for (size_t i = 0; i < COUNT(lengths); i++) {
				snprintf(key, sizeof key, "%zu", i);
				buf_clear(&wanted);
				store_pattern(
				    &wanted, (unsigned int)i, lengths[(i + round) % COUNT(lengths)]);
				assert_int_equal(store_get(store, key, &value, &err), 1);
				assert_int_equal(value.len, wanted.len);
				assert_memory_equal(buf_str(&value), buf_str(&wanted), wanted.len);
			}
		}
		assert_int_equal(store_count(store), COUNT(lengths));
		store_free(store);
	}
	buf_release(&value);
	buf_release(&wanted);
}

/* Longer ones than the libraries take, and pairs that differ only at the end. */
static void
keys_of_any_length_are_told_apart(void **state)
{
	static const size_t lengths[] = { 0, 1, 2, 79, 300, 509, 510, 511, 512, 513, 1022, 1023, 2000, 4096,
		65535, 65536 };
	struct buf value = BUF_INIT, key_buf = BUF_INIT;
	struct err err = { 0 };

	(void)state;
	for (EACH_KIND(kind)) {
		struct store *store = store_open(kind, "boot");
		size_t count = 0, seen = 0;

		for (int round = 0; round < 4; round++) {
			for (size_t i = 0; i < COUNT(lengths) * 2; i++) {
				char *key = long_key(lengths[i / 2], i % 2 ? 'x' : 'y'), text[32];

				if (lengths[i / 2] == 0 && i % 2) {
					free(key);
					continue;
				}
				snprintf(text, sizeof text, "value %zu", i);
				switch (round) {
				case 0:
					assert_int_equal(store_get(store, key, &value, &err), 0);
					assert_int_equal(store_remove(store, key, &err), 0);
					assert_int_equal(store_put(store, key, text, strlen(text), &err), 0);
					count++;
					break;
				case 1:
					assert_int_equal(store_get(store, key, &value, &err), 1);
					assert_int_equal(value.len, strlen(text));
					assert_memory_equal(value.bytes, text, value.len);
					break;
				case 2:
					if (i % 2)
						assert_int_equal(store_remove(store, key, &err), 1);
					break;
				case 3:
					assert_int_equal(store_get(store, key, &value, &err), i % 2 ? 0 : 1);
				}
				free(key);
			}
			if (round == 1) {
				int rc = store_next(store, true, &key_buf, &value, &err);
				for (; rc > 0; rc = store_next(store, false, &key_buf, &value, &err)) {
					struct buf again = BUF_INIT;

					assert_int_equal(strlen(buf_str(&key_buf)), key_buf.len);
					assert_int_equal(
					    store_get(store, buf_str(&key_buf), &again, &err), 1);
					assert_int_equal(again.len, value.len);
					assert_memory_equal(buf_str(&again), buf_str(&value), value.len);
					buf_release(&again);
					seen++;
				}
				assert_int_equal(rc, 0);
				assert_int_equal(seen, count);
			}
		}
		store_free(store);
	}
	buf_release(&value);
	buf_release(&key_buf);
}

static unsigned int
number_in(const char *key)
{
	char digits[41] = "";

	memcpy(digits, key + 8, 40);
	return (unsigned int)strtoul(digits, NULL, 16);
}

/* Every third record goes when the walk meets it, others before or after; new ones come. */
static void
walk_sees_each_record_that_stays(void **state)
{
	enum { RECORDS = 2000 };
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct err err = { 0 };

	(void)state;
	for (EACH_KIND(kind)) {
		struct store *store = store_open(kind, "boot");
		static unsigned int seen[RECORDS];
		char other[80];
		int rc;

		memset(seen, 0, sizeof seen);
		store_fill(store, 0, RECORDS, 700);
		for (rc = store_next(store, true, &key, &value, &err); rc > 0;
		     rc = store_next(store, false, &key, &value, &err)) {
			unsigned int i = number_in(key.bytes);

			if (i < RECORDS) {
				seen[i]++;
				if (i % 3 == 0)
					assert_int_equal(store_remove(store, key.bytes, &err), 1);
				store_key(other, (i * 7 + 1) % RECORDS / 3 * 3 + 1);
				if (i % 2)
					assert_true(store_remove(store, other, &err) >= 0);
				if (i % 5 == 0)
					assert_int_equal(store_put_nth(store, RECORDS + i, 50, &err), 0);
			}
		}
		assert_int_equal(rc, 0);
		for (unsigned int i = 2; i < RECORDS; i += 3)
			if (seen[i] == 0)
				fail_msg("%s: record %u was not seen", kind->type, i);
		store_free(store);
	}
	buf_release(&key);
	buf_release(&value);
}

static void
records_are_kept_for_the_next_run(void **state)
{
	struct err err = { 0 };

	(void)state;
	for (EACH_KIND(kind)) {
		struct store *store = store_open(kind, "boot");
		char *key = long_key(5000, 'z');

		assert_false(store_has_old_records(store));
		store_fill(store, 0, 3000, 2017);
		assert_int_equal(store_put(store, key, "v", 1, &err), 0);
		store_free(store);
		for (int run = 0; run < 3; run++) {
			store = store_open(kind, "boot");
			assert_int_equal(store_has_old_records(store), kind->has_file);
			assert_int_equal(store_count(store), kind->has_file ? 3001 : 0);
			for (unsigned int i = 0; i < 3000; i++)
				assert_int_equal(store_check_nth(store, i, 2017, &err), kind->has_file);
			store_free(store);
		}
		free(key);
	}
}

static void
only_a_whole_file_of_this_boot_is_kept(void **state)
{
	static const struct {
		const char *name, *first, *then;
		bool failed;
	} cases[] = {
		{ "other boot", "boot", "toob", false },
		{ "boot unknown now", "boot", "", false },
		{ "boot unknown then", "", "boot", false },
		{ "boot never known", "", "", false },
		{ "an operation failed", "boot", "boot", true },
	};

	(void)state;
	for (EACH_FILE_KIND(kind)) {
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct store *store = store_open(kind, cases[i].first);

			print_message("%s, %s\n", kind->type, cases[i].name);
			store_fill(store, 0, 100, 500);
			store->failed = cases[i].failed;
			store_free(store);
			store = store_open(kind, cases[i].then);
			assert_false(store_has_old_records(store));
			assert_int_equal(store_count(store), 0);
			store_free(store);
			store_remove_file(kind);
		}
	}
}

static void
file_of_another_type_is_emptied(void **state)
{
	struct store *store = store_open(&store_kinds[0], "boot");

	(void)state;
	store_fill(store, 0, 10, 100);
	store_free(store);
	store = store_open(&store_kinds[1], "boot");
	assert_int_equal(store_count(store), 0);
	store_free(store);
}

static void
second_opener_changes_nothing(void **state)
{
	struct err err = { 0 };

	(void)state;
	for (EACH_FILE_KIND(kind)) {
		struct store *store = store_open(kind, "boot");

		store_fill(store, 0, 3000, 2000);
		for (int i = 0; i < 3; i++) {
			assert_null(store_open_in(kind, ".", "boot", &err));
			assert_int_equal(err.code, EAGAIN);
			assert_non_null(strstr(err.text, ":cache: unable to get exclusive lock"));
		}
		for (unsigned int i = 0; i < 3000; i++)
			assert_int_equal(store_check_nth(store, i, 2000, &err), 1);
		store_free(store);
		store = store_open(kind, "boot");
		assert_int_equal(store_count(store), 3000);
		store_free(store);
	}
}

static void
room_is_used_again(void **state)
{
	struct err err = { 0 };

	(void)state;
	for (EACH_FILE_KIND(kind)) {
		struct store *store = store_open(kind, "boot");
		uint64_t first = 0, most = 0;
		char key[80];

		for (unsigned int round = 0; round < 8; round++) {
			store_fill(store, round * 5000, round * 5000 + 5000, 2017);
			if (round == 1)
				first = store_file_bytes(store);
			most = store_file_bytes(store);
			for (unsigned int i = 0; i < 5000; i++) {
				store_key(key, round * 5000 + i);
				assert_int_equal(store_remove(store, key, &err), 1);
			}
		}
		print_message("%s: %llu bytes, in the end %llu\n", kind->type, (unsigned long long)first,
		    (unsigned long long)most);
		assert_true(most <= first + first / 2);
		store_free(store);
	}
}

static void
unusable_types_are_told_apart(void **state)
{
	static const struct {
		const char *type, *words;
	} cases[] = {
		{ "texthash", "texthash:cache map requires O_RDONLY access mode" },
		{ "sqlite", "unsupported dictionary type: sqlite" },
		{ "", "unsupported dictionary type: " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct store_kind kind = { .type = cases[i].type };
		struct err err = { 0 };

		assert_null(store_open_in(&kind, ".", "boot", &err));
		assert_string_equal(err.text, cases[i].words);
		assert_int_equal(err.code, EINVAL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(any_bytes_of_any_length_come_back),
		TEST(keys_of_any_length_are_told_apart),
		TEST(walk_sees_each_record_that_stays),
		TEST(records_are_kept_for_the_next_run),
		TEST(only_a_whole_file_of_this_boot_is_kept),
		TEST(file_of_another_type_is_emptied),
		TEST(second_opener_changes_nothing),
		TEST(room_is_used_again),
		TEST(unusable_types_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
