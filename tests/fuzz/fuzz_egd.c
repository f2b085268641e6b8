/* SPDX-License-Identifier: ISC */
/* fuzz_egd: what an EGD server says. The first byte says in pieces of which length it comes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tlsmgr/egd_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check(const struct egd_answer *answer, const uint8_t *bytes, size_t taken)
{
	size_t missing = egd_answer_missing(answer);

	if (answer->count > EGD_ANSWER_MAX || answer->len > answer->count)
		abort();
	if (taken > 0 && answer->count != bytes[0])
		abort();
	if (taken > 0 && (answer->len != taken - 1 || memcmp(answer->bytes, bytes + 1, answer->len) != 0))
		abort();
	if ((missing == 0) != (answer->state == EGD_ANSWER_WHOLE || answer->state == EGD_ANSWER_NONE))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct egd_answer answer;
	size_t taken = 0, step;

	if (len == 0)
		return 0;
	step = bytes[0] ? bytes[0] : 1;
	bytes++;
	len--;
	egd_answer_reset(&answer);
	check(&answer, bytes, taken);
	while (taken < len && egd_answer_missing(&answer) > 0) {
		size_t now = egd_answer_missing(&answer);

		if (now > step)
			now = step;
		if (now > len - taken)
			now = len - taken;
		egd_answer_take(&answer, bytes + taken, now);
		taken += now;
		check(&answer, bytes, taken);
	}
	return 0;
}
