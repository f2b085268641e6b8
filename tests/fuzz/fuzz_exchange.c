/* SPDX-License-Identifier: ISC */
/* fuzz_exchange: an exchange file of any content. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tlsmgr/exchange.h"
#include "util/err.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { LEN = 1024 };

static void
say_nothing(enum log_level level, const char *text, void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

/* New bytes in front, whatever was there; the tail as it was. */
static void
check(int fd, const uint8_t *bytes, size_t len)
{
	unsigned char head[LEN], tail[4096];
	struct stat st;

	if (fstat(fd, &st) < 0 || (size_t)st.st_size != (len > LEN ? len : LEN))
		abort();
	if (pread(fd, head, LEN, 0) != LEN || (len >= 16 && memcmp(head, bytes, 16) == 0))
		abort();
	for (size_t at = LEN; at < len; at += sizeof tail) {
		size_t part = len - at < sizeof tail ? len - at : sizeof tail;

		if (pread(fd, tail, part, (off_t)at) != (ssize_t)part || memcmp(tail, bytes + at, part) != 0)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char path[64];
	struct err err = { 0 };
	int fd = memfd_create("exchange", MFD_CLOEXEC);

	log_set_sink(say_nothing, NULL);
	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct exchange *exchange = exchange_new(path);
	if (exchange_update(exchange, &err) != 1)
		log_panic("%s", err.text);
	check(fd, bytes, len);
	exchange_free(exchange);
	close(fd);
	return 0;
}
