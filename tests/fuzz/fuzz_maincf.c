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

static void
check_edit(struct maincf *before, const uint8_t *bytes, size_t len)
{
	struct maincf_edit *edit = maincf_edit_new(MAINCF_EDIT_SET);
	struct maincf *after = maincf_new("/nowhere", param_default);
	struct buf text = BUF_INIT;
	struct err err;
	const char *name, *value;
	size_t at = 0;

	if (maincf_edit_request(edit, EDITED "= some value ", &err) < 0)
		abort();
	maincf_edit_text(edit, "/nowhere/main.cf", bytes, len, &text);
	if (maincf_parse(after, buf_str(&text), text.len, &err) < 0)
		abort();
	value = maincf_raw(after, EDITED);
	if (value == NULL || strcmp(value, "some value") != 0)
		abort();
	while ((name = maincf_next(before, &at)) != NULL) {
		value = maincf_raw(after, name);
		if (strcmp(name, EDITED) != 0 &&
		    (value == NULL || strcmp(value, maincf_raw(before, name)) != 0))
			abort();
	}
	buf_release(&text);
	maincf_free(after);
	maincf_edit_free(edit);
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
			check_edit(cf, bytes, len);
	}
	maincf_free(cf);
	return 0;
}
