/* SPDX-License-Identifier: ISC */
#include "postfix-tls/status_text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "postfix-tls/status.h"
#include "util/buf.h"
#include "util/now.h"
#include "util/table.h"

static const char *const caches[] = { "smtpd", "smtp", "lmtp" };

enum { CACHES = sizeof caches / sizeof *caches, NAME_SIZE = 64 };

/* --- small words --- */

/* What tlsmgr says of it; "" when it does not. The name is two words with a line between. */
static const char *
word(const struct status *status, const char *what, const char *of)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof name, "%s_%s", what, of);
	const char *value = table_get(status->numbers, name);
	return value ? value : "";
}

static int64_t
number(const struct status *status, const char *what, const char *of)
{
	return strtoll(word(status, what, of), NULL, 10);
}

static void
put_count(struct buf *to, int64_t count, const char *one, const char *many)
{
	buf_printf(to, "%" PRId64 " %s", count, count == 1 ? one : many);
}

static int64_t
percent(int64_t part, int64_t all)
{
	return all > 0 ? (int64_t)((double)part * 100 / (double)all) : 0;
}

static void
put_time(struct buf *to, int64_t seconds)
{
	char text[NAME_SIZE];
	time_t at = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&at, &tm) || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		strcpy(text, "an unknown time");
	buf_add_str(to, text);
}

static void
put_duration(struct buf *to, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *one, *many;
	} units[] = {
		{ 86400, "day", "days" },
		{ 3600, "hour", "hours" },
		{ 60, "minute", "minutes" },
		{ 1, "second", "seconds" },
	};
	size_t i = 0;

	while (i + 1 < sizeof units / sizeof *units && seconds < 2 * units[i].seconds)
		i++;
	put_count(to, seconds / units[i].seconds, units[i].one, units[i].many);
}

static void
put_bytes(struct buf *to, int64_t bytes)
{
	if (bytes < 10 * 1024)
		buf_printf(to, "%" PRId64 " bytes", bytes);
	else if (bytes < 10 * 1024 * 1024)
		buf_printf(to, "%" PRId64 " KiB", bytes / 1024);
	else
		buf_printf(to, "%" PRId64 " MiB", bytes / 1024 / 1024);
}

/* --- tlsmgr in words --- */

static void
put_cache(const struct status *status, const char *cache, struct buf *to)
{
	int64_t hits = number(status, cache, "hits"), misses = number(status, cache, "misses");

	buf_printf(to, "    %s sessions: ", cache);
	if (number(status, cache, "enabled") == 0) {
		buf_add_str(to, "no cache is configured\n");
		return;
	}
	if (number(status, cache, "available") == 0) {
		buf_add_str(to, "the database cannot be used: see the log\n");
		return;
	}
	buf_printf(to, "%s (", word(status, cache, "entries"));
	put_bytes(to, number(status, cache, "bytes"));
	buf_printf(to, "), found by %" PRId64 " of ", hits);
	put_count(to, hits + misses, "look-up", "look-ups");
	if (number(status, cache, "evicted") > 0)
		buf_printf(to, ", %s dropped for want of room", word(status, cache, "evicted"));
	buf_add_byte(to, '\n');
}

static void
put_keys(const struct status *status, struct buf *to)
{
	buf_printf(to, "    ticket keys: %s", word(status, "keys", "count"));
	if (number(status, "keys", "count") > 0) {
		const char *source = word(status, "keys", "source");

		buf_printf(to, " (%s", strcmp(source, "kept") == 0 ? "of an earlier process" : source);
		if (strcmp(word(status, "keys", "seal"), "none") != 0)
			buf_printf(to, ", kept on disk, sealed by %s", word(status, "keys", "seal"));
		buf_add_str(to, "); the newest is good for ");
		put_duration(to, number(status, "keys", "left"));
	}
	buf_add_byte(to, '\n');
}

static void
put_tlsmgr(const struct status *status, struct buf *to)
{
	switch (status->tlsmgr) {
	case MGR_STATS_ABSENT:
		buf_printf(to, "tlsmgr: not running: %s\n", status->tlsmgr_error.text);
		return;
	case MGR_STATS_SILENT:
		buf_printf(to, "tlsmgr: cannot be asked: %s\n", status->tlsmgr_error.text);
		return;
	case MGR_STATS_UNKNOWN:
		buf_add_str(to, "tlsmgr: running, but it tells nothing of itself, as Postfix's own\n");
		return;
	case MGR_STATS_KNOWN:
		break;
	}
	buf_add_str(to, "tlsmgr: running for ");
	put_duration(to, number(status, "process", "uptime"));
	buf_add_str(to, ", ");
	/* This command is one of them. */
	put_count(to, number(status, "clients", "now") - 1, "client", "clients");
	buf_add_byte(to, '\n');
	for (size_t i = 0; i < CACHES; i++)
		put_cache(status, caches[i], to);
	put_keys(status, to);
}

/* --- tlsproxy in words --- */

static void
put_role(const struct status *status, const char *role, enum tlsproxy_score full, struct buf *to)
{
	enum { FULL, RESUMED, FAILED };
	int64_t resumed = status_total(status, full + RESUMED);
	int64_t done = status_total(status, full + FULL) + resumed;

	buf_printf(to, "    %s role: ", role);
	put_count(to, done, "handshake", "handshakes");
	buf_printf(to, ", %" PRId64 " of them resumed (%" PRId64 " %%); %" PRId64 " failed\n", resumed,
	    percent(resumed, done), status_total(status, full + FAILED));
}

static void
put_certificate(const struct status *status, const struct status_certificate *certificate, struct buf *to)
{
	size_t count = status_served(status, certificate->digest);

	buf_printf(to, "    serves: %s, names %s, ", certificate->kind, certificate->names);
	buf_add_str(to, certificate->not_after < now_wall() ? "EXPIRED on " : "until ");
	put_time(to, certificate->not_after);
	if (count < status->process_count - 1)
		buf_printf(to, " (%zu of %zu processes)", count, status->process_count - 1);
	buf_printf(to, "\n        certificate SHA256 %s\n        key, as in TLSA 3 1 1, %s\n",
	    certificate->digest, certificate->key_digest);
}

/* Has none of the processes before said so? */
static bool
is_first(const struct status *status, size_t process, size_t number)
{
	const char *digest = status->processes[process].certificates[number].digest;

	for (size_t i = 0; i <= process; i++) {
		const struct status_process *other = &status->processes[i];
		size_t end = i == process ? number : other->certificate_count;

		for (size_t j = 0; j < end; j++)
			if (strcmp(other->certificates[j].digest, digest) == 0)
				return false;
	}
	return true;
}

/* What was loaded when: each set of certificates has the next number. */
static void
put_generations(const struct status *status, struct buf *to)
{
	int first = INT_MAX, last = 0;

	for (size_t i = 1; i < status->process_count; i++) {
		int generation = status->processes[i].generation;

		if (generation > 0 && generation < first)
			first = generation;
		if (generation > last)
			last = generation;
	}
	if (last == 0)
		return;
	buf_printf(to, "    certificates: generation %d", first);
	if (last > first)
		buf_printf(to, " to %d, each process by itself", last);
	buf_add_byte(to, '\n');
}

static void
put_tlsproxy(const struct status *status, struct buf *to)
{
	if (!status->counted) {
		buf_printf(to, "tlsproxy: nothing is known of it: %s\n", status->tlsproxy_error.text);
		return;
	}
	buf_add_str(to, "tlsproxy: ");
	put_count(to, (int64_t)status->process_count - 1, "process", "processes");
	buf_add_str(to, ", ");
	put_count(to, status_total(status, TLSPROXY_SCORE_SESSIONS), "session", "sessions");
	buf_add_str(to, " now; since ");
	put_time(to, status->processes[0].page.since);
	buf_add_str(to, ":\n");
	put_role(status, "server", TLSPROXY_SCORE_SERVER_FULL, to);
	put_role(status, "client", TLSPROXY_SCORE_CLIENT_FULL, to);
	put_generations(status, to);
	for (size_t i = 0; i < status->process_count; i++)
		for (size_t j = 0; j < status->processes[i].certificate_count; j++)
			if (is_first(status, i, j))
				put_certificate(status, &status->processes[i].certificates[j], to);
}

static void
put_file(const struct status *status, const struct status_file *file, struct buf *to)
{
	buf_printf(to, "    %s: ", file->path);
	if (!*file->digest)
		buf_add_str(to, file->why);
	else if (!status->counted)
		buf_add_str(to, "whether it is served is not known");
	else if (status->process_count < 2)
		buf_add_str(to, "no process runs that would serve it");
	else if (status_served(status, file->digest) == status->process_count - 1)
		buf_add_str(to, "is what is served");
	else
		buf_add_str(to, "IS NOT WHAT IS SERVED: the log says why, or a reload is due");
	buf_add_byte(to, '\n');
}

void
status_text_put(const struct status *status, struct buf *to)
{
	put_tlsmgr(status, to);
	put_tlsproxy(status, to);
	if (status->file_count > 0)
		buf_add_str(to, "configured certificates of tlsproxy:\n");
	for (size_t i = 0; i < status->file_count; i++)
		put_file(status, &status->files[i], to);
}
