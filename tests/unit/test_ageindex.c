/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlsmgr/ageindex.h"

static const unsigned char key[16] = "not to be known";

/* What the index is compared with: entries in a plain array, each with the time it was made. */
enum { IDS = 300 };

static struct {
	bool there;
	int64_t born, stamp;
	uint32_t len;
} model[IDS];

static int64_t
least_born(void)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < IDS; i++)
		if (model[i].there && model[i].born < least)
			least = model[i].born;
	return least;
}

static void
compare(struct ageindex *index, const char *what, int round)
{
	uint64_t count = 0, bytes = 0;
	char id[16];

	for (int i = 0; i < IDS; i++) {
		snprintf(id, sizeof id, "id%d", i);
		const struct ageindex_entry *entry = ageindex_find(index, id);

		if ((entry != NULL) != model[i].there ||
		    (entry && (entry->stamp != model[i].stamp || entry->len != model[i].len)))
			fail_msg("%s, round %d: %s differs", what, round, id);
		count += model[i].there;
		bytes += model[i].there ? strlen(id) + model[i].len : 0;
	}
	assert_int_equal(ageindex_count(index), count);
	assert_int_equal(ageindex_bytes(index), bytes);
}

static void
operations_agree_with_a_plain_array(void **state)
{
	static const struct {
		const char *name;
		int64_t lifetime_s;
		int64_t step_s;  /* how far the clock goes at a time, at most */
		int64_t width_s; /* how far apart two entries may be and come out in either order */
	} cases[] = {
		{ "short lifetime, slow clock", 120, 3, 1 },
		{ "short lifetime, the ring turns", 120, 5000, 1 },
		{ "long lifetime, slow clock", 8640000, 10, 2111 },
		{ "long lifetime, fast clock", 8640000, 100000, 2111 },
	};

	(void)state;
	for (size_t c = 0; c < COUNT(cases); c++) {
		struct ageindex *index = ageindex_new(100, cases[c].lifetime_s, key);
		int64_t clock_s = 1000000000;
		char id[16];

		print_message("%s\n", cases[c].name);
		memset(model, 0, sizeof model);
		srandom(1);
		ageindex_tick(index, clock_s);
		for (int round = 0; round < 20000; round++) {
			int i = (int)(random() % IDS);

			snprintf(id, sizeof id, "id%d", i);
			switch (random() % 4) {
			case 0:
				clock_s += random() % (cases[c].step_s + 1);
				ageindex_tick(index, clock_s);
				ageindex_tick(index, clock_s - random() % 100000);
				break;
			case 1:
				if (model[i].there)
					ageindex_remove(index, ageindex_find(index, id));
				model[i].there = false;
				break;
			default:
				model[i].there = true;
				model[i].born = clock_s - random() % 2 * (random() % cases[c].lifetime_s);
				model[i].stamp = random() - random();
				model[i].len = (uint32_t)random() % 3000;
				ageindex_put(
				    index, id, model[i].stamp, model[i].len, clock_s - model[i].born);
			}
			int64_t age_s = ageindex_least_age_s(index);
			if (least_born() == INT64_MAX) {
				assert_null(ageindex_oldest(index));
				assert_int_equal(age_s, 0);
				continue;
			}
			int64_t oldest_s = clock_s - least_born();
			assert_true(age_s <= oldest_s);
			assert_true(oldest_s <= cases[c].lifetime_s + 2 * cases[c].width_s ||
				    age_s > cases[c].lifetime_s);
			if (round % 500 == 0)
				compare(index, cases[c].name, round);
		}
		compare(index, cases[c].name, -1);

		/* Those that fell out of the ring, all of them too old, are in no order any more. */
		const struct ageindex_entry *entry;
		int64_t last = clock_s - cases[c].lifetime_s;
		while ((entry = ageindex_oldest(index)) != NULL) {
			int i = atoi(entry->id + 2);

			assert_true(model[i].there);
			assert_true(model[i].born > last - 2 * cases[c].width_s ||
				    model[i].born < clock_s - cases[c].lifetime_s);
			if (model[i].born > last)
				last = model[i].born;
			model[i].there = false;
			ageindex_remove(index, entry);
		}
		compare(index, cases[c].name, -2);
		ageindex_free(index);
	}
}

static void
entries_leave_in_the_order_they_came(void **state)
{
	struct ageindex *index = ageindex_new(10, 3600, key);
	char id[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof id, "%d", i);
		ageindex_tick(index, 50 + i / 10);
		ageindex_put(index, id, 0, 1, 0);
	}
	ageindex_put(index, "0", 0, 1, 0); /* a new one */
	for (int i = 1; i <= 1000; i++) {
		assert_int_equal(atoi(ageindex_oldest(index)->id), i % 1000);
		ageindex_remove(index, ageindex_oldest(index));
	}
	ageindex_free(index);
}

static void
no_clock_loses_an_entry(void **state)
{
	static const int64_t times[] = { 0, 1, INT64_MAX, 5, INT64_MIN, INT64_MAX - 1 };
	static const int64_t ages[] = { 0, 3600, INT64_MAX };
	struct ageindex *index = ageindex_new(0, 3600, key);
	char id[16];
	int made = 0;

	(void)state;
	for (size_t t = 0; t < COUNT(times); t++) {
		ageindex_tick(index, times[t]);
		for (size_t a = 0; a < COUNT(ages); a++) {
			snprintf(id, sizeof id, "%d", made++);
			ageindex_put(index, id, times[t], UINT32_MAX, ages[a]);
		}
	}
	assert_int_equal(ageindex_count(index), made);
	while (ageindex_oldest(index)) {
		ageindex_remove(index, ageindex_oldest(index));
		made--;
	}
	assert_int_equal(made, 0);
	assert_int_equal(ageindex_bytes(index), 0);
	ageindex_free(index);
}

/* Bytes in blocks of the heap, and how many blocks are mappings of their own. */
static struct mallinfo2
heap(void)
{
	return mallinfo2();
}

static void
million_entries_cost_one_small_block_each(void **state)
{
	enum { MANY = 1000000 };
	struct ageindex *index = ageindex_new(MANY, 3600, key);
	struct mallinfo2 before = heap();
	char id[96];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		/* 80 bytes, as an SMTP server's */
		snprintf(id, sizeof id, "%064d&s=smtp&l=805", i);
		ageindex_tick(index, i / 1000);
		ageindex_put(index, id, i, 140, 0);
	}
	struct mallinfo2 after = heap();
	print_message("%zu bytes an entry\n", (after.uordblks - before.uordblks) / MANY);
	/* A checker of memory has a heap of its own. */
	if (after.uordblks != before.uordblks)
		assert_in_range(after.uordblks - before.uordblks, 1, (size_t)MANY * 130);
	assert_int_equal(after.hblks, before.hblks);
	for (int i = 0; i < MANY; i++) {
		const struct ageindex_entry *entry = ageindex_oldest(index);

		if (entry->stamp != i)
			fail_msg("%d in place of %d", (int)entry->stamp, i);
		ageindex_remove(index, entry);
	}
	assert_int_equal(ageindex_count(index), 0);
	ageindex_free(index);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_agree_with_a_plain_array),
		cmocka_unit_test(entries_leave_in_the_order_they_came),
		cmocka_unit_test(no_clock_loses_an_entry),
		cmocka_unit_test(million_entries_cost_one_small_block_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
