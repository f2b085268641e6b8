/* SPDX-License-Identifier: ISC */
#include "master/terminate.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/log.h"

enum { WATCHDOG_S = 1000, LAST_WORD_S = 5 };

static const int orderly[] = { SIGTERM, SIGINT, SIGQUIT };
static const int faults[] = { SIGILL, SIGBUS, SIGSEGV };

/* Ends this process by `number`, whatever stands in the way. */
_Noreturn static void
die_by(int number)
{
	sigset_t mask;

	signal(number, SIG_DFL);
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	raise(number);
	_exit(1);
}

static int
kill_group(void)
{
	/* The group includes this process; it has its own way to go. */
	signal(SIGTERM, SIG_IGN);
	return kill(-getpid(), SIGTERM);
}

static void
on_orderly(evutil_socket_t number, short what, void *context)
{
	const bool *init_mode = context;

	(void)what;
	signal(SIGALRM, SIG_DFL);
	alarm(LAST_WORD_S);
	if (kill_group() < 0 && !(*init_mode && errno == ESRCH))
		log_fatal("master_sigdeath: kill process group: %m");
	log_info("terminating on signal %d", (int)number);
	if (*init_mode)
		_exit(0);
	die_by((int)number);
}

/* Nothing in the process can be trusted any more: only calls that need nothing of it. */
static void
on_fault(int number)
{
	kill_group();
	die_by(number);
}

static void
on_standstill(int number)
{
	(void)number;
	/* If what stands still is the log, the next alarm ends the process. */
	signal(SIGALRM, SIG_DFL);
	alarm(LAST_WORD_S);
	log_fatal("watchdog timeout");
}

static void
on_turn(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	alarm(WATCHDOG_S);
}

void
terminate_init(struct event_base *base, bool init_mode)
{
	static bool in_init_mode;
	const struct timeval interval = { .tv_sec = WATCHDOG_S / 3 };
	struct sigaction action = { .sa_handler = on_fault };
	struct event *turn;

	in_init_mode = init_mode;
	for (size_t i = 0; i < sizeof orderly / sizeof orderly[0]; i++) {
		struct event *event = evsignal_new(base, orderly[i], on_orderly, &in_init_mode);
		if (!event || event_add(event, NULL) < 0)
			log_panic("cannot watch signal %d", orderly[i]);
	}
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		sigaction(faults[i], &action, NULL);
	action.sa_handler = on_standstill;
	/* The next alarm comes while this handler runs. */
	action.sa_flags = SA_NODEFER;
	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, NULL);
	turn = event_new(base, -1, EV_PERSIST, on_turn, NULL);
	if (!turn || event_add(turn, &interval) < 0)
		log_panic("cannot start the watchdog");
	alarm(WATCHDOG_S);
}
