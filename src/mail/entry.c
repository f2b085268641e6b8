/* SPDX-License-Identifier: ISC */
#include "mail/entry.h"

#include <stdlib.h>
#include <string.h>

#include "mail/braces.h"
#include "mail/config_read.h"
#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "mail/listing.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"

#define BLANKS " \t\r\n"

enum { FILE_LIMIT = 64 << 20 };

const char *const entry_field_names[ENTRY_FIELDS] = {
	[ENTRY_SERVICE] = "service",
	[ENTRY_TYPE] = "type",
	[ENTRY_PRIVATE] = "private",
	[ENTRY_UNPRIVILEGED] = "unprivileged",
	[ENTRY_CHROOT] = "chroot",
	[ENTRY_WAKEUP] = "wakeup",
	[ENTRY_PROCESS_LIMIT] = "process_limit",
	[ENTRY_COMMAND] = "command",
};

/* Where a field begins on its line. */
static const size_t columns[ENTRY_FIELDS] = { 0, 11, 17, 25, 33, 41, 49, 57 };

/* --- words --- */

static char *
next_word(const char **at)
{
	return braces_next_word(at, BLANKS);
}

/* The word without the braces around it; takes and returns memory. */
static char *
without_braces(char *word)
{
	struct err err = { 0 };
	char *inside, *copy;

	if (braces_take_off(word, &inside, &err) < 0)
		log_warn("master.cf: %s", err.text);
	copy = alloc_string(inside);
	free(word);
	return copy;
}

/* Takes `text`. */
static void
insert_word(struct entry *entry, size_t at, const char *option, char *text)
{
	entry->words = alloc_resize(entry->words, entry->count + 1, sizeof *entry->words);
	memmove(entry->words + at + 1, entry->words + at, (entry->count - at) * sizeof *entry->words);
	entry->words[at] = (struct entry_word){ .option = option, .text = text };
	entry->count++;
}

static void
add_option(struct entry *entry, const char *option, char *text)
{
	insert_word(entry, entry->count, option, text);
	entry->options = entry->count;
}

/* {name = value}, without its braces, becomes name=value. */
static char *
tidy_setting(char *text)
{
	char *copy = alloc_string(text), *name, *value;
	struct err err = { 0 };

	if (maincf_split(copy, &name, &value, &err) == 0) {
		free(text);
		text = alloc_printf("%s=%s", name, value);
	} else {
		log_warn("master.cf: %s: \"%s\"", err.text, text);
	}
	free(copy);
	return text;
}

/* An option whose value is the rest of the word, or the next one. */
static void
take_value(struct entry *entry, const char *option, const char *rest, const char **at)
{
	char *value = *rest != '\0' ? alloc_string(rest) : next_word(at);
	bool enclosed = value != NULL && *value == '{';

	if (value == NULL) {
		add_option(entry, NULL, alloc_string(option));
		return;
	}
	value = without_braces(value);
	add_option(entry, option, enclosed && strcmp(option, "-o") == 0 ? tidy_setting(value) : value);
}

/* False: `word`, freed otherwise, is no option. */
static bool
take_options(struct entry *entry, char *word, const char **at)
{
	char *setting;

	if (*word != '-')
		return false;
	setting = strchr(word, 'o');
	if (setting == word + 1 || setting == NULL) {
		if (word[1] == '\0')
			take_value(entry, "-", "", at);
		else if (setting != NULL)
			take_value(entry, "-o", setting + 1, at);
		else
			add_option(entry, NULL, alloc_string(word));
	} else {
		add_option(entry, NULL, alloc_string_n(word, (size_t)(setting - word)));
		take_value(entry, "-o", setting + 1, at);
	}
	free(word);
	return true;
}

static void
take_command(struct entry *entry, const char *at)
{
	char *word;
	bool in_options = true;

	for (size_t i = 0; i < entry->count; i++)
		free(entry->words[i].text);
	entry->count = entry->options = 0;
	free(entry->fields[ENTRY_COMMAND]);
	entry->fields[ENTRY_COMMAND] = next_word(&at);
	while ((word = next_word(&at)) != NULL) {
		bool enclosed = *word == '{';

		word = without_braces(word);
		in_options = in_options && strcmp(word, "--") != 0 && strncmp(word, "--o", 3) != 0 &&
			     !(enclosed && strpbrk(word, BLANKS) != NULL) && take_options(entry, word, &at);
		if (in_options)
			continue;
		/* "--" ends the options, whatever is glued to it. */
		if (entry->options == entry->count && strncmp(word, "--o", 3) == 0) {
			insert_word(entry, entry->count, NULL, alloc_string("--"));
			memmove(word, word + 1, strlen(word));
		}
		insert_word(entry, entry->count, NULL, word);
	}
}

/* --- fields --- */

static bool
is_yes_or_no(const char *value)
{
	return *value != '\0' && strchr("yn-", *value) != NULL && value[1] == '\0';
}

static bool
is_count(const char *value, const char *suffix)
{
	size_t digits = strspn(value, "0123456789");

	return strcmp(value, "-") == 0 || (digits > 0 && value[digits] == '\0') ||
	       (suffix != NULL && strcmp(value + digits, suffix) == 0);
}

static bool
is_type(const char *value)
{
	static const char *const types[] = { "inet", "unix", "unix-dgram", "fifo", "pass" };

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i], value) == 0)
			return true;
	return false;
}

static bool
is_possible(enum entry_field field, const char *value)
{
	switch (field) {
	case ENTRY_TYPE:
		return is_type(value);
	case ENTRY_PRIVATE:
	case ENTRY_UNPRIVILEGED:
	case ENTRY_CHROOT:
		return is_yes_or_no(value);
	case ENTRY_WAKEUP:
		return is_count(value, "?");
	case ENTRY_PROCESS_LIMIT:
		return is_count(value, NULL);
	case ENTRY_SERVICE:
	case ENTRY_COMMAND:
	case ENTRY_FIELDS:
		break;
	}
	return true;
}

static int
check(enum entry_field field, const char *value, const char *line, struct err *err)
{
	if (is_possible(field, value))
		return 0;
	return err_set(err, "invalid %s field \"%s\" in \"%s\"", entry_field_names[field], value, line);
}

struct entry *
entry_new(const char *line, struct err *err)
{
	struct entry *entry = alloc_zero(sizeof *entry);
	const char *at = line;
	int result = 0;

	for (int field = 0; field < ENTRY_COMMAND && result == 0; field++) {
		size_t len;

		at += strspn(at, BLANKS);
		len = strcspn(at, BLANKS);
		entry->fields[field] = alloc_string_n(at, len);
		at += len;
		if (len == 0)
			result = err_set(err, "bad field count");
	}
	if (result == 0)
		take_command(entry, at);
	if (result == 0 && entry->fields[ENTRY_COMMAND] == NULL)
		result = err_set(err, "bad field count");
	for (int field = 0; field < ENTRY_COMMAND && result == 0; field++)
		result = check((enum entry_field)field, entry->fields[field], line, err);
	if (result < 0) {
		entry_free(entry);
		return NULL;
	}
	return entry;
}

struct entry *
entry_copy(const struct entry *entry)
{
	struct entry *copy = alloc_zero(sizeof *copy);

	for (int field = 0; field < ENTRY_FIELDS; field++)
		copy->fields[field] = alloc_string(entry->fields[field]);
	for (size_t i = 0; i < entry->count; i++)
		insert_word(copy, i, entry->words[i].option, alloc_string(entry->words[i].text));
	copy->options = entry->options;
	return copy;
}

void
entry_free(struct entry *entry)
{
	if (entry == NULL)
		return;
	for (int field = 0; field < ENTRY_FIELDS; field++)
		free(entry->fields[field]);
	for (size_t i = 0; i < entry->count; i++)
		free(entry->words[i].text);
	free(entry->words);
	free(entry);
}

int
entry_set_field(struct entry *entry, enum entry_field field, const char *value, struct err *err)
{
	if (check(field, value, value, err) < 0)
		return -1;
	if (field == ENTRY_COMMAND) {
		take_command(entry, value);
		return 0;
	}
	free(entry->fields[field]);
	entry->fields[field] = alloc_string(value);
	return 0;
}

/* --- settings --- */

/* The length of the name in "name=value"; 0: it is none. */
static size_t
name_length(const struct entry_word *word)
{
	const char *equals =
	    word->option != NULL && strcmp(word->option, "-o") == 0 ? strchr(word->text, '=') : NULL;

	return equals != NULL ? (size_t)(equals - word->text) : 0;
}

static bool
is_setting_of(const struct entry *entry, size_t at, const char *name)
{
	size_t len = name_length(&entry->words[at]);

	return at < entry->options && len > 0 && len == strlen(name) &&
	       memcmp(entry->words[at].text, name, len) == 0;
}

struct table *
entry_settings(const struct entry *entry)
{
	struct table *settings = table_new(NULL);

	for (size_t i = 0; i < entry->options; i++) {
		char *text = entry->words[i].text;
		size_t len = name_length(&entry->words[i]);
		char *name = alloc_string_n(text, len);

		if (len > 0)
			table_put(settings, name, text + len + 1);
		free(name);
	}
	return settings;
}

const char *
entry_value(const struct entry *entry, const char *name)
{
	for (size_t i = entry->options; i-- > 0;)
		if (is_setting_of(entry, i, name))
			return entry->words[i].text + strlen(name) + 1;
	return NULL;
}

void
entry_set_value(struct entry *entry, const char *name, const char *value)
{
	bool found = false;

	for (size_t i = 0; i < entry->options; i++)
		if (is_setting_of(entry, i, name)) {
			free(entry->words[i].text);
			entry->words[i].text = alloc_printf("%s=%s", name, value);
			found = true;
		}
	if (!found)
		insert_word(entry, entry->options++, "-o", alloc_printf("%s=%s", name, value));
}

void
entry_remove_value(struct entry *entry, const char *name)
{
	for (size_t i = entry->options; i-- > 0;)
		if (is_setting_of(entry, i, name)) {
			free(entry->words[i].text);
			memmove(entry->words + i, entry->words + i + 1,
			    (entry->count - i - 1) * sizeof *entry->words);
			entry->count--;
			entry->options--;
		}
}

/* --- expansion --- */

static const char *
find_in_service(const char *name, void *context)
{
	const struct entry *entry = context;

	if (strcmp(name, "service_name") == 0)
		return entry->fields[ENTRY_SERVICE];
	return entry_value(entry, name);
}

int
entry_expand(struct entry *entry, struct maincf *cf, struct err *err)
{
	struct entry *raw = entry_copy(entry);
	int result = 0;

	maincf_set_scope(cf, find_in_service, raw);
	for (size_t i = 0; i < entry->options && result == 0; i++) {
		struct entry_word *word = &entry->words[i];
		size_t len = name_length(word);
		struct buf text = BUF_INIT;

		if (len > 0) {
			buf_add(&text, word->text, len + 1);
			result = maincf_expand(cf, word->text + len + 1, &text, err);
			free(word->text);
			word->text = alloc_string(buf_str(&text));
		}
		buf_release(&text);
	}
	maincf_set_scope(cf, NULL, NULL);
	entry_free(raw);
	return result;
}

/* --- text --- */

/* Whether the text, read again, is more than one word. */
static bool
is_apart(const char *text)
{
	const char *at = text;

	free(next_word(&at));
	return *at != '\0';
}

static void
put_word(struct listing_line *line, const struct entry_word *word)
{
	const char *text = word->text;
	/* What would be taken apart, or lose its own braces, when it is read again; of a setting, any blank.
	 */
	bool enclose = *text == '\0' || *text == '{' || is_apart(text) ||
		       (word->option != NULL && strpbrk(text, BLANKS) != NULL);
	char *shown = alloc_printf(enclose ? "{%s}" : "%s", text);

	listing_word(line, shown, strlen(shown));
	free(shown);
}

void
entry_put_command(const struct entry *entry, struct listing_line *line)
{
	const char *command = entry->fields[ENTRY_COMMAND];
	bool ends_line = false, fold = line->fold;

	listing_word(line, command, strlen(command));
	for (size_t i = 0; i < entry->count; i++) {
		const struct entry_word *word = &entry->words[i];

		/* An option with its value has a line to itself, however long; but no line is to be a
		 * comment. */
		if (fold && (word->option != NULL || (ends_line && *word->text != '#')))
			listing_break(line);
		ends_line = word->option != NULL;
		line->fold = fold && !ends_line;
		if (word->option != NULL)
			listing_word(line, word->option, strlen(word->option));
		put_word(line, word);
	}
}

void
entry_put(const struct entry *entry, bool fold, struct buf *to)
{
	struct listing_line line = {
		.to = to, .fold = fold, .width = LISTING_SERVICE_WIDTH, .is_started = true
	};

	for (int field = 0; field < ENTRY_COMMAND; field++) {
		const char *text = entry->fields[field];

		buf_printf(to, "%s%s", field > 0 ? " " : "", text);
		line.column += strlen(text) + (field > 0);
		/* The blank before the next one is its own. */
		for (; line.column + 1 < columns[field + 1]; line.column++)
			buf_add_byte(to, ' ');
	}
	entry_put_command(entry, &line);
	buf_add_byte(to, '\n');
}

/* --- the file --- */

int
entry_list_load(struct entry_list *list, const char *dir, struct err *err)
{
	char *path = alloc_printf("%s/master.cf", dir);
	struct buf bytes = BUF_INIT, line = BUF_INIT;
	struct logical_line_reader in;
	int number, result = 0;

	*list = (struct entry_list){ 0 };
	if (config_read(path, FILE_LIMIT, &bytes, err) < 0)
		result = 1;
	logical_line_init(&in, path, buf_str(&bytes), bytes.len);
	while (result == 0 && logical_line_next(&in, &line, &number)) {
		struct err reason = { 0 };
		struct entry *entry = entry_new(buf_str(&line), &reason);

		if (entry == NULL && strcmp(reason.text, "bad field count") == 0)
			result = err_set(err, "file %s: line %d: %s", path, number, reason.text);
		else if (entry == NULL)
			result = err_set(err, "%s", reason.text);
		if (entry == NULL)
			break;
		list->entries = alloc_resize(list->entries, list->count + 1, sizeof(struct entry *));
		list->entries[list->count++] = entry;
	}
	buf_release(&line);
	buf_release(&bytes);
	free(path);
	return result;
}

void
entry_list_release(struct entry_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		entry_free(list->entries[i]);
	free(list->entries);
	*list = (struct entry_list){ 0 };
}
