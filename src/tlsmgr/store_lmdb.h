/* SPDX-License-Identifier: ISC */
/*
 * store_lmdb: a store in an LMDB file.
 *
 * The file is PATH.lmdb, mode 0600, without lock file. As in Postfix's, a zero byte ends each key. Several
 * writes share a transaction: readers in other processes see them when it ends.
 *
 * The library takes keys of 511 bytes. A longer one is cut and ends with a hash instead of a zero byte; then
 * the whole key and its zero byte come before the value. Of two keys with the same hash the later one stays.
 *
 * Eight bytes behind each value are a sum of it and its key. The pages between are the library's, which reads
 * them through a mapping and trusts what it finds: damage to a file in use can end the process; the next one
 * starts with an empty file.
 */
#ifndef TLSMGR_STORE_LMDB_H
#define TLSMGR_STORE_LMDB_H

struct err;
struct store;
struct store_config;

/* Type lmdb. Used through store_new(). */
struct store *store_lmdb_new(const struct store_config *config, struct err *err);

#endif
