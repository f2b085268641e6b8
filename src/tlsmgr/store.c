/* SPDX-License-Identifier: ISC */
#include "tlsmgr/store.h"

#include <string.h>

#include "tlsmgr/store_db.h"
#include "util/err.h"

static const struct {
	const char *type;
	struct store *(*open)(const char *type, const char *path, struct err *err);
} types[] = {
	{ "btree", store_db_new },
	{ "hash", store_db_new },
};

/* Tables that can be read but never written. */
static const char *const read_only[] = { "texthash", "cidr", "pcre", "regexp", "inline", "static" };

struct store *
store_new(const char *type, const char *path, struct err *err)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(type, types[i].type) == 0)
			return types[i].open(type, path, err);
	for (size_t i = 0; i < sizeof read_only / sizeof read_only[0]; i++) {
		if (strcmp(type, read_only[i]) == 0) {
			err_set(err, "%s:%s map requires O_RDONLY access mode", type, path);
			return NULL;
		}
	}
	err_set(err, "unsupported dictionary type: %s", type);
	return NULL;
}

void
store_free(struct store *store)
{
	if (store)
		store->ops->free(store);
}

int
store_get(struct store *store, const char *key, struct buf *value, struct err *err)
{
	return store->ops->get(store, key, value, err);
}

int
store_put(struct store *store, const char *key, const char *value, size_t len, struct err *err)
{
	return store->ops->put(store, key, value, len, err);
}

int
store_remove(struct store *store, const char *key, struct err *err)
{
	return store->ops->remove(store, key, err);
}

int
store_next(struct store *store, bool first, struct buf *key, struct buf *value, struct err *err)
{
	return store->ops->next(store, first, key, value, err);
}

uint64_t
store_bytes(const struct store *store)
{
	return store->bytes;
}
