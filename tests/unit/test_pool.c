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

static void
say(bool available)
{
	const int32_t record[3] = { getpid(), (int32_t)strtoul(getenv("GENERATION"), NULL, 8), available };
	char taken[32], free[32];

	snprintf(taken, sizeof taken, "taken/%ld", (long)getpid());
	snprintf(free, sizeof free, "available/%ld", (long)getpid());
	if (write(SPAWN_STATUS, record, sizeof record) != sizeof record ||
	    (available ? rename(taken, free) : mkdir(taken, 0700)) < 0)
		_exit(1);
}

/* Takes a client and says that it is taken; on SIGUSR1, that it is available. A file named after its
 * process says the same in a directory. */
static int
run_daemon(void)
{
	sigset_t wanted;
	int which;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	if (accept(SPAWN_LISTEN, NULL, NULL) < 0)
		return 1;
	say(false);
	while (sigwait(&wanted, &which) == 0)
		say(true);
	return 1;
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
		       mkdir("taken", 0700) == 0 && mkdir("available", 0700) == 0
		   ? 0
		   : -1;
}

/* How many daemons have said "taken", or "available" since; sends them a signal, if it is not 0. */
static int
count_of(const char *word, int signal)
{
	DIR *directory = opendir(word);
	const struct dirent *entry;
	int count = 0;

	while ((entry = readdir(directory)) != NULL) {
		pid_t pid = (pid_t)atol(entry->d_name);

		if (pid <= 0)
			continue;
		count++;
		if (signal)
			kill(pid, signal);
		if (signal != SIGKILL)
			continue;
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

	count_of("available", SIGKILL);
	count_of("taken", SIGKILL);
	pool_free(w->pool);
	event_base_free(w->base);
	unlink("private/served");
	rmdir("private");
	rmdir("taken");
	rmdir("available");
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

static int
connect_client(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "private/served" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void
wait_for(struct world *w, const char *word, int count, bool master_goes_on)
{
	for (int waited = 0; waited < PATIENCE_MS && count_of(word, 0) < count; waited += LOOK_MS) {
		if (master_goes_on)
			event_base_loop(w->base, EVLOOP_NONBLOCK);
		poll(NULL, 0, LOOK_MS);
	}
	assert_int_equal(count_of(word, 0), count);
}

/* A pool with one process, which has a client; its word lies in the channel. */
static int
start_with_client(struct world *w)
{
	struct err err = { 0 };

	w->pool = pool_new(w->base, &w->settings, new_entry(), &err);
	if (!w->pool)
		fail_msg("%s", err.text);
	pool_start(w->pool);
	int client = connect_client();
	event_base_loop(w->base, EVLOOP_ONCE);
	wait_for(w, "taken", 1, false);
	return client;
}

static void
a_process_taken_just_before_a_reload_does_not_count_as_free(void **state)
{
	struct world *w = *state;
	int client = start_with_client(w), next;

	pool_reload(w->pool, new_entry());
	next = connect_client();
	wait_for(w, "taken", 2, true);
	close(client);
	close(next);
}

static void
a_client_that_comes_before_the_word_available_starts_no_process(void **state)
{
	struct world *w = *state;
	int client = start_with_client(w), next;

	event_base_loop(w->base, EVLOOP_ONCE);     /* taken: master looks for clients */
	event_base_loop(w->base, EVLOOP_NONBLOCK); /* and finds none; what is first now comes first */
	next = connect_client();
	count_of("taken", SIGUSR1);
	wait_for(w, "available", 1, false);
	for (int n = 0; n < 5; n++)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
	count_of("available", SIGKILL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(client);
	close(next);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_process_taken_just_before_a_reload_does_not_count_as_free, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_client_that_comes_before_the_word_available_starts_no_process, setup, teardown),
	};

	return getenv(DAEMON) ? run_daemon() : cmocka_run_group_tests(tests, NULL, NULL);
}
