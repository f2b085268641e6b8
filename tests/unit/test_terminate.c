/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master/terminate.h"
#include "util/log.h"

enum { STATUS_HANGS = 99 };

/* Stands for a log that hangs until the alarm comes. */
static void
wait_for_alarm(enum log_level level, const char *text, void *context)
{
	(void)level;
	(void)text;
	(void)context;
	raise(SIGALRM);
	_exit(STATUS_HANGS);
}

/* What the child is told of when the event loop has stood still. */
static int
status_after_standstill(void)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		log_set_sink(wait_for_alarm, NULL);
		terminate_init(event_base_new(), false);
		raise(SIGALRM);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
a_log_that_hangs_does_not_keep_master_from_ending(void **state)
{
	int status = status_after_standstill();

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGALRM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_that_hangs_does_not_keep_master_from_ending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
