/* SPDX-License-Identifier: ISC */
/*
 * fuzz_services: a master.cf, shown and edited by postconf. The first byte chooses the edit.
 *
 * Beyond memory errors it looks for an edit that fails and changes the file, one that loses an entry or does
 * not do what it should, and one that does something more when it is done again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"

#include "mail/entry.h"
#include "mail/services_edit.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { LONGEST_INPUT = 4096 };

static const struct {
	char what;
	enum services_edit_kind kind;
	const char *text;
} edits[] = {
	{ 'P', SERVICES_SET, "*/*/aa=c" },
	{ 'P', SERVICES_REMOVE, "*/*/aa" },
	{ 'F', SERVICES_SET, "*/*/chroot=y" },
	{ 'M', SERVICES_SET, "aa/unix=aa unix - - y - - c" },
	{ 'M', SERVICES_REMOVE, "*/unix" },
	{ 'M', SERVICES_COMMENT, "*/unix" },
};

static void
get_file(struct buf *to)
{
	struct err err;
	char temporary[64];

	snprintf(temporary, sizeof temporary, "%s/master.cf.tmp", folder);
	if (file_read(folder_file, 1 << 20, to, &err) < 0 || access(temporary, F_OK) == 0)
		abort();
}

static int
edit(size_t which)
{
	char text[64];
	char *texts[] = { text };
	struct err err = { 0 };

	strcpy(text, edits[which].text);
	int result = services_edit(folder, edits[which].what, edits[which].kind, texts, 1, NULL, &err);

	if (result < 0 && !*err.text)
		abort();
	return result;
}

static void
check_entry(size_t which, const struct entry *entry)
{
	const char *value = entry_value(entry, "aa");

	if (which == 0 && (!value || strcmp(value, "c") != 0))
		abort();
	if (which == 1 && value)
		abort();
	if (which == 2 && strcmp(entry->fields[ENTRY_CHROOT], "y") != 0)
		abort();
	if (which > 3 && strcmp(entry->fields[ENTRY_TYPE], "unix") == 0)
		abort();
}

static void
check_entries(size_t which, size_t count)
{
	struct entry_list list;
	struct err err;

	if (entry_list_load(&list, folder, &err) != 0)
		abort();
	if (which < 3 ? list.count != count : which == 3 ? list.count == 0 : list.count > count)
		abort();
	for (size_t i = 0; i < list.count; i++)
		check_entry(which, list.entries[i]);
	entry_list_release(&list);
}

/* "-", and "-o" at the end, take what is behind them for a value, also what an edit puts there; a command
 * with a brace takes all, up to one that closes it. */
static bool
takes_more(const struct entry_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strchr(list->entries[i]->fields[ENTRY_COMMAND], '{'))
			return true;
		for (size_t word = 0; word < list->entries[i]->count; word++) {
			const struct entry_word *it = &list->entries[i]->words[word];

			if (strcmp(it->text, "-") == 0 || strcmp(it->text, "-o") == 0 ||
			    (it->option && strcmp(it->option, "-") == 0))
				return true;
		}
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf after = BUF_INIT, again = BUF_INIT;
	struct entry_list list = { 0 };
	struct err err;

	folder_make("master.cf");
	/* Readers stop at a zero byte, editors work on lines of bytes; and a field ends at \v and \f for
	 * neither. */
	if (len == 0 || len > LONGEST_INPUT || memchr(bytes, 0, len))
		return 0;

	size_t which = bytes[0] % (sizeof edits / sizeof edits[0]);

	folder_put(++bytes, --len);

	bool loads = entry_list_load(&list, folder, &err) == 0 && !takes_more(&list);
	size_t count = list.count;
	int result = edit(which);

	entry_list_release(&list);
	get_file(&after);
	if (result < 0 && (after.len != len || memcmp(buf_str(&after), bytes, len) != 0))
		abort();
	if (result == 0 && loads)
		check_entries(which, count);
	/* Braces that are not closed are, each time it is written. */
	if (result == 0 && loads && !memchr(bytes, '{', len)) {
		if (edit(which) < 0)
			abort();
		get_file(&again);
		if (again.len != after.len || memcmp(buf_str(&again), buf_str(&after), after.len) != 0)
			abort();
	}
	buf_release(&again);
	buf_release(&after);
	return 0;
}
