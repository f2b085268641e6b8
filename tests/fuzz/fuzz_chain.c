/* SPDX-License-Identifier: ISC */
/*
 * fuzz_chain: PEM input from a file or an SNI table, as a list, as one mixed file, as a pair and for one
 * session.
 */
#include <stddef.h>
#include <stdint.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/chain.h"
#include "util/buf.h"
#include "util/log.h"

struct input {
	const uint8_t *bytes;
	size_t len;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
drop(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

static int
read_input(const char *path, struct buf *to, void *arg)
{
	const struct input *input = arg;

	(void)path;
	buf_add(to, input->bytes, input->len);
	return 0;
}

/* The result may be either; what is left in the error queue may not. */
static void
check(int result)
{
	if (result != 0 && result != -1)
		log_panic("result %d", result);
	if (ERR_peek_error() != 0)
		log_panic("errors left behind");
}

/* What was parsed for one session fits the next. */
static int
use_session(SSL *ssl, SSL_CTX *ctx, const uint8_t *bytes, size_t len)
{
	struct chain *chain = chain_new(ssl, "SNI data for fuzz.example", bytes, len);
	SSL *next = SSL_new(ctx);
	int result = chain ? chain_use(chain, next, "SNI data for fuzz.example") : -1;

	if (chain && result < 0)
		log_panic("a chain that fitted fits no more");
	chain_unref(chain);
	SSL_free(next);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static SSL_CTX *session_ctx;
	struct input input = { bytes, len };

	log_set_sink(drop, NULL);
	if (!session_ctx)
		session_ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl = SSL_new(session_ctx);

	check(use_session(ssl, session_ctx, bytes, len));
	check(chain_load_files(ctx, "one two", read_input, &input));
	check(chain_load_pair(ctx, CHAIN_RSA, "one", "one", read_input, &input));
	check(chain_load_pair(ctx, CHAIN_ECDSA, "one", "two", read_input, &input));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return 0;
}
