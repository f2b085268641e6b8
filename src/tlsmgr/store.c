/* SPDX-License-Identifier: ISC */
#include "tlsmgr/store.h"

#include <errno.h>
#include <string.h>

#include "tlsmgr/store_db.h"
#include "tlsmgr/store_lmdb.h"
#include "tlsmgr/store_memory.h"
#include "util/err.h"

static const struct {
	const char *type;
	struct store *(*open)(const struct store_config *config, struct err *err);
} types[] = {
	{ "btree", store_db_new },
	{ "hash", store_db_new },
	{ "lmdb", store_lmdb_new },
	{ "internal", store_memory_new },
};

/* Tables that can be read but never written. */
static const char *const read_only[] = { "texthash", "cidr", "pcre", "regexp", "inline", "static" };

struct store *
store_new(const struct store_config *config, struct err *err)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(config->type, types[i].type) == 0)
			return types[i].open(config, err);
	for (size_t i = 0; i < sizeof read_only / sizeof read_only[0]; i++) {
		if (strcmp(config->type, read_only[i]) == 0) {
			err_set(err, "%s:%s map requires O_RDONLY access mode", config->type, config->shown);
			err->code = EINVAL;
			return NULL;
		}
	}
	err_set(err, "unsupported dictionary type: %s", config->type);
	err->code = EINVAL;
	return NULL;
}

void
store_free(struct store *store)
{
	if (!store)
		return;
	foreign_free(store->foreign);
	store->ops->free(store, !store->failed);
}

bool
store_has_old_records(const struct store *store)
{
	return store->kept;
}

/* Passes on the result of an operation. */
static int
noted(struct store *store, int result)
{
	if (result < 0)
		store->failed = true;
	return result;
}

int
store_get(struct store *store, const char *key, struct buf *value, struct err *err)
{
	return noted(store, store->ops->get(store, key, value, err));
}

int
store_put(struct store *store, const char *key, const void *value, size_t len, struct err *err)
{
	return noted(store, store->ops->put(store, key, value, len, err));
}

int
store_remove(struct store *store, const char *key, struct err *err)
{
	return noted(store, store->ops->remove(store, key, err));
}

int
store_next(struct store *store, bool first, struct buf *key, struct buf *value, struct err *err)
{
	return noted(store, store->ops->next(store, first, key, value, err));
}

bool
store_has_foreign_records(const struct store *store)
{
	return store->foreign != NULL;
}

enum foreign_step
store_next_foreign(struct store *store, struct buf *key, struct buf *value)
{
	enum foreign_step step = foreign_next(store->foreign, key, value);

	if (step == FOREIGN_END) {
		foreign_free(store->foreign);
		store->foreign = NULL;
	}
	return step;
}

void
store_stop_foreign(struct store *store)
{
	foreign_stop(store->foreign);
}

uint64_t
store_file_bytes(const struct store *store)
{
	return store->ops->file_bytes(store);
}
