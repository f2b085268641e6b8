/* SPDX-License-Identifier: ISC */
#include "mail/service.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/maillog.h"
#include "mail/maillog_gather.h"
#include "mail/maincf.h"
#include "mail/param.h"
#include "mail/service_args.h"
#include "mail/service_inherit.h"
#include "mail/service_jail.h"
#include "mail/service_pass.h"
#include "mail/service_status.h"
#include "mail/service_stdio.h"
#include "mail/service_watchdog.h"
#include "mail/timer.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/now.h"
#include "util/text.h"

enum {
	ACCEPTS_PER_WAKEUP = 16,
	FEW_CLIENTS = 4,
	ACCEPT_PAUSE_MS = 1000,
	QUIET_MS = 100,
	RETIRE_MAX_S = 18000,
	FORK_TRIES = 5,
};

struct settings {
	char *mail_owner;
	char *queue_directory;
	char *debugger_command;
	int max_idle_s;
	int max_use;
	int watchdog_s;
};

struct service {
	const struct service_program *program; /* borrowed from the caller of service_main() */
	struct service_args args;
	struct settings settings;
	struct param rows[7];
	struct maincf *cf; /* owned */
	struct event_base *base;
	struct event **listeners; /* args.socket_count of them */
	struct event *status_event;
	int64_t quiet_ms; /* until when master is not told of use */
	struct timer *idle, *retire, *pause;
	uint32_t generation;
	bool is_root;
	struct service_jail_owner owner; /* if it is */
	int stdio_fd;                    /* the client of -S */

	int clients; /* now */
	int uses;    /* ever */
	bool never_retires;
	bool held; /* for the time being */
	bool draining;
	bool said_full; /* that connections have to wait; until all were accepted */

	/* What the loop does when it has left the callbacks. */
	bool want_drain, want_exit;
};

/* --- what programs ask --- */

struct event_base *
service_base(struct service *service)
{
	return service->base;
}

struct maincf *
service_maincf(struct service *service)
{
	return service->cf;
}

const char *
service_name(const struct service *service)
{
	return service->args.service_name;
}

bool
service_is_jailed(const struct service *service)
{
	return service->is_root && service->args.jail;
}

const char *
service_mail_owner(const struct service *service)
{
	return service->settings.mail_owner;
}

bool
service_is_stand_alone(const struct service *service)
{
	return service->args.stand_alone;
}

bool
service_is_draining(const struct service *service)
{
	return service->draining;
}

void
service_become_owner(struct service *service)
{
	if (service->is_root)
		service_jail_become(&service->owner);
}

void
service_become_root(struct service *service)
{
	if (service->is_root)
		service_jail_become_root();
}

/* --- the end --- */

static void
leave(struct service *service)
{
	service->want_exit = true;
	event_base_loopbreak(service->base);
}

/* Master wants this process to go, or it has become old. */
static void
go_away(struct service *service)
{
	if (service->draining || service->want_exit)
		return;
	if (service->program->kind != SERVICE_EVENTS || service->clients == 0) {
		leave(service);
		return;
	}
	service->want_drain = true;
	event_base_loopbreak(service->base);
}

static bool
may_retire(const struct service *service)
{
	return !service->never_retires && !service->held && !service->args.stand_alone;
}

static void
on_idle(void *context)
{
	if (may_retire(context))
		leave(context);
}

static void
on_retire(void *context)
{
	struct service *service = context;

	if (may_retire(service))
		go_away(service);
	else
		timer_start(service->retire, (int64_t)service->settings.max_idle_s * 1000);
}

static void
start_idle_timer(struct service *service)
{
	if (may_retire(service) && service->settings.max_idle_s > 0)
		timer_start(service->idle, (int64_t)service->settings.max_idle_s * 1000);
}

static void
start_retire_timer(struct service *service)
{
	int64_t after_s = (int64_t)service->settings.max_idle_s * service->settings.max_use;

	if (!may_retire(service) || service->program->kind != SERVICE_EVENTS)
		return;
	if (after_s <= 0 || after_s > RETIRE_MAX_S)
		after_s = RETIRE_MAX_S;
	if (service->args.retire_s > 0 && service->args.retire_s < INT32_MAX / 1000)
		after_s = service->args.retire_s;
	timer_start(service->retire, after_s * 1000);
}

void
service_hold(struct service *service, bool on)
{
	service->held = on;
	if (service->clients == 0)
		start_idle_timer(service);
}

void
service_never_retire(struct service *service)
{
	service->never_retires = true;
	timer_stop(service->idle);
	timer_stop(service->retire);
}

/* --- status --- */

/* Both words at once, and not each time: a word to master costs as much as a request, and who waits for
 * master between the two makes all clients wait. */
void
service_used(struct service *service)
{
	if (service->args.stand_alone || service->draining || now_ms() < service->quiet_ms)
		return;
	service->quiet_ms = now_ms() + QUIET_MS;
	if (service_status_send_used(SERVICE_STATUS_FD, service->generation) < 0)
		go_away(service);
}

static void
on_status(evutil_socket_t fd, short what, void *context)
{
	(void)what;
	if (service_status_is_over(fd))
		go_away(context);
}

/* --- clients --- */

static void
refuse_words(const struct service *service)
{
	if (service->args.first_word)
		log_fatal("unexpected command-line argument: %s", service->args.first_word);
}

static void
start_client(struct service *service, int fd)
{
	service->clients++;
	service->uses++;
	timer_stop(service->idle);
	refuse_words(service);
	/* First: master throttles a service whose process ends before it was available again. */
	service_used(service);
	service->program->client(service, fd);
}

void
service_client_gone(struct service *service)
{
	if (service->clients <= 0)
		log_panic("service_client_gone: no client");
	if (timer_is_running(service->pause))
		timer_start(service->pause, 0); /* its descriptor is for one that waits */
	if (--service->clients > 0)
		return;
	if (service->draining || service->args.stand_alone ||
	    (may_retire(service) && service->settings.max_use > 0 &&
		service->uses >= service->settings.max_use))
		leave(service);
	else
		start_idle_timer(service);
}

/* Out of descriptors or memory: without a pause the loop would do nothing but ask again. */
static void
pause_accept(struct service *service)
{
	for (int i = 0; i < service->args.socket_count; i++)
		event_del(service->listeners[i]);
	timer_start(service->pause, ACCEPT_PAUSE_MS);
}

static void
listen_again(void *context)
{
	struct service *service = context;

	for (int i = 0; i < service->args.socket_count && !service->draining; i++)
		if (event_add(service->listeners[i], NULL) < 0)
			log_fatal("cannot watch descriptor %d", SERVICE_INHERIT_LISTEN_FD + i);
}

static void
on_passed(void *context, int fd)
{
	start_client(context, fd);
}

static void
on_connection(evutil_socket_t fd, short what, void *context)
{
	struct service *service = context;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_WAKEUP && !service->want_drain && !service->want_exit; i++) {
		int client = service_inherit_accept(fd, &service->said_full);
		if (client == SERVICE_INHERIT_PAUSE)
			pause_accept(service);
		if (client < 0)
			return;
		if (text_equal_nocase(service->args.transport, "pass"))
			service_pass_receive(service->base, client, on_passed, service);
		else
			start_client(service, client);
		/* Who waits is seen in the next turn, and with so few clients that comes at once. */
		if (service->clients <= FEW_CLIENTS)
			return;
	}
}

static void
on_datagram(evutil_socket_t fd, short what, void *context)
{
	struct service *service = context;

	(void)what;
	timer_stop(service->idle);
	service_used(service);
	service->program->client(service, fd);
	start_idle_timer(service);
}

/* --- drain --- */

/* The parent ends, so that master may start a successor; the child serves who is still here. */
static void
drain(struct service *service)
{
	pid_t child = -1;

	maillog_flush();
	for (int tries = 1; (child = fork()) < 0; tries++) {
		if (tries > FORK_TRIES)
			log_fatal("fork: %m");
		log_warn("fork: %m");
		sleep(1);
	}
	if (child > 0)
		_exit(0);

	service->draining = true;
	if (event_reinit(service->base) < 0)
		log_fatal("the event loop did not survive fork()");
	service_watchdog_alarm();
	timer_stop(service->idle);
	timer_stop(service->retire);
	timer_stop(service->pause);
	event_del(service->status_event);
	for (int i = 0; i < service->args.socket_count; i++) {
		event_del(service->listeners[i]);
		if (dup3(STDIN_FILENO, SERVICE_INHERIT_LISTEN_FD + i, O_CLOEXEC) < 0)
			log_fatal("dup3: %m");
	}
}

/* --- start --- */

static void
or_fatal(int result, const struct err *err)
{
	if (result < 0)
		log_fatal("%s", err->text);
}

static void
load_settings(struct service *service)
{
	const char *watchdog = service->program->watchdog_param;
	struct err err;

	/* A limit below three seconds is none: the alarm rings every third of it. */
	const struct param rows[] = {
		{ "mail_owner", PARAM_STRING, offsetof(struct settings, mail_owner), 1, 0 },
		{ "queue_directory", PARAM_STRING, offsetof(struct settings, queue_directory), 1, 0 },
		{ "debugger_command", PARAM_STRING, offsetof(struct settings, debugger_command), 0, 0 },
		{ "max_idle", PARAM_TIME, offsetof(struct settings, max_idle_s), 1, 0 },
		{ "max_use", PARAM_INT, offsetof(struct settings, max_use), 1, 0 },
		{ watchdog ? watchdog : "daemon_timeout", PARAM_TIME, offsetof(struct settings, watchdog_s),
		    watchdog ? 10 : 3, 0 },
		PARAM_END,
	};
	_Static_assert(sizeof rows == sizeof service->rows, "one member a row");
	memcpy(service->rows, rows, sizeof rows);
	or_fatal(param_load(service->cf, service->rows, &service->settings, &err), &err);
	if (service->is_root)
		or_fatal(service_jail_find(&service->owner, service->settings.mail_owner, &err), &err);
}

static const char *
option_string(const struct service_program *program)
{
	switch (program->kind) {
	case SERVICE_EVENTS:
		return SERVICE_ARGS_EVENTS;
	case SERVICE_DATAGRAMS:
		return SERVICE_ARGS_DATAGRAMS;
	default:
		return SERVICE_ARGS_MANY;
	}
}

static void
check_contract(struct service *service, int inherited)
{
	const struct service_program *program = service->program;
	const char *generation = getenv("GENERATION");
	struct err err;

	if (service->args.stand_alone)
		return;
	if (program->process_limit == 1 && !service->args.alone)
		log_fatal("service %s requires a process limit of 1", service->args.service_name);
	if (program->process_limit == 0 && !service->args.unlimited)
		log_fatal("service %s requires a process limit of 0", service->args.service_name);
	or_fatal(
	    service_args_check_transport(&service->args, program->kind == SERVICE_DATAGRAMS, &err), &err);
	if (!service_status_generation(generation, &service->generation))
		log_fatal("bad generation: %s", generation);
	service_inherit_prepare(inherited, service->args.socket_count);
}

static void
read_configuration(struct service *service, const char *process_name, int argc, char **argv)
{
	struct err err;

	service->cf = maincf_new(maincf_directory(), param_default);
	or_fatal(maincf_load(service->cf, &err), &err);
	maincf_set(service->cf, "process_name", process_name);
	or_fatal(service_args_parse(&service->args, option_string(service->program), argc, argv, process_name,
		     service->cf, &err),
	    &err);
	maincf_set(service->cf, "service_name", service->args.service_name);
	maillog_also_stderr(service->args.stderr_too || isatty(STDERR_FILENO));
	or_fatal(maillog_configure(service->cf, process_name, &err), &err);
	if (service->program->names_service)
		log_set_place(service->args.service_name);
	load_settings(service);
	if (isatty(STDIN_FILENO) && !service->args.stand_alone && !service->args.by_hand)
		log_fatal("do not run this command by hand");
	if (service->program->params)
		or_fatal(param_load(service->cf, service->program->params, service->program->settings, &err),
		    &err);
}

static void
run_debugger(struct service *service)
{
	char *pid = alloc_printf("%ld", (long)getpid());

	maincf_set(service->cf, "process_id", pid);
	free(pid);
	if (!service->args.debugger && !getenv("MAIL_DEBUG"))
		return;

	struct buf command = BUF_INIT;
	struct err err;
	or_fatal(maincf_expand(service->cf, "$debugger_command", &command, &err), &err);
	if (command.len > 0 && system(command.bytes) != 0)
		log_warn("debugger_command failed");
	buf_release(&command);
}

static void
enter_jail(struct service *service)
{
	/* Without root there is nothing to give up: the whole instance then runs as one ordinary user. */
	if (service->is_root)
		service_jail_enter(service_is_jailed(service) ? service->settings.queue_directory : NULL,
		    service->args.drop_rights ? &service->owner : NULL);
}

static struct event *
watch(struct service *service, int fd, event_callback_fn fn)
{
	struct event *event = event_new(service->base, fd, EV_READ | EV_PERSIST, fn, service);

	if (!event || event_add(event, NULL) < 0)
		log_fatal("cannot watch descriptor %d", fd);
	return event;
}

static void
open_for_business(struct service *service)
{
	bool datagrams = service->program->kind == SERVICE_DATAGRAMS;

	if (service->args.stand_alone) {
		start_client(service, service->stdio_fd);
		return;
	}
	if (datagrams)
		refuse_words(service);
	service->listeners = alloc_array((size_t)service->args.socket_count, sizeof(struct event *));
	for (int i = 0; i < service->args.socket_count; i++)
		service->listeners[i] =
		    watch(service, SERVICE_INHERIT_LISTEN_FD + i, datagrams ? on_datagram : on_connection);
	service->status_event = watch(service, SERVICE_STATUS_FD, on_status);
	service_watchdog_start(service->base, service->settings.watchdog_s);
	start_idle_timer(service);
	start_retire_timer(service);
}

static void
loop(struct service *service)
{
	while (!service->want_exit) {
		if (event_base_dispatch(service->base) < 0)
			log_fatal("event loop: %m");
		if (!service->want_drain || service->clients == 0)
			return;
		service->want_drain = false;
		if (!service->want_exit)
			drain(service);
	}
}

int
service_main(const struct service_program *program, int argc, char **argv)
{
	struct service service = { .program = program, .is_root = geteuid() == 0 };
	const char *process_name = text_basename(argc > 0 ? argv[0] : program->name);
	int inherited = service_inherit_count();

	service_inherit_raise_limit();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	umask(077);
	if (getenv("MAIL_VERBOSE"))
		log_verbosity++;
	maillog_init(process_name);
	/* Whoever tries it by hand sees what it lacks, even before main.cf tells where the log is. */
	maillog_also_stderr(isatty(STDERR_FILENO));
	read_configuration(&service, process_name, argc, argv);
	check_contract(&service, inherited);
	if (chdir(service.settings.queue_directory) < 0)
		log_fatal("chdir(\"%s\"): %m", service.settings.queue_directory);
	run_debugger(&service);
	if (service.args.stand_alone)
		service.stdio_fd = service_stdio_client(); /* may fork: before the event loop */

	service.base = event_base_new();
	if (!service.base)
		log_fatal("cannot make an event loop");
	service.idle = timer_new(service.base, on_idle, &service);
	service.retire = timer_new(service.base, on_retire, &service);
	service.pause = timer_new(service.base, listen_again, &service);
	if (program->pre_jail)
		program->pre_jail(&service);
	enter_jail(&service);
	if (program->post_jail)
		program->post_jail(&service);
	if (program->kind == SERVICE_EVENTS)
		maillog_gather(service.base);
	open_for_business(&service);
	loop(&service);
	if (program->pre_exit)
		program->pre_exit(&service);
	maillog_flush();
	exit(0);
}
