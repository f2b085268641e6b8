/* SPDX-License-Identifier: ISC */
#include "tls/random.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "util/alloc.h"

int
random_bytes(void *bytes, size_t len)
{
	/* OpenSSL says 1 for success and either 0 or -1 for failure. */
	if (len <= INT_MAX && RAND_bytes(bytes, (int)len) == 1)
		return 0;
	ERR_clear_error();
	alloc_wipe(bytes, len);
	return -1;
}

void
random_add(const void *bytes, size_t len)
{
	/* No entropy is claimed: the library seeds itself from the kernel. */
	if (len <= INT_MAX)
		RAND_add(bytes, (int)len, 0.0);
}
