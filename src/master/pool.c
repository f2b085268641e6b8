/* SPDX-License-Identifier: ISC */
#include "master/pool.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/mastercf.h"
#include "mail/timer.h"
#include "master/listener.h"
#include "master/master_settings.h"
#include "master/spawn.h"
#include "master/trigger.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/now.h"

enum { STRESS_MS = 1000 * 1000, DELAY_LIMIT_S = 2000000 };

/* What a daemon writes to its status channel, in one piece. */
struct status_record {
	int32_t pid;
	uint32_t generation;
	int32_t available;
};

_Static_assert(sizeof(struct status_record) == 12, "the status record is twelve bytes on the wire");

struct process {
	pid_t pid;
	uint32_t generation;
	bool available;
	unsigned int uses; /* requests completed */
	struct process *next;
};

struct pool {
	struct event_base *base;                /* borrowed */
	const struct master_settings *settings; /* borrowed */
	struct mastercf_entry *entry;           /* owned */
	struct listener listener;
	struct event **listen_events; /* owned, one a socket */
	bool listening;               /* the events are added */
	int status_ours;              /* our end of the status channel */
	int status_theirs;            /* the end daemons inherit */
	struct event *status_event;   /* owned */
	struct process *processes;    /* owned */
	int total;
	int free;             /* processes without a request */
	struct timer *pause;  /* owned; throttled while it runs */
	struct timer *wakeup; /* owned; runs until the next wakeup */
	bool wakeup_due;      /* waits for the first process: wakeup time with a question mark */
	int64_t stress_until; /* now_ms() at which "stress" ends; 0: none yet */
	int64_t warned_until; /* no second warning about the process limit before */
	bool retired;
};

/* One counter for all pools: a process id that comes round again is another process. */
static uint32_t generation;

static void pool_rearm(struct pool *pool);

static bool
below_limit(const struct pool *pool, int more)
{
	return pool->entry->process_limit == 0 || pool->total + more < pool->entry->process_limit;
}

static bool
has_stress_option(const struct pool *pool)
{
	return pool->listener.strangers && pool->entry->process_limit > 1;
}

static int
delay_ms(int seconds)
{
	return (seconds < DELAY_LIMIT_S ? seconds : DELAY_LIMIT_S) * 1000;
}

/* --- the status channel --- */

static void
close_status(struct pool *pool)
{
	if (pool->status_event)
		event_free(pool->status_event);
	pool->status_event = NULL;
	fdio_close(&pool->status_ours);
	fdio_close(&pool->status_theirs);
}

static struct process *
find(const struct pool *pool, pid_t pid)
{
	struct process *process = pool->processes;

	while (process && process->pid != pid)
		process = process->next;
	return process;
}

static void
take_status(struct pool *pool, const struct status_record *record)
{
	struct process *process = find(pool, record->pid);

	if (!process) {
		log_debug("master_status_event: process id not found: %d", (int)record->pid);
		return;
	}
	if (process->generation != record->generation) {
		log_info("ignoring status update from child pid %d generation %u", (int)record->pid,
		    (unsigned int)record->generation);
		return;
	}
	if (record->available != 0 && record->available != 1) {
		/* In the order administrators know from the original: status first, process second. */
		log_warn("master_status_event: ignoring unknown status: %d allegedly from pid: %d",
		    (int)record->available, (int)record->pid);
		return;
	}
	if (process->available == (record->available == 1))
		return;
	process->available = record->available == 1;
	if (process->available) {
		process->uses++;
		pool->free++;
	} else {
		pool->free--;
	}
	pool_rearm(pool);
}

/* All that has arrived: for "taken" alone, with "available" still to be read, another would be started. */
static void
read_status(struct pool *pool)
{
	struct status_record record = { 0 };
	ssize_t got;

	if (pool->status_ours < 0)
		return;
	while ((got = read(pool->status_ours, &record, sizeof record)) == (ssize_t)sizeof record)
		take_status(pool, &record);
	if (got > 0)
		log_warn("service %s(%s): child (pid %d) sent partial status update (%zd bytes)",
		    pool->entry->name, pool->entry->endpoint, (int)record.pid, got);
	else if (got < 0 && errno != EAGAIN && errno != EINTR)
		log_warn("service %s(%s): read status: %m", pool->entry->name, pool->entry->endpoint);
}

static void
on_status(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	read_status(context);
}

/* A new channel; end of file on the old one asks its processes to go. */
static int
renew_status(struct pool *pool, struct err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(err, "socketpair");
	/* Who was taken a moment ago would count as free for as long as he serves, and clients would wait. */
	read_status(pool);
	close_status(pool);
	pool->status_ours = ends[0];
	pool->status_theirs = ends[1];
	pool->status_event = event_new(pool->base, ends[0], EV_READ | EV_PERSIST, on_status, pool);
	if (fdio_set_nonblocking(ends[0], true) < 0 || !pool->status_event ||
	    event_add(pool->status_event, NULL) < 0)
		return err_set(err, "cannot watch the status channel");
	return 0;
}

/* --- processes --- */

static void
throttle(struct pool *pool)
{
	timer_start(pool->pause, delay_ms(pool->settings->service_throttle_time_s));
}

static void
on_pause_over(void *context)
{
	struct pool *pool = context;

	pool_rearm(pool);
}

static enum spawn_stress
stress_now(struct pool *pool)
{
	struct err err;

	if (!has_stress_option(pool))
		return SPAWN_STRESS_NEVER;
	if (!below_limit(pool, 1)) {
		bool entering = now_ms() >= pool->stress_until;
		pool->stress_until = now_ms() + STRESS_MS;
		/* Processes started before know nothing of the stress; they finish what they do. */
		if (entering && renew_status(pool, &err) < 0)
			log_fatal("%s", err.text);
	}
	return now_ms() < pool->stress_until ? SPAWN_STRESS_YES : SPAWN_STRESS_NO;
}

static void wake(void *context);

static void
start_process(struct pool *pool)
{
	enum spawn_stress stress = stress_now(pool);
	const struct spawn_request request = {
		.entry = pool->entry,
		.settings = pool->settings,
		.listener = &pool->listener,
		.status_fd = pool->status_theirs,
		.generation = ++generation,
		.stress = stress,
	};
	pid_t pid = spawn_daemon(&request);
	struct process *process;

	if (pid < 0) {
		log_warn("master_spawn: fork: %m -- throttling");
		throttle(pool);
		return;
	}
	log_debug("spawn command %s; pid %ld", pool->entry->command, (long)pid);
	process = alloc_zero(sizeof *process);
	process->pid = pid;
	process->generation = generation;
	process->available = true;
	process->next = pool->processes;
	pool->processes = process;
	pool->total++;
	pool->free++;
	if (pool->wakeup_due) {
		pool->wakeup_due = false;
		timer_start(pool->wakeup, 0);
	}
}

static void
on_client(evutil_socket_t fd, short what, void *context)
{
	struct pool *pool = context;

	(void)fd;
	(void)what;
	read_status(pool);
	if (pool->listening)
		start_process(pool);
	pool_rearm(pool);
}

static void
warn_limit(struct pool *pool)
{
	if (!has_stress_option(pool) || now_ms() < pool->warned_until)
		return;
	pool->warned_until = now_ms() + STRESS_MS;
	log_warn("service \"%s\" (%s) has reached its process limit \"%d\": new clients may experience "
		 "noticeable delays",
	    pool->entry->name, pool->entry->endpoint, pool->entry->process_limit);
	log_warn(
	    "to avoid this condition, increase the process count in master.cf or reduce the service time "
	    "per client");
	log_warn(
	    "see http://www.postfix.org/STRESS_README.html for examples of stress-adapting configuration "
	    "settings");
}

static void
pool_rearm(struct pool *pool)
{
	bool wanted = !pool->retired && pool->free == 0 && !timer_is_running(pool->pause);

	if (wanted && !below_limit(pool, 0)) {
		warn_limit(pool);
		wanted = false;
	}
	if (wanted == pool->listening)
		return;
	pool->listening = wanted;
	for (size_t i = 0; i < pool->listener.count; i++) {
		if ((wanted ? event_add(pool->listen_events[i], NULL) : event_del(pool->listen_events[i])) <
		    0)
			log_panic("cannot watch a listen socket");
	}
}

/* Whether the process is gone; says so when it did not go well. */
static bool
judge(struct pool *pool, const struct process *process, int status)
{
	char *path = spawn_path(pool->entry, pool->settings);
	bool gone = !WIFSTOPPED(status);
	bool failed = gone && !(WIFEXITED(status) && WEXITSTATUS(status) == 0);

	if (WIFSTOPPED(status))
		log_warn(
		    "process %s pid %ld stopped by signal %d", path, (long)process->pid, WSTOPSIG(status));
	else if (WIFEXITED(status) && failed)
		log_warn("process %s pid %ld exit status %d", path, (long)process->pid, WEXITSTATUS(status));
	else if (WIFSIGNALED(status) && !(pool->retired && WTERMSIG(status) == SIGTERM))
		log_warn(
		    "process %s pid %ld killed by signal %d", path, (long)process->pid, WTERMSIG(status));
	if (failed && process->uses == 0 && !pool->retired) {
		log_warn("%s: bad command startup -- throttling", path);
		throttle(pool);
	}
	free(path);
	return gone;
}

bool
pool_reap(struct pool *pool, pid_t pid, int status)
{
	struct process *process = find(pool, pid);
	struct process **link = &pool->processes;

	if (!process)
		return false;
	/* A record may have arrived with the signal: or a process that did serve would be throttled. */
	read_status(pool);
	if (judge(pool, process, status)) {
		while (*link != process)
			link = &(*link)->next;
		*link = process->next;
		pool->total--;
		pool->free -= process->available;
		free(process);
	}
	pool_rearm(pool);
	return true;
}

/* --- wakeup --- */

static void
wake(void *context)
{
	struct pool *pool = context;
	struct err err;

	timer_start(pool->wakeup, delay_ms(pool->entry->wakeup_s));
	if (timer_is_running(pool->pause))
		return;
	if (trigger_send(pool->base, pool->entry, &pool->listener, &err) < 0)
		log_warn("master_wakeup_timer_event: service %s(%s): %s", pool->entry->name,
		    pool->entry->endpoint, err.text);
}

static void
schedule_wakeup(struct pool *pool)
{
	timer_stop(pool->wakeup);
	pool->wakeup_due = pool->entry->wakeup_s > 0 && pool->entry->wakeup_if_used;
	if (pool->entry->wakeup_s > 0 && !pool->entry->wakeup_if_used)
		timer_start(pool->wakeup, 0);
}

/* --- life --- */

struct pool *
pool_new(struct event_base *base, const struct master_settings *settings, struct mastercf_entry *entry,
    struct err *err)
{
	struct pool *pool = alloc_zero(sizeof *pool);

	*pool = (struct pool){
		.base = base, .settings = settings, .entry = entry, .status_ours = -1, .status_theirs = -1
	};
	pool->pause = timer_new(base, on_pause_over, pool);
	pool->wakeup = timer_new(base, wake, pool);
	if (listener_open(&pool->listener, entry, settings, err) < 0 || renew_status(pool, err) < 0) {
		pool_free(pool);
		return NULL;
	}
	pool->listen_events = alloc_array(pool->listener.count, sizeof *pool->listen_events);
	for (size_t i = 0; i < pool->listener.count; i++) {
		pool->listen_events[i] =
		    event_new(base, pool->listener.fds[i], EV_READ | EV_PERSIST, on_client, pool);
		if (!pool->listen_events[i])
			log_panic("cannot watch a listen socket");
	}
	return pool;
}

static void
close_listener(struct pool *pool)
{
	for (size_t i = 0; pool->listen_events && i < pool->listener.count; i++)
		event_free(pool->listen_events[i]);
	free(pool->listen_events);
	pool->listen_events = NULL;
	pool->listening = false;
	listener_release(&pool->listener);
}

void
pool_free(struct pool *pool)
{
	if (!pool)
		return;
	while (pool->processes) {
		struct process *next = pool->processes->next;
		free(pool->processes);
		pool->processes = next;
	}
	timer_free(pool->wakeup);
	timer_free(pool->pause);
	close_status(pool);
	close_listener(pool);
	mastercf_entry_free(pool->entry);
	free(pool);
}

void
pool_start(struct pool *pool)
{
	schedule_wakeup(pool);
	pool_rearm(pool);
}

void
pool_reload(struct pool *pool, struct mastercf_entry *entry)
{
	struct err err;

	mastercf_entry_free(pool->entry);
	pool->entry = entry;
	if (renew_status(pool, &err) < 0)
		log_fatal("%s", err.text);
	schedule_wakeup(pool);
	pool_rearm(pool);
}

void
pool_retire(struct pool *pool)
{
	pool->retired = true;
	timer_stop(pool->wakeup);
	timer_stop(pool->pause);
	close_status(pool);
	close_listener(pool);
	for (struct process *process = pool->processes; process; process = process->next)
		kill(process->pid, SIGTERM);
}

bool
pool_is_empty(const struct pool *pool)
{
	return !pool->processes;
}

const struct mastercf_entry *
pool_entry(const struct pool *pool)
{
	return pool->entry;
}
