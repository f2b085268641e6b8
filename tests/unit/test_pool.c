/* SPDX-License-Identifier: ISC */
/* pool: with a daemon that is this program, started again by master's code. */
#include "cmocka_all.h"

#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/mastercf.h"
#include "master/master_settings.h"
#include "master/pool.h"
#include "master/spawn.h"
#include "self_path.h"
#include "util/err.h"

#define DAEMON "TEST_POOL_DAEMON"

enum { PATIENCE_MS = 20000, LOOK_MS = 5 };

struct world {
	char dir[32];
	int old_directory;
	int flow[2]; /* daemons inherit descriptors 3 and 4, whatever they are */
	struct event_base *base;
	struct master_settings settings;
	struct pool *pool;
};

/* Says that it is taken, leaves a file named after its process, and serves for ever. */
static int
run_daemon(void)
{
	const int32_t record[3] = { getpid(), (int32_t)strtoul(getenv("GENERATION"), NULL, 8), 0 };
	char name[32];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(name, sizeof name, "taken/%ld", (long)getpid());
	if (write(SPAWN_STATUS, record, sizeof record) != sizeof record || mkdir(name, 0700) < 0)
		return 1;
	for (;;)
		pause();
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	strcpy(w->dir, "/tmp/test_pool.XXXXXX");
	w->old_directory = open(".", O_PATH | O_CLOEXEC);
	w->settings = (struct master_settings){ .owner_uid = geteuid(),
		.owner_gid = getegid(),
		.default_process_limit = 2,
		.service_throttle_time_s = 60 };
	*state = w;
	if (pipe2(w->flow, O_CLOEXEC) < 0 || setenv(DAEMON, "yes", 1) < 0)
		return -1;
	w->base = event_base_new();
	return mkdtemp(w->dir) && chdir(w->dir) == 0 && mkdir("private", 0700) == 0 &&
		       mkdir("taken", 0700) == 0
		   ? 0
		   : -1;
}

/* How many daemons have said that they are taken; ends them if asked to. */
static int
count_taken(bool end)
{
	DIR *directory = opendir("taken");
	const struct dirent *entry;
	int count = 0;

	while ((entry = readdir(directory)) != NULL) {
		pid_t pid = (pid_t)atol(entry->d_name);

		if (pid <= 0)
			continue;
		count++;
		if (!end)
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	}
	closedir(directory);
	return count;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	count_taken(true);
	pool_free(w->pool);
	event_base_free(w->base);
	unlink("private/served");
	rmdir("private");
	rmdir("taken");
	close(w->flow[0]);
	close(w->flow[1]);
	if (fchdir(w->old_directory) < 0)
		return -1;
	close(w->old_directory);
	rmdir(w->dir);
	free(w);
	return 0;
}

static struct mastercf_entry *
new_entry(void)
{
	const struct mastercf_options options = { .default_process_limit = 2, .disabled = "" };
	struct err err = { 0 };
	char line[4200];

	snprintf(line, sizeof line, "served unix - - n - 2 %s\n", self_path());
	struct mastercf *mastercf = mastercf_parse("master.cf", line, strlen(line), &options, &err);
	if (!mastercf)
		fail_msg("%s", err.text);
	struct mastercf_entry *entry = mastercf_take(mastercf, 0);
	mastercf_free(mastercf);
	return entry;
}

/* Nobody accepts it. */
static int
connect_client(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "private/served" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void
wait_for_taken(struct world *w, int count, bool master_goes_on)
{
	for (int waited = 0; waited < PATIENCE_MS && count_taken(false) < count; waited += LOOK_MS) {
		if (master_goes_on)
			event_base_loop(w->base, EVLOOP_NONBLOCK);
		poll(NULL, 0, LOOK_MS);
	}
	assert_int_equal(count_taken(false), count);
}

static void
a_process_taken_just_before_a_reload_does_not_count_as_free(void **state)
{
	struct world *w = *state;
	struct err err = { 0 };

	w->pool = pool_new(w->base, &w->settings, new_entry(), &err);
	if (!w->pool)
		fail_msg("%s", err.text);
	pool_start(w->pool);

	int client = connect_client();
	event_base_loop(w->base, EVLOOP_ONCE);
	wait_for_taken(w, 1, false); /* its word lies in the channel */
	pool_reload(w->pool, new_entry());
	wait_for_taken(w, 2, true);
	close(client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_process_taken_just_before_a_reload_does_not_count_as_free, setup, teardown),
	};

	return getenv(DAEMON) ? run_daemon() : cmocka_run_group_tests(tests, NULL, NULL);
}
