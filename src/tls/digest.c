/* SPDX-License-Identifier: ISC */
#include "tls/digest.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

struct digest {
	EVP_MD_CTX *state; /* owned */
};

static void
start(struct digest *digest)
{
	if (!digest->state || EVP_DigestInit_ex(digest->state, EVP_sha256(), NULL) != 1)
		log_panic("digest: the library has no SHA-256");
}

struct digest *
digest_new(void)
{
	struct digest *digest = alloc_zero(sizeof *digest);

	digest->state = EVP_MD_CTX_new();
	start(digest);
	return digest;
}

void
digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->state);
	free(digest);
}

void
digest_add(struct digest *digest, const void *bytes, size_t len)
{
	if (EVP_DigestUpdate(digest->state, bytes, len) != 1)
		log_panic("digest: update failed");
}

void
digest_finish(struct digest *digest, struct buf *to)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (EVP_DigestFinal_ex(digest->state, bytes, &len) != 1)
		log_panic("digest: final failed");
	for (unsigned int i = 0; i < len; i++)
		buf_printf(to, "%02x", bytes[i]);
	start(digest);
}
