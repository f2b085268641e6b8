/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include "tlsmgr/entropy.h"

static int successes, failures;

static void
count(bool done, void *context)
{
	(void)context;
	done ? successes++ : failures++;
}

static void
device_is_read_again_and_again(void **state)
{
	struct entropy *entropy = entropy_new("dev:/dev/zero", 32);

	(void)state;
	successes = failures = 0;
	entropy_read(entropy, NULL, count, NULL);
	entropy_read(entropy, NULL, count, NULL);
	assert_int_equal(successes, 2);
	assert_true(entropy_has_more(entropy));
	entropy_free(entropy);
}

static void
outage_is_told_once(void **state)
{
	struct entropy *entropy = entropy_new("dev:/nonexistent/random", 32);

	(void)state;
	successes = failures = 0;
	for (int i = 0; i < 3; i++)
		entropy_read(entropy, NULL, count, NULL);
	assert_int_equal(failures, 3);
	assert_string_equal(fixture_log,
	    "warning: cannot open entropy device /nonexistent/random: No such file or directory\n"
	    "exiting to reopen external entropy source dev:/nonexistent/random\n");
	entropy_free(entropy);
}

static void
file_is_read_once(void **state)
{
	struct entropy *entropy = entropy_new("/dev/null", 32);

	(void)state;
	successes = failures = 0;
	entropy_read(entropy, NULL, count, NULL);
	assert_int_equal(successes, 1);
	assert_false(entropy_has_more(entropy));
	entropy_free(entropy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    device_is_read_again_and_again, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(outage_is_told_once, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(file_is_read_once, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
