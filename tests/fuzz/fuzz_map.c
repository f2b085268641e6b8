/* SPDX-License-Identifier: ISC */
/*
 * fuzz_map: the text of lookup tables. The first byte chooses the type; up to the first newline is the key
 * that is looked up, what follows the source or, for types without one, the name. Values are tried as those
 * of an SNI table.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "mail/map.h"
#include "tls/chain.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct {
	const char *prefix;
	bool in_file;
} types[] = {
	{ "texthash:", true },
	{ "cidr:", true },
	{ "inline:", false },
	{ "static:", false },
	{ "pipemap:", false },
	{ "unionmap:", false },
	{ "pcre:", true },
};

static void
drop(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

static void
look_up(const char *type_name, const char *key)
{
	struct buf value = BUF_INIT;
	struct err err = { 0 };
	struct map *map = map_new(type_name, MAP_FOLD, &err);
	static SSL_CTX *ctx;

	if (!map && !*err.text)
		log_panic("a failure without words");
	if (map && map_get(map, key, &value, &err) == 1) {
		if (!ctx)
			ctx = SSL_CTX_new(TLS_server_method());

		SSL *ssl = SSL_new(ctx);
		chain_unref(chain_new(ssl, "SNI data for fuzz.example", buf_str(&value), value.len));
		if (ERR_peek_error() != 0)
			log_panic("errors left behind");
		SSL_free(ssl);
	}
	map_free(map);
	buf_release(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const uint8_t *newline = len > 0 ? memchr(bytes + 1, '\n', len - 1) : NULL;

	log_set_sink(drop, NULL);
	if (!newline)
		return 0;

	size_t type = bytes[0] % (sizeof types / sizeof types[0]);
	char *key = alloc_string_n(
	    (const char *)bytes + 1, strnlen((const char *)bytes + 1, (size_t)(newline - bytes - 1)));
	const char *rest = (const char *)newline + 1;
	size_t rest_len = len - (size_t)(newline + 1 - bytes);
	int fd = types[type].in_file ? memfd_create("table", MFD_CLOEXEC) : -1;
	char *name = fd >= 0 ? alloc_printf("%s/proc/self/fd/%d", types[type].prefix, fd)
			     : alloc_printf("%s%.*s", types[type].prefix, (int)rest_len, rest);

	/* Nested tables could name files of the machine. */
	if (fd >= 0 && write(fd, rest, rest_len) != (ssize_t)rest_len)
		log_panic("no memory for a table");
	if (fd >= 0 || !strchr(rest_len > 0 ? name : "", '/'))
		look_up(name, key);
	if (fd >= 0)
		close(fd);
	free(name);
	free(key);
	return 0;
}
