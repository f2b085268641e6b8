/* SPDX-License-Identifier: ISC */
#include "tlsmgr/ticketfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls/random.h"
#include "tlsmgr/sealkey.h"
#include "tlsmgr/ticketblob.h"
#include "tlsmgr/ticketkeys.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/log.h"

/* Who has the lock needs it for a moment; who waits longer than that would keep clients waiting. */
enum { LOCK_TRIES = 20, LOCK_PAUSE_MS = 2 };

/* The key of the file lives a little longer than what is in it. */
enum { SPARE_S = 60 };

struct ticketfile {
	char *path;                    /* owned */
	int fd;                        /* owned */
	struct sealkey *sealkey;       /* owned */
	struct ticketblob_header seen; /* of the content that was last read or written; zeros: empty */
};

/* Not below a symbolic link, not shared with anybody. -1: `err`, unless there is no file and none is made. */
static int
open_own(const char *path, int flags, mode_t forbidden, struct err *err)
{
	struct stat st;
	int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, "cannot open ticket key file %s", path);
		fdio_close(&fd);
	} else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1 ||
		   (st.st_mode & forbidden) != 0) {
		err_set(err, "ticket key file %s: not a file of mode 0600 of our own: remove it", path);
		fdio_close(&fd);
	}
	return fd;
}

/* Containers may share a user's keyring and have the same paths. */
static struct sealkey *
new_sealkey(const char *path, int fd, const char *boot_id)
{
	struct stat st = { 0 };
	char *name;

	if (fstat(fd, &st) < 0)
		log_panic("ticketfile: fstat: %m");
	name =
	    alloc_printf("%s:%llx:%llx", path, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	struct sealkey *sealkey = sealkey_new(name, boot_id);
	free(name);
	return sealkey;
}

struct ticketfile *
ticketfile_new(const char *path, const char *boot_id, struct err *err)
{
	int fd = open_own(path, O_RDWR | O_CREAT, 077, err);

	if (fd < 0)
		return NULL;
	struct ticketfile *file = alloc_zero(sizeof *file);
	file->path = alloc_string(path);
	file->fd = fd;
	file->sealkey = new_sealkey(path, fd, boot_id);
	return file;
}

void
ticketfile_free(struct ticketfile *file)
{
	if (!file)
		return;
	sealkey_free(file->sealkey);
	fdio_close(&file->fd);
	free(file->path);
	free(file);
}

int
ticketfile_remove_keys(const char *path, struct err *err)
{
	int fd, result = 0;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	/* Whoever could read it: it is emptied the sooner. */
	fd = open_own(path, O_WRONLY, 0, err);
	if (fd < 0)
		return -1;
	if (ftruncate(fd, 0) < 0)
		result = err_errno(err, "cannot empty ticket key file %s", path);
	fdio_close(&fd);
	return result;
}

static int
lock(struct ticketfile *file, struct err *err)
{
	for (int i = 0;; i++) {
		int locked = file_lock(file->fd, false);

		if (locked == 1)
			return 0;
		if (locked == 0 && i < LOCK_TRIES) {
			poll(NULL, 0, LOCK_PAUSE_MS);
			continue;
		}
		if (locked == 0)
			errno = EAGAIN;
		return err_errno(err, "cannot lock ticket key file %s", file->path);
	}
}

/* Under the lock. Results as of ticketfile_load(); `seen` is set in any case. */
static int
merge(struct ticketfile *file, struct ticketkeys *keys, struct err *err)
{
	unsigned char bytes[TICKETBLOB_LEN + 1], key[SEAL_KEY_LEN];
	struct ticketkeys_record records[TICKETKEYS_MAX];
	ssize_t got = pread(file->fd, bytes, sizeof bytes, 0);

	memset(&file->seen, 0, sizeof file->seen);
	if (got < 0)
		return err_errno(err, "cannot read ticket key file %s", file->path);
	if (got == 0)
		return 1;
	if (ticketblob_get_header(bytes, (size_t)got, &file->seen) < 0)
		return err_set(err, "ticket key file %s: damaged: making new keys", file->path);
	if (sealkey_find(file->sealkey, &file->seen.seal, key) == 0) {
		err_set(err,
		    "ticket key file %s: sealed before the system was started, or elsewhere: making new keys",
		    file->path);
		return 0;
	}

	int count = ticketblob_open(bytes, (size_t)got, key, records);
	for (int i = 0; i < count; i++)
		ticketkeys_import(keys, &records[i]);
	alloc_wipe(key, sizeof key);
	alloc_wipe(records, sizeof records);
	if (count < 0)
		return err_set(err, "ticket key file %s: damaged: making new keys", file->path);
	ticketkeys_set_seal(keys, sealkey_kind_name(file->seen.seal.kind));
	return 1;
}

int
ticketfile_load(struct ticketfile *file, struct ticketkeys *keys, struct err *err)
{
	if (lock(file, err) < 0)
		return -1;
	int result = merge(file, keys, err);
	file_unlock(file->fd);
	return result;
}

bool
ticketfile_is_changed(const struct ticketfile *file)
{
	unsigned char bytes[TICKETBLOB_HEADER_LEN];
	struct ticketblob_header header;

	/* What is empty or unreadable has no keys. */
	return pread(file->fd, bytes, sizeof bytes, 0) == sizeof bytes &&
	       ticketblob_get_header(bytes, sizeof bytes, &header) == 0 &&
	       memcmp(header.nonce, file->seen.nonce, sizeof header.nonce) != 0;
}

static int
empty(struct ticketfile *file, struct ticketkeys *keys, struct err *err)
{
	if (ftruncate(file->fd, 0) < 0)
		return err_errno(err, "cannot empty ticket key file %s", file->path);
	sealkey_drop(file->sealkey, &file->seen.seal);
	memset(&file->seen, 0, sizeof file->seen);
	ticketkeys_set_seal(keys, sealkey_kind_name(SEALKEY_NONE));
	return 0;
}

/* The old content or the new, whole; nothing if the disk has room for neither. */
static int
replace(struct ticketfile *file, const unsigned char *bytes, struct err *err)
{
	struct stat st;

	/* Nobody would find the keys, and a removed file is not the place for them. */
	if (fstat(file->fd, &st) == 0 && st.st_nlink == 0)
		return err_set(err, "ticket key file %s was removed", file->path);

	ssize_t put = pwrite(file->fd, bytes, TICKETBLOB_LEN, 0);
	if (put == TICKETBLOB_LEN && ftruncate(file->fd, TICKETBLOB_LEN) == 0)
		return 0;
	if (put >= 0 && put != TICKETBLOB_LEN)
		errno = ENOSPC;
	err_errno(err, "cannot write ticket key file %s", file->path);
	if (put > 0 && ftruncate(file->fd, 0) < 0)
		err_prefix(err, "cannot empty it either");
	return -1;
}

static int
write_sealed(struct ticketfile *file, struct ticketkeys *keys, const struct ticketkeys_record *records,
    int count, struct err *err)
{
	unsigned char key[SEAL_KEY_LEN], bytes[TICKETBLOB_LEN];
	struct ticketblob_header header = { 0 };
	unsigned int lifetime_s = (unsigned int)ticketkeys_lifetime_s(keys, records, count) + SPARE_S;
	int result = sealkey_make(file->sealkey, &file->seen.seal, lifetime_s, &header.seal, key, err);

	if (result < 0)
		return err_prefix(err, "cannot write ticket key file %s", file->path);
	if (random_bytes(header.nonce, sizeof header.nonce) < 0 ||
	    ticketblob_close(&header, key, records, count, bytes) < 0)
		result = err_set(err, "cannot seal ticket key file %s", file->path);
	alloc_wipe(key, sizeof key);
	if (result == 0)
		result = replace(file, bytes, err);
	if (result < 0) {
		sealkey_drop(file->sealkey, &header.seal);
		return -1;
	}
	/* From here on no copy of what was there before can be opened. */
	sealkey_drop(file->sealkey, &file->seen.seal);
	file->seen = header;
	ticketkeys_set_seal(keys, sealkey_kind_name(header.seal.kind));
	return 0;
}

int
ticketfile_save(struct ticketfile *file, struct ticketkeys *keys, struct err *err)
{
	struct ticketkeys_record records[TICKETKEYS_MAX];
	int result;

	if (lock(file, err) < 0)
		return -1;
	/* Something else than keys may have come in between: it is replaced like them. */
	if (ticketfile_is_changed(file) && merge(file, keys, NULL) < 0)
		memset(&file->seen, 0, sizeof file->seen);

	int count = ticketkeys_export(keys, records);
	result = count > 0 ? write_sealed(file, keys, records, count, err) : empty(file, keys, err);
	alloc_wipe(records, sizeof records);
	file_unlock(file->fd);
	return result;
}
