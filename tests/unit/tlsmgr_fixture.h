/* SPDX-License-Identifier: ISC */
/*
 * tlsmgr_fixture: a scratch directory, and the log in a string, for the tests of tlsmgr's modules.
 */
#ifndef TESTS_TLSMGR_FIXTURE_H
#define TESTS_TLSMGR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/log.h"

static char fixture_dir[64];
static char fixture_log[8192];

static inline void
fixture_keep(enum log_level level, const char *text, void *context)
{
	size_t used = strlen(fixture_log);

	(void)context;
	snprintf(fixture_log + used, sizeof fixture_log - used, "%s%s\n", log_label(level), text);
}

static inline int
fixture_setup(void **state)
{
	(void)state;
	strcpy(fixture_dir, "/tmp/sealpost-unit.XXXXXX");
	log_set_sink(fixture_keep, NULL);
	fixture_log[0] = 0;
	return mkdtemp(fixture_dir) ? 0 : -1;
}

static inline int
fixture_teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", fixture_dir);
	return system(command);
}

/* A name in the scratch directory; good until the next call. */
static inline const char *
fixture_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", fixture_dir, name);
	return path;
}

#endif
