/* SPDX-License-Identifier: ISC */
/*
 * store_db: a store in a Berkeley DB file.
 *
 * The file is PATH.db, mode 0600. As in Postfix's, a zero byte ends each key; it is locked for as long as it
 * is open, and locked before anything in it is changed.
 */
#ifndef TLSMGR_STORE_DB_H
#define TLSMGR_STORE_DB_H

struct err;
struct store;
struct store_config;

/* Types btree and hash. Used through store_new(). */
struct store *store_db_new(const struct store_config *config, struct err *err);

#endif
