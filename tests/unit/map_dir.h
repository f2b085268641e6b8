/* SPDX-License-Identifier: ISC */
/*
 * map_dir: a directory with tables and a main.cf, for tests of tables and for the postmap that they ask.
 */
#ifndef TEST_MAP_DIR_H
#define TEST_MAP_DIR_H

#include <stdio.h>
#include <stdlib.h>

#include "util/alloc.h"

static char map_dir[] = "/tmp/test-map.XXXXXX";

static void
map_dir_write(const char *name, const char *text)
{
	char *path = alloc_printf("%s/%s", map_dir, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	free(path);
}

/* 0 or -1. */
static int
map_dir_make(void)
{
	if (!mkdtemp(map_dir))
		return -1;
	map_dir_write("main.cf", "compatibility_level = 3.6\n");
	return 0;
}

/* The directory and all that is in it. 0 when that was done. */
static int
map_dir_remove(void)
{
	char *command = alloc_printf("rm -rf '%s'", map_dir);
	int status = system(command);

	free(command);
	return status;
}

#endif
