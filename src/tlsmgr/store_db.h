/* SPDX-License-Identifier: ISC */
/*
 * store_db: a store in a Berkeley DB file.
 *
 * The file is PATH.db, mode 0600, laid out as Postfix's: a zero byte ends each key and each value. It is
 * locked for as long as it is open, and locked before it is emptied. Nothing is ever flushed: the next start
 * empties it anyway.
 */
#ifndef TLSMGR_STORE_DB_H
#define TLSMGR_STORE_DB_H

struct err;
struct store;

/* `type` is btree or hash. Used through store_new(). */
struct store *store_db_new(const char *type, const char *path, struct err *err);

#endif
