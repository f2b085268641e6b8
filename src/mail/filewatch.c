/* SPDX-License-Identifier: ISC */
#include "mail/filewatch.h"

#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <event2/event.h>

#include "util/alloc.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/table.h"
#include "util/text.h"

enum { LINK_LIMIT = 8 };

static const uint32_t changes =
    IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR;

struct filewatch {
	int fd;              /* owned; -1: none */
	struct event *event; /* owned */
	struct table *names; /* owned; what is looked for in the directories */
	filewatch_fn fn;
	void *context;
};

static bool
concerns_us(const struct filewatch *watch, const struct inotify_event *event)
{
	/* Events were lost, or the directory itself is gone. */
	if (event->len == 0 || (event->mask & (IN_Q_OVERFLOW | IN_IGNORED)))
		return true;
	return table_get(watch->names, event->name) != NULL;
}

static void
on_events(evutil_socket_t fd, short what, void *context)
{
	struct filewatch *watch = context;
	_Alignas(struct inotify_event) char bytes[8192];
	ssize_t len = read(fd, bytes, sizeof bytes);
	bool ours = false;

	(void)what;
	for (ssize_t at = 0; at < len;) {
		const struct inotify_event *event = (const void *)(bytes + at);

		ours |= concerns_us(watch, event);
		at += (ssize_t)(sizeof *event + event->len);
	}
	if (ours)
		watch->fn(watch->context);
}

static void
watch_place(struct filewatch *watch, const char *path)
{
	char *copy = alloc_string(path);

	table_put(watch->names, text_basename(path), watch);
	if (inotify_add_watch(watch->fd, dirname(copy), changes) < 0)
		log_debug("cannot watch the directory of %s: %m", path);
	free(copy);
}

/* Where the name is, and where those of its directories are that are links. */
static void
watch_way(struct filewatch *watch, const char *path)
{
	char *way = alloc_string(path), target[PATH_MAX];

	watch_place(watch, path);
	for (char *slash = strchr(way + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (readlink(way, target, sizeof target) > 0)
			watch_place(watch, way);
		*slash = '/';
	}
	free(way);
}

/* The way to the name, and to each place that a link there leads to. */
static void
watch_file(struct filewatch *watch, const char *path)
{
	char *at = alloc_string(path);

	watch_way(watch, at);
	for (int i = 0; i < LINK_LIMIT; i++) {
		char target[PATH_MAX];
		ssize_t len = readlink(at, target, sizeof target - 1);

		if (len <= 0)
			break;
		target[len] = '\0';

		char *next =
		    target[0] == '/' ? alloc_string(target) : alloc_printf("%s/%s", dirname(at), target);

		free(at);
		at = next;
		watch_way(watch, at);
	}
	free(at);
}

struct filewatch *
filewatch_new(struct event_base *base, const char *const *paths, size_t count, filewatch_fn fn, void *context)
{
	struct filewatch *watch = alloc_zero(sizeof *watch);

	watch->fn = fn;
	watch->context = context;
	watch->names = table_new(NULL);
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0) {
		log_debug("inotify_init1: %m");
		return watch;
	}
	for (size_t i = 0; i < count; i++)
		watch_file(watch, paths[i]);
	watch->event = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_events, watch);
	if (!watch->event || event_add(watch->event, NULL) < 0)
		log_debug("cannot watch descriptor %d", watch->fd);
	return watch;
}

void
filewatch_free(struct filewatch *watch)
{
	if (!watch)
		return;
	if (watch->event)
		event_free(watch->event);
	fdio_close(&watch->fd);
	table_free(watch->names);
	free(watch);
}
