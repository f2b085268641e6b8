/* SPDX-License-Identifier: ISC */
#include "postconf/facts.h"

#include <stdio.h>
#include <string.h>

#include "tls/library.h"
#include "util/log.h"

void
facts_show_types(void)
{
	fputs("btree\nhash\nlmdb\n", stdout);
}

int
facts_show_tls(const char *mode)
{
	if (strcmp(mode, "compile-version") == 0) {
		puts(library_compiled_version());
	} else if (strcmp(mode, "run-version") == 0) {
		puts(library_running_version());
	} else if (strcmp(mode, "public-key-algorithms") == 0) {
		/* Every OpenSSL this builds with has these; no build option of ours leaves one out. */
		fputs("dsa\necdsa\nrsa\n", stdout);
	} else {
		log_warn("unknown 'postconf -T' mode: %s", mode);
		return -1;
	}
	return 0;
}
