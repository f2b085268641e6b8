/* SPDX-License-Identifier: ISC */
#include "postfix-tls/postconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/config_read.h"
#include "mail/maincf.h"
#include "mail/maincf_edit.h"
#include "mail/param.h"
#include "postfix-tls/child.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

enum { FILE_LIMIT = 16 << 20 };

struct postconf {
	char *program;          /* owned */
	char *config_directory; /* owned */
	struct maincf *cf;      /* owned */
	struct buf text;
};

/* A name that was looked up and is known to nobody here. The callback has no argument to keep it in. */
static bool unknown_name;

/* What postfix(1) hands to its scripts is how the installed programs were built, or what main.cf says. */
static const char *
find_default(const char *name)
{
	static const char *const inherited[] = { "command_directory", "daemon_directory", "data_directory",
		"meta_directory", "queue_directory", "shlib_directory", "mail_owner", "setgid_group",
		"sendmail_path", "mailq_path", "newaliases_path", "manpage_directory", "sample_directory",
		"readme_directory", "html_directory" };
	const char *value = NULL;

	for (size_t i = 0; !value && i < sizeof inherited / sizeof *inherited; i++)
		if (strcmp(name, inherited[i]) == 0)
			value = getenv(name);
	if (!value)
		value = param_default(name);
	if (!value)
		unknown_name = true;
	return value;
}

/* What was said of main.cf, in postconf's name: scripts know it so. */
static void
pass_on(const struct postconf *postconf, struct buf *said)
{
	char *lines = said->bytes;

	log_divert(NULL);
	for (char *line = strsep(&lines, "\n"); line; line = strsep(&lines, "\n"))
		if (*line)
			fprintf(stderr, "%s: %s\n", postconf->program, line);
	buf_release(said);
}

struct postconf *
postconf_new(const char *command_directory, const char *config_directory, bool quiet, struct err *err)
{
	struct postconf *postconf = alloc_zero(sizeof *postconf);
	char *path = alloc_printf("%s/main.cf", config_directory);
	struct buf said = BUF_INIT;
	int result;

	postconf->program = alloc_printf("%s/postconf", command_directory);
	postconf->config_directory = alloc_string(config_directory);
	postconf->cf = maincf_new(config_directory, find_default);
	maincf_behave_as_postconf(postconf->cf);
	log_divert(&said);
	result = config_read(path, FILE_LIMIT, &postconf->text, err);
	if (result == 0)
		result = maincf_parse(postconf->cf, buf_str(&postconf->text), postconf->text.len, err);
	if (quiet)
		buf_clear(&said);
	pass_on(postconf, &said);
	free(path);
	if (result == 0)
		return postconf;
	postconf_free(postconf);
	return NULL;
}

void
postconf_free(struct postconf *postconf)
{
	if (!postconf)
		return;
	buf_release(&postconf->text);
	maincf_free(postconf->cf);
	free(postconf->config_directory);
	free(postconf->program);
	free(postconf);
}

/* Runs it on the configuration directory. 0, or -1 after it has complained. */
static int
run(const struct postconf *postconf, const char *option, const char *argument, struct buf *out,
    struct err *err)
{
	const char *const argv[] = { postconf->program, "-c", postconf->config_directory, option, argument,
		NULL };
	struct buf errors = BUF_INIT;
	int status = child_run(argv, NULL, out, &errors, err);

	/* What is said of main.cf, but not of the argument, was said when it was read. */
	if (status != 0 || argument)
		fputs(buf_str(&errors), stderr);
	buf_release(&errors);
	if (status > 0)
		err_set(err, "%s failed with status %d", postconf->program, status);
	return status == 0 ? 0 : -1;
}

static int
ask_installed(const struct postconf *postconf, const char *name, struct buf *value, struct err *err)
{
	struct buf out = BUF_INIT;
	int result = run(postconf, "-xh", name, &out, err);

	if (result == 0)
		buf_add(value, buf_str(&out), strcspn(buf_str(&out), "\n"));
	buf_release(&out);
	return result;
}

int
postconf_value(struct postconf *postconf, const char *name, struct buf *value, struct err *err)
{
	size_t start = value->len;

	unknown_name = false;
	if (maincf_lookup(postconf->cf, name, value, err) < 0)
		return err_prefix(err, "%s", name);
	/* A stand-alone system has no other program that would know more. */
	if (!unknown_name || access(postconf->program, X_OK) < 0)
		return 0;
	buf_truncate(value, start);
	return ask_installed(postconf, name, value, err);
}

const char *
postconf_raw(const struct postconf *postconf, const char *name)
{
	return maincf_raw(postconf->cf, name);
}

const char *
postconf_text(const struct postconf *postconf)
{
	return buf_str(&postconf->text);
}

struct maincf *
postconf_maincf(struct postconf *postconf)
{
	return postconf->cf;
}

int
postconf_has_type(struct postconf *postconf, const char *word, struct err *err)
{
	struct buf out = BUF_INIT;
	int result = run(postconf, "-m", NULL, &out, err);
	char *rest = out.bytes;

	for (char *line = strsep(&rest, "\n"); result == 0 && line; line = strsep(&rest, "\n"))
		if (strcmp(line, word) == 0)
			result = 1;
	buf_release(&out);
	return result;
}

int
postconf_print(const struct postconf *postconf, const char *option, struct buf *to, struct err *err)
{
	if (access(postconf->program, X_OK) < 0)
		return 0;
	return run(postconf, option, NULL, to, err);
}

int
postconf_edit(
    struct postconf *postconf, const struct postconf_setting *settings, size_t count, struct err *err)
{
	struct maincf_edit *edit = maincf_edit_new(MAINCF_EDIT_SET);
	struct buf said = BUF_INIT;
	int result = 0;

	maincf_edit_carefully(edit, buf_str(&postconf->text), postconf->text.len);
	for (size_t i = 0; i < count && result == 0; i++) {
		char *request = alloc_printf("%s = %s", settings[i].name, settings[i].value);
		result = maincf_edit_request(edit, request, err);
		free(request);
	}
	log_divert(&said);
	if (result == 0)
		result = maincf_edit_apply(edit, postconf->config_directory, err);
	pass_on(postconf, &said);
	maincf_edit_free(edit);
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
