/* SPDX-License-Identifier: ISC */
/* Postfix's own tools and our files. */
#include "store_fixture.h"

#include "tlsmgr/store.h"
#include "util/file.h"

#define STAMP "6E53016B00000000"

/* Runs postmap on the cache; returns the lines that it wrote. Keys are as they are with -f. False: it failed.
 */
static bool
postmap(const struct store_kind *kind, const char *arguments, struct buf *output)
{
	struct err err = { 0 };
	char command[512];

	snprintf(command, sizeof command, "postmap -c %s/etc %s %s:%s/cache >%s/output 2>&1", fixture_dir,
	    arguments, kind->type, fixture_dir, fixture_dir);
	int status = system(command);
	buf_clear(output);
	assert_int_equal(file_read(fixture_path("output"), 1 << 20, output, &err), 0);
	return status == 0;
}

/* Skips where there is none, or none that knows this type. */
static bool
has_postmap(const struct store_kind *kind)
{
	static const char settings[] = "compatibility_level = 3.6\n";
	struct buf list = BUF_INIT;
	struct err err = { 0 };
	char command[512], type[32];

	if (access(fixture_path("etc"), F_OK) < 0) {
		assert_int_equal(mkdir(fixture_path("etc"), 0700), 0);
		assert_int_equal(
		    file_create(fixture_path("etc/main.cf"), settings, strlen(settings), 0600, &err), 0);
		/* How the types that come in packages are found. */
		snprintf(command, sizeof command,
		    "cp -r /etc/postfix/dynamicmaps.cf* %s/etc/ 2>/dev/null || :", fixture_dir);
		assert_int_equal(system(command), 0);
	}
	snprintf(command, sizeof command, "postconf -c %s/etc -m >%s/types 2>/dev/null || :", fixture_dir,
	    fixture_dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(file_read(fixture_path("types"), 1 << 16, &list, &err), 0);
	snprintf(type, sizeof type, "%s\n", kind->type);
	bool found = strstr(buf_str(&list), type) != NULL;
	if (!found)
		print_message("postmap does not know %s\n", kind->type);
	buf_release(&list);
	return found;
}

static void
stock_tools_read_our_file(void **state)
{
	static const char value[] = STAMP "\0\1\2\377 a session";
	struct buf output = BUF_INIT;
	struct err err = { 0 };
	char key[80], arguments[128];

	(void)state;
	for (EACH_FILE_KIND(kind)) {
		if (!has_postmap(kind))
			continue;
		struct store *store = store_open(kind, "boot");
		for (unsigned int i = 0; i < 500; i++) {
			store_key(key, i);
			assert_int_equal(store_put(store, key, value, sizeof value, &err), 0);
		}
		store_free(store);
		for (unsigned int i = 0; i < 500; i += 99) {
			store_key(key, i);
			snprintf(arguments, sizeof arguments, "-fq '%s'", key);
			if (!postmap(kind, arguments, &output))
				fail_msg("%s: %s", kind->type, buf_str(&output));
			assert_string_equal(buf_str(&output), STAMP "\n");
		}
		assert_false(postmap(kind, "-q absent", &output));
		if (!postmap(kind, "-s", &output))
			fail_msg("%s: %s", kind->type, buf_str(&output));
		size_t lines = 0;
		for (const char *at = buf_str(&output); (at = strchr(at, '\n')); at++)
			lines++;
		assert_int_equal(lines, 500);
		/* Who reads changes nothing. */
		store = store_open(kind, "boot");
		assert_int_equal(store_count(store), 500);
		store_free(store);
	}
	buf_release(&output);
}

static size_t
count_foreign(struct store *store)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	size_t count = 0;

	for (enum foreign_step step = FOREIGN_NOTHING; step != FOREIGN_END; count += step == FOREIGN_RECORD)
		step = store_next_foreign(store, &key, &value);
	buf_release(&key);
	buf_release(&value);
	return count;
}

static void
records_of_stock_tools_come_from_beside(void **state)
{
	struct buf output = BUF_INIT;
	struct err err = { 0 };

	(void)state;
	for (EACH_FILE_KIND(kind)) {
		if (!has_postmap(kind))
			continue;
		if (access(fixture_path("cache"), F_OK) < 0)
			assert_int_equal(file_create(fixture_path("cache"), "a " STAMP "30\nb " STAMP "31\n",
					     42, 0600, &err),
			    0);
		store_remove_file(kind);
		if (!postmap(kind, "", &output))
			fail_msg("%s: %s", kind->type, buf_str(&output));
		assert_int_equal(access(store_path(kind), F_OK), 0);
		struct store *store = store_open(kind, "boot");
		assert_false(store_has_old_records(store));
		assert_true(store_has_foreign_records(store));
		assert_int_equal(store_count(store), 0);
		assert_int_equal(count_foreign(store), 2);
		assert_false(store_has_foreign_records(store));
		store_fill(store, 0, 100, 100);
		store_free(store);
		/* Nor is ours when they have written to it. */
		if (!postmap(kind,
			"-fd '000000000000000000000000000000000000000000000000&s=smtpd&l=805306720'",
			&output))
			fail_msg("%s: %s", kind->type, buf_str(&output));
		store = store_open(kind, "boot");
		assert_false(store_has_old_records(store));
		assert_int_equal(store_count(store), 0);
		store_free(store);
	}
	buf_release(&output);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(stock_tools_read_our_file),
		TEST(records_of_stock_tools_come_from_beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
