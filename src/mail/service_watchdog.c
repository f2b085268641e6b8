/* SPDX-License-Identifier: ISC */
#include "mail/service_watchdog.h"

#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "util/log.h"

enum { RINGS = 3, LAST_WORDS_S = 5 };

static volatile sig_atomic_t unanswered;
static struct event *answer;
static int period_s;

static void
ring(int signal_number)
{
	if (++unanswered < RINGS)
		return;

	/* Logging from here may hang on what the process hangs on; then the default action ends it. */
	signal(signal_number, SIG_DFL);
	alarm(LAST_WORDS_S);
	log_fatal("watchdog timeout");
}

static void
answered(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	unanswered = 0;
}

void
service_watchdog_alarm(void)
{
	struct itimerval every = { { period_s, 0 }, { period_s, 0 } };

	unanswered = 0;
	if (setitimer(ITIMER_REAL, &every, NULL) < 0)
		log_fatal("setitimer: %m");
}

void
service_watchdog_start(struct event_base *base, int limit_s)
{
	/* SA_NODEFER: the alarm of last words comes while this handler runs. */
	struct sigaction action = { .sa_handler = ring, .sa_flags = SA_RESTART | SA_NODEFER };

	if (limit_s < RINGS)
		log_panic("watchdog limit of %d s is below %d s", limit_s, RINGS);
	period_s = limit_s / RINGS;

	struct timeval period = { period_s, 0 };
	sigemptyset(&action.sa_mask);
	answer = event_new(base, -1, EV_PERSIST, answered, NULL);
	if (!answer || event_add(answer, &period) < 0 || sigaction(SIGALRM, &action, NULL) < 0)
		log_fatal("cannot start the watchdog");
	service_watchdog_alarm();
}
