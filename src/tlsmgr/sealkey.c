/* SPDX-License-Identifier: ISC */
#include "tlsmgr/sealkey.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tls/hkdf.h"
#include "tls/random.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/keyring.h"
#include "util/log.h"

static const char label[] = "sealpost tlsmgr file seal";

struct sealkey {
	char *names[SEALKEY_PLACES]; /* owned; in the keyring */
	char *boot_id;               /* owned */
	bool refused;                /* the kernel has; it was said */
};

struct sealkey *
sealkey_new(const char *name, const char *boot_id)
{
	struct sealkey *sealkey = alloc_zero(sizeof *sealkey);

	for (int i = 0; i < SEALKEY_PLACES; i++)
		sealkey->names[i] = alloc_printf("sealpost:%s:%d", name, i);
	sealkey->boot_id = alloc_string(boot_id);
	return sealkey;
}

void
sealkey_free(struct sealkey *sealkey)
{
	if (!sealkey)
		return;
	for (int i = 0; i < SEALKEY_PLACES; i++)
		free(sealkey->names[i]);
	free(sealkey->boot_id);
	free(sealkey);
}

/* Key and check from what is secret and the salt. */
static int
derive(const void *secret, size_t len, const unsigned char *salt, unsigned char *key, unsigned char *check)
{
	unsigned char bytes[SEAL_KEY_LEN + SEALKEY_CHECK_LEN];
	struct hkdf_input input = {
		.secret = secret,
		.secret_len = len,
		.salt = salt,
		.salt_len = SEALKEY_SALT_LEN,
		.info = label,
		.info_len = sizeof label - 1,
	};
	int result = hkdf_derive(&input, bytes, sizeof bytes);

	memcpy(key, bytes, SEAL_KEY_LEN);
	memcpy(check, bytes + SEAL_KEY_LEN, SEALKEY_CHECK_LEN);
	alloc_wipe(bytes, sizeof bytes);
	return result;
}

/* 0, or -1: no key of this kind to be had. */
static int
make_in_keyring(struct sealkey *sealkey, unsigned int lifetime_s, struct sealkey_id *id, unsigned char *key)
{
	unsigned char secret[SEAL_KEY_LEN];
	int result = random_bytes(secret, sizeof secret);

	if (result == 0 && keyring_put(sealkey->names[id->place], secret, sizeof secret, lifetime_s) < 0) {
		if (!sealkey->refused)
			log_info("ticket keys on disk: the kernel keeps no key for them (%s): sealing with "
				 "the boot id",
			    strerror(errno));
		sealkey->refused = true;
		result = -1;
	}
	if (result == 0)
		result = derive(secret, sizeof secret, id->salt, key, id->check);
	alloc_wipe(secret, sizeof secret);
	return result;
}

int
sealkey_make(struct sealkey *sealkey, const struct sealkey_id *old, unsigned int lifetime_s,
    struct sealkey_id *id, unsigned char key[SEAL_KEY_LEN], struct err *err)
{
	*id = (struct sealkey_id){ .kind = SEALKEY_KEYRING };
	if (old->kind == SEALKEY_KEYRING)
		id->place = old->place == 0;
	if (random_bytes(id->salt, sizeof id->salt) < 0)
		return err_set(err, "no random bytes");
	if (make_in_keyring(sealkey, lifetime_s, id, key) == 0)
		return 0;
	if (!sealkey->boot_id[0])
		return err_set(err, "no key to seal it with: no keyring and no boot id");
	id->kind = SEALKEY_BOOT;
	id->place = 0;
	if (derive(sealkey->boot_id, strlen(sealkey->boot_id), id->salt, key, id->check) < 0)
		return err_set(err, "no key to seal it with");
	return 0;
}

int
sealkey_find(struct sealkey *sealkey, const struct sealkey_id *id, unsigned char key[SEAL_KEY_LEN])
{
	unsigned char secret[SEAL_KEY_LEN], check[SEALKEY_CHECK_LEN];
	int result = -1;

	if (id->kind == SEALKEY_KEYRING && id->place < SEALKEY_PLACES &&
	    keyring_get(sealkey->names[id->place], secret, sizeof secret) == 1)
		result = derive(secret, sizeof secret, id->salt, key, check);
	else if (id->kind == SEALKEY_BOOT && sealkey->boot_id[0])
		result = derive(sealkey->boot_id, strlen(sealkey->boot_id), id->salt, key, check);
	alloc_wipe(secret, sizeof secret);
	if (result == 0 && memcmp(check, id->check, sizeof check) == 0)
		return 1;
	alloc_wipe(key, SEAL_KEY_LEN);
	return 0;
}

void
sealkey_drop(struct sealkey *sealkey, const struct sealkey_id *id)
{
	if (id->kind == SEALKEY_KEYRING && id->place < SEALKEY_PLACES)
		keyring_drop(sealkey->names[id->place]);
}

const char *
sealkey_kind_name(enum sealkey_kind kind)
{
	static const char *const names[] = {
		[SEALKEY_NONE] = "none",
		[SEALKEY_KEYRING] = "keyring",
		[SEALKEY_BOOT] = "boot",
	};

	return names[kind];
}
