/* SPDX-License-Identifier: ISC */
#include "tlsmgr/storefile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tlsmgr/location.h"
#include "tlsmgr/store.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/now.h"
#include "util/text.h"

enum {
	SOON_MS = 100,
	FIRST_MS = 1000,
	LONGEST_MS = 5 * 60 * 1000,
	HEALTHY_MS = 2 * LONGEST_MS, /* what lived so long is no part of the outage before */
};

struct storefile {
	const char *label, *boot;
	char *type, *path, *name; /* owned */
	int directory;            /* owned; where `path` is; -1: only the path is known */
	uint64_t limit;
	bool is_told;  /* an outage is in the log */
	bool is_never; /* it will last */
	int delay_ms;  /* before the last attempt; 0: there was no outage */
	int64_t retry_ms, opened_ms;
};

/* Kinds of table that live in a file of their own. */
static bool
is_file_type(const char *type)
{
	static const char *const types[] = { "hash", "btree", "dbm", "lmdb", "cdb", "sdbm", "dbz" };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

struct storefile *
storefile_new(const struct storefile_config *config)
{
	struct storefile *file = alloc_zero(sizeof *file);
	const char *colon = strchr(config->database, ':');
	const char *configured = colon ? colon + 1 : config->database;

	file->label = config->label;
	file->boot = config->boot;
	file->limit = config->limit;
	file->directory = -1;
	file->type = colon ? alloc_string_n(config->database, (size_t)(colon - config->database))
			   : alloc_string(config->default_type);
	if (is_file_type(file->type)) {
		char *shown = alloc_printf("%s:%s", file->type, configured);

		file->path = location_choose(config->location, configured, "table", shown);
		file->directory = location_directory(file->path);
		free(shown);
	} else {
		file->path = alloc_string(configured);
	}
	file->name = alloc_printf("%s:%s", file->type, file->path);
	return file;
}

void
storefile_free(struct storefile *file)
{
	if (!file)
		return;
	fdio_close(&file->directory);
	free(file->name);
	free(file->path);
	free(file->type);
	free(file);
}

const char *
storefile_name(const struct storefile *file)
{
	return file->name;
}

int
storefile_directory(const struct storefile *file)
{
	return file->directory;
}

/* The next attempt comes after `least_ms`, and later each time. */
static void
put_off(struct storefile *file, int least_ms)
{
	file->delay_ms = file->delay_ms > LONGEST_MS / 2 ? LONGEST_MS : 2 * file->delay_ms;
	if (file->delay_ms < least_ms)
		file->delay_ms = least_ms;
	file->retry_ms = now_ms() + file->delay_ms;
}

static struct store *
open_store(const struct storefile *file, struct err *err)
{
	int here = file->directory >= 0 ? location_enter(file->directory) : -1;
	struct store_config config = {
		.type = file->type,
		.path = here >= 0 ? text_basename(file->path) : file->path,
		.shown = file->path,
		.boot = file->boot,
		.limit = file->limit,
	};
	struct store *store = store_new(&config, err);

	if (here >= 0)
		location_leave(here);
	return store;
}

void
storefile_close(const struct storefile *file, struct store *store)
{
	int here = store && file->directory >= 0 ? location_enter(file->directory) : -1;

	store_free(store);
	if (here >= 0)
		location_leave(here);
}

struct store *
storefile_open(struct storefile *file)
{
	struct err err = { 0 };

	if (storefile_wait_ms(file) != 0)
		return NULL;
	struct store *store = open_store(file, &err);
	if (store) {
		if (file->is_told)
			log_info("%s TLS session cache %s is back", file->label, file->name);
		file->is_told = false;
		file->opened_ms = now_ms();
		return store;
	}
	file->is_never = err.code == EINVAL;
	put_off(file, err.code == EAGAIN ? SOON_MS : FIRST_MS);
	if (!file->is_told && file->delay_ms >= FIRST_MS) {
		log_error("%s", err.text);
		file->is_told = true;
	}
	return NULL;
}

void
storefile_failed(struct storefile *file, const struct err *err)
{
	log_warn("%s; continuing without %s TLS session cache", err->text, file->label);
	file->is_told = true;
	if (now_ms() - file->opened_ms >= HEALTHY_MS)
		file->delay_ms = 0;
	put_off(file, FIRST_MS);
}

int
storefile_wait_ms(const struct storefile *file)
{
	int64_t left_ms = file->retry_ms - now_ms();

	if (file->is_never)
		return -1;
	return left_ms <= 0 ? 0 : left_ms < LONGEST_MS ? (int)left_ms : LONGEST_MS;
}
