/* SPDX-License-Identifier: ISC */
/*
 * A cache file that Postfix's tlsmgr might have left: read to its end, which must come soon.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tlsmgr/foreign.h"
#include "util/buf.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A step is at most a page or a record; records are never more than bytes. */
enum { STEPS_PER_BYTE = 4, STEPS_MIN = 10000 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	size_t most = STEPS_MIN + size * STEPS_PER_BYTE, steps = 0;
	enum foreign_step step;
	int fd = memfd_create("cache", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		log_panic("cannot make a file in memory");
	struct foreign *foreign = foreign_new(fd);
	if (!foreign) {
		/* Not taken. */
		close(fd);
		return 0;
	}
	do {
		step = foreign_next(foreign, &key, &value);
		if (++steps > most)
			log_panic("no end of %zu bytes after %zu steps", size, steps);
	} while (step == FOREIGN_RECORD || step == FOREIGN_NOTHING);
	foreign_free(foreign);
	buf_release_secret(&key);
	buf_release_secret(&value);
	return 0;
}
