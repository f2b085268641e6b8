/* SPDX-License-Identifier: ISC */
#include "mail/config_trust.h"

#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "config.h"
#include "mail/config_read.h"
#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

#define TRUSTED_FILE CONFIG_CONFIG_DIRECTORY "/main.cf"

enum { BIGGEST_FILE = 256 << 20 };

/* True of a process that is not root's and has another user or group than its caller. */
static bool
is_needed(void)
{
	if (getuid() == 0 && geteuid() == 0)
		return false;
	return getuid() != geteuid() || getgid() != getegid() || getauxval(AT_SECURE) != 0;
}

static bool
has_word(const char *list, const char *wanted)
{
	const char *word;
	size_t len;

	while ((word = text_token(&list, TEXT_LIST_SEPARATORS, &len)) != NULL)
		if (len == strlen(wanted) && memcmp(word, wanted, len) == 0)
			return true;
	return false;
}

/* Lines that are wrong are none of its business. */
static bool
line_names(char *line, const char *dir)
{
	struct err ignored;
	char *name, *value;

	return maincf_split(line, &name, &value, &ignored) == 0 &&
	       (strcmp(name, "alternate_config_directories") == 0 ||
		   strcmp(name, "multi_instance_directories") == 0) &&
	       has_word(value, dir);
}

static bool
text_names(const struct buf *text, const char *dir)
{
	struct logical_line_reader in;
	struct buf line = BUF_INIT;
	bool found = false;
	int number;

	logical_line_init(&in, TRUSTED_FILE, buf_str(text), text->len);
	while (!found && logical_line_next(&in, &line, &number))
		found = line_names(line.bytes, dir);
	buf_release(&line);
	return found;
}

int
config_trust_check(const char *dir, struct err *err)
{
	struct buf text = BUF_INIT;
	int result;

	if (strcmp(dir, CONFIG_CONFIG_DIRECTORY) == 0 || !is_needed())
		return 0;
	result = config_read(TRUSTED_FILE, BIGGEST_FILE, &text, err);
	if (result == 0 && !text_names(&text, dir)) {
		log_error("unauthorized configuration directory name: %s", dir);
		result = err_set(err,
		    "specify \"alternate_config_directories = %s\" or \"multi_instance_directories = %s\" in "
		    "%s",
		    dir, dir, TRUSTED_FILE);
	}
	buf_release(&text);
	return result;
}
