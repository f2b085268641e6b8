/* SPDX-License-Identifier: ISC */
#include "postfix-tls/status.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "postfix-tls/postconf.h"
#include "postfix-tls/site.h"
#include "tls/pemfile.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/table.h"
#include "util/text.h"

/* The files of tlsproxy's server role. If the first is set the others are ignored. */
static const char *const file_parameters[] = {
	"tlsproxy_tls_chain_files",
	"tlsproxy_tls_cert_file",
	"tlsproxy_tls_eccert_file",
	"tlsproxy_tls_dcert_file",
};

enum { FILE_PARAMETERS = sizeof file_parameters / sizeof *file_parameters };

/* --- tlsproxy --- */

/* XX:XX:... as xxxx... */
static char *
plain_hex(const char *fingerprint, size_t len)
{
	char *hex = alloc_string_n(fingerprint, len);
	char *to = hex;

	for (const char *at = hex; *at; at++)
		if (isxdigit((unsigned char)*at))
			*to++ = (char)tolower((unsigned char)*at);
	*to = '\0';
	return hex;
}

/* The text up to the next tab, which is printable from then on; *at goes behind it. */
static char *
take_field(const char **at)
{
	size_t len = strcspn(*at, "\t");
	char *field = text_printable(alloc_string_n(*at, len));

	*at += len + ((*at)[len] == '\t');
	return field;
}

static void
read_certificate(struct status_process *process, const char *text)
{
	process->certificates = alloc_resize(
	    process->certificates, process->certificate_count + 1, sizeof *process->certificates);

	struct status_certificate *certificate = &process->certificates[process->certificate_count++];
	char *field;

	certificate->kind = take_field(&text);
	certificate->names = take_field(&text);
	field = take_field(&text);
	certificate->not_after = strtoll(field, NULL, 10);
	free(field);
	field = take_field(&text);
	certificate->digest = plain_hex(field, strlen(field));
	free(field);
	field = take_field(&text);
	certificate->key_digest = plain_hex(field, strlen(field));
	free(field);
}

/* Lines as in mail/tlsproxy_score.h; others are of a later version. */
static void
read_text(struct status_process *process)
{
	static const char generation[] = "generation ", certificate[] = "certificate ";
	const char *at = process->page.text;
	const char *token;
	size_t len;

	while ((token = text_token(&at, "\n", &len))) {
		char *line = alloc_string_n(token, len);

		if (strncmp(line, generation, sizeof generation - 1) == 0)
			process->generation = (int)strtol(line + sizeof generation - 1, NULL, 10);
		else if (strncmp(line, certificate, sizeof certificate - 1) == 0)
			read_certificate(process, line + sizeof certificate - 1);
		free(line);
	}
}

static void
add_process(const struct scoreboard_page *page, void *arg)
{
	struct status *status = arg;

	status->processes =
	    alloc_resize(status->processes, status->process_count + 1, sizeof *status->processes);

	struct status_process *process = &status->processes[status->process_count++];

	*process = (struct status_process){ .page = *page };
	if (page->pid != 0)
		read_text(process);
}

/* --- files --- */

static void
add_file(struct status *status, const char *path, const char *digest, const char *why)
{
	status->files = alloc_resize(status->files, status->file_count + 1, sizeof *status->files);
	status->files[status->file_count++] = (struct status_file){
		.path = alloc_string(path),
		.digest = alloc_string(digest),
		.why = alloc_string(why),
	};
}

static bool
is_leaf(const struct pemfile *pemfile, size_t cert)
{
	for (size_t key = 0; key < cert; key++)
		if (pemfile_object(pemfile, key)->kind == PEMFILE_KEY && pemfile_key_fits(pemfile, key, cert))
			return true;
	return false;
}

static bool
has_leaf(const struct pemfile *pemfile, size_t key)
{
	for (size_t cert = key + 1; cert < pemfile_count(pemfile); cert++)
		if (pemfile_object(pemfile, cert)->kind == PEMFILE_CERTIFICATE &&
		    pemfile_key_fits(pemfile, key, cert))
			return true;
	return false;
}

/* Keys of chain files that nothing can be served with. */
static void
add_lonely_keys(struct status *status, const struct pemfile *pemfile)
{
	for (size_t i = pemfile_next(pemfile, PEMFILE_KEY, 0); i < pemfile_count(pemfile);
	     i = pemfile_next(pemfile, PEMFILE_KEY, i + 1))
		if (!has_leaf(pemfile, i))
			add_file(status, pemfile_object(pemfile, i)->file, "",
			    "no certificate of this key follows it");
}

/* In chain files each certificate of a key that came before it; in a certificate file the first one. */
static void
add_leaves(struct status *status, const struct pemfile *pemfile, bool chain)
{
	bool any = false;

	for (size_t i = pemfile_next(pemfile, PEMFILE_CERTIFICATE, 0); i < pemfile_count(pemfile);
	     i = pemfile_next(pemfile, PEMFILE_CERTIFICATE, i + 1)) {
		const struct pemfile_object *cert = pemfile_object(pemfile, i);

		if (chain ? is_leaf(pemfile, i) : !any) {
			add_file(status, cert->file, cert->cert_digest, "");
			any = true;
		}
	}
	if (chain)
		add_lonely_keys(status, pemfile);
	else if (!any && pemfile_count(pemfile) > 0)
		add_file(status, pemfile_object(pemfile, 0)->file, "", "no certificate in it");
}

static void
add_files(struct status *status, const struct site *site, const char *list, bool chain)
{
	struct pemfile *pemfile = pemfile_new();
	const char *token;
	size_t len;

	while ((token = text_token(&list, ", \t\r\n", &len))) {
		char *name = alloc_string_n(token, len);
		char *path =
		    *name == '/' ? alloc_string(name) : alloc_printf("%s/%s", site->queue_directory, name);
		struct err err;

		if (pemfile_add_file(pemfile, path, &err) < 0)
			add_file(status, path, "", err.text);
		free(path);
		free(name);
	}
	add_leaves(status, pemfile, chain);
	pemfile_free(pemfile);
}

/* --- all together --- */

static int
look_up(const struct site *site, const char *name, struct buf *value, struct err *err)
{
	buf_clear(value);
	return postconf_value(site->postconf, name, value, err);
}

static int
collect_files(const struct site *site, struct status *status, struct buf *value, struct err *err)
{
	for (int i = 0; i < FILE_PARAMETERS; i++) {
		if (look_up(site, file_parameters[i], value, err) < 0)
			return -1;
		if (value->len == 0 || strcmp(value->bytes, "none") == 0)
			continue;
		add_files(status, site, value->bytes, i == 0);
		if (i == 0)
			break;
	}
	return 0;
}

static int
collect(const struct site *site, struct status *status, struct buf *value, struct err *err)
{
	char *path;

	if (look_up(site, "tlsmgr_service_name", value, err) < 0)
		return -1;
	path = alloc_printf("%s/private/%s", site->queue_directory, buf_str(value));
	status->tlsmgr = mgr_stats_ask(path, status->numbers, &status->tlsmgr_error);
	free(path);
	if (look_up(site, TLSPROXY_SCORE_PARAM, value, err) < 0)
		return -1;
	status->counted = scoreboard_read(buf_str(value), add_process, status, &status->tlsproxy_error) == 0;
	return collect_files(site, status, value, err);
}

int
status_collect(const struct site *site, struct status *status, struct err *err)
{
	struct buf value = BUF_INIT;
	int result;

	*status = (struct status){ .numbers = table_new(free) };
	result = collect(site, status, &value, err);
	buf_release(&value);
	if (result < 0)
		status_release(status);
	return result;
}

static void
release_process(struct status_process *process)
{
	for (size_t i = 0; i < process->certificate_count; i++) {
		free(process->certificates[i].kind);
		free(process->certificates[i].names);
		free(process->certificates[i].digest);
		free(process->certificates[i].key_digest);
	}
	free(process->certificates);
}

void
status_release(struct status *status)
{
	table_free(status->numbers);
	for (size_t i = 0; i < status->process_count; i++)
		release_process(&status->processes[i]);
	free(status->processes);
	for (size_t i = 0; i < status->file_count; i++) {
		free(status->files[i].path);
		free(status->files[i].digest);
		free(status->files[i].why);
	}
	free(status->files);
	*status = (struct status){ 0 };
}

size_t
status_served(const struct status *status, const char *digest)
{
	size_t count = 0;

	for (size_t i = 0; i < status->process_count; i++) {
		const struct status_process *process = &status->processes[i];
		bool has = false;

		for (size_t j = 0; j < process->certificate_count; j++)
			has |= strcmp(process->certificates[j].digest, digest) == 0;
		count += has;
	}
	return count;
}

int64_t
status_total(const struct status *status, enum tlsproxy_score counter)
{
	uint64_t total = 0;

	for (size_t i = 0; i < status->process_count; i++)
		total += (uint64_t)status->processes[i].page.counters[counter];
	return (int64_t)total;
}
