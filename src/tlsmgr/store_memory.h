/* SPDX-License-Identifier: ISC */
/*
 * store_memory: a store that has no file. Nothing is kept.
 */
#ifndef TLSMGR_STORE_MEMORY_H
#define TLSMGR_STORE_MEMORY_H

struct err;
struct store;
struct store_config;

/* Type internal. Used through store_new(). */
struct store *store_memory_new(const struct store_config *config, struct err *err);

#endif
