/* SPDX-License-Identifier: ISC */
#include "postfix/control.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mail/maillog_file.h"
#include "mail/mastercf.h"
#include "mail/pidfile.h"
#include "postfix/directories.h"
#include "postfix/instance.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

enum { STOP_ROUNDS = 5, LOOKS_A_ROUND = 20, LOOK_MS = 50 };

static bool
is_running(pid_t *pid)
{
	struct err err;
	int held = pidfile_holder(PIDFILE_MASTER, pid, &err);

	if (held < 0)
		log_fatal("%s", err.text);
	return held > 0;
}

/* The process id, which counts only while the lock is held. */
static pid_t
running_pid(void)
{
	pid_t pid = 0;

	if (!is_running(&pid))
		log_fatal("the Postfix mail system is not running");
	if (pid <= 0)
		log_fatal("no process ID in %s", PIDFILE_MASTER);
	return pid;
}

static void
send_signal(pid_t pid, int number)
{
	if (kill(pid, number) < 0 && errno != ESRCH)
		log_fatal("kill %ld: %m", (long)pid);
}

int
control_run(const char *path, char *const arguments[])
{
	int status;
	pid_t pid = fork();

	if (pid < 0) {
		log_error("fork: %m");
		return -1;
	}
	if (pid == 0) {
		execvp(path, arguments);
		log_error("%s: %m", path);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A service without a program is heard of when its first client comes, and only in the log. */
static void
check_programs(const struct instance *instance, const struct mastercf *mastercf)
{
	for (size_t i = 0; i < mastercf_count(mastercf); i++) {
		const struct mastercf_entry *entry = mastercf_entry(mastercf, i);
		char *path = *entry->command == '/'
				 ? alloc_string(entry->command)
				 : alloc_printf("%s/%s", instance->daemon_directory, entry->command);

		if (access(path, X_OK) < 0)
			log_warn("%s/master.cf: line %d: the program of service %s: %s: %m",
			    instance->config_directory, entry->line, entry->name, path);
		free(path);
	}
}

/* master.cf as master would read it; ends the command when it would not. */
static void
check_services(const struct instance *instance)
{
	const struct mastercf_options options = {
		.default_process_limit = instance->default_process_limit,
		.disabled = instance->master_service_disable,
		.chroot_default = false,
	};
	struct err err;
	struct mastercf *mastercf = mastercf_load(instance->config_directory, &options, &err);

	if (!mastercf)
		log_fatal("%s", err.text);
	if (*instance->maillog_file &&
	    !mastercf_find(mastercf, instance->postlog_service_name, MASTERCF_UNIX_DGRAM))
		log_fatal("missing '%s' service in master.cf, which maillog_file needs: see postlogd(8)",
		    instance->postlog_service_name);
	check_programs(instance, mastercf);
	mastercf_free(mastercf);
}

/* A log that cannot be opened could not say so. */
static void
check_log(const struct instance *instance)
{
	struct err err;
	mode_t mode;
	int fd;

	if (!*instance->maillog_file)
		return;
	if (maillog_file_mode(instance->cf, &mode, &err) < 0 ||
	    (fd = maillog_file_open(instance->maillog_file, mode, &err)) < 0)
		log_fatal("%s", err.text);
	close(fd);
}

static void
prepare(const struct instance *instance)
{
	directories_check(instance);
	check_services(instance);
	check_log(instance);
}

static char *
master_path(const struct instance *instance)
{
	return alloc_printf("%s/master", instance->daemon_directory);
}

int
control_start(struct instance *instance)
{
	char *path = master_path(instance);
	char *arguments[] = { path, (char[]){ "-w" }, NULL };
	int status;

	if (is_running(NULL))
		log_fatal("the Postfix mail system is already running");
	prepare(instance);
	log_info("starting the Postfix mail system");
	status = control_run(path, arguments);
	free(path);
	if (status != 0)
		log_fatal("mail system startup failed");
	return 0;
}

int
control_start_foreground(struct instance *instance)
{
	char *path = master_path(instance);
	char as_init[] = "-i", foreground[] = "-s";
	char *arguments[] = { path, getpid() == 1 ? as_init : foreground, NULL };

	if (is_running(NULL))
		log_fatal("the Postfix mail system is already running");
	prepare(instance);
	log_info("starting the Postfix mail system");
	execv(path, arguments);
	log_fatal("%s: %m", path);
}

int
control_stop(struct instance *instance)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	pid_t pid = running_pid();

	(void)instance;
	log_info("stopping the Postfix mail system");
	send_signal(pid, SIGTERM);
	for (int round = 0; round < STOP_ROUNDS; round++) {
		for (int look = 0; look < LOOKS_A_ROUND; look++) {
			if (!is_running(NULL))
				return 0;
			nanosleep(&pause, NULL);
		}
		log_info("waiting for the Postfix mail system to terminate");
	}
	log_warn("stopping the Postfix mail system with force");
	/* Master leads the group of all its processes; as process 1 it leads none, and -1 would mean
	 * everybody. */
	send_signal(pid > 1 ? -pid : pid, SIGKILL);
	return 0;
}

int
control_abort(struct instance *instance)
{
	pid_t pid = running_pid();

	(void)instance;
	log_info("aborting the Postfix mail system");
	send_signal(pid, SIGTERM);
	return 0;
}

int
control_reload(struct instance *instance)
{
	pid_t pid = running_pid();

	/* Master ends when it cannot read what it reloads; so what can be judged is judged first. */
	prepare(instance);
	log_info("refreshing the Postfix mail system");
	send_signal(pid, SIGHUP);
	return 0;
}

void
control_refresh_if_running(void)
{
	pid_t pid = 0;

	if (is_running(&pid) && pid > 0)
		send_signal(pid, SIGHUP);
}

int
control_status(struct instance *instance)
{
	pid_t pid = 0;

	(void)instance;
	if (!is_running(&pid)) {
		log_info("the Postfix mail system is not running");
		return 1;
	}
	log_info("the Postfix mail system is running: PID: %ld", (long)pid);
	return 0;
}

int
control_check(struct instance *instance)
{
	prepare(instance);
	return 0;
}
