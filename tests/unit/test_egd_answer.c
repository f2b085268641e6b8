/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include "tlsmgr/egd_answer.h"

static const struct {
	const char *name;
	const char *bytes;
	size_t len, taken;
	enum egd_answer_state state;
	size_t count, got;
} answers[] = {
	{ "nothing", "", 0, 0, EGD_ANSWER_COUNT, 0, 0 },
	{ "zero", "\0rest", 5, 1, EGD_ANSWER_NONE, 0, 0 },
	{ "count alone", "\4", 1, 1, EGD_ANSWER_BYTES, 4, 0 },
	{ "half", "\4ab", 3, 3, EGD_ANSWER_BYTES, 4, 2 },
	{ "whole", "\4abcd", 5, 5, EGD_ANSWER_WHOLE, 4, 4 },
	{ "more than said", "\4abcdefgh", 9, 5, EGD_ANSWER_WHOLE, 4, 4 },
};

static size_t
feed(struct egd_answer *answer, const char *bytes, size_t len, size_t step)
{
	size_t at = 0;

	while (at < len && egd_answer_missing(answer) > 0) {
		size_t now = egd_answer_missing(answer);

		if (now > len - at)
			now = len - at;
		if (now > step)
			now = step;
		egd_answer_take(answer, (const unsigned char *)bytes + at, now);
		at += now;
	}
	return at;
}

static void
answers_in_any_pieces(void **state)
{
	struct egd_answer answer;

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		for (size_t step = 1; step <= 9; step++) {
			egd_answer_reset(&answer);
			size_t taken = feed(&answer, answers[i].bytes, answers[i].len, step);
			CASE_IS(taken == answers[i].taken, answers[i].name);
			CASE_IS(answer.state == answers[i].state, answers[i].name);
			CASE_IS(answer.count == answers[i].count, answers[i].name);
			CASE_IS(answer.len == answers[i].got, answers[i].name);
			CASE_IS(memcmp(answer.bytes, "abcd", answers[i].got) == 0, answers[i].name);
		}
	}
}

static void
longest_answer_fits(void **state)
{
	struct egd_answer answer;
	char bytes[1 + EGD_ANSWER_MAX];

	(void)state;
	memset(bytes, 0xff, sizeof bytes);
	egd_answer_reset(&answer);
	assert_int_equal(feed(&answer, bytes, sizeof bytes, sizeof bytes), sizeof bytes);
	assert_int_equal(answer.state, EGD_ANSWER_WHOLE);
	assert_int_equal(answer.len, EGD_ANSWER_MAX);
	egd_answer_reset(&answer);
	assert_int_equal(answer.bytes[0], 0);
	assert_int_equal(answer.state, EGD_ANSWER_COUNT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_any_pieces),
		cmocka_unit_test(longest_answer_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
