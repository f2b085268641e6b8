/* SPDX-License-Identifier: ISC */
#include "tlsmgr/egd_answer.h"

#include <string.h>

#include "util/alloc.h"
#include "util/log.h"

void
egd_answer_reset(struct egd_answer *answer)
{
	alloc_wipe(answer, sizeof *answer);
	answer->state = EGD_ANSWER_COUNT;
}

size_t
egd_answer_missing(const struct egd_answer *answer)
{
	switch (answer->state) {
	case EGD_ANSWER_COUNT:
		return 1;
	case EGD_ANSWER_BYTES:
		return answer->count - answer->len;
	default:
		return 0;
	}
}

void
egd_answer_take(struct egd_answer *answer, const unsigned char *bytes, size_t len)
{
	if (len > egd_answer_missing(answer))
		log_panic("egd_answer_take: %zu bytes, %zu missing", len, egd_answer_missing(answer));
	if (len == 0)
		return;
	if (answer->state == EGD_ANSWER_COUNT) {
		answer->count = bytes[0];
		answer->state = answer->count > 0 ? EGD_ANSWER_BYTES : EGD_ANSWER_NONE;
		return;
	}
	memcpy(&answer->bytes[answer->len], bytes, len);
	answer->len += len;
	if (answer->len == answer->count)
		answer->state = EGD_ANSWER_WHOLE;
}
