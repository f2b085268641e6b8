/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/confine.h"

/* A directory with "inside", a directory with "file", and "outside", a file. */
struct world {
	char path[64];
	int top, inside; /* descriptors that do not read, as a jailed process keeps them */
};

enum { NOT_POSSIBLE = 77 };

static void
make_file(int directory, const char *name)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static int
set_up(void **state)
{
	static struct world world;

	snprintf(world.path, sizeof world.path, "/tmp/sealpost-confine.XXXXXX");
	assert_non_null(mkdtemp(world.path));
	world.top = open(world.path, O_PATH | O_DIRECTORY);
	assert_int_equal(mkdirat(world.top, "inside", 0700), 0);
	world.inside = openat(world.top, "inside", O_PATH | O_DIRECTORY);
	make_file(world.top, "outside");
	make_file(world.inside, "file");
	*state = &world;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *world = *state;

	(void)unlinkat(world->inside, "file", 0);
	(void)unlinkat(world->inside, "new", 0);
	(void)unlinkat(world->top, "outside", 0);
	(void)unlinkat(world->top, "inside", AT_REMOVEDIR);
	close(world->inside);
	close(world->top);
	return rmdir(world->path);
}

/* The rules are for good, so for a child. `act` returns what its exit status is to be. */
static void
confined(struct world *world, uint64_t what, int (*act)(const struct world *world))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const int directories[] = { -1, world->inside };

		if (confine(what, directories, 2) < 0)
			_exit(errno == ENOSYS || errno == EOPNOTSUPP ? NOT_POSSIBLE : 2);
		_exit(act(world));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_POSSIBLE)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* 0: what is asked for; else the number of the step. */
static int
leave_and_return(const struct world *world)
{
	if (openat(world->top, "outside", O_RDONLY) >= 0 || errno != EACCES)
		return 3;
	if (openat(world->inside, "../outside", O_WRONLY) >= 0 || errno != EACCES)
		return 4;
	if (unlinkat(world->inside, "../outside", 0) == 0 || errno != EACCES)
		return 5;
	if (openat(world->inside, "file", O_RDWR) < 0)
		return 6;
	if (openat(world->inside, "new", O_RDWR | O_CREAT | O_EXCL, 0600) < 0)
		return 7;
	return unlinkat(world->inside, "new", 0) == 0 ? 0 : 8;
}

static int
read_only(const struct world *world)
{
	if (openat(world->top, "outside", O_RDONLY) < 0)
		return 3;
	return openat(world->top, "outside", O_WRONLY) < 0 && errno == EACCES ? 0 : 4;
}

static void
a_directory_that_is_left_leads_to_no_other(void **state)
{
	confined(*state, confine_everything, leave_and_return);
}

static void
reading_can_stay(void **state)
{
	confined(*state, confine_changes, read_only);
}

static void
a_descriptor_that_is_none_forbids_nothing(void **state)
{
	const struct world *world = *state;
	const int directories[] = { 9999 };

	assert_int_equal(confine(confine_everything, directories, 1), -1);
	int fd = openat(world->top, "outside", O_WRONLY);
	assert_true(fd >= 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_that_is_left_leads_to_no_other),
		cmocka_unit_test(reading_can_stay),
		cmocka_unit_test(a_descriptor_that_is_none_forbids_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
