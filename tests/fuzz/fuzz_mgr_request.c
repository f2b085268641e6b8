/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>

#include "tlsmgr/mgr_request.h"
#include "tlsmgr/scache.h"
#include "tlsmgr/statistics.h"
#include "tlsmgr/ticketkeys.h"
#include "util/buf.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
say_nothing(enum log_level level, const char *text, void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

/* Any list, cut anywhere. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const labels[] = { "smtpd", "smtp", "lmtp" };
	static struct statistics statistics;
	static struct mgr_request_env env = { .statistics = &statistics };
	struct buf reply = BUF_INIT;

	if (!env.stream) {
		log_set_sink(say_nothing, NULL);
		env.stream = "fuzz";
		for (int i = 0; i < MGR_REQUEST_CACHES; i++) {
			struct scache_config config = { .label = labels[i],
				.database = i ? "" : "none:x",
				.default_type = "hash",
				.timeout_s = 3600,
				.check_utf8 = true };

			env.caches[i] = scache_new(&config);
		}
		env.keys = ticketkeys_new(3600);
	}
	mgr_request_handle(&env, data, size, &reply);
	if (reply.len < 2 || reply.bytes[reply.len - 1] != 0)
		log_panic("a reply that is no list");
	buf_release(&reply);
	return 0;
}
