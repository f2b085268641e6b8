/* SPDX-License-Identifier: ISC */
#include "tlsmgr/location.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/text.h"

static char *
directory_of(const char *path)
{
	const char *base = text_basename(path);

	if (base == path)
		return alloc_string(".");
	while (base > path + 1 && base[-1] == '/')
		base--;
	return alloc_string_n(path, (size_t)(base - path));
}

char *
location_choose(const struct location *location, const char *path, const char *what, const char *shown)
{
	char *directory = directory_of(path);
	char *chosen;
	struct stat st;

	/* What cannot be examined fails when it is opened, with better words than could be found here. */
	if (stat(directory, &st) < 0 || st.st_uid == geteuid()) {
		chosen = alloc_string(path);
	} else {
		log_warn("request to update %s %s in non-%s directory %s", what, shown, location->owner,
		    directory);
		log_warn("redirecting the request to %s-owned data_directory %s", location->owner,
		    location->data_directory);
		chosen = alloc_printf("%s/%s", location->data_directory, text_basename(path));
	}
	free(directory);
	return chosen;
}

/* To go there, not to read it. */
static int
open_directory(const char *name)
{
	return open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int
location_directory(const char *path)
{
	char *name = directory_of(path);
	int directory = open_directory(name);

	free(name);
	return directory;
}

int
location_enter(int directory)
{
	int here = open_directory(".");

	if (here >= 0 && fchdir(directory) < 0)
		fdio_close(&here);
	return here;
}

void
location_leave(int here)
{
	/* It was the working directory a moment ago, and names of other files are relative to it. */
	if (fchdir(here) < 0)
		log_panic("cannot return to the working directory: %m");
	fdio_close(&here);
}
