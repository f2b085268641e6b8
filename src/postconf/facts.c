/* SPDX-License-Identifier: ISC */
#include "postconf/facts.h"

#include <stdio.h>
#include <string.h>

#include "mail/map.h"
#include "tls/library.h"
#include "util/log.h"

void
facts_show_types(void)
{
	const char *name;

	for (size_t i = 0; (name = map_type_name(i)) != NULL; i++)
		puts(name);
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
