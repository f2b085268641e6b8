/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/scoreboard.h"
#include "util/err.h"

enum { NOW, EVER = SCOREBOARD_GAUGES, LAST = SCOREBOARD_COUNTERS - 1 };

struct world {
	char directory[64];
	char path[96];
	int pipe[2]; /* a child says that it is done */
};

static int
set_up(void **state)
{
	static struct world world;

	snprintf(world.directory, sizeof world.directory, "/tmp/sealpost-unit.XXXXXX");
	assert_non_null(mkdtemp(world.directory));
	snprintf(world.path, sizeof world.path, "%s/board", world.directory);
	assert_int_equal(pipe(world.pipe), 0);
	*state = &world;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *world = *state;

	(void)unlink(world->path);
	close(world->pipe[0]);
	close(world->pipe[1]);
	return rmdir(world->directory);
}

/* A process with 1 of NOW and `ever` of EVER, which says `text`; it waits to be killed. */
static pid_t
start(struct world *world, int ever, const char *text)
{
	struct err err;
	char done;
	pid_t pid = fork();

	if (pid == 0) {
		struct scoreboard *board = scoreboard_open(world->path, &err);

		scoreboard_add(board, NOW, 1);
		scoreboard_add(board, EVER, ever);
		scoreboard_say(board, text);
		if (!board || write(world->pipe[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(world->pipe[0], &done, 1), 1);
	return pid;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

struct seen {
	int count;
	struct scoreboard_page pages[4];
};

static void
see(const struct scoreboard_page *page, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->count < 4);
	seen->pages[seen->count++] = *page;
}

static void
look(const struct world *world, struct seen *seen)
{
	struct err err;

	memset(seen, 0, sizeof *seen);
	assert_int_equal(scoreboard_read(world->path, see, seen, &err), 0);
}

static void
processes_and_the_past_are_told_apart(void **state)
{
	struct world *world = *state;
	struct seen seen;
	pid_t first = start(world, 3, "first"), second = start(world, 4, "second");

	look(world, &seen);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.pages[0].pid, 0);
	assert_int_equal(seen.pages[0].counters[EVER], 0);
	assert_int_equal(seen.pages[1].pid, first);
	assert_int_equal(seen.pages[1].counters[EVER], 3);
	assert_string_equal(seen.pages[1].text, "first");
	assert_int_equal(seen.pages[2].pid, second);
	assert_string_equal(seen.pages[2].text, "second");
	end(first);
	look(world, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.pages[0].counters[EVER], 3);
	assert_int_equal(seen.pages[0].counters[NOW], 0);
	assert_int_equal(seen.pages[1].pid, second);
	end(second);
}

static void
a_page_is_taken_again(void **state)
{
	struct world *world = *state;
	struct seen seen;

	end(start(world, 3, "first"));
	pid_t second = start(world, 4, "second");
	look(world, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.pages[0].counters[EVER], 3);
	assert_int_equal(seen.pages[0].counters[NOW], 0);
	assert_int_equal(seen.pages[1].counters[EVER], 4);
	assert_int_equal(seen.pages[1].counters[NOW], 1);
	end(second);
}

static void
who_closes_it_leaves_its_counts(void **state)
{
	struct world *world = *state;
	struct seen seen;
	struct err err;
	struct scoreboard *board = scoreboard_open(world->path, &err);

	assert_non_null(board);
	scoreboard_add(board, LAST, 5);
	scoreboard_add(board, LAST, -2);
	scoreboard_close(board);
	look(world, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.pages[0].counters[LAST], 3);
	assert_true(seen.pages[0].since > 0);
	scoreboard_add(NULL, LAST, 1);
	scoreboard_say(NULL, "");
	scoreboard_close(NULL);
}

static void
a_long_text_is_cut(void **state)
{
	struct world *world = *state;
	struct seen seen;
	char text[2 * SCOREBOARD_TEXT_SIZE];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	pid_t pid = start(world, 0, text);
	look(world, &seen);
	assert_int_equal(strlen(seen.pages[1].text), SCOREBOARD_TEXT_SIZE - 1);
	end(pid);
}

static void
what_is_no_such_file_is_refused(void **state)
{
	struct world *world = *state;
	struct seen seen = { 0 };
	struct err err;

	assert_int_equal(scoreboard_read(world->path, see, &seen, &err), -1);
	assert_int_equal(scoreboard_read(world->directory, see, &seen, &err), -1);
	assert_null(scoreboard_open(world->directory, &err));
	assert_int_equal(symlink("/dev/null", world->path), 0);
	assert_null(scoreboard_open(world->path, &err));
	assert_int_equal(unlink(world->path), 0);
	close(open(world->path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(scoreboard_read(world->path, see, &seen, &err), -1);
	assert_int_equal(truncate(world->path, 4096), 0);
	assert_int_equal(scoreboard_read(world->path, see, &seen, &err), -1);
	assert_int_equal(seen.count, 0);
}

static void
a_shorter_file_is_made_whole(void **state)
{
	struct world *world = *state;
	struct stat st;

	close(open(world->path, O_WRONLY | O_CREAT, 0600));
	end(start(world, 1, ""));
	assert_int_equal(stat(world->path, &st), 0);
	assert_int_equal(st.st_size, 1024 * 1024);
	assert_true(st.st_blocks >= 2048);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* As a program drains: the parent ends, the child goes on. */
static void
who_goes_on_as_a_child_keeps_the_page(void **state)
{
	struct world *world = *state;
	struct seen seen;
	struct err err;
	int go_on[2];
	char done;

	assert_int_equal(pipe(go_on), 0);
	pid_t first = fork();
	if (first == 0) {
		struct scoreboard *board = scoreboard_open(world->path, &err);

		scoreboard_add(board, NOW, 2);
		if (fork() > 0)
			_exit(0);
		for (int i = 0; i < 2; i++) {
			if (read(go_on[0], &done, 1) != 1)
				_exit(1);
			scoreboard_add(board, NOW, -1);
			if (i == 1)
				scoreboard_close(board);
			if (write(world->pipe[1], "x", 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(first, NULL, 0), first);

	pid_t second = start(world, 1, "second");

	assert_int_equal(write(go_on[1], "x", 1), 1);
	assert_int_equal(read(world->pipe[0], &done, 1), 1);
	look(world, &seen);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.pages[1].counters[NOW], 1);
	assert_int_equal(seen.pages[2].pid, second);
	assert_int_equal(seen.pages[2].counters[NOW], 1);
	assert_int_equal(write(go_on[1], "x", 1), 1);
	assert_int_equal(read(world->pipe[0], &done, 1), 1);
	look(world, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.pages[1].pid, second);
	end(second);
	close(go_on[0]);
	close(go_on[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(processes_and_the_past_are_told_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_page_is_taken_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_goes_on_as_a_child_keeps_the_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_closes_it_leaves_its_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_long_text_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_such_file_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_shorter_file_is_made_whole, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
