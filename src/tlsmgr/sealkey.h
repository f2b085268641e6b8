/* SPDX-License-Identifier: ISC */
/*
 * sealkey: the key that a file of ticket keys is sealed with, and where it is kept.
 *
 * Best is a random key in the kernel's keyring: never on disk, gone with the system's restart. There is a new
 * one each time the file is written, and the one before is dropped, so that no old copy of the file can be
 * opened any more, not even by who has taken over the system. Where the kernel refuses, the key is derived
 * from the boot id and a salt: that stops only who has the file, but not the boot id that was valid then.
 */
#ifndef TLSMGR_SEALKEY_H
#define TLSMGR_SEALKEY_H

#include "tls/seal.h"

struct err;
struct sealkey;

enum sealkey_kind { SEALKEY_NONE, SEALKEY_KEYRING, SEALKEY_BOOT };

enum { SEALKEY_SALT_LEN = 32, SEALKEY_CHECK_LEN = 8, SEALKEY_PLACES = 2 };

/* What the file says of its key. */
struct sealkey_id {
	unsigned char kind;  /* enum sealkey_kind */
	unsigned char place; /* below SEALKEY_PLACES: two keys take turns in the keyring */
	unsigned char salt[SEALKEY_SALT_LEN];
	unsigned char check[SEALKEY_CHECK_LEN]; /* only this key has it */
};

/* `name` tells the file from others of this user; `boot_id` differs after each restart of the system, empty:
 * unknown. */
struct sealkey *sealkey_new(const char *name, const char *boot_id);
void sealkey_free(struct sealkey *sealkey);

/*
 * Makes a key for a file that replaces one with `old`, whose key stays: kind SEALKEY_NONE if there was none.
 * The kernel forgets it after `lifetime_s` seconds. 0 or -1.
 */
int sealkey_make(struct sealkey *sealkey, const struct sealkey_id *old, unsigned int lifetime_s,
    struct sealkey_id *id, unsigned char key[SEAL_KEY_LEN], struct err *err)
    __attribute__((warn_unused_result));

/* 1: `key` filled. 0: the key is gone, or it is another system's. */
int sealkey_find(struct sealkey *sealkey, const struct sealkey_id *id, unsigned char key[SEAL_KEY_LEN])
    __attribute__((warn_unused_result));

/* The file of that id is no more. */
void sealkey_drop(struct sealkey *sealkey, const struct sealkey_id *id);

/* A word for logs and statistics. */
const char *sealkey_kind_name(enum sealkey_kind kind);

#endif
