/* SPDX-License-Identifier: ISC */
/*
 * fuzz_maincf: a main.cf, read, expanded and edited.
 *
 * Beyond memory errors it looks for settings that are lost by an edit of another name, and for one that the
 * edit did not set.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/maincf.h"
#include "mail/maincf_edit.h"
#include "mail/maincf_expand.h"
#include "mail/param.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Doubling values are cut off by the expander, but too late for a fuzzer's patience. */
enum { LONGEST_INPUT = 4096, MOST_EXPANDED = 8 };

#define EDITED "edited_by_fuzzer"

static void
silent(enum log_level level, const char *text, void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

static void
ignore_name(const char *name, void *context)
{
	(void)name;
	(void)context;
}

static void
expand_some(struct maincf *cf)
{
	struct err err;
	const char *name;
	size_t at = 0;

	for (int i = 0; i < MOST_EXPANDED && (name = maincf_next(cf, &at)) != NULL; i++) {
		struct buf value = BUF_INIT;

		if (maincf_lookup(cf, name, &value, &err) == 0 || maincf_raw(cf, name) == NULL)
			abort();
		if (maincf_expand_names(maincf_raw(cf, name), ignore_name, NULL) < -1)
			abort();
		buf_release(&value);
	}
}

/* The file after an edit; freed by the caller. */
static struct maincf *
edited(enum maincf_edit_kind kind, const char *request, const uint8_t *bytes, size_t len)
{
	struct maincf_edit *edit = maincf_edit_new(kind);
	struct maincf *after = maincf_new("/nowhere", param_default);
	struct buf text = BUF_INIT;
	struct err err;

	if (maincf_edit_request(edit, request, &err) < 0)
		abort();
	maincf_edit_text(edit, "/nowhere/main.cf", bytes, len, &text);
	if (maincf_parse(after, buf_str(&text), text.len, &err) < 0)
		abort();
	buf_release(&text);
	maincf_edit_free(edit);
	return after;
}

/* Everything but `name` is what it was. */
static void
check_others(struct maincf *before, struct maincf *after, const char *edited_name)
{
	const char *name;
	size_t at = 0, counts[2] = { 0, 0 };

	while ((name = maincf_next(before, &at)) != NULL) {
		const char *value = maincf_raw(after, name);

		if (strcmp(name, edited_name) == 0)
			continue;
		if (value == NULL || strcmp(value, maincf_raw(before, name)) != 0)
			abort();
		counts[0]++;
	}
	for (at = 0; (name = maincf_next(after, &at)) != NULL;)
		counts[1] += strcmp(name, edited_name) != 0;
	if (counts[0] != counts[1])
		abort();
}

static void
check_set(struct maincf *before, const uint8_t *bytes, size_t len)
{
	struct maincf *after = edited(MAINCF_EDIT_SET, EDITED "= some value ", bytes, len);
	const char *value = maincf_raw(after, EDITED);

	if (value == NULL || strcmp(value, "some value") != 0)
		abort();
	check_others(before, after, EDITED);
	maincf_free(after);
}

/* Of the directory maincf has a value of its own. */
static void
check_removal(enum maincf_edit_kind kind, struct maincf *before, const uint8_t *bytes, size_t len)
{
	const char *name;
	size_t at = 0;

	do
		name = maincf_next(before, &at);
	while (name != NULL && (strcmp(name, "config_directory") == 0 || *name == '#'));
	if (name == NULL)
		return;

	struct maincf *after = edited(kind, name, bytes, len);

	if (maincf_raw(after, name) != NULL)
		abort();
	check_others(before, after, name);
	maincf_free(after);
}

static void
check_edits(struct maincf *cf, const uint8_t *bytes, size_t len)
{
	check_set(cf, bytes, len);
	check_removal(MAINCF_EDIT_REMOVE, cf, bytes, len);
	check_removal(MAINCF_EDIT_COMMENT, cf, bytes, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct maincf *cf = maincf_new("/nowhere", param_default);
	struct err err;

	log_set_sink(silent, NULL);
	if (len <= LONGEST_INPUT && maincf_parse(cf, bytes, len, &err) == 0) {
		expand_some(cf);
		/* Readers stop at a zero byte, the editor works on lines of bytes; and a name ends at \v and
		 * \f for readers only, as with Postfix. */
		if (len > 0 && memchr(bytes, 0, len) == NULL && memchr(bytes, '\v', len) == NULL &&
		    memchr(bytes, '\f', len) == NULL)
			check_edits(cf, bytes, len);
	}
	maincf_free(cf);
	return 0;
}
