/* SPDX-License-Identifier: ISC */
#include "mail/maincf_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/log.h"
#include "util/table.h"

enum { BIGGEST_FILE = 256 << 20, WRITE_TIMEOUT_S = 60 };

struct request {
	char *value; /* owned; "" unless setting */
	int found;   /* entries of that name so far */
};

struct maincf_edit {
	enum maincf_edit_kind kind;
	struct table *requests; /* of struct request */
	const void *expected;   /* borrowed; NULL: whatever is there */
	size_t expected_len;
};

static void
request_free(void *value)
{
	struct request *request = value;

	free(request->value);
	free(request);
}

struct maincf_edit *
maincf_edit_new(enum maincf_edit_kind kind)
{
	struct maincf_edit *edit = alloc_zero(sizeof *edit);

	edit->kind = kind;
	edit->requests = table_new(request_free);
	return edit;
}

void
maincf_edit_free(struct maincf_edit *edit)
{
	if (edit == NULL)
		return;
	table_free(edit->requests);
	free(edit);
}

static void
put_request(struct maincf_edit *edit, const char *name, const char *value)
{
	const struct request *old = table_get(edit->requests, name);
	struct request *request = alloc_zero(sizeof *request);

	if (old != NULL && edit->kind == MAINCF_EDIT_SET)
		log_warn("ignoring earlier request: '%s = %s'", name, old->value);
	else if (old != NULL)
		log_warn("ignoring earlier request: '%s'", name);
	request->value = alloc_string(value);
	table_put(edit->requests, name, request);
}

int
maincf_edit_request(struct maincf_edit *edit, const char *text, struct err *err)
{
	struct err reason = { 0 };
	char *copy, *name, *value;
	int result = 0;

	if (strchr(text, '\n') != NULL)
		return err_set(err, "-e, -X, or -# accepts no multi-line input");
	while (logical_line_is_space(*text))
		text++;
	if (*text == '#')
		return err_set(err, "-e, -X, or -# accepts no comment input");
	if (*text == '\0' && edit->kind != MAINCF_EDIT_SET)
		return err_set(err, "-X or -# requires non-blank parameter names");
	if (edit->kind != MAINCF_EDIT_SET && strchr(text, '=') != NULL)
		return err_set(err, "-X or -# requires parameter names without value");
	copy = alloc_string(text);
	if (edit->kind != MAINCF_EDIT_SET)
		put_request(edit, logical_line_trim(copy), "");
	else if (maincf_split(copy, &name, &value, &reason) == 0)
		put_request(edit, name, value);
	else
		result = err_set(err, "%s: \"%s\"", reason.text, copy);
	free(copy);
	return result;
}

/* --- the new text --- */

static bool
is_blank_or_comment(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && logical_line_is_space(line[i]))
		i++;
	return i == len || line[i] == '#';
}

/* A line without newline may be the last thing in memory, so strcspn() is not for it. */
static size_t
key_len(const char *line, size_t len)
{
	size_t end = 0;

	while (end < len && line[end] != '\0' && strchr(" \t\r\n=", line[end]) == NULL)
		end++;
	return end;
}

static struct request *
find_request(const struct maincf_edit *edit, const char *path, const char *line, size_t len)
{
	char *key = alloc_string_n(line, key_len(line, len));
	struct request *request;

	request = table_get(edit->requests, key);
	if (request != NULL && ++request->found == 2)
		log_warn("%s: multiple entries for \"%s\"", path, key);
	free(key);
	return request;
}

static void
put_setting(struct buf *to, const char *name, size_t name_len, const char *value)
{
	buf_add(to, name, name_len);
	buf_printf(to, " = %s\n", value);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
append_missing(const struct maincf_edit *edit, struct buf *to)
{
	const char **names = alloc_array(table_count(edit->requests) + 1, sizeof *names);
	size_t at = 0, count = 0;
	const char *name;
	void *value;

	while ((name = table_next(edit->requests, &at, &value)) != NULL)
		if (((struct request *)value)->found == 0)
			names[count++] = name;
	qsort(names, count, sizeof *names, compare_names);
	for (size_t i = 0; i < count; i++) {
		const struct request *request = table_get(edit->requests, names[i]);

		put_setting(to, names[i], strlen(names[i]), request->value);
	}
	free(names);
}

void
maincf_edit_text(struct maincf_edit *edit, const char *path, const void *bytes, size_t len, struct buf *to)
{
	const char *line = bytes, *end = line + len;
	const struct request *request = NULL; /* of the entry that the line belongs to */
	size_t start = to->len;

	for (size_t line_len; line < end; line += line_len) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		line_len = (size_t)((newline != NULL ? newline + 1 : end) - line);
		if (is_blank_or_comment(line, line_len)) {
			buf_add(to, line, line_len);
			continue;
		}
		if (!logical_line_is_space(*line)) {
			request = find_request(edit, path, line, line_len);
			if (request != NULL && edit->kind == MAINCF_EDIT_SET)
				put_setting(to, line, key_len(line, line_len), request->value);
		}
		if (request != NULL && edit->kind == MAINCF_EDIT_COMMENT)
			buf_add_byte(to, '#');
		if (request == NULL || edit->kind == MAINCF_EDIT_COMMENT)
			buf_add(to, line, line_len);
	}
	if (edit->kind != MAINCF_EDIT_SET)
		return;
	if (to->len > start && to->bytes[to->len - 1] != '\n')
		buf_add_byte(to, '\n');
	append_missing(edit, to);
}

/* --- the file --- */

/* True when the descriptor is still what the name stands for, and nobody but us can have prepared it. */
static bool
is_ours(int fd, const char *path, bool *is_odd)
{
	struct stat open_one, named;

	*is_odd = false;
	if (fstat(fd, &open_one) < 0 || lstat(path, &named) < 0 || open_one.st_dev != named.st_dev ||
	    open_one.st_ino != named.st_ino)
		return false;
	*is_odd = !S_ISREG(open_one.st_mode) || open_one.st_nlink != 1 || (open_one.st_mode & 07777) != 0600;
	return !*is_odd;
}

/* The temporary file, locked, empty and ours. Postfix's own editor does the same with the same name. */
static int
open_temporary(const char *path, struct err *err)
{
	for (;;) {
		bool is_odd;
		int fd =
		    open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);

		if (fd < 0)
			return err_errno(err, "open %s", path);
		if (file_lock(fd, true) < 0) {
			err_errno(err, "lock %s", path);
			fdio_close(&fd);
			return -1;
		}
		if (is_ours(fd, path, &is_odd) && ftruncate(fd, 0) == 0)
			return fd;
		if (is_odd && unlink(path) < 0 && errno != ENOENT) {
			err_errno(err, "remove %s", path);
			fdio_close(&fd);
			return -1;
		}
		fdio_close(&fd);
	}
}

void
maincf_edit_carefully(struct maincf_edit *edit, const void *bytes, size_t len)
{
	edit->expected = bytes;
	edit->expected_len = len;
}

/* As the old file is, or as Postfix would have it. */
static int
set_attributes(int fd, const struct stat *old)
{
	if (!old)
		return fchmod(fd, 0644);
	if ((old->st_uid != geteuid() || old->st_gid != getegid()) &&
	    fchown(fd, old->st_uid, old->st_gid) < 0)
		return -1;
	return fchmod(fd, old->st_mode & 0777);
}

static void
flush_directory(const char *path)
{
	char *directory = alloc_string_n(path, (size_t)(strrchr(path, '/') - path) + 1);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* The new name is in place whatever happens here, and some file systems cannot flush a directory. */
	if (fd >= 0 && fsync(fd) < 0)
		errno = 0;
	fdio_close(&fd);
	free(directory);
}

static int
write_and_rename(int fd, const char *temporary, const char *path, const struct stat *old,
    const struct buf *text, struct err *err)
{
	if (fdio_write_all(fd, buf_str(text), text->len, WRITE_TIMEOUT_S) < 0 ||
	    set_attributes(fd, old) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0)
		return err_errno(err, "close %s", temporary);
	flush_directory(path);
	return 0;
}

/* With `temporary` locked. */
static int
edit_locked(struct maincf_edit *edit, int fd, const char *temporary, const char *path, struct err *err)
{
	struct buf old = BUF_INIT, new = BUF_INIT;
	struct stat st;
	int result = -1;

	if (access(path, R_OK) < 0 || stat(path, &st) < 0)
		err_errno(err, "open %s for reading", path);
	else if (file_read(path, BIGGEST_FILE, &old, err) < 0)
		;
	else if (edit->expected &&
		 (old.len != edit->expected_len || memcmp(buf_str(&old), edit->expected, old.len) != 0))
		err_set(err, "%s was changed by somebody else meanwhile; try again", path);
	else {
		maincf_edit_text(edit, path, buf_str(&old), old.len, &new);
		result = write_and_rename(fd, temporary, path, edit->expected ? &st : NULL, &new, err);
	}
	buf_release(&old);
	buf_release(&new);
	return result;
}

/* Replaces `path` under the lock of its own temporary file. */
static int
edit_file(struct maincf_edit *edit, const char *path, struct err *err)
{
	char *temporary = alloc_printf("%s.tmp", path);
	int fd = open_temporary(temporary, err);
	int result = -1;

	if (fd >= 0) {
		result = edit_locked(edit, fd, temporary, path, err);
		/* Under the lock, so that it is not somebody else's by now. */
		if (result < 0 && unlink(temporary) < 0)
			log_warn("remove %s: %s", temporary, strerror(errno));
		fdio_close(&fd);
	}
	free(temporary);
	return result;
}

/* Other editors know the link only: they are kept out by its lock. */
static int
edit_target(struct maincf_edit *edit, const char *link, const char *target, struct err *err)
{
	char *temporary = alloc_printf("%s.tmp", link);
	int fd = open_temporary(temporary, err);
	int result = -1;

	if (fd >= 0) {
		result = edit_file(edit, target, err);
		if (unlink(temporary) < 0)
			log_warn("remove %s: %s", temporary, strerror(errno));
		fdio_close(&fd);
	}
	free(temporary);
	return result;
}

int
maincf_edit_apply(struct maincf_edit *edit, const char *dir, struct err *err)
{
	char *path = alloc_printf("%s/main.cf", dir);
	char *target = NULL;
	struct stat st;
	int result;

	if (edit->expected && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		target = realpath(path, NULL);
	if (target)
		result = edit_target(edit, path, target, err);
	else
		result = edit_file(edit, path, err);
	free(target);
	free(path);
	return result;
}
