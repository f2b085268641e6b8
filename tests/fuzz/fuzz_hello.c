/* SPDX-License-Identifier: ISC */
/* fuzz_hello: the ClientHello extensions that say what a client wants to resume. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tls/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const unsigned char *identity;
	size_t id_len;

	if (hello_first_identity(bytes, len, &identity, &id_len) == 0 &&
	    (id_len == 0 || identity < bytes || identity + id_len > bytes + len))
		abort();
	return hello_offers_tls13(bytes, len) > 1;
}
