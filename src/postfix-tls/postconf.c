/* SPDX-License-Identifier: ISC */
#include "postfix-tls/postconf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postfix-tls/child.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/table.h"

enum { ARGUMENT_LIMIT = 24 };

struct postconf {
	char *program;          /* owned */
	char *config_directory; /* owned */
	struct table *said;     /* owned: lines already passed on */
	bool silent;            /* the last run said nothing */
};

struct postconf *
postconf_new(const char *command_directory, const char *config_directory)
{
	struct postconf *postconf = alloc_zero(sizeof *postconf);

	postconf->program = alloc_printf("%s/postconf", command_directory);
	postconf->config_directory = alloc_string(config_directory);
	postconf->said = table_new(NULL);
	return postconf;
}

void
postconf_free(struct postconf *postconf)
{
	if (!postconf)
		return;
	table_free(postconf->said);
	free(postconf->config_directory);
	free(postconf->program);
	free(postconf);
}

static void
pass_on(struct postconf *postconf, char *errors)
{
	char *rest = errors;

	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		if (!*line || table_get(postconf->said, line))
			continue;
		fprintf(stderr, "%s\n", line);
		table_put(postconf->said, line, postconf);
	}
}

/* Runs it on the configuration directory. 0, or -1 after it has complained. `arguments` ends with NULL. */
static int
run(struct postconf *postconf, const char *const *arguments, struct buf *out, struct err *err)
{
	const char *argv[ARGUMENT_LIMIT + 4] = { postconf->program, "-c", postconf->config_directory };
	struct buf errors = BUF_INIT;
	size_t n = 3;
	int status;

	for (size_t i = 0; arguments[i]; i++) {
		if (i == ARGUMENT_LIMIT)
			return err_set(err, "too many arguments for %s", postconf->program);
		argv[n++] = arguments[i];
	}
	status = child_run(argv, NULL, out, &errors, err);
	postconf->silent = errors.len == 0;
	if (errors.len > 0)
		pass_on(postconf, errors.bytes);
	buf_release(&errors);
	if (status > 0)
		err_set(err, "%s failed with status %d", postconf->program, status);
	return status == 0 ? 0 : -1;
}

int
postconf_value(struct postconf *postconf, const char *name, struct buf *value, struct err *err)
{
	const char *const arguments[] = { "-xh", name, NULL };
	struct buf out = BUF_INIT;
	int result = run(postconf, arguments, &out, err);

	if (result == 0)
		buf_add(value, buf_str(&out), strcspn(buf_str(&out), "\n"));
	buf_release(&out);
	return result;
}

int
postconf_any_set(struct postconf *postconf, const char *const *names, struct err *err)
{
	const char *arguments[ARGUMENT_LIMIT] = { "-nh" };
	struct buf out = BUF_INIT;
	int result;

	for (size_t i = 0; names[i] && i + 2 < ARGUMENT_LIMIT; i++)
		arguments[i + 1] = names[i];
	result = run(postconf, arguments, &out, err);
	/* Empty values are empty lines. */
	if (result == 0 && strspn(buf_str(&out), "\n") < out.len)
		result = 1;
	buf_release(&out);
	return result;
}

int
postconf_lists(
    struct postconf *postconf, const char *option, const char *argument, const char *word, struct err *err)
{
	const char *const arguments[] = { option, argument, NULL };
	struct buf out = BUF_INIT;
	int result = run(postconf, arguments, &out, err);
	char *rest = out.bytes;

	for (char *line = strsep(&rest, "\n"); result == 0 && line; line = strsep(&rest, "\n"))
		if (strcmp(line, word) == 0)
			result = 1;
	buf_release(&out);
	return result;
}

/* First line of the output, false if it did not work. What it says on standard error is of no interest. */
static bool
first_line(const char *const *argv, struct buf *to)
{
	struct buf out = BUF_INIT;
	bool done = child_run(argv, NULL, &out, NULL, NULL) == 0;

	if (done)
		buf_add(to, buf_str(&out), strcspn(buf_str(&out), "\n"));
	buf_release(&out);
	return done;
}

bool
postconf_default_instance(struct postconf *postconf, const char *name, struct buf *value)
{
	struct buf directory = BUF_INIT;
	const char *const where[] = { postconf->program, "-dh", "config_directory", NULL };
	bool found = first_line(where, &directory);

	if (found) {
		const char *const what[] = { postconf->program, "-c", buf_str(&directory), "-xh", name,
			NULL };
		found = first_line(what, value);
	}
	buf_release(&directory);
	return found;
}

/*
 * postconf before 3.10.5 joins what it appends to a last line without newline. The missing newline is
 * added in place; gives the length to go back to when the edit fails, -1 when nothing was added.
 */
static off_t
complete_last_line(const char *path, int *fd)
{
	char last;
	off_t length;

	*fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0)
		return -1;
	length = lseek(*fd, 0, SEEK_END);
	if (length > 0 && pread(*fd, &last, 1, length - 1) == 1 && last != '\n' && write(*fd, "\n", 1) == 1)
		return length;
	return -1;
}

int
postconf_edit(struct postconf *postconf, const struct postconf_setting *settings, size_t count)
{
	const char *arguments[ARGUMENT_LIMIT + 1] = { "-e" };
	char *path = alloc_printf("%s/main.cf", postconf->config_directory);
	int fd;
	off_t length = complete_last_line(path, &fd);
	struct err err;
	int result;

	postconf->silent = true;
	for (size_t i = 0; i < count && i + 1 < ARGUMENT_LIMIT; i++)
		arguments[i + 1] = alloc_printf("%s = %s", settings[i].name, settings[i].value);
	result = run(postconf, arguments, NULL, &err);
	for (size_t i = 1; arguments[i]; i++)
		free((char *)(uintptr_t)arguments[i]);
	if (result < 0 && length >= 0 && ftruncate(fd, length) < 0)
		log_warn("%s: a newline was added at its end", path);
	if (result < 0 && postconf->silent)
		log_error("%s", err.text);
	fdio_close(&fd);
	free(path);
	return result;
}

void
postconf_quote(struct buf *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '$')
			buf_add_byte(to, '$');
		buf_add_byte(to, *text);
	}
}
