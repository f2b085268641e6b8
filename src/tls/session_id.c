/* SPDX-License-Identifier: ISC */
#include "tls/session_id.h"

#include <string.h>

#include <openssl/evp.h>

#include "tls/dane.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"

static void
add_string(struct buf *to, const char *text)
{
	buf_add(to, text, strlen(text) + 1);
}

static void
add_int(struct buf *to, int number)
{
	buf_add(to, &number, sizeof number);
}

char *
session_id_client(const struct session_id_input *input)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;
	struct buf bytes = BUF_INIT;
	struct buf id = BUF_INIT;

	add_string(&bytes, input->helo);
	buf_add(&bytes, &input->library_version, sizeof input->library_version);
	add_string(&bytes, input->protocols);
	add_string(&bytes, input->cipher_list);
	if (input->enable_rpk >= 0)
		add_int(&bytes, input->enable_rpk);
	add_int(&bytes, input->must_fail);
	if (input->dane)
		dane_set_put_canonical(input->dane, &bytes);
	else
		add_int(&bytes, 0);
	add_string(&bytes, input->sni);
	if (!EVP_Digest(bytes.bytes, bytes.len, digest, &len, EVP_sha256(), NULL))
		log_panic("session_id: the library has no SHA-256");
	buf_printf(&id, "%s&", input->serverid);
	hex_encode(&id, digest, len, 0);
	buf_release(&bytes);
	return buf_detach(&id);
}
