/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "mail/filewatch.h"
#include "util/alloc.h"

/* The same in each: live is a link to a directory, and in it a link that leads to where the file is. */
static const char layout[] =
    "mkdir set archive && ln -s set live && echo 1 >set/plain && echo 1 >archive/1 && "
    "ln -s ../archive/1 set/linked";

static const char *const names[] = { "live/plain", "live/linked", "live/absent" };

static void
on_change(void *context)
{
	++*(int *)context;
}

static void
changes_are_seen(void **state)
{
	static const struct {
		const char *change;
		bool seen;
	} cases[] = {
		{ "echo 2 >live/plain", true },
		{ "echo 2 >new && mv new live/plain", true },
		{ "rm live/plain", true },
		{ "echo 2 >archive/1", true },
		{ "echo 2 >archive/2 && ln -sfn ../archive/2 set/new && mv -T set/new set/linked", true },
		{ "mkdir other && ln -sfn other new && mv -T new live", true },
		{ "echo 2 >live/absent", true },
		{ "echo 2 >live/unrelated", false },
		{ "cat live/plain >/dev/null", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct event_base *base = event_base_new();
		char directory[] = "/tmp/test-filewatch.XXXXXX";
		int changes = 0;

		assert_non_null(mkdtemp(directory));
		assert_int_equal(chdir(directory), 0);
		assert_int_equal(system(layout), 0);

		struct filewatch *watch = filewatch_new(base, names, COUNT(names), on_change, &changes);

		assert_int_equal(system(cases[i].change), 0);
		event_base_loop(base, EVLOOP_NONBLOCK);
		CASE_IS((changes > 0) == cases[i].seen, cases[i].change);
		filewatch_free(watch);
		event_base_free(base);

		char *command = alloc_printf("rm -rf '%s'", directory);

		assert_int_equal(system(command), 0);
		free(command);
	}
	assert_int_equal(chdir("/"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
