/* SPDX-License-Identifier: ISC */
/*
 * fuzz_authority: a file of authorities, and of whatever else is called PEM.
 */
#include <stddef.h>
#include <stdint.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/authority.h"
#include "tls/pem_text.h"
#include "util/buf.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int
read_input(const char *path, struct buf *to, void *arg)
{
	const struct buf *input = arg;

	(void)path;
	buf_add(to, input->bytes, input->len);
	return 0;
}

/* A text that goes on with half a line is not complete, whatever it was. */
static void
check_text(struct buf *input)
{
	if (pem_text_blocks(buf_str(input), input->len) < -1)
		log_panic("a strange number of blocks");
	buf_add_str(input, "\n-----BEGIN CERTIF");
	if (pem_text_blocks(buf_str(input), input->len) != -1)
		log_panic("half a line was not seen");
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf input = BUF_INIT;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	buf_add(&input, bytes, len);
	if (authority_load_file(ctx, "authorities", read_input, &input) < 0 && ERR_peek_error() == 0)
		log_panic("failed without a reason");
	ERR_clear_error();

	STACK_OF(X509_NAME) *names = authority_names("authorities", read_input, &input);

	sk_X509_NAME_pop_free(names, X509_NAME_free);
	ERR_clear_error();
	check_text(&input);
	buf_release(&input);
	SSL_CTX_free(ctx);
	return 0;
}
