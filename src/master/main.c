/* SPDX-License-Identifier: ISC */
/*
 * master: starts the daemons of master.cf when there is work for them.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/environment.h"
#include "mail/maillog.h"
#include "mail/maincf.h"
#include "mail/param.h"
#include "mail/pidfile.h"
#include "master/master_settings.h"
#include "master/roster.h"
#include "master/spawn.h"
#include "master/terminate.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/text.h"

enum { WAIT_LIMIT_MS = 100 * 1000, EXIT_TIME_MAX = 100000000 };

static struct master {
	const char *program; /* argv[0] */
	struct maincf *cf;
	struct master_settings settings;
	struct event_base *base;
	struct roster *roster;
	int instance_lock;
	int data_lock;
	int monitor; /* the process that waits for us with -w reads the other end; -1: none */
	bool test, wait, debug, init, keep_stdout;
	int exit_after_s; /* 0: never */
} master = { .instance_lock = -1, .data_lock = -1, .monitor = -1 };

/* --- the process before it knows its configuration --- */

static void
occupy(int lowest, int highest)
{
	for (int fd = lowest; fd <= highest; fd++) {
		int null;

		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		null = open("/dev/null", O_RDWR | (fd > STDERR_FILENO ? O_CLOEXEC : 0));
		/* The lowest free number, which is this one. */
		if (null != fd)
			log_fatal("open /dev/null: %m");
	}
}

/* The descriptors daemons inherit stand at their numbers in master already, so that nothing else takes those.
 */
static void
settle_descriptors(void)
{
	int flow[2];

	occupy(STDIN_FILENO, STDERR_FILENO);
	if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0 || pipe2(flow, O_NONBLOCK | O_CLOEXEC) < 0)
		log_fatal("pipe: %m");
	if (flow[0] != SPAWN_FLOW_READ || flow[1] != SPAWN_FLOW_WRITE)
		log_panic("the flow-control pipe is at %d and %d", flow[0], flow[1]);
	occupy(SPAWN_STATUS, SPAWN_STATUS);
}

static void
redirect_standard(void)
{
	int null;

	if (master.settings.not_daemon)
		return;
	maillog_also_stderr(false);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		log_fatal("open /dev/null: %m");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fd == STDOUT_FILENO && (master.keep_stdout || master.init))
			continue;
		if (dup2(null, fd) < 0)
			log_fatal("redirect standard descriptors: %m");
	}
	close(null);
}

_Noreturn static void
usage(void)
{
	log_fatal("usage: %s [-c config_dir] [-D (debug)] [-d (don't detach from terminal)] [-e exit_time] "
		  "[-t (test)] [-v] [-w (wait for initialization)]",
	    master.program);
}

static void
parse_options(int argc, char **argv)
{
	uint64_t number;
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "c:Dde:istvw")) > 0) {
		switch (option) {
		case 'c':
			environment_set("MAIL_CONFIG", optarg);
			break;
		case 'D':
			master.debug = true;
			break;
		case 'd':
			master.settings.not_daemon = true;
			break;
		case 'e':
			if (!text_number(optarg, EXIT_TIME_MAX, &number) || number == 0)
				usage();
			master.exit_after_s = (int)number;
			break;
		case 'i':
			if (getpid() != 1)
				log_fatal("-i is allowed only for PID 1 process");
			master.init = true;
			break;
		case 's':
			master.keep_stdout = true;
			break;
		case 't':
			master.test = true;
			break;
		case 'v':
			log_verbosity++;
			master.settings.verbose = true;
			break;
		case 'w':
			master.wait = true;
			break;
		default:
			usage();
		}
	}
	if (optind < argc)
		usage();
	if (master.test && master.wait)
		log_fatal("the -t and -w options cannot be used together");
	if (master.init && (master.debug || master.settings.not_daemon || master.wait))
		log_fatal("the -i option cannot be used with -D, -d, or -w");
}

/* --- -w --- */

/* Waits for a byte that says the daemon is initialised; the end of the file says it never will be. */
_Noreturn static void
wait_for_daemon(int from)
{
	struct pollfd poll_fd = { .fd = from, .events = POLLIN };
	char byte;
	int ready;

	do
		ready = poll(&poll_fd, 1, WAIT_LIMIT_MS);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		log_fatal("daemon initialization timeout -- see logs for details");
	if (read(from, &byte, 1) != 1)
		log_fatal("daemon initialization failure -- see logs for details");
	exit(0);
}

static void
leave_monitor_behind(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		log_fatal("pipe: %m");
	pid = fork();
	if (pid < 0)
		log_fatal("fork: %m");
	if (pid > 0) {
		close(ends[1]);
		wait_for_daemon(ends[0]);
	}
	close(ends[0]);
	master.monitor = ends[1];
}

static void
tell_monitor(void)
{
	if (master.monitor < 0)
		return;
	/* One that has given up waiting has said so. */
	if (write(master.monitor, "", 1) < 0)
		log_debug("tell monitor: %m");
	fdio_close(&master.monitor);
}

/* --- configuration --- */

static struct maincf *
read_configuration(struct master_settings *settings, struct err *err)
{
	struct maincf *cf = maincf_new(maincf_directory(), param_default);
	char pid[32];

	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	maincf_set(cf, "process_name", "master");
	maincf_set(cf, "process_id", pid);
	if (maincf_load(cf, err) == 0 && maillog_configure(cf, "master", err) == 0 &&
	    master_settings_load(settings, cf, maincf_directory(), err) == 0)
		return cf;
	maincf_free(cf);
	return NULL;
}

static void
set_environment(void)
{
	char *directory = alloc_string(master.settings.config_directory);
	struct err err;

	if (environment_import(master.settings.import_environment, &err) < 0 ||
	    environment_export(master.cf, directory, &err) < 0)
		log_fatal("%s", err.text);
	free(directory);
}

static bool
differs(const char *name, const char *old, const char *new)
{
	if (strcmp(old, new) == 0)
		return false;
	log_warn("ignoring %s parameter value change", name);
	log_warn("old value: \"%s\", new value: \"%s\"", old, new);
	log_warn("to change %s, stop and start Postfix", name);
	return true;
}

/* What the running sockets and the working directory depend on stays. */
static void
keep_old(struct master_settings *fresh)
{
	struct {
		const char *name;
		char **old, **new;
	} fixed[] = {
		{ "config_directory", &master.settings.config_directory, &fresh->config_directory },
		{ "queue_directory", &master.settings.queue_directory, &fresh->queue_directory },
		{ "inet_protocols", &master.settings.inet_protocols, &fresh->inet_protocols },
	};

	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		if (!differs(fixed[i].name, *fixed[i].old, *fixed[i].new))
			continue;
		free(*fixed[i].new);
		*fixed[i].new = alloc_string(*fixed[i].old);
	}
}

static void
on_reload(evutil_socket_t number, short what, void *context)
{
	struct master_settings fresh = { .not_daemon = master.settings.not_daemon,
		.verbose = master.settings.verbose };
	struct maincf *cf;
	struct err err;
	bool interfaces_changed;

	(void)number;
	(void)what;
	(void)context;
	log_info("reload -- version %s, configuration %s", master.settings.mail_version,
	    master.settings.config_directory);
	cf = read_configuration(&fresh, &err);
	if (!cf)
		log_fatal("%s", err.text);
	keep_old(&fresh);
	interfaces_changed = strcmp(fresh.inet_interfaces, master.settings.inet_interfaces) != 0;
	maincf_free(master.cf);
	master.cf = cf;
	master_settings_release(&master.settings);
	master.settings = fresh;
	set_environment();
	if (roster_load(master.roster, interfaces_changed, &err) < 0)
		log_fatal("%s", err.text);
}

/* --- start --- */

static void
lock_data_directory(struct err *err)
{
	char *path = alloc_printf("%s/master.lock", master.settings.data_directory);

	master_settings_become_owner(&master.settings);
	master.data_lock = pidfile_lock(path, err);
	master_settings_become_root(&master.settings);
	if (master.data_lock < 0 || pidfile_write(master.data_lock, getpid(), err) < 0)
		log_fatal("%s", err->text);
	free(path);
}

static void
take_locks(void)
{
	struct err err;

	if (chdir(master.settings.queue_directory) < 0)
		log_fatal("chdir %s: %m", master.settings.queue_directory);
	if (master.test) {
		int held = pidfile_holder(PIDFILE_MASTER, NULL, &err);
		if (held < 0)
			log_fatal("%s", err.text);
		exit(held);
	}
	master.instance_lock = pidfile_lock(PIDFILE_MASTER, &err);
	if (master.instance_lock < 0 || pidfile_write(master.instance_lock, getpid(), &err) < 0)
		log_fatal("%s", err.text);
	lock_data_directory(&err);
}

static void
on_child(evutil_socket_t number, short what, void *context)
{
	(void)number;
	(void)what;
	(void)context;
	roster_reap(master.roster);
}

static void
on_exit_time(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	log_info("master exit time has arrived");
	exit(0);
}

static void
watch_signal(int number, event_callback_fn function)
{
	struct event *event = evsignal_new(master.base, number, function, NULL);

	if (!event || event_add(event, NULL) < 0)
		log_panic("cannot watch signal %d", number);
}

static void
watch_signals(void)
{
	const struct timeval left = { .tv_sec = master.exit_after_s };

	signal(SIGPIPE, SIG_IGN);
	watch_signal(SIGHUP, on_reload);
	watch_signal(SIGCHLD, on_child);
	terminate_init(master.base, master.init);
	if (master.exit_after_s &&
	    event_base_once(master.base, -1, EV_TIMEOUT, on_exit_time, NULL, &left) < 0)
		log_panic("cannot watch the exit time");
}

static void
run_debugger(void)
{
	if (!*master.settings.debugger_command)
		log_fatal("no %s variable set up", "debugger_command");
	if (system(master.settings.debugger_command) != 0)
		log_warn("debugger command failed: %s", master.settings.debugger_command);
}

int
main(int argc, char **argv)
{
	struct err err;

	master.program = argv[0];
	umask(077);
	settle_descriptors();
	maillog_allow_file(true);
	maillog_init("master");
	/* Until the daemon has started: whoever started it wants to know why it did not. */
	maillog_also_stderr(true);
	if (geteuid() != getuid())
		log_fatal("the master command must not run as a set-uid process");
	parse_options(argc, argv);
	if (getenv("MAIL_DEBUG"))
		master.debug = true;
	if (master.wait)
		leave_monitor_behind();
	/* Fails only for the leader of a process group, which has the group that is needed. */
	if (!master.debug && !master.init && !master.settings.not_daemon && !master.test)
		setsid();
	master.cf = read_configuration(&master.settings, &err);
	if (!master.cf)
		log_fatal("%s", err.text);
	set_environment();
	take_locks();
	if (master.debug)
		run_debugger();
	master.base = event_base_new();
	if (!master.base)
		log_fatal("event_base_new: %m");
	watch_signals();
	master.roster = roster_new(master.base, &master.settings);
	if (roster_load(master.roster, false, &err) < 0) {
		/* With the log socket closed again, the reason goes to the log file itself. */
		roster_free(master.roster);
		log_fatal("%s", err.text);
	}
	redirect_standard();
	log_info("daemon started -- version %s, configuration %s", master.settings.mail_version,
	    master.settings.config_directory);
	tell_monitor();
	event_base_dispatch(master.base);
	log_panic("the event loop has ended");
}
