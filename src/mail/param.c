/* SPDX-License-Identifier: ISC */
#include "mail/param.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/compat_level.h"
#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/text.h"

static int
check_length(const struct param *row, const char *value, struct err *err)
{
	size_t len = strlen(value);
	/* The two shapes are Postfix's. */
	const char *format = row->type == PARAM_RAW ? "bad string length (%zu %c %d): %s = %s"
						    : "bad string length %zu %c %d: %s = %s";

	if (row->min > 0 && len < (size_t)row->min)
		return err_set(err, format, len, '<', row->min, row->name, value);
	if (row->max > 0 && len > (size_t)row->max)
		return err_set(err, format, len, '>', row->max, row->name, value);
	return 0;
}

static int
load_number(const struct param *row, const char *value, long least, long greatest, long *to, struct err *err)
{
	char *end;

	errno = 0;
	*to = strtol(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0 || *to < least || *to > greatest)
		return err_set(err, "bad numerical configuration: %s = %s", row->name, value);
	if (row->min != 0 && *to < row->min)
		return err_set(err, "invalid %s parameter value %ld < %d", row->name, *to, row->min);
	if (row->max != 0 && *to > row->max)
		return err_set(err, "invalid %s parameter value %ld > %d", row->name, *to, row->max);
	return 0;
}

static int
load_int(const struct param *row, const char *value, int *to, struct err *err)
{
	long number;

	if (load_number(row, value, INT_MIN, INT_MAX, &number, err) < 0)
		return -1;
	*to = (int)number;
	return 0;
}

static int
load_long(const struct param *row, const char *value, int64_t *to, struct err *err)
{
	long number;

	if (load_number(row, value, LONG_MIN, LONG_MAX, &number, err) < 0)
		return -1;
	*to = number;
	return 0;
}

/* Seconds in a unit; 0 when there is no such unit. */
static int
unit_seconds(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 60 * 60;
	case 'd':
		return 24 * 60 * 60;
	case 'w':
		return 7 * 24 * 60 * 60;
	}
	return 0;
}

/* The unit of the default is the unit of a value without one. */
static int
default_unit(struct maincf *cf, const char *name, char *unit, struct err *err)
{
	struct buf value = BUF_INIT;
	const char *text = param_default(name);
	int result = text != NULL ? maincf_expand(cf, text, &value, err) : 0;

	*unit = 's';
	for (const char *at = buf_str(&value); *at != '\0'; at++)
		if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')) {
			*unit = *at;
			break;
		}
	buf_release(&value);
	return result;
}

static int
load_time(struct maincf *cf, const struct param *row, const char *value, int *to, struct err *err)
{
	long number;
	char *end, unit;
	int seconds;

	if (default_unit(cf, row->name, &unit, err) < 0)
		return -1;
	errno = 0;
	number = strtol(value, &end, 10);
	if (*value != '\0' && *end != '\0')
		unit = *end;
	seconds = unit_seconds(unit);
	/* Postfix's bound: one less than would fit, except for seconds. */
	if (*value == '\0' || errno != 0 || number < 0 || seconds == 0 ||
	    number > INT_MAX / seconds - (seconds > 1))
		return err_set(err, "parameter %s: bad time value or unit: %s", row->name, value);
	number *= seconds;
	if (row->min != 0 && number < row->min)
		return err_set(err, "invalid %s: %ld (min %d)", row->name, number, row->min);
	if (row->max != 0 && number > row->max)
		return err_set(err, "invalid %s: %ld (max %d)", row->name, number, row->max);
	*to = (int)number;
	return 0;
}

static int
load_bool(const struct param *row, const char *value, bool *to, struct err *err)
{
	*to = text_equal_nocase(value, "yes");
	if (!*to && !text_equal_nocase(value, "no"))
		return err_set(err, "bad boolean configuration: %s = %s", row->name, value);
	return 0;
}

static void *
member(const struct param *row, void *settings)
{
	return (char *)settings + row->offset;
}

static int
store(struct maincf *cf, const struct param *row, const char *value, void *settings, struct err *err)
{
	switch (row->type) {
	case PARAM_STRING:
	case PARAM_RAW:
		if (check_length(row, value, err) < 0)
			return -1;
		*(char **)member(row, settings) = alloc_string(value);
		return 0;
	case PARAM_INT:
		return load_int(row, value, member(row, settings), err);
	case PARAM_LONG:
		return load_long(row, value, member(row, settings), err);
	case PARAM_TIME:
		return load_time(cf, row, value, member(row, settings), err);
	case PARAM_BOOL:
		return load_bool(row, value, member(row, settings), err);
	}
	return err_set(err, "parameter %s has no type", row->name);
}

static int
load_one(struct maincf *cf, const struct param *row, void *settings, struct err *err)
{
	struct buf value = BUF_INIT;
	int result = 0;

	if (row->type == PARAM_RAW) {
		const char *text = maincf_raw(cf, row->name);

		if (text == NULL)
			text = param_default(row->name);
		buf_add_str(&value, text != NULL ? text : "");
	} else {
		result = maincf_lookup(cf, row->name, &value, err);
	}
	if (result >= 0)
		result = store(cf, row, buf_str(&value), settings, err);
	buf_release(&value);
	return result;
}

/* Every program refuses a level it cannot read, even if none of its settings depends on it. */
static int
check_compatibility_level(struct maincf *cf, struct err *err)
{
	struct buf value = BUF_INIT;
	int64_t level;
	int result = maincf_lookup(cf, "compatibility_level", &value, err);

	if (result > 0 && !compat_level_parse(buf_str(&value), &level))
		result = err_set(err, "malformed compatibility level syntax: \"%s\"", buf_str(&value));
	buf_release(&value);
	return result;
}

int
param_load(struct maincf *cf, const struct param *rows, void *settings, struct err *err)
{
	for (const struct param *row = rows; row->name != NULL; row++)
		if (row->type == PARAM_STRING || row->type == PARAM_RAW)
			*(char **)member(row, settings) = NULL;
	if (check_compatibility_level(cf, err) < 0)
		return -1;
	for (const struct param *row = rows; row->name != NULL; row++)
		if (load_one(cf, row, settings, err) < 0) {
			param_release(rows, settings);
			return -1;
		}
	return 0;
}

void
param_release(const struct param *rows, void *settings)
{
	for (const struct param *row = rows; row->name != NULL; row++)
		if (row->type == PARAM_STRING || row->type == PARAM_RAW) {
			char **string = member(row, settings);

			free(*string);
			*string = NULL;
		}
}
