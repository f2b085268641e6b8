/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mastercf: master.cf. Beyond memory errors it looks for entries that lack what every entry has.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/mastercf.h"
#include "util/err.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
silent(enum log_level level, const char *text, void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

static void
inspect(const struct mastercf_entry *entry)
{
	size_t count = 0;

	while (entry->args[count])
		count++;
	if (count != entry->arg_count || !*entry->name || !*entry->command || !*entry->endpoint ||
	    entry->wakeup_s < 0 || entry->process_limit < 0)
		abort();
	if ((entry->type == MASTERCF_INET) != (entry->host && entry->port))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct mastercf_options options = {
		.default_process_limit = 100, .disabled = "fifo, !a/unix, pass", .chroot_default = len % 2
	};
	struct mastercf *mastercf;
	struct err err = { .text = "" };

	log_set_sink(silent, NULL);
	mastercf = mastercf_parse("master.cf", bytes, len, &options, &err);
	if (!mastercf) {
		if (strncmp(err.text, "master.cf: line ", 16) != 0)
			abort();
		return 0;
	}
	for (size_t i = 0; i < mastercf_count(mastercf); i++)
		inspect(mastercf_entry(mastercf, i));
	mastercf_free(mastercf);
	return 0;
}
