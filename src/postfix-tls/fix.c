/* SPDX-License-Identifier: ISC */
#include "postfix-tls/fix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/config_replace.h"
#include "mail/maincf_edit.h"
#include "mail/services_edit.h"
#include "postfix-tls/child.h"
#include "postfix-tls/leftovers.h"
#include "postfix-tls/site.h"
#include "tlscheck/finding.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/log.h"

enum { FILE_LIMIT = 16 << 20 };

/* --- steps --- */

/* A file that is a link stays one, and keeps its mode and owner. */
static int
read_settings(const struct site *site, const char *name, struct buf *text, struct err *err)
{
	char *path = alloc_printf("%s/%s", site->config_directory, name);
	int result = file_read(path, FILE_LIMIT, text, err);

	free(path);
	return result;
}

/* Steps of one finding that follow each other. */
struct steps {
	const struct finding_step *step;
	size_t count;
	const char *path;
};

static bool
is_of_main(const struct finding_step *step)
{
	return step->kind == FINDING_SET || step->kind == FINDING_REMOVE;
}

static int
change_main(const struct buf *from, struct buf *to, const struct finding_step *step, const char *path,
    struct err *err)
{
	bool sets = step->kind == FINDING_SET;
	struct maincf_edit *edit = maincf_edit_new(sets ? MAINCF_EDIT_SET : MAINCF_EDIT_REMOVE);
	char *request = sets ? alloc_printf("%s = %s", step->name, step->value) : alloc_string(step->name);
	int result = maincf_edit_request(edit, request, err);

	if (result == 0)
		maincf_edit_text(edit, path, buf_str(from), from->len, to);
	free(request);
	maincf_edit_free(edit);
	return result;
}

static int
change_main_by_all(const struct buf *from, struct buf *to, void *context, struct err *err)
{
	const struct steps *steps = context;
	struct buf text = BUF_INIT;
	int result = 0;

	buf_add(&text, buf_str(from), from->len);
	for (size_t i = 0; result == 0 && i < steps->count; i++) {
		struct buf next = BUF_INIT;

		result = change_main(&text, &next, &steps->step[i], steps->path, err);
		buf_release(&text);
		text = next;
	}
	buf_add(to, buf_str(&text), text.len);
	buf_release(&text);
	return result;
}

/* All of them are one edit: what one setting replaces leaves with the other's coming. */
static int
edit_main(const struct site *site, struct steps *steps, struct err *err)
{
	char *path = alloc_printf("%s/main.cf", site->config_directory);
	struct buf text = BUF_INIT, said = BUF_INIT;
	int result = read_settings(site, "main.cf", &text, err);
	struct config_replace_expected expected = { .bytes = buf_str(&text), .len = text.len };

	steps->path = path;
	/* What is said of main.cf was found and said before. */
	log_divert(&said);
	if (result == 0)
		result = config_replace(path, &expected, change_main_by_all, steps, err);
	log_divert(NULL);
	buf_release(&said);
	buf_release(&text);
	free(path);
	return result;
}

static int
edit_master(
    const struct site *site, const struct finding_step *step, enum services_edit_kind kind, struct err *err)
{
	char *request =
	    kind == SERVICES_SET ? alloc_printf("%s=%s", step->name, step->value) : alloc_string(step->name);
	struct buf text = BUF_INIT;
	int result = read_settings(site, "master.cf", &text, err);

	if (result == 0) {
		struct config_replace_expected expected = { .bytes = buf_str(&text), .len = text.len };

		result = services_edit(site->config_directory, 'P', kind, &request, 1, &expected, err);
	}
	buf_release(&text);
	free(request);
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
take(const struct site *site, struct steps *steps, struct err *err)
{
	switch (steps->step->kind) {
	case FINDING_SET:
	case FINDING_REMOVE:
		return edit_main(site, steps, err);
	case FINDING_SERVICE_SET:
		return edit_master(site, steps->step, SERVICES_SET, err);
	case FINDING_SERVICE_REMOVE:
		return edit_master(site, steps->step, SERVICES_REMOVE, err);
	case FINDING_MODE:
		return change_mode(steps->step, err);
	case FINDING_POSTMAP:
		return make_table(site, steps->step, err);
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
	for (size_t i = 0; i < finding->step_count;) {
		struct steps steps = { .step = &finding->steps[i], .count = 1 };

		while (is_of_main(steps.step) && i + steps.count < finding->step_count &&
		       is_of_main(steps.step + steps.count))
			steps.count++;
		if (take(site, &steps, err) < 0)
			return err_prefix(err, "%s [%s]", finding->where, finding->id);
		i += steps.count;
	}
	printf("done: %s\n", finding->command);
	return 0;
}

/* Steps that were taken can be taken again. */
static void
print_left(const struct finding_list *findings, size_t from)
{
	for (size_t i = from; i < finding_list_count(findings); i++)
		if (finding_list_at(findings, i)->step_count > 0)
			printf("left: %s\n", finding_list_at(findings, i)->command);
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
		if (!yes && !terminal) {
			printf("with --yes: %s\n", finding->command);
		} else if ((yes || is_wanted(finding, &more)) && fix_one(site, finding, err) < 0) {
			print_left(findings, i);
			return -1;
		}
	}
	return 0;
}
