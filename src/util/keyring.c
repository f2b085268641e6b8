/* SPDX-License-Identifier: ISC */
#include "util/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/alloc.h"

static const char type[] = "user";

/* A secret can be read by whoever possesses it: whose own keyring leads to it. The user's does not by itself.
 */
static int
possess_user_keyring(void)
{
	return syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING) < 0 ? -1 : 0;
}

static long
find(const char *name)
{
	return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, type, name, 0);
}

int
keyring_put(const char *name, const void *bytes, size_t len, unsigned int lifetime_s)
{
	if (possess_user_keyring() < 0)
		return -1;

	long key = syscall(SYS_add_key, type, name, bytes, len, KEY_SPEC_USER_KEYRING);
	if (key < 0)
		return -1;
	if (syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, key, lifetime_s) == 0)
		return 0;

	int code = errno;
	keyring_drop(name);
	errno = code;
	return -1;
}

int
keyring_get(const char *name, void *bytes, size_t len)
{
	if (possess_user_keyring() < 0)
		return -1;

	long key = find(name);
	if (key < 0)
		return errno == ENOKEY || errno == EKEYEXPIRED || errno == EKEYREVOKED ? 0 : -1;

	long got = syscall(SYS_keyctl, KEYCTL_READ, key, bytes, len);
	if (got < 0)
		return -1;
	if ((size_t)got == len)
		return 1;
	alloc_wipe(bytes, len);
	return 0;
}

void
keyring_drop(const char *name)
{
	long key = possess_user_keyring() < 0 ? -1 : find(name);

	if (key >= 0)
		syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING);
}
