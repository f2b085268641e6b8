/* SPDX-License-Identifier: ISC */
#include "master/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/environment.h"
#include "mail/maillog.h"
#include "mail/mastercf.h"
#include "master/listener.h"
#include "master/master_settings.h"
#include "util/alloc.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/text.h"

/* Options master adds: -l or -z, -n NAME, -t TYPE, -d, -v, -u, -c, -o stress, -s N. */
enum { ADDED_LIMIT = 14 };

/* What the daemon is called with, NULL behind the last. */
static char **
arguments_of(const struct spawn_request *request)
{
	const struct mastercf_entry *entry = request->entry;
	const struct master_settings *settings = request->settings;
	char **arguments = alloc_array(1 + ADDED_LIMIT + entry->arg_count + 1, sizeof *arguments);
	size_t n = 0;

	arguments[n++] = alloc_string(entry->command);
	if (entry->process_limit == 1)
		arguments[n++] = alloc_string("-l");
	if (entry->process_limit == 0)
		arguments[n++] = alloc_string("-z");
	if (strcmp(text_basename(entry->command), entry->name) != 0) {
		arguments[n++] = alloc_string("-n");
		arguments[n++] = alloc_string(entry->name);
	}
	arguments[n++] = alloc_string("-t");
	arguments[n++] = alloc_string(mastercf_type_name(entry->type));
	if (settings->not_daemon)
		arguments[n++] = alloc_string("-d");
	if (settings->verbose)
		arguments[n++] = alloc_string("-v");
	if (entry->unprivileged && settings->privileged)
		arguments[n++] = alloc_string("-u");
	if (entry->chroot && settings->privileged)
		arguments[n++] = alloc_string("-c");
	if (request->stress != SPAWN_STRESS_NEVER) {
		arguments[n++] = alloc_string("-o");
		arguments[n++] = alloc_string(request->stress == SPAWN_STRESS_YES ? "stress=yes" : "stress=");
	}
	if (request->listener->count > 1) {
		arguments[n++] = alloc_string("-s");
		arguments[n++] = alloc_printf("%zu", request->listener->count);
	}
	for (size_t i = 0; i < entry->arg_count; i++)
		arguments[n++] = alloc_string(entry->args[i]);
	arguments[n] = NULL;
	return arguments;
}

char *
spawn_path(const struct mastercf_entry *entry, const struct master_settings *settings)
{
	if (entry->command[0] == '/')
		return alloc_string(entry->command);
	return alloc_printf("%s/%s", settings->daemon_directory, entry->command);
}

/* --- in the child --- */

/*
 * Sources are moved out of the way first, because a source may stand where another one has to go. What else
 * is open closes when the daemon is executed.
 */
static int
arrange_descriptors(const struct spawn_request *request)
{
	int count = (int)request->listener->count;
	int above = SPAWN_LISTEN + count;
	int *from = alloc_array((size_t)count + 1, sizeof *from);
	int result = 0;

	from[0] = fcntl(request->status_fd, F_DUPFD_CLOEXEC, above);
	for (int i = 0; i < count; i++)
		from[i + 1] = fcntl(request->listener->fds[i], F_DUPFD_CLOEXEC, above);
	for (int i = 0; i <= count; i++) {
		if (from[i] < 0 || dup2(from[i], SPAWN_STATUS + i) < 0)
			result = -1;
	}
	if (fdio_set_cloexec(SPAWN_FLOW_READ, false) < 0 || fdio_set_cloexec(SPAWN_FLOW_WRITE, false) < 0 ||
	    close_range((unsigned int)above, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		result = -1;
	free(from);
	return result;
}

static void
reset_signals(const sigset_t *mask)
{
	for (int number = 1; number < NSIG; number++) {
		/* Numbers the C library keeps to itself are refused, rightly. */
		if (number != SIGPIPE)
			signal(number, SIG_DFL);
	}
	sigprocmask(SIG_SETMASK, mask, NULL);
}

_Noreturn static void
become_daemon(const struct spawn_request *request, const sigset_t *mask)
{
	char *path = spawn_path(request->entry, request->settings);
	char **arguments = arguments_of(request);
	char generation[32];

	reset_signals(mask);
	snprintf(generation, sizeof generation, "%o", (unsigned int)request->generation);
	environment_set("GENERATION", generation);
	if (arrange_descriptors(request) == 0)
		execv(path, arguments);
	/* The log socket may have stood where a listen socket is now. */
	int code = errno;
	maillog_init("master");
	errno = code;
	log_fatal("master_spawn: exec %s: %m", path);
}

pid_t
spawn_daemon(const struct spawn_request *request)
{
	sigset_t all, before;
	pid_t pid;
	int code;

	/* A handler that ran in the child before the exec would speak for master. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	code = errno;
	if (pid == 0) {
		sigemptyset(&before);
		become_daemon(request, &before);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = code;
	return pid;
}
