/* SPDX-License-Identifier: ISC */
/*
 * postfix: the command that controls the system.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/environment.h"
#include "mail/maillog.h"
#include "postfix/control.h"
#include "postfix/directories.h"
#include "postfix/instance.h"
#include "postfix/logrotate.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

enum { STATUS_UNAVAILABLE = 69 };

#define LAST_LEVEL "3.6" /* the newest compatibility level of the release whose behaviour this is */

static int
flush(struct instance *instance)
{
	(void)instance;
	log_set_fatal(STATUS_UNAVAILABLE, 1);
	log_fatal("cannot flush the mail queue: this system has no queue manager");
}

static const struct command {
	const char *name;
	int (*run)(struct instance *instance);
	bool creates; /* may make directories that are missing */
} commands[] = {
	{ "start", control_start, true },
	{ "start-fg", control_start_foreground, true },
	{ "stop", control_stop, false },
	{ "abort", control_abort, false },
	{ "reload", control_reload, true },
	{ "status", control_status, false },
	{ "check", control_check, true },
	{ "flush", flush, false },
	{ "logrotate", logrotate, false },
};

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static void
open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < STDERR_FILENO);
	if (fd < 0)
		_exit(1);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void
parse_options(int argc, char **argv)
{
	int option;

	opterr = 0;
	/* +: what follows the command belongs to it. */
	while ((option = getopt(argc, argv, "+c:Dv")) > 0) {
		switch (option) {
		case 'c':
			if (*optarg != '/')
				log_fatal("-c requires absolute pathname");
			environment_set("MAIL_CONFIG", optarg);
			break;
		case 'D':
			environment_set("MAIL_DEBUG", "");
			break;
		case 'v':
			log_verbosity++;
			break;
		default:
			log_fatal("usage: %s [-c config_dir] [-Dv] command", argv[0]);
		}
	}
	if (optind >= argc)
		log_fatal("usage: %s [-c config_dir] [-Dv] command", argv[0]);
}

/* Repeats the command for all instances by way of the wrapper. */
_Noreturn static void
run_wrapper(const struct instance *instance, int argc, char **argv)
{
	const char *at = instance->multi_instance_wrapper;
	char **arguments = alloc_array(strlen(at) / 2 + (size_t)argc + 2, sizeof *arguments);
	const char *word;
	size_t count = 0, len;

	while ((word = text_token(&at, TEXT_LIST_SEPARATORS, &len)) != NULL)
		arguments[count++] = alloc_string_n(word, len);
	if (count == 0)
		log_fatal("multi-instance support is requested, but multi_instance_wrapper is empty");
	for (int i = 1; i < argc; i++)
		arguments[count++] = argv[i];
	execvp(arguments[0], arguments);
	log_fatal("%s: %m", arguments[0]);
}

static void
remind_of_level(const struct instance *instance)
{
	if (!instance_level_below(instance, LAST_LEVEL))
		return;
	log_info("Postfix is using backwards-compatible default settings");
	log_info("See http://www.postfix.org/COMPATIBILITY_README.html for details");
	log_info("To disable backwards compatibility use \"postconf compatibility_level=%s\" and "
		 "\"postfix reload\"",
	    LAST_LEVEL);
}

static void
enter(const char *directory)
{
	if (chdir(directory) < 0)
		log_fatal("chdir(%s): %m", directory);
}

_Noreturn static void
run_tls(const struct instance *instance, char **arguments)
{
	char *path = alloc_printf("%s/postfix-tls-script", instance->daemon_directory);

	signal(SIGHUP, SIG_IGN);
	arguments[0] = path;
	execv(path, arguments);
	log_fatal("%s: %m", path);
}

static int
run(struct instance *instance, char **arguments)
{
	const struct command *command = find_command(arguments[0]);
	struct err err;

	enter(instance->command_directory);
	enter(instance->daemon_directory);
	if (command && command->creates && directories_create(instance, &err) < 0)
		log_fatal("%s", err.text);
	enter(instance->queue_directory);
	if (strcmp(arguments[0], "tls") == 0)
		run_tls(instance, arguments);
	/* Scripts that watch the log know these messages by the name of the program that once wrote them. */
	if (maillog_configure(instance->cf, "postfix-script", &err) < 0)
		log_fatal("%s", err.text);
	if (command)
		return command->run(instance);
	log_fatal("unknown command: '%s'. Usage: postfix start (or start-fg, stop, reload, abort, flush, "
		  "check, status, logrotate, tls)",
	    arguments[0]);
}

int
main(int argc, char **argv)
{
	struct instance instance;
	struct err err;
	bool one_instance;
	int status;

	umask(022);
	open_standard();
	maillog_allow_file(true);
	maillog_init("postfix");
	maillog_also_stderr(true);
	if (getuid() != geteuid() || getgid() != getegid())
		log_fatal("the postfix command must not run as a set-uid process");
	parse_options(argc, argv);
	one_instance = getenv("MAIL_CONFIG") != NULL;
	if (instance_load(&instance, &err) < 0 || maillog_configure(instance.cf, "postfix", &err) < 0)
		log_fatal("%s", err.text);
	if (!one_instance && *instance.multi_instance_directories)
		run_wrapper(&instance, argc, argv);
	remind_of_level(&instance);
	if (instance_export(&instance, &err) < 0)
		log_fatal("%s", err.text);
	status = run(&instance, argv + optind);
	instance_release(&instance);
	return status;
}
