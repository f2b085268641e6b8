/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mail/attr.h"
#include "mail/tlsmgr_proto.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNSET = 77 };

static void
say_nothing(enum log_level level, const char *text, void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

static void
check(int result, int status)
{
	if (result != 0 && status != UNSET)
		log_panic("a reply that was refused has set the status");
}

/* What a server may say, each decoder at it; and where the list ends, told from pieces. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tlsmgr_ticket_key key;
	struct buf bytes = BUF_INIT;
	struct table *numbers = table_new(free);
	struct attr_frame whole, pieces;
	int status = UNSET, cachable, timeout_s;
	size_t len = 0, piece_len = 0;
	enum attr_progress progress = ATTR_MORE;

	log_set_sink(say_nothing, NULL);
	int announced = tlsmgr_proto_get_announcement(data, size, "fuzz");
	if (announced != 0 && announced != -1)
		log_panic("neither yes nor no");
	check(tlsmgr_proto_get_session(data, size, "fuzz", &status, &bytes), status);
	status = UNSET;
	check(tlsmgr_proto_get_policy(data, size, "fuzz", &status, &cachable, &timeout_s), status);
	status = UNSET;
	check(tlsmgr_proto_get_tktkey(data, size, "fuzz", &status, &key), status);
	status = UNSET;
	check(tlsmgr_proto_get_stats(data, size, "fuzz", &status, numbers), status);

	attr_frame_init(&whole, 1000);
	attr_frame_init(&pieces, 1000);
	for (size_t i = 1; i <= size && progress == ATTR_MORE; i++)
		progress = attr_frame_feed(&pieces, data, i, &piece_len);
	if (size > 0 && attr_frame_feed(&whole, data, size, &len) != progress)
		log_panic("the end of a list depends on how it arrives");
	if (len != piece_len)
		log_panic("the length of a list depends on how it arrives");
	table_free(numbers);
	buf_release(&bytes);
	return 0;
}
