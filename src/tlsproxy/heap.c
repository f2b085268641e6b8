/* SPDX-License-Identifier: ISC */
#include "tlsproxy/heap.h"

#include <malloc.h>
#include <stdlib.h>

#include "mail/timer.h"
#include "util/alloc.h"

/* What the next sessions find ready. */
enum { SPARE = 1024 * 1024 };

struct heap {
	struct timer *timer; /* owned */
	int period_ms;
	int sessions;
};

static void
give_back(void)
{
#ifdef M_TRIM_THRESHOLD
	if (mallinfo2().fordblks > SPARE)
		malloc_trim(SPARE);
#endif
}

static void
on_timer(void *context)
{
	struct heap *heap = context;

	give_back();
	if (heap->sessions > 0)
		timer_start(heap->timer, heap->period_ms);
}

struct heap *
heap_new(struct event_base *base, int period_ms)
{
	struct heap *heap = alloc_zero(sizeof *heap);

#ifdef M_TRIM_THRESHOLD
	/* Each turn of a session takes a read buffer and gives it back: not to the kernel, page by page. */
	mallopt(M_TRIM_THRESHOLD, SPARE);
#endif
	heap->timer = timer_new(base, on_timer, heap);
	heap->period_ms = period_ms;
	return heap;
}

void
heap_free(struct heap *heap)
{
	if (!heap)
		return;
	timer_free(heap->timer);
	free(heap);
}

void
heap_enter(struct heap *heap)
{
	heap->sessions++;
	if (!timer_is_running(heap->timer))
		timer_start(heap->timer, heap->period_ms);
}

void
heap_leave(struct heap *heap)
{
	heap->sessions--;
}
