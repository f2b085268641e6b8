/* SPDX-License-Identifier: ISC */
#include "postfix-tls/status_json.h"

#include <ctype.h>
#include <stdlib.h>

#include <jansson.h>

#include "postfix-tls/status.h"
#include "util/json_text.h"
#include "util/table.h"

static json_t *
number_or_word(const char *text)
{
	const char *at = text;

	while (isdigit((unsigned char)*at))
		at++;
	return *text && !*at ? json_integer(strtoll(text, NULL, 10)) : json_text_string(text);
}

static json_t *
tlsmgr(const struct status *status)
{
	static const char *const states[] = {
		[MGR_STATS_KNOWN] = "running",
		[MGR_STATS_UNKNOWN] = "unknown",
		[MGR_STATS_ABSENT] = "absent",
		[MGR_STATS_SILENT] = "silent",
	};
	json_t *object = json_object();
	size_t at = 0;
	const char *name;
	void *value;

	json_object_set_new(object, "state", json_string(states[status->tlsmgr]));
	if (status->tlsmgr == MGR_STATS_ABSENT || status->tlsmgr == MGR_STATS_SILENT)
		json_text_set(object, "reason", status->tlsmgr_error.text);
	while ((name = table_next(status->numbers, &at, &value)))
		json_object_set_new(object, name, number_or_word(value));
	return object;
}

static json_t *
certificate(const struct status_certificate *from)
{
	json_t *object = json_object();

	json_text_set(object, "kind", from->kind);
	json_text_set(object, "names", from->names);
	json_object_set_new(object, "not_after", json_integer(from->not_after));
	json_text_set(object, "sha256", from->digest);
	json_text_set(object, "key_sha256", from->key_digest);
	return object;
}

static void
add_counters(json_t *object, const struct scoreboard_page *page)
{
	static const struct {
		const char *name;
		enum tlsproxy_score counter;
	} counters[] = {
		{ "server_full", TLSPROXY_SCORE_SERVER_FULL },
		{ "server_resumed", TLSPROXY_SCORE_SERVER_RESUMED },
		{ "server_failed", TLSPROXY_SCORE_SERVER_FAILED },
		{ "client_full", TLSPROXY_SCORE_CLIENT_FULL },
		{ "client_resumed", TLSPROXY_SCORE_CLIENT_RESUMED },
		{ "client_failed", TLSPROXY_SCORE_CLIENT_FAILED },
	};

	json_object_set_new(object, "since", json_integer(page->since));
	for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
		json_object_set_new(
		    object, counters[i].name, json_integer(page->counters[counters[i].counter]));
}

static json_t *
process(const struct status_process *from)
{
	json_t *object = json_object(), *certificates = json_array();

	json_object_set_new(object, "pid", json_integer(from->page.pid));
	json_object_set_new(object, "sessions", json_integer(from->page.counters[TLSPROXY_SCORE_SESSIONS]));
	add_counters(object, &from->page);
	json_object_set_new(object, "generation", json_integer(from->generation));
	for (size_t i = 0; i < from->certificate_count; i++)
		json_array_append_new(certificates, certificate(&from->certificates[i]));
	json_object_set_new(object, "certificates", certificates);
	return object;
}

static json_t *
tlsproxy(const struct status *status)
{
	json_t *object = json_object(), *processes = json_array(), *ended = json_object();

	if (!status->counted)
		json_text_set(object, "reason", status->tlsproxy_error.text);
	else
		add_counters(ended, &status->processes[0].page);
	for (size_t i = 1; i < status->process_count; i++)
		json_array_append_new(processes, process(&status->processes[i]));
	json_object_set_new(object, "ended", ended);
	json_object_set_new(object, "processes", processes);
	return object;
}

static json_t *
file(const struct status *status, const struct status_file *from)
{
	json_t *object = json_object();

	json_text_set(object, "file", from->path);
	if (*from->digest) {
		json_text_set(object, "sha256", from->digest);
		json_object_set_new(
		    object, "served", json_integer((json_int_t)status_served(status, from->digest)));
	} else {
		json_text_set(object, "reason", from->why);
	}
	return object;
}

struct json_t *
status_json(const struct status *status)
{
	json_t *document = json_object(), *files = json_array();

	json_object_set_new(document, "tlsmgr", tlsmgr(status));
	json_object_set_new(document, "tlsproxy", tlsproxy(status));
	for (size_t i = 0; i < status->file_count; i++)
		json_array_append_new(files, file(status, &status->files[i]));
	json_object_set_new(document, "files", files);
	return document;
}
