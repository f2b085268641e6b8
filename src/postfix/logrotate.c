/* SPDX-License-Identifier: ISC */
#include "postfix/logrotate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "postfix/control.h"
#include "postfix/instance.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/now.h"
#include "util/text.h"

enum { SUFFIX_LIMIT = 256 };

static char *
new_name(const struct instance *instance)
{
	time_t now = now_wall();
	struct tm tm;
	char suffix[SUFFIX_LIMIT];

	localtime_r(&now, &tm);
	if (strftime(suffix, sizeof suffix, instance->maillog_file_rotate_suffix, &tm) == 0 ||
	    strchr(suffix, '/'))
		log_fatal("bad maillog_file_rotate_suffix value: %s", instance->maillog_file_rotate_suffix);
	return alloc_printf("%s.%s", instance->maillog_file, suffix);
}

/* maillog_file_compressor, split at blanks, with the file behind it. */
static int
compress(const char *command, char *file)
{
	char **arguments = alloc_array(strlen(command) / 2 + 3, sizeof *arguments);
	const char *word;
	size_t count = 0, len;
	int status;

	while ((word = text_token(&command, " \t\r\n", &len)) != NULL)
		arguments[count++] = alloc_string_n(word, len);
	if (count == 0)
		log_fatal("empty maillog_file_compressor value");
	arguments[count] = file;
	status = control_run(arguments[0], arguments);
	while (count > 0)
		free(arguments[--count]);
	free(arguments);
	return status;
}

int
logrotate(struct instance *instance)
{
	char *target;
	int status;

	if (!*instance->maillog_file)
		log_fatal("maillog_file is empty: there is no log file to rotate");
	if (strncmp(instance->maillog_file, "/dev/", 5) == 0)
		log_fatal("not rotating '%s'", instance->maillog_file);
	target = new_name(instance);
	/* A link fails where a rename would overwrite an older log. */
	if (link(instance->maillog_file, target) < 0 || unlink(instance->maillog_file) < 0)
		log_fatal("rename %s to %s: %m", instance->maillog_file, target);
	control_refresh_if_running();
	/* postlogd, told to go, still writes what it has into the old file. */
	sleep(1);
	status = compress(instance->maillog_file_compressor, target);
	if (status != 0)
		log_fatal("%s: %s failed", target, instance->maillog_file_compressor);
	free(target);
	return 0;
}
