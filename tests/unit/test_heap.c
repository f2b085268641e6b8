/* SPDX-License-Identifier: ISC */
#include "tlsproxy/heap.h"

#include "cmocka_all.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

enum { PIECES = 1000, LARGE = 24 * 1024, SMALL = 600, PERIOD_MS = 5, TURNS = 200 };

static size_t
resident_bytes(void)
{
	unsigned long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file) {
		if (fscanf(file, "%lu %lu", &size, &resident) != 2)
			resident = 0;
		fclose(file);
	}
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* The sanitizers and valgrind bring a heap of their own, about which mallinfo2() says nothing. */
static bool
is_the_real_heap(void)
{
	size_t before = mallinfo2().uordblks;
	char *piece = malloc(LARGE);
	bool real;

	assert_non_null(piece);
	memset(piece, 1, LARGE);
	real = mallinfo2().uordblks >= before + LARGE;
	free(piece);
	return real;
}

static void
holes_between_sessions_are_given_back(void **state)
{
	static char *large[PIECES], *small[PIECES];
	struct event_base *base = event_base_new();
	struct heap *heap = heap_new(base, PERIOD_MS);

	(void)state;
	if (!is_the_real_heap() || resident_bytes() == 0) {
		heap_free(heap);
		event_base_free(base);
		skip();
	}
	heap_enter(heap);
	for (int i = 0; i < PIECES; i++) {
		large[i] = malloc(LARGE);
		small[i] = malloc(SMALL);
		assert_true(large[i] && small[i]);
		memset(large[i], 1, LARGE);
		memset(small[i], 1, SMALL);
	}
	for (int i = 0; i < PIECES; i++)
		free(large[i]);

	size_t full = resident_bytes();
	for (int i = 0; i < TURNS && resident_bytes() + PIECES * (LARGE / 2) > full; i++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_true(resident_bytes() + PIECES * (LARGE / 2) <= full);

	for (int i = 0; i < PIECES; i++)
		free(small[i]);
	heap_leave(heap);
	heap_free(heap);
	event_base_free(base);
}

/* Or a process without sessions would wake up for nothing. */
static void
without_sessions_the_timer_ends(void **state)
{
	struct event_base *base = event_base_new();
	struct heap *heap = heap_new(base, PERIOD_MS);

	(void)state;
	heap_enter(heap);
	assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	heap_leave(heap);
	assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	heap_free(heap);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_between_sessions_are_given_back),
		cmocka_unit_test(without_sessions_the_timer_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
