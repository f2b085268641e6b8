/* SPDX-License-Identifier: ISC */
/*
 * store_fixture: stores of every kind in the scratch directory, and children that may crash.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "tlsmgr_fixture.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "tlsmgr/store.h"
#include "util/buf.h"
#include "util/err.h"

static const struct store_kind {
	const char *type;
	const char *suffix;
	bool has_file;
	bool has_guard; /* notices damage in a file that it uses */
} store_kinds[] = {
	{ "btree", ".db", true, true },
	{ "hash", ".db", true, true },
	{ "lmdb", ".lmdb", true, false },
	{ "internal", "", false, false },
};

enum { STORE_KINDS = sizeof store_kinds / sizeof store_kinds[0] };

#define EACH_KIND(kind)                                                                                      \
	const struct store_kind *kind = store_kinds;                                                         \
	kind < store_kinds + STORE_KINDS;                                                                    \
	kind++

#define EACH_FILE_KIND(kind)                                                                                 \
	const struct store_kind *kind = store_kinds;                                                         \
	kind < store_kinds + STORE_KINDS && kind->has_file;                                                  \
	kind++

/* In a directory of the scratch directory, or "." for itself. */
static inline struct store *
store_open_in(const struct store_kind *kind, const char *dir, const char *boot, struct err *err)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s/cache", fixture_dir, dir);
	return store_new(
	    &(struct store_config){
		.type = kind->type, .path = path, .shown = "cache", .boot = boot, .limit = 64 << 20 },
	    err);
}

static inline struct store *
store_open(const struct store_kind *kind, const char *boot)
{
	struct err err = { 0 };
	struct store *store = store_open_in(kind, ".", boot, &err);

	if (!store)
		fail_msg("%s: %s", kind->type, err.text);
	return store;
}

/* Its file; good until the next call. */
static inline const char *
store_path(const struct store_kind *kind)
{
	static char name[32];

	snprintf(name, sizeof name, "cache%s", kind->suffix);
	return fixture_path(name);
}

static inline void
store_remove_file(const struct store_kind *kind)
{
	if (kind->has_file)
		unlink(store_path(kind));
}

/* Bytes that follow from `seed`, in every value. */
static inline void
store_pattern(struct buf *to, unsigned int seed, size_t len)
{
	char *at = buf_reserve(to, len);

	for (size_t i = 0; i < len; i++)
		at[i] = (char)(seed + i + i / 256);
	to->len += len;
	buf_terminate(to);
}

/* Like a session's id. */
static inline void
store_key(char key[80], unsigned int i)
{
	snprintf(key, 80, "%08X%040X&s=smtpd&l=805306720", i * 2654435761u, i);
}

/* Record `i` of those that store_fill() makes. */
static inline int
store_put_nth(struct store *store, unsigned int i, size_t len, struct err *err)
{
	struct buf value = BUF_INIT;
	char key[80];

	store_key(key, i);
	store_pattern(&value, i, len);
	int rc = store_put(store, key, value.bytes, value.len, err);
	buf_release(&value);
	return rc;
}

/* 1: there, and as it was put. 0: absent. -1: the store failed. -2: something else is there. */
static inline int
store_check_nth(struct store *store, unsigned int i, size_t len, struct err *err)
{
	struct buf value = BUF_INIT, wanted = BUF_INIT;
	char key[80];

	store_key(key, i);
	store_pattern(&wanted, i, len);
	int rc = store_get(store, key, &value, err);
	if (rc == 1 && (value.len != len || memcmp(value.bytes, wanted.bytes, len) != 0))
		rc = -2;
	buf_release(&value);
	buf_release(&wanted);
	return rc;
}

static inline void
store_fill(struct store *store, unsigned int from, unsigned int to, size_t len)
{
	struct err err = { 0 };

	for (unsigned int i = from; i < to; i++)
		if (store_put_nth(store, i, len, &err) < 0)
			fail_msg("record %u: %s", i, err.text);
}

static inline size_t
store_count(struct store *store)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct err err = { 0 };
	size_t count = 0;
	int rc = store_next(store, true, &key, &value, &err);

	for (; rc > 0; rc = store_next(store, false, &key, &value, &err))
		count++;
	if (rc < 0)
		fail_msg("%s", err.text);
	buf_release(&key);
	buf_release(&value);
	return count;
}

/* Runs it in a child; its standard error goes to the file "stderr". Returns what waitpid() tells. */
static inline int
store_in_child(int (*run)(const void *context), const void *context)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (!freopen(fixture_path("stderr"), "w", stderr))
			_exit(125);
		_exit(run(context));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* Nothing may have been written past the log. */
static inline void
store_assert_silent(const char *name)
{
	struct stat st;

	if (stat(fixture_path("stderr"), &st) == 0 && st.st_size > 0)
		fail_msg("%s: something was written to standard error", name);
}

#endif
