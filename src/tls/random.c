/* SPDX-License-Identifier: ISC */
#include "tls/random.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "util/alloc.h"

static random_generator_fn generator = RAND_bytes;

int
random_bytes(void *bytes, size_t len)
{
	/* OpenSSL says 1 for success and either 0 or -1 for failure. */
	if (len <= INT_MAX && generator(bytes, (int)len) == 1)
		return 0;
	ERR_clear_error();
	alloc_wipe(bytes, len);
	return -1;
}

void
random_add(const void *bytes, size_t len)
{
	/* No entropy is claimed: with each stirring the library takes as much from the kernel as if there
	 * were none. */
	if (len <= INT_MAX)
		RAND_add(bytes, (int)len, 0.0);

	/* A kernel that gives nothing leaves an error; the next random_bytes() fails and says so. */
	ERR_clear_error();
}

void
random_set_generator(random_generator_fn replacement)
{
	generator = replacement ? replacement : RAND_bytes;
}
