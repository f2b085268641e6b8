/* SPDX-License-Identifier: ISC */
#include "postfix-tls/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "postfix-tls/options.h"
#include "util/alloc.h"
#include "util/json_text.h"
#include "util/log.h"

enum { TEXT_LIMIT = 1200 };

void
findings_init(struct findings *findings, const struct options *options)
{
	*findings = (struct findings){ .options = options };
}

void
findings_release(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		free(findings->texts[i]);
	free(findings->texts);
	findings->texts = NULL;
	findings->count = 0;
}

void
findings_add(struct findings *findings, enum findings_weight weight, const char *format, ...)
{
	char text[TEXT_LIMIT];
	bool refused = weight == FINDINGS_REFUSE ? !findings->options->force : findings->options->strict;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	findings->texts = alloc_resize(findings->texts, findings->count + 1, sizeof *findings->texts);
	findings->texts[findings->count++] = alloc_string(text);
	findings->refused += refused;
	log_line(refused ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", text);
}

struct json_t *
findings_json(const struct findings *findings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < findings->count; i++)
		json_array_append_new(array, json_text_string(findings->texts[i]));
	return array;
}
