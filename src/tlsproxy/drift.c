/* SPDX-License-Identifier: ISC */
#include "tlsproxy/drift.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/log.h"
#include "util/siphash.h"

enum { REMEMBERED = 100 };

struct drift {
	uint64_t told[REMEMBERED]; /* in a circle */
	size_t count;
	size_t next;
};

struct drift *
drift_new(void)
{
	return alloc_zero(sizeof(struct drift));
}

void
drift_free(struct drift *drift)
{
	free(drift);
}

static bool
was_told(const struct drift *drift, uint64_t mark)
{
	for (size_t i = 0; i < drift->count; i++)
		if (drift->told[i] == mark)
			return true;
	return false;
}

void
drift_warn(struct drift *drift, const char *role, const char *differences)
{
	static const unsigned char key[SIPHASH_KEY_LEN];
	uint64_t mark = siphash(key, differences, strlen(differences)) + (uint64_t)(*role == 's');

	if (was_told(drift, mark))
		return;
	drift->told[drift->next] = mark;
	drift->next = (drift->next + 1) % REMEMBERED;
	if (drift->count < REMEMBERED)
		drift->count++;

	log_warn("request from tlsproxy %s with unexpected settings", role);
	log_warn("%s", differences);
	log_warn("to avoid this warning, 1) identify the tlsproxy %s that is making this request, 2) "
		 "configure a custom tlsproxy service with settings that match that tlsproxy %s, and 3) "
		 "configure that tlsproxy %s with a tlsproxy_service_name setting that resolves to that "
		 "custom tlsproxy service",
	    role, role, role);
}
