/* SPDX-License-Identifier: ISC */
/*
 * postconf: shows and edits main.cf and master.cf (postconf(1)).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/config_trust.h"
#include "mail/maincf.h"
#include "mail/maincf_edit.h"
#include "mail/param.h"
#include "mail/entry.h"
#include "postconf/facts.h"
#include "mail/listing.h"
#include "postconf/services.h"
#include "mail/services_edit.h"
#include "postconf/survey.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"
#include "util/text.h"

static char process_id[32];
static const char *process_name = "";
static const char *command = ""; /* as typed, in front of messages */

struct command_line {
	bool given[256]; /* option letters */
	struct listing_style style;
	char **overrides; /* of -o; owned, the strings borrowed */
	int override_count;
	const char *tls_mode; /* of -T */
	char services;        /* 'M', 'F' or 'P', as given; '\0': main.cf */
	char **args;
	int arg_count;
};

static void
to_stderr(enum log_level level, const char *text, void *context)
{
	(void)context;
	fprintf(stderr, "%s: %s", command, log_label(level));
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < 0x80 ? *text : '?', stderr);
	fputc('\n', stderr);
}

static _Noreturn void
usage(void)
{
	log_fatal(
	    "usage: %s [-c config_dir] [-d (parameter defaults)] [-e (edit configuration)] [-f (fold lines)] "
	    "[-F (master.cf fields)] [-h (no names)] [-H (no values)] [-m (table types)] [-M (master.cf)] "
	    "[-n (non-default parameters)] [-o name=value (override parameter value)] [-p (main.cf, "
	    "default)] "
	    "[-P (master.cf parameters)] [-v (verbose)] [-T mode (TLS library)] [-x (expand parameter "
	    "values)] "
	    "[-X (exclude)] [-# (comment-out)] [name...]",
	    command);
}

/* --- the command line --- */

/* At most one option of the set makes sense. */
static void
check_set(const bool *given, const char *set)
{
	char list[64] = "";
	int count = 0;

	for (const char *option = set; *option != '\0'; option++)
		if (given[(unsigned char)*option]) {
			sprintf(list + strlen(list), " -%c", *option);
			count++;
		}
	if (count > 1)
		log_fatal("specify one of%s", list);
}

/* With the first option of the text none of the others makes sense. */
static void
check_without(const bool *given, const char *text)
{
	for (const char *option = text + 1; *option != '\0'; option++)
		if (given[(unsigned char)*text] && given[(unsigned char)*option])
			log_fatal("with option -%c, do not specify -%c", *text, *option);
}

static void
check_options(const struct command_line *line)
{
	static const char *const sets[] = { "denX#", "deoX#", "efX#", "exX#", "ehHX#" };

	check_set(line->given, "FmMpPT");
	check_without(line->given, "mdefhHnoxX#");
	check_without(line->given, "TdefhHnoxX#");
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		check_set(line->given, sets[i]);
	check_without(line->given, "FdnX#");
	check_without(line->given, "MdnhH");
	check_without(line->given, "Pdn#");
}

static void
parse_command_line(int argc, char **argv, struct command_line *line)
{
	int option;

	line->overrides = alloc_array((size_t)argc + 1, sizeof *line->overrides);
	/* Options end at the first name. */
	while ((option = getopt(argc, argv, "+c:defFhHmMno:pPT:vxX#")) != -1) {
		if (option == '?')
			usage();
		if (option == 'c' && setenv("MAIL_CONFIG", optarg, 1) < 0)
			log_fatal("out of memory");
		if (option == 'T')
			line->tls_mode = optarg;
		if (option == 'o')
			line->overrides[line->override_count++] = optarg;
		if (option == 'M' || option == 'F' || option == 'P')
			line->services = (char)option;
		line->given[option] = true;
	}
	line->args = argv + optind;
	line->arg_count = argc - optind;
	if (!line->given['m'] && line->tls_mode == NULL && line->arg_count > 0 &&
	    strchr(line->args[0], '=') != NULL)
		line->given['e'] = true;
	check_options(line);
	line->style = (struct listing_style){
		.no_name = line->given['h'], .no_value = line->given['H'], .fold = line->given['f']
	};
}

/* --- editing --- */

static void
edit_main_cf(const struct command_line *line)
{
	enum maincf_edit_kind kind = MAINCF_EDIT_SET;
	struct maincf_edit *requests;
	struct err err = { 0 };

	if (line->given['X'])
		kind = MAINCF_EDIT_REMOVE;
	else if (line->given['#'])
		kind = MAINCF_EDIT_COMMENT;
	requests = maincf_edit_new(kind);
	for (int i = 0; i < line->arg_count; i++)
		if (maincf_edit_request(requests, line->args[i], &err) < 0)
			log_fatal("%s", err.text);
	if (maincf_edit_apply(requests, maincf_directory(), &err) < 0)
		log_fatal("%s", err.text);
	maincf_edit_free(requests);
}

static void
edit_master_cf(const struct command_line *line)
{
	enum services_edit_kind kind = SERVICES_SET;
	struct err err = { 0 };

	if (line->given['X'])
		kind = SERVICES_REMOVE;
	else if (line->given['#'])
		kind = SERVICES_COMMENT;
	if (services_edit(maincf_directory(), line->services, kind, line->args, line->arg_count, NULL, &err) <
	    0)
		log_fatal("%s", err.text);
}

static void
edit(const struct command_line *line)
{
	struct err err = { 0 };

	if (config_trust_check(maincf_directory(), &err) < 0)
		log_fatal("%s", err.text);
	if (line->arg_count == 0)
		log_fatal(line->given['e'] ? "-e requires name=value argument" : "missing service argument");
	if (line->services != '\0')
		edit_master_cf(line);
	else
		edit_main_cf(line);
}

/* --- showing --- */

static const char *
default_of(const char *name)
{
	if (strcmp(name, "process_id") == 0)
		return process_id;
	if (strcmp(name, "process_name") == 0)
		return process_name;
	return param_default(name);
}

/* "" is myhostname's and mydomain's text in the table of defaults; maincf works them out. */
static bool
has_raw_default(const char *name)
{
	return strcmp(name, "myhostname") != 0 && strcmp(name, "mydomain") != 0;
}

static void
print(const struct buf *output)
{
	if (fwrite(buf_str(output), 1, output->len, stdout) != output->len || fflush(stdout) != 0)
		log_fatal("write output: %s", strerror(errno));
}

static void
show(struct maincf *cf, const struct command_line *line, const char *name, struct buf *output)
{
	struct buf value = BUF_INIT;
	struct err err = { 0 };
	const char *raw = maincf_raw(cf, name);

	if (raw == NULL && has_raw_default(name))
		raw = default_of(name);
	if (raw != NULL && !line->given['x'])
		buf_add_str(&value, raw);
	else if (maincf_lookup(cf, name, &value, &err) < 0)
		log_fatal("%s", err.text);
	listing_add(output, &line->style, name, buf_str(&value));
	buf_release(&value);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What maincf says about its own directory counts as a setting when the user named the directory. */
static bool
is_set(const struct maincf *cf, const char *name)
{
	const char *value = maincf_raw(cf, name);

	if (value == NULL || survey_is_read_only(name))
		return false;
	return strcmp(name, "config_directory") != 0 || getenv("MAIL_CONFIG") != NULL ||
	       strcmp(value, maincf_directory()) != 0;
}

/* Every name there is to show, in byte order; freed by the caller, strings too. `survey` is NULL with -d. */
static char **
all_names(const struct maincf *cf, const struct survey *survey, bool only_set, size_t *count)
{
	struct table *seen = table_new(NULL);
	const char *name;
	size_t at = 0, used = 0;
	char **names;

	for (size_t i = 0; !only_set && (name = param_name(i)) != NULL; i++)
		table_put(seen, name, seen);
	while (survey != NULL && (name = maincf_next(cf, &at)) != NULL)
		if (survey_knows(survey, name) && is_set(cf, name))
			table_put(seen, name, seen);
	*count = table_count(seen);
	names = alloc_array(*count + 1, sizeof *names);
	at = 0;
	while ((name = table_next(seen, &at, NULL)) != NULL)
		names[used++] = alloc_string(name);
	table_free(seen);
	qsort(names, *count, sizeof *names, compare_names);
	return names;
}

static void
show_names(struct maincf *cf, const struct survey *survey, const struct command_line *line)
{
	struct buf output = BUF_INIT;

	if (line->arg_count == 0) {
		size_t count;
		char **names = all_names(cf, survey, line->given['n'], &count);

		for (size_t i = 0; i < count; i++) {
			show(cf, line, names[i], &output);
			free(names[i]);
		}
		free(names);
	}
	for (int i = 0; i < line->arg_count; i++) {
		const char *name = line->args[i];

		if (survey != NULL ? !survey_knows(survey, name) : param_default(name) == NULL)
			log_warn("%s: unknown parameter", name);
		else if (!line->given['n'] || is_set(cf, name))
			show(cf, line, name, &output);
	}
	print(&output);
	buf_release(&output);
}

static void
show_services(struct maincf *cf, const struct entry_list *services, const struct command_line *line)
{
	const struct services_query query = { .what = line->services,
		.style = line->style,
		.expand = line->given['x'] ? cf : NULL,
		.names = line->args,
		.count = line->arg_count };
	struct buf output = BUF_INIT;
	struct err err = { 0 };

	if (services_show(services, &query, &output, &err) < 0)
		log_fatal("%s", err.text);
	print(&output);
	buf_release(&output);
}

static void
override(struct maincf *cf, const struct command_line *line)
{
	for (int i = 0; i < line->override_count; i++) {
		struct err err = { 0 };
		char *text = alloc_string(line->overrides[i]), *name, *value;

		if (maincf_split(text, &name, &value, &err) < 0)
			log_fatal("invalid parameter override: %s: %s", text, err.text);
		maincf_set(cf, name, value);
		free(text);
	}
}

/* Assignments to what the program itself sets do nothing. */
static void
undo_read_only(struct maincf *cf, const char *dir)
{
	const char *name;
	size_t at = 0;

	while ((name = maincf_next(cf, &at)) != NULL)
		if (survey_is_read_only(name)) {
			log_warn("%s/main.cf: read-only parameter assignment: %s=%s", dir, name,
			    maincf_raw(cf, name));
			maincf_set(cf, name, default_of(name));
		}
}

/* master.cf may be missing when only main.cf is shown. */
static void
load_services(struct entry_list *services, const struct command_line *line)
{
	struct err err = { 0 };
	int result = entry_list_load(services, maincf_directory(), &err);

	if (result < 0 || (result > 0 && line->services != '\0'))
		log_fatal("%s", err.text);
	if (result > 0)
		log_warn("%s", err.text);
}

static void
show_settings(const struct command_line *line)
{
	const char *dir = maincf_directory();
	struct maincf *cf = maincf_new(dir, default_of);
	struct survey *survey = NULL;
	struct entry_list services = { 0 };
	struct err err = { 0 };

	maincf_behave_as_postconf(cf);
	if (!line->given['d']) {
		if (maincf_load(cf, &err) < 0)
			log_fatal("%s", err.text);
		undo_read_only(cf, dir);
		override(cf, line);
		load_services(&services, line);
		survey = survey_new(cf, &services, dir);
		if (survey_check(cf, &err) < 0)
			log_fatal("%s", err.text);
	}
	if (line->services != '\0')
		show_services(cf, &services, line);
	else
		show_names(cf, survey, line);
	if (survey != NULL && line->services == '\0')
		survey_warn_unused_in_main(survey);
	if (survey != NULL)
		survey_warn_unused_in_services(survey);
	survey_free(survey);
	entry_list_release(&services);
	maincf_free(cf);
}

int
main(int argc, char **argv)
{
	struct command_line line = { 0 };
	int status = 0;

	command = argc > 0 ? argv[0] : "postconf";
	process_name = text_basename(command);
	snprintf(process_id, sizeof process_id, "%ld", (long)getpid());
	log_set_sink(to_stderr, NULL);
	/* A line at once, not byte by byte. */
	setvbuf(stderr, NULL, _IOLBF, 0);
	log_set_fatal(1, 0);
	parse_command_line(argc, argv, &line);
	if (line.tls_mode != NULL)
		status = facts_show_tls(line.tls_mode) < 0;
	else if (line.given['m'])
		facts_show_types();
	else if (line.given['e'] || line.given['X'] || line.given['#'])
		edit(&line);
	else
		show_settings(&line);
	free(line.overrides);
	return status;
}
