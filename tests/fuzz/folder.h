/* SPDX-License-Identifier: ISC */
/*
 * folder: one file in a folder of its own, for targets that read a file by its name. It lies in memory, where
 * there is such a place: editors flush what they write. Both are removed at the end.
 */
#ifndef FUZZ_FOLDER_H
#define FUZZ_FOLDER_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

static char folder[] = "/dev/shm/fuzz-folder.XXXXXX";
static char folder_file[64]; /* its path */

static void
folder_remove(void)
{
	unlink(folder_file);
	rmdir(folder);
}

static void
folder_silent(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

/* Does nothing the second time. What is logged from now on is dropped. */
static void
folder_make(const char *name)
{
	if (*folder_file)
		return;
	if (access("/dev/shm", W_OK) < 0)
		strcpy(folder, "/tmp/fuzz-folder.XXXXXX");
	if (!mkdtemp(folder))
		abort();
	snprintf(folder_file, sizeof folder_file, "%s/%s", folder, name);
	atexit(folder_remove);
	log_set_sink(folder_silent, NULL);
}

static void
folder_put(const void *bytes, size_t len)
{
	FILE *file = fopen(folder_file, "w");

	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
		abort();
}

#endif
