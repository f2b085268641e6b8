/* SPDX-License-Identifier: ISC */
#include "tlsmgr/ticketsecret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/tlsmgr_proto.h"
#include "tls/hkdf.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"

/* True if others than root could have put a name into it. */
static bool
is_open_to_others(const char *directory)
{
	struct stat st;

	return stat(directory, &st) < 0 || st.st_uid != 0 ||
	       ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0);
}

/*
 * What only root can read, and root alone has put there. Otherwise who can write to a directory on the way
 * could have linked it to any file of root, and learn from the keys whether he guessed what is in it.
 */
static int
check_way(const char *path, struct err *err)
{
	char *way = alloc_string(path);
	int result = 0;

	if (*path != '/' && is_open_to_others("."))
		result = err_set(err, "it belongs to root, but not the working directory");
	for (char *slash = strchr(way + 1, '/'); result == 0 && slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (is_open_to_others(way))
			result = err_set(err, "it belongs to root, but others can write to %s", way);
		*slash = '/';
	}
	free(way);
	return result;
}

static int
check(int fd, const char *path, uid_t owner, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, "cannot look at it");
	if (!S_ISREG(st.st_mode))
		return err_set(err, "not a regular file");
	if (st.st_mode & S_IROTH)
		return err_set(err, "everybody can read it");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, "others than its owner can change it");
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != owner)
		return err_set(err, "it belongs to user %ld, not to root or mail_owner", (long)st.st_uid);
	return geteuid() == 0 && st.st_uid == 0 ? check_way(path, err) : 0;
}

static int
fill(int fd, struct buf *secret, struct err *err)
{
	/* One byte more than allowed, and the newline. */
	enum { ROOM = TICKETSECRET_MAX + 2 };
	ssize_t got = 1;

	buf_reserve(secret, ROOM);
	while (got > 0 && secret->len < ROOM) {
		got = read(fd, secret->bytes + secret->len, ROOM - secret->len);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got < 0)
			return err_errno(err, "cannot read it");
		else
			secret->len += (size_t)got;
	}
	if (secret->len > 0 && secret->bytes[secret->len - 1] == '\n')
		secret->len--;
	buf_terminate(secret);
	if (secret->len < TICKETSECRET_MIN)
		return err_set(err, "shorter than %d bytes", TICKETSECRET_MIN);
	if (secret->len > TICKETSECRET_MAX)
		return err_set(err, "longer than %d bytes", TICKETSECRET_MAX);
	return 0;
}

int
ticketsecret_read(const char *path, uid_t owner, struct buf *secret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int result;

	if (fd < 0)
		return err_errno(err, "ticket secret file %s", path);
	buf_release_secret(secret);
	result = check(fd, path, owner, err);
	if (result == 0)
		result = fill(fd, secret, err);
	if (result < 0) {
		buf_release_secret(secret);
		err_prefix(err, "ticket secret file %s", path);
	}
	fdio_close(&fd);
	return result;
}

static void
add_number(struct buf *to, uint64_t number)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_add_byte(to, (char)(number >> shift));
}

int
ticketsecret_derive(const struct buf *secret, int period_s, int64_t number, struct tlsmgr_ticket_key *key)
{
	unsigned char bytes[sizeof key->name + sizeof key->bits + sizeof key->hmac];
	struct buf info = BUF_INIT;

	buf_add(&info, TICKETSECRET_LABEL, sizeof TICKETSECRET_LABEL);
	add_number(&info, (uint64_t)period_s);
	add_number(&info, (uint64_t)number);

	struct hkdf_input input = {
		.secret = secret->bytes,
		.secret_len = secret->len,
		.info = info.bytes,
		.info_len = info.len,
	};
	int result = hkdf_derive(&input, bytes, sizeof bytes);

	memcpy(key->name, bytes, sizeof key->name);
	memcpy(key->bits, bytes + sizeof key->name, sizeof key->bits);
	memcpy(key->hmac, bytes + sizeof key->name + sizeof key->bits, sizeof key->hmac);
	key->tout = (number + 1) * period_s;
	alloc_wipe(bytes, sizeof bytes);
	buf_release(&info);
	return result;
}
