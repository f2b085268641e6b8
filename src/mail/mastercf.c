/* SPDX-License-Identifier: ISC */
#include "mail/mastercf.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/braces.h"
#include "mail/config_read.h"
#include "mail/logical_line.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

#define BLANKS " \t\r\n"

enum { FILE_LIMIT = 4 * 1024 * 1024 };

struct mastercf {
	struct mastercf_entry **entries; /* owned; NULL where taken */
	size_t count;
	size_t room;
};

/* A line being taken apart: `at` moves over `line`, which is cut into words in place. */
struct fields {
	char *at;
	const char *file;
	int line;
	struct err *err;
};

static const char *const type_names[] = {
	[MASTERCF_INET] = "inet",
	[MASTERCF_UNIX] = "unix",
	[MASTERCF_FIFO] = "fifo",
	[MASTERCF_PASS] = "pass",
	[MASTERCF_UNIX_DGRAM] = "unix-dgram",
};

enum { TYPE_COUNT = sizeof type_names / sizeof type_names[0] };

const char *
mastercf_type_name(enum mastercf_type type)
{
	return type_names[type];
}

/* --- fields --- */

/* -1, with file and line in front of what the caller put into err. */
static int
located(const struct fields *in)
{
	return err_prefix(in->err, "%s: line %d", in->file, in->line);
}

static char *
next_word(struct fields *in)
{
	char *word = in->at + strspn(in->at, BLANKS);

	if (!*word)
		return NULL;
	in->at = word + strcspn(word, BLANKS);
	if (*in->at)
		*in->at++ = '\0';
	return word;
}

static char *
required(struct fields *in, const char *field)
{
	char *word = next_word(in);

	if (!word) {
		err_set(in->err, "missing \"%s\" field", field);
		located(in);
	}
	return word;
}

static int
bad_value(struct fields *in, const char *field, const char *word)
{
	err_set(in->err, "field \"%s\": bad value: \"%s\"", field, word);
	return located(in);
}

static int
take_bool(struct fields *in, const char *field, bool preset, bool *value)
{
	const char *word = required(in, field);

	if (!word)
		return -1;
	if (strcmp(word, "-") == 0)
		*value = preset;
	else if (strcmp(word, "y") == 0)
		*value = true;
	else if (strcmp(word, "n") == 0)
		*value = false;
	else
		return bad_value(in, field, word);
	return 0;
}

/* Digits at the start count, what follows them does not: 10x is 10. A number too large for an int is refused.
 */
static int
take_number(struct fields *in, const char *field, int preset, int *value, bool *question)
{
	char *word = required(in, field);
	char *end;
	size_t len;
	long number;

	if (!word)
		return -1;
	len = strlen(word);
	if (question && len > 1 && word[len - 1] == '?') {
		*question = true;
		word[len - 1] = '\0';
	}
	if (strcmp(word, "-") == 0) {
		*value = preset;
		return 0;
	}
	errno = 0;
	number = strtol(word, &end, 10);
	if (end == word || *word < '0' || *word > '9' || errno == ERANGE || number > INT_MAX)
		return bad_value(in, field, word);
	*value = (int)number;
	return 0;
}

/* 1: *word, to be freed. 0: no more words. -1: err. */
static int
next_argument(struct fields *in, char **word)
{
	const char *at = in->at;
	char *copy = braces_next_word(&at, BLANKS), *inside;

	if (!copy)
		return 0;
	in->at += at - in->at;
	if (braces_take_off(copy, &inside, in->err) < 0) {
		free(copy);
		return located(in);
	}
	*word = alloc_string(inside);
	free(copy);
	return 1;
}

static int
take_command(struct fields *in, struct mastercf_entry *entry)
{
	char *word = required(in, "command");
	size_t room = 0;
	int got;

	if (!word)
		return -1;
	if (strcmp(word, "-") == 0) {
		err_set(in->err, "field \"command\" has no default value");
		return located(in);
	}
	entry->command = alloc_string(word);
	entry->args = alloc_array(1, sizeof *entry->args);
	while ((got = next_argument(in, &word)) > 0) {
		if (entry->arg_count + 1 >= room) {
			room = room ? 2 * room : 8;
			entry->args = alloc_resize(entry->args, room, sizeof *entry->args);
		}
		entry->args[entry->arg_count++] = word;
		entry->args[entry->arg_count] = NULL;
	}
	return got;
}

/* --- endpoints --- */

static bool
is_number(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return len > 0;
}

/* A host name or an address in dotted form; a look-up comes later. Four numbers or no number at the end. */
static bool
is_plausible_host(const char *host)
{
	const char *last = strrchr(host, '.');
	int numbers = 0, labels = 0;

	for (const char *at = host;;) {
		size_t len = strcspn(at, ".");
		if (len == 0 || len > 63 || at[0] == '-' || at[len - 1] == '-')
			return false;
		labels++;
		numbers += is_number(at, len);
		if (at[len] == '\0')
			break;
		at += len + 1;
	}
	if (strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(host))
		return false;
	if (is_number(last ? last + 1 : host, strlen(last ? last + 1 : host)))
		return labels == 4 && numbers == 4;
	return true;
}

static bool
is_ipv6_literal(const char *host)
{
	return strchr(host, ':') && strspn(host, "0123456789abcdefABCDEF:.") == strlen(host);
}

/* port, host:port or [host]:port into host and port. */
static int
split_inet(struct fields *in, struct mastercf_entry *entry)
{
	const char *name = entry->name;
	const char *port = name;
	const char *colon;
	uint64_t number;

	if (name[0] == '[') {
		const char *close = strchr(name, ']');
		if (!close) {
			err_set(in->err, "missing \"]\" in \"%s\"", name);
			return located(in);
		}
		if (close[1] && close[1] != ':') {
			err_set(in->err, "garbage after \"]\" in \"%s\"", name);
			return located(in);
		}
		entry->host = alloc_string_n(name + 1, (size_t)(close - name - 1));
		port = close[1] ? close + 2 : close + 1;
	} else if ((colon = strrchr(name, ':')) != NULL) {
		entry->host = alloc_string_n(name, (size_t)(colon - name));
		port = colon + 1;
	} else {
		entry->host = alloc_string("");
	}
	if (!*port) {
		err_set(in->err, "missing service information in \"%s\"", name);
		return located(in);
	}
	if ((*entry->host || name[0] == '[') && !is_plausible_host(entry->host) &&
	    !is_ipv6_literal(entry->host)) {
		err_set(in->err, "valid hostname or network address required in \"%s\"", name);
		return located(in);
	}
	if (port[0] >= '0' && port[0] <= '9' && !is_number(port, strlen(port))) {
		err_set(in->err, "garbage after numerical service in \"%s\"", name);
		return located(in);
	}
	if (is_number(port, strlen(port)) && (!text_number(port, 65535, &number) || number == 0)) {
		err_set(in->err, "port number out of range in \"%s\"", name);
		return located(in);
	}
	entry->port = alloc_string(port);
	entry->endpoint = *entry->host ? alloc_printf("[%s]:%s", entry->host, port) : alloc_string(port);
	return 0;
}

static int
set_endpoint(struct fields *in, struct mastercf_entry *entry)
{
	if (entry->type == MASTERCF_INET) {
		if (entry->is_private) {
			err_set(in->err, "inet service cannot be private");
			return located(in);
		}
		return split_inet(in, entry);
	}
	entry->endpoint = alloc_printf("%s/%s", entry->is_private ? "private" : "public", entry->name);
	return 0;
}

/* --- entries --- */

void
mastercf_entry_free(struct mastercf_entry *entry)
{
	if (!entry)
		return;
	for (size_t i = 0; i < entry->arg_count; i++)
		free(entry->args[i]);
	free(entry->args);
	free(entry->name);
	free(entry->command);
	free(entry->host);
	free(entry->port);
	free(entry->endpoint);
	free(entry);
}

static int
take_type(struct fields *in, struct mastercf_entry *entry)
{
	const char *word = required(in, "transport type");

	if (!word)
		return -1;
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (strcmp(word, type_names[i]) == 0) {
			entry->type = (enum mastercf_type)i;
			return 0;
		}
	}
	err_set(in->err, "bad transport type: %s", word);
	return located(in);
}

/* NAME/TYPE, TYPE, or NAME.TYPE as it was written before release 3.0. */
static bool
pattern_matches(const char *pattern, size_t len, const char *name, const char *type)
{
	size_t name_len = strlen(name), type_len = strlen(type);

	if (len == type_len)
		return memcmp(pattern, type, len) == 0;
	return len == name_len + 1 + type_len && memcmp(pattern, name, name_len) == 0 &&
	       (pattern[name_len] == '/' || pattern[name_len] == '.') &&
	       memcmp(pattern + name_len + 1, type, type_len) == 0;
}

/* Whether a master_service_disable list switches this service off; the first pattern that matches decides. */
static bool
is_disabled(const char *list, const char *name, enum mastercf_type type)
{
	const char *pattern;
	size_t len;

	while ((pattern = text_token(&list, TEXT_LIST_SEPARATORS, &len)) != NULL) {
		bool disable = true;
		while (len > 0 && *pattern == '!') {
			disable = !disable;
			pattern++;
			len--;
		}
		if (pattern_matches(pattern, len, name, type_names[type]))
			return disable;
	}
	return false;
}

/* 1: filled. 0: the service is switched off. -1: err. */
static int
fill_entry(struct fields *in, const struct mastercf_options *options, struct mastercf_entry *entry)
{
	const char *chroot_field;

	/* A logical line is never empty, so there is a first word. */
	entry->name = alloc_string(next_word(in));
	entry->line = in->line;
	if (take_type(in, entry) < 0)
		return -1;
	if (is_disabled(options->disabled, entry->name, entry->type))
		return 0;
	if (take_bool(in, "private", true, &entry->is_private) < 0 || set_endpoint(in, entry) < 0 ||
	    take_bool(in, "unprivileged", true, &entry->unprivileged) < 0)
		return -1;
	chroot_field = in->at + strspn(in->at, BLANKS);
	if (options->chroot_default && chroot_field[0] == '-' && strchr(BLANKS, chroot_field[1]))
		log_info(
		    "%s: line %d: using backwards-compatible default setting chroot=y", in->file, in->line);
	if (take_bool(in, "chroot", options->chroot_default, &entry->chroot) < 0 ||
	    take_number(in, "wakeup_time", 0, &entry->wakeup_s, &entry->wakeup_if_used) < 0 ||
	    take_number(in, "max_proc", options->default_process_limit, &entry->process_limit, NULL) < 0 ||
	    take_command(in, entry) < 0)
		return -1;
	return 1;
}

/* Takes the entry. */
static void
add_entry(struct mastercf *mastercf, struct mastercf_entry *entry)
{
	for (size_t i = 0; i < mastercf->count; i++) {
		struct mastercf_entry *old = mastercf->entries[i];
		if (old->type != entry->type || strcmp(old->endpoint, entry->endpoint) != 0)
			continue;
		log_warn("duplicate master.cf entry for service \"%s\" (%s) -- using the last entry",
		    entry->name, entry->endpoint);
		mastercf_entry_free(old);
		mastercf->entries[i] = entry;
		return;
	}
	if (mastercf->count == mastercf->room) {
		mastercf->room = mastercf->room ? 2 * mastercf->room : 16;
		mastercf->entries =
		    alloc_resize(mastercf->entries, mastercf->room, sizeof *mastercf->entries);
	}
	mastercf->entries[mastercf->count++] = entry;
}

struct mastercf *
mastercf_parse(
    const char *file, const void *bytes, size_t len, const struct mastercf_options *options, struct err *err)
{
	struct mastercf *mastercf = alloc_zero(sizeof *mastercf);
	struct logical_line_reader in;
	struct buf line = BUF_INIT;
	int number, got = 0;

	logical_line_init(&in, file, bytes, len);
	while (got >= 0 && logical_line_next(&in, &line, &number)) {
		struct fields fields = { .at = line.bytes, .file = file, .line = number, .err = err };
		struct mastercf_entry *entry = alloc_zero(sizeof *entry);

		got = fill_entry(&fields, options, entry);
		if (got > 0)
			add_entry(mastercf, entry);
		else
			mastercf_entry_free(entry);
	}
	buf_release(&line);
	if (got < 0) {
		mastercf_free(mastercf);
		return NULL;
	}
	return mastercf;
}

struct mastercf *
mastercf_load(const char *dir, const struct mastercf_options *options, struct err *err)
{
	struct buf bytes = BUF_INIT;
	char *path = alloc_printf("%s/master.cf", dir);
	struct mastercf *mastercf = NULL;

	if (config_read(path, FILE_LIMIT, &bytes, err) == 0)
		mastercf = mastercf_parse(path, buf_str(&bytes), bytes.len, options, err);
	buf_release(&bytes);
	free(path);
	return mastercf;
}

void
mastercf_free(struct mastercf *mastercf)
{
	if (!mastercf)
		return;
	for (size_t i = 0; i < mastercf->count; i++)
		mastercf_entry_free(mastercf->entries[i]);
	free(mastercf->entries);
	free(mastercf);
}

size_t
mastercf_count(const struct mastercf *mastercf)
{
	return mastercf->count;
}

const struct mastercf_entry *
mastercf_entry(const struct mastercf *mastercf, size_t index)
{
	return index < mastercf->count ? mastercf->entries[index] : NULL;
}

struct mastercf_entry *
mastercf_take(struct mastercf *mastercf, size_t index)
{
	struct mastercf_entry *entry = NULL;

	if (index < mastercf->count) {
		entry = mastercf->entries[index];
		mastercf->entries[index] = NULL;
	}
	return entry;
}

const struct mastercf_entry *
mastercf_find(const struct mastercf *mastercf, const char *name, enum mastercf_type type)
{
	for (size_t i = 0; i < mastercf->count; i++) {
		const struct mastercf_entry *entry = mastercf->entries[i];
		if (entry && entry->type == type && strcmp(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}
