/* SPDX-License-Identifier: ISC */
#include "mail/request.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

bool
request_parse(struct request *request, const char *text, int most)
{
	const char *at = text;

	*request = (struct request){ 0 };
	if (*at == '\0' || *at == '/')
		return false;
	while (*at != '\0' && request->count < most) {
		size_t len = strcspn(at, "/");

		if (len > 0)
			request->parts[request->count++] = alloc_string_n(at, len);
		at += len;
		at += strspn(at, "/");
	}
	return *at == '\0';
}

void
request_release(struct request *request)
{
	for (int i = 0; i < REQUEST_PARTS; i++)
		free(request->parts[i]);
	*request = (struct request){ 0 };
}

bool
request_is_any(const struct request *request, int part)
{
	return request->parts[part] == NULL || strcmp(request->parts[part], "*") == 0;
}

bool
request_matches(const struct request *request, const char *service, const char *type)
{
	return (request_is_any(request, 0) || strcmp(request->parts[0], service) == 0) &&
	       (request_is_any(request, 1) || strcmp(request->parts[1], type) == 0);
}
