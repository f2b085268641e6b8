/* SPDX-License-Identifier: ISC */
/* fuzz_entry: what a cache file may hold in place of an entry. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tlsmgr/entry.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf session = BUF_INIT, again = BUF_INIT, read = BUF_INIT;
	int64_t stamp, read_stamp;

	if (entry_decode(bytes, len, &stamp, &session) != ENTRY_GOOD) {
		if (stamp != 0 || session.len != 0)
			abort();
	} else {
		entry_encode(&again, stamp, buf_str(&session), session.len);
		if (entry_decode(again.bytes, again.len, &read_stamp, &read) != ENTRY_GOOD ||
		    read_stamp != stamp || read.len != session.len ||
		    memcmp(buf_str(&read), buf_str(&session), read.len) != 0)
			abort();
	}
	buf_release(&session);
	buf_release(&again);
	buf_release(&read);
	return 0;
}
