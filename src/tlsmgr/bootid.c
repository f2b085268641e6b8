/* SPDX-License-Identifier: ISC */
#include "tlsmgr/bootid.h"

#include <string.h>

#include "util/buf.h"
#include "util/file.h"

char *
bootid_read(void)
{
	struct buf id = BUF_INIT;

	if (file_read("/proc/sys/kernel/random/boot_id", 64, &id, NULL) < 0)
		buf_clear(&id);
	buf_truncate(&id, strcspn(buf_str(&id), "\n"));
	buf_add(&id, "", 0);
	return buf_detach(&id);
}
