/* SPDX-License-Identifier: ISC */
/*
 * map_texthash: texthash: tables, the text that postmap reads, without an index.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mail/logical_line.h"
#include "mail/map_impl.h"
#include "mail/map_source.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

/* Where the key ends: at white space that is neither in quotes nor behind a backslash. NULL: quotes are open.
 */
static char *
key_end(char *line)
{
	bool quoted = false;

	for (; *line; line++) {
		if (*line == '\\' && line[1])
			line++;
		else if (*line == '"')
			quoted = !quoted;
		else if (!quoted && logical_line_is_space(*line))
			break;
	}
	return quoted ? NULL : line;
}

static void
take_line(struct map *map, char *line, int number)
{
	char *end = key_end(line);
	char *value;
	struct err err;

	if (!end) {
		log_warn(
		    "%s, line %d: unbalanced '\"' in '%s' -- ignoring this line", map->name, number, line);
		return;
	}
	value = end;
	if (*end) {
		*end = '\0';
		value = logical_line_trim(end + 1);
	}
	if (!*line || !*value) {
		log_warn("%s, line %d: expected format: key whitespace value -- ignoring this line",
		    map->name, number);
		return;
	}
	if (end > line && end[-1] == ':')
		log_warn("%s, line %d: record is in \"key: value\" format; is this an alias file?", map->name,
		    number);

	struct map_value *found = map_value_of(map, value, &err);
	if (!found)
		log_warn("%s, line %d: %s: skipping this entry", map->name, number, err.text);
	else if (!map_put(map, line, false, found))
		log_warn("%s, line %d: duplicate entry: \"%s\"", map->name, number, line);
}

static int
open_texthash(struct map *map, struct err *err)
{
	struct buf text = BUF_INIT, line = BUF_INIT;
	struct logical_line_reader reader;
	int number;

	if (map_source_read(map->source, map->name, MAP_SOURCE_LIMIT, &text, err) < 0) {
		if (err->code == ENOENT || err->code == EACCES)
			err_set(err, "open database %s: %s", map->name, strerror(err->code));
		return -1;
	}
	map_add_file(map, map->name);
	logical_line_init(&reader, map->name, buf_str(&text), text.len);
	while (logical_line_next(&reader, &line, &number))
		take_line(map, line.bytes, number);
	buf_release(&line);
	buf_release(&text);
	return 0;
}

const struct map_type map_type_texthash = { .name = "texthash", .open = open_texthash };
