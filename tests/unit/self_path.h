/* SPDX-License-Identifier: ISC */
/*
 * self_path: the file of this test program, for a test that runs it again as something else.
 *
 * /proc/self/exe is only read, as under valgrind running it would run valgrind.
 */
#ifndef TEST_SELF_PATH_H
#define TEST_SELF_PATH_H

#include <unistd.h>

static const char *
self_path(void)
{
	static char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

	path[len > 0 ? len : 0] = '\0';
	return path;
}

#endif
