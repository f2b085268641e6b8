/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdlib.h>
#include <unistd.h>

#include "mail/address_list.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/log.h"

struct world {
	char directory[64];
	char path[96];
	struct buf log;
};

static int
set_up(void **state)
{
	static struct world world;

	world = (struct world){ .log = BUF_INIT };
	snprintf(world.directory, sizeof world.directory, "/tmp/sealpost-unit.XXXXXX");
	assert_non_null(mkdtemp(world.directory));
	snprintf(world.path, sizeof world.path, "%s/list", world.directory);
	log_divert(&world.log);
	*state = &world;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *world = *state;

	log_divert(NULL);
	buf_release(&world->log);
	(void)unlink(world->path);
	return rmdir(world->directory);
}

static bool
has(const char *patterns, const char *address)
{
	struct address_list *list = address_list_new("mynetworks", patterns);
	bool result = address_list_has(list, address);

	address_list_free(list);
	return result;
}

struct row {
	const char *patterns, *address;
	bool wanted;
};

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		print_message("%s: %s\n", rows[i].patterns, rows[i].address);
		assert_int_equal(has(rows[i].patterns, rows[i].address), rows[i].wanted);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows)[0])

static void
the_first_pattern_that_fits_decides(void **state)
{
	static const struct row rows[] = {
		{ "", "192.0.2.1", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.4/30 192.0.2.9,\t192.0.2.11", "192.0.2.7", true },
		{ "192.0.2.4/30 192.0.2.9,\t192.0.2.11", "192.0.2.8", false },
		{ "192.0.2.4/30 192.0.2.9,\t192.0.2.11", "192.0.2.11", true },
		{ "0.0.0.0/0", "192.0.2.1", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "[::]/0", "192.0.2.1", false },
		{ "[2001:db8::1]", "2001:db8::1", true },
		{ "[2001:db8::1]", "2001:db8:0::1", true },
		{ "[2001:db8::]/33", "2001:db8:7fff::", true },
		{ "[2001:db8::]/33", "2001:db8:8000::", false },
		{ "[2001:db8::/33]", "2001:db8:7fff::", true },
		{ "[192.0.2.1]", "192.0.2.1", true },
		{ "!192.0.2.1 192.0.2.0/24", "192.0.2.1", false },
		{ "!192.0.2.1 192.0.2.0/24", "192.0.2.2", true },
		{ "192.0.2.0/24 !192.0.2.1", "192.0.2.1", true },
		{ "!192.0.2.1", "192.0.2.2", false },
		{ "!!192.0.2.1", "192.0.2.1", true },
		{ "0.0.0.0/0 [::]/0", "unknown", false },
		{ "0.0.0.0/0 [::]/0", "", false },
		{ "inline:{192.0.2.1=x}", "192.0.2.1", true },
		{ "inline:{192.0.2.1=x}", "192.0.2.2", false },
		{ "!inline:{192.0.2.1=x} 192.0.2.0/24", "192.0.2.1", false },
		{ "cidr:{{2001:db8::/32 x}, {192.0.2.0/24 x}} 192.0.3.3", "2001:db8::1", true },
		{ "cidr:{{2001:db8::/32 x}, {192.0.2.0/24 x}} 192.0.3.3", "192.0.3.3", true },
	};
	struct world *world = *state;

	CHECK(rows);
	assert_string_equal(buf_str(&world->log), "");
}

static void
a_file_stands_for_what_is_in_it(void **state)
{
	static const char text[] =
	    "# 192.0.2.1\n192.0.2.2 192.0.2.3,\n  192.0.2.4\n\n!192.0.2.6\n192.0.2.6/31\n";
	static const struct {
		const char *format, *address;
		bool wanted;
	} rows[] = {
		{ "%s", "192.0.2.1", false },
		{ "%s", "192.0.2.2", true },
		{ "%s", "192.0.2.3", true },
		{ "%s", "192.0.2.4", true },
		{ "%s", "192.0.2.6", false },
		{ "%s", "192.0.2.7", true },
		{ "%s 192.0.2.9", "192.0.2.9", true },
		{ "!%s 192.0.2.0/24", "192.0.2.2", false },
		{ "!%s 192.0.2.0/24", "192.0.2.8", true },
	};
	struct world *world = *state;
	struct err err;
	char patterns[200];

	assert_int_equal(file_create(world->path, text, sizeof text - 1, 0600, &err), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("%s: %s\n", rows[i].format, rows[i].address);
		snprintf(patterns, sizeof patterns, rows[i].format, world->path);
		assert_int_equal(has(patterns, rows[i].address), rows[i].wanted);
	}
	assert_string_equal(buf_str(&world->log), "");
}

static void
a_file_that_names_itself_comes_to_an_end(void **state)
{
	struct world *world = *state;
	char text[200];
	struct err err;

	snprintf(text, sizeof text, "192.0.2.1\n%s\n", world->path);
	assert_int_equal(file_create(world->path, text, strlen(text), 0600, &err), 0);
	assert_true(has(world->path, "192.0.2.1"));
	assert_false(has(world->path, "192.0.2.2"));
	assert_non_null(strstr(buf_str(&world->log), ": too many files that name files"));
}

/* Nothing that went wrong puts a stranger in. */
static void
what_cannot_be_used_ends_the_search(void **state)
{
	static const struct {
		const char *pattern, *words;
	} rows[] = {
		{ "192.0.2.1/24", "non-null host address bits in \"192.0.2.1/24\"" },
		{ "192.0.2.0/33", "bad mask length in \"192.0.2.0/33\"" },
		{ "192.0.2", "bad address pattern: \"192.0.2\"" },
		{ "[2001:db8::1", "missing ']' character after \"[2001:db8::1\"" },
		{ "[2001:db8::1]0", "garbage after \"[2001:db8::1]\"" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "/nowhere/list", "open /nowhere/list: No such file or directory" },
		{ "hash:/nowhere/table", "hash:/nowhere/table" },
		{ "fail:", "fail" },
	};
	struct world *world = *state;
	char patterns[200];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("%s\n", rows[i].pattern);
		buf_clear(&world->log);
		assert_false(has(rows[i].pattern, "192.0.2.1"));
		assert_non_null(strstr(buf_str(&world->log), rows[i].words));
		snprintf(patterns, sizeof patterns, "%s 192.0.2.0/24", rows[i].pattern);
		assert_false(has(patterns, "192.0.2.1"));
		snprintf(patterns, sizeof patterns, "!%s 192.0.2.0/24", rows[i].pattern);
		assert_false(has(patterns, "192.0.2.1"));
		snprintf(patterns, sizeof patterns, "192.0.2.0/24 !%s", rows[i].pattern);
		assert_true(has(patterns, "192.0.2.1"));
	}
}

static void
a_host_name_fits_nobody(void **state)
{
	static const struct row rows[] = {
		{ "mail.example.com 192.0.2.1", "192.0.2.1", true },
		{ ".example.com 192.0.2.1", "192.0.2.2", false },
		/* It might be that client. */
		{ "!mail.example.com 192.0.2.1", "192.0.2.1", false },
	};
	struct world *world = *state;

	CHECK(rows);
	assert_non_null(strstr(buf_str(&world->log),
	    "mynetworks: \"mail.example.com\" is no address, and names are not looked up"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_pattern_that_fits_decides, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_stands_for_what_is_in_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_names_itself_comes_to_an_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_used_ends_the_search, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_host_name_fits_nobody, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
