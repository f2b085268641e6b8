/* SPDX-License-Identifier: ISC */
#include "mail/map_keeper_process.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mail/map_list.h"
#include "mail/map_source.h"
#include "mail/reader_rights.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/now.h"
#include "util/siphash.h"

enum {
	POLL_MS = 750,
	SETTLE_MS = 500,
	PATIENCE_MS = 5000,
	RETRY_MS = 60 * 1000,
	SOCKET = READER_RIGHTS_SOCKET,
};

struct keeper {
	struct map_keeper_tables now; /* good; list and source owned */
	struct map_source *refused;   /* owned; the last ones that were not good; may be NULL */
	uint64_t used;                /* state of the files that `now` was made from; 0: not known */
	uint64_t seen;                /* by the last look */
	int64_t changed_ms;           /* since when `seen` is as it is */
	int64_t tried_ms;
	bool told; /* that what was seen is not good */
	bool held;
};

static void
tell(enum map_keeper_kind kind, const void *bytes, size_t len)
{
	const struct map_keeper_head head = { .kind = kind, .len = (uint32_t)len };

	if (fdio_write_all(SOCKET, &head, sizeof head, -1) < 0 || fdio_write_all(SOCKET, bytes, len, -1) < 0)
		_exit(0);
}

/* --- what is there --- */

/* Which files the names lead to, and when they changed. `newest`: the last change. */
static void
add_files(struct buf *to, const struct map_source *source, int64_t *newest)
{
	const char *path;
	size_t at = 0;

	while (source && (path = map_source_next(source, &at)) != NULL) {
		struct stat st;
		int64_t what[7] = { 0 };

		if (stat(path, &st) < 0) {
			what[0] = errno;
		} else {
			what[1] = (int64_t)st.st_dev;
			what[2] = (int64_t)st.st_ino;
			what[3] = st.st_size;
			what[4] = st.st_mtim.tv_sec;
			what[5] = st.st_ctim.tv_sec;
			what[6] = st.st_ctim.tv_nsec;
			if (what[5] > *newest)
				*newest = what[5];
		}
		buf_add(to, path, strlen(path) + 1);
		buf_add(to, what, sizeof what);
	}
}

static uint64_t
look(const struct keeper *keeper, int64_t *newest)
{
	static const unsigned char key[SIPHASH_KEY_LEN];
	struct buf all = BUF_INIT;

	*newest = 0;
	add_files(&all, keeper->now.source, newest);
	add_files(&all, keeper->refused, newest);

	uint64_t state = siphash(key, buf_str(&all), all.len);

	buf_release(&all);
	return state;
}

/* What is there is what was read since `begin`, when `before` was seen, unless files have come, gone or
 * changed since then, or may have changed within the grain of their clock. */
static void
settle(struct keeper *keeper, time_t begin, uint64_t before)
{
	int64_t newest;
	uint64_t state = look(keeper, &newest);

	keeper->seen = state;
	keeper->used = state != before || newest >= (int64_t)begin - 1 ? 0 : state;
}

static void
hold(struct keeper *keeper, bool on)
{
	if (keeper->held != on)
		tell(on ? MAP_KEEPER_HOLD : MAP_KEEPER_RELEASE, "", 0);
	keeper->held = on;
}

/* --- trying --- */

static int
judge(struct keeper *keeper, const struct map_list *list, const struct map_source *source, struct err *err)
{
	const char *lost = map_list_loss(list, keeper->now.list);

	if (!map_source_recording(source))
		return err_set(err, "larger than %d bytes", (int)MAP_SOURCE_RECORD_LIMIT);
	if (lost)
		return err_set(err, "%s", lost);
	lost = map_source_loss(source, keeper->now.source);
	if (lost)
		return err_set(err, "%s cannot be read", lost);
	return keeper->now.check ? keeper->now.check(list, keeper->now.list, keeper->now.check_arg, err) : 0;
}

static void
take(struct keeper *keeper, struct map_list *list, struct map_source *source)
{
	const struct buf *recording = map_source_recording(source);

	if (recording && map_source_digest(source) != map_source_digest(keeper->now.source))
		tell(MAP_KEEPER_TABLES, buf_str(recording), recording->len);
	map_source_wipe(source);
	map_list_unref(keeper->now.list);
	map_source_free(keeper->now.source);
	map_source_free(keeper->refused);
	keeper->now.list = list;
	keeper->now.source = source;
	keeper->refused = NULL;
	keeper->told = false;
}

static void
refuse(struct keeper *keeper, struct map_list *list, struct map_source *source, const struct err *err)
{
	map_list_unref(list);
	map_source_wipe(source);
	map_source_free(keeper->refused);
	keeper->refused = source;
	hold(keeper, true);
	if (!keeper->told && keeper->tried_ms - keeper->changed_ms >= PATIENCE_MS) {
		tell(MAP_KEEPER_REFUSED, err->text, strlen(err->text));
		keeper->told = true;
	}
}

static void
try_new(struct keeper *keeper)
{
	time_t begin = now_wall();
	int64_t newest;
	uint64_t before = look(keeper, &newest);
	struct map_source *source = map_source_new();
	struct buf lines = BUF_INIT;
	struct err err;

	/* Whoever uses the tables logs what is wrong with their lines. */
	log_divert(&lines);
	struct map_list *list =
	    map_list_new_from(source, keeper->now.title, keeper->now.names, keeper->now.flags);
	bool same = map_source_recording(source) &&
		    map_source_digest(source) == map_source_digest(keeper->now.source);
	bool good = same || judge(keeper, list, source, &err) == 0;
	log_divert(NULL);
	buf_release_secret(&lines);

	keeper->tried_ms = now_ms();
	if (good) {
		take(keeper, list, source);
		settle(keeper, begin, before);
		hold(keeper, false);
	} else {
		/* What is there now may be good: it is another state, seen by nobody yet. */
		if (look(keeper, &newest) != before) {
			keeper->changed_ms = keeper->tried_ms;
			keeper->told = false;
		}
		refuse(keeper, list, source, &err);
		/* More files are looked at now. */
		keeper->seen = look(keeper, &newest);
	}
}

/* Returns how long to wait for the next turn. */
static int
turn(struct keeper *keeper)
{
	int64_t newest, now = now_ms();
	uint64_t state = look(keeper, &newest);

	if (state != keeper->seen) {
		keeper->seen = state;
		keeper->changed_ms = now;
		keeper->told = false;
	}
	if (state == keeper->used) {
		hold(keeper, false);
		return POLL_MS;
	}
	/* Not known is no reason to stay: a moment before they were the same. */
	if (keeper->used != 0)
		hold(keeper, true);
	if (keeper->told && now - keeper->tried_ms < RETRY_MS)
		return POLL_MS;
	if (now - keeper->changed_ms < SETTLE_MS)
		return (int)(SETTLE_MS - (now - keeper->changed_ms));
	try_new(keeper);
	return POLL_MS;
}

_Noreturn void
map_keeper_process_run(int socket, pid_t parent, const struct map_keeper_tables *tables)
{
	struct keeper keeper = { .now = *tables };
	struct pollfd from_parent = { .fd = SOCKET, .events = POLLIN };
	int64_t newest;
	int wait_ms;

	reader_rights_enter("maps", socket, parent);
	keeper.changed_ms = now_ms();
	/* Nobody looked before the tables were read: `used` is not known. */
	keeper.seen = look(&keeper, &newest);
	/* The parent says nothing. */
	do
		wait_ms = turn(&keeper);
	while (poll(&from_parent, 1, wait_ms) == 0 || (from_parent.revents == 0 && errno == EINTR));
	_exit(0);
}
