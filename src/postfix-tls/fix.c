/* SPDX-License-Identifier: ISC */
#include "postfix-tls/fix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/maincf_edit.h"
#include "postfix-tls/child.h"
#include "postfix-tls/leftovers.h"
#include "postfix-tls/site.h"
#include "tlscheck/finding.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

/* --- steps --- */

static int
edit(const struct site *site, const struct finding_step *step, enum maincf_edit_kind kind, struct err *err)
{
	struct maincf_edit *changes = maincf_edit_new(kind);
	char *request = kind == MAINCF_EDIT_SET ? alloc_printf("%s = %s", step->name, step->value)
						: alloc_string(step->name);
	int result = maincf_edit_request(changes, request, err);

	if (result == 0)
		result = maincf_edit_apply(changes, site->config_directory, err);
	free(request);
	maincf_edit_free(changes);
	return result;
}

/* "g-w,o-rwx" and the like: bits to be taken away. */
static mode_t
bits_of(const char *mode)
{
	mode_t who = 0, bits = 0;
	bool taken = false;

	for (; *mode; mode++) {
		if (*mode == ',')
			who = 0;
		if (*mode == ',' || *mode == '-')
			taken = *mode == '-';
		else if (!taken)
			who |= *mode == 'g' ? S_IRWXG : S_IRWXO;
		else
			bits |= who & (*mode == 'r' ? 0444 : *mode == 'w' ? 0222 : 0111);
	}
	return bits;
}

static int
change_mode(const struct finding_step *step, struct err *err)
{
	struct stat st;

	if (stat(step->name, &st) < 0 || chmod(step->name, (st.st_mode & 07777) & ~bits_of(step->value)) < 0)
		return err_errno(err, "change mode of %s", step->name);
	return 0;
}

static int
make_table(const struct site *site, const struct finding_step *step, struct err *err)
{
	const char *directory = getenv("command_directory");
	char *program = alloc_printf("%s/postmap", directory ? directory : "/usr/sbin");
	const char *argv[6] = { program, "-c", site->config_directory };
	struct buf errors = BUF_INIT;
	size_t n = 3;
	int status;

	if (*step->value)
		argv[n++] = "-F";
	argv[n] = step->name;
	status = child_run(argv, NULL, NULL, &errors, err);
	fputs(buf_str(&errors), stderr);
	if (status > 0)
		err_set(err, "%s %s failed with status %d", program, step->name, status);
	buf_release(&errors);
	free(program);
	return status == 0 ? 0 : -1;
}

static int
take(const struct site *site, const struct finding_step *step, struct err *err)
{
	switch (step->kind) {
	case FINDING_SET:
		return edit(site, step, MAINCF_EDIT_SET, err);
	case FINDING_REMOVE:
		return edit(site, step, MAINCF_EDIT_REMOVE, err);
	case FINDING_MODE:
		return change_mode(step, err);
	case FINDING_POSTMAP:
		return make_table(site, step, err);
	}
	return err_set(err, "no such step");
}

/* --- findings --- */

/* Whatever it may be but yes is no; the end of input is the end. */
static bool
is_wanted(const struct finding *finding, bool *more)
{
	char answer[16];

	printf("%s: %s\n    %s\nDo that? [y/N] ", finding->where, finding->what, finding->command);
	fflush(stdout);
	if (!fgets(answer, sizeof answer, stdin)) {
		*more = false;
		return false;
	}
	return answer[0] == 'y' || answer[0] == 'Y';
}

static int
fix_one(const struct site *site, const struct finding *finding, struct err *err)
{
	/* Settings come first and what they replace goes last: at no time are both missing. */
	for (size_t i = 0; i < finding->step_count; i++)
		if (take(site, &finding->steps[i], err) < 0)
			return err_prefix(err, "%s [%s]", finding->where, finding->id);
	printf("done: %s\n", finding->command);
	return 0;
}

int
fix_all(const struct site *site, const struct finding_list *findings, bool yes, struct err *err)
{
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO), more = true;

	if ((yes || terminal) && leftovers_lock(site->config_directory, err) < 0)
		return -1;
	for (size_t i = 0; more && i < finding_list_count(findings); i++) {
		const struct finding *finding = finding_list_at(findings, i);

		if (finding->step_count == 0)
			continue;
		if (!yes && !terminal)
			printf("with --yes: %s\n", finding->command);
		else if ((yes || is_wanted(finding, &more)) && fix_one(site, finding, err) < 0)
			return -1;
	}
	return 0;
}
