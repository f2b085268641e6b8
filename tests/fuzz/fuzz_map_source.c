/* SPDX-License-Identifier: ISC */
/*
 * fuzz_map_source: what the process that reads tables sends: a recording, of which tables are made. The first
 * byte chooses their names. Only regexp tables are left out, for what the C library makes of some
 * expressions.
 */
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mail/map_list.h"
#include "mail/map_source.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const names[] = {
	"texthash:/t",
	"hash:/i btree:/i",
	"lmdb:/i",
	"cidr:/c",
	"inline:{a=/f} static:/f",
	"pipemap:{texthash:/t,hash:/i}",
	"unionmap:{texthash:/t,texthash:/u} texthash:/t hash:/i cidr:/c",
};

static void
drop(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

static void
note_key(const char *key, void *keys)
{
	table_put(keys, key, keys);
}

static void
ask(const struct map_list *list, const char *key, struct buf *answers)
{
	struct buf value = BUF_INIT;
	int result = map_list_get(list, key, &value);

	buf_printf(answers, "%s %d ", key, result);
	if (result == 1)
		buf_add(answers, buf_str(&value), value.len);
	buf_release(&value);
}

static void
ask_all(const struct map_list *list, struct buf *answers)
{
	struct table *keys = table_new(NULL);
	const char *key;
	size_t at = 0;

	map_list_keys(list, note_key, keys);
	while ((key = table_next(keys, &at, NULL)) != NULL)
		ask(list, key, answers);
	ask(list, "a", answers);
	ask(list, "192.0.2.1", answers);
	table_free(keys);
}

/* Each word of the input may name all of it as a file; the sanitizers' allocator does not tell. */
static void
check_size(size_t before, size_t len)
{
	size_t now = mallinfo2().uordblks;

	if (now > before && now - before > 64 * 1024 + 200 * len + 2 * len * len)
		log_panic("%zu bytes of %zu", now - before, len);
}

static void
replay(const char *list_names, const uint8_t *bytes, size_t len, struct buf *answers)
{
	struct buf recording = BUF_INIT;
	size_t before = mallinfo2().uordblks;

	buf_add(&recording, bytes, len);

	struct map_source *source = map_source_replay(&recording);

	if (!source)
		return;

	const struct buf *kept = map_source_recording(source);

	if (!kept || kept->len != len || memcmp(buf_str(kept), bytes, len) != 0)
		log_panic("another recording");

	struct map_list *list = map_list_new_from(source, "fuzz_maps", list_names, MAP_FOLD | MAP_FILES);

	map_source_free(source);
	check_size(before, len);
	ask_all(list, answers);
	map_list_unref(list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf once = BUF_INIT, again = BUF_INIT;

	log_set_sink(drop, NULL);
	if (len == 0)
		return 0;

	const char *list_names = names[bytes[0] % (sizeof names / sizeof names[0])];

	replay(list_names, bytes + 1, len - 1, &once);
	replay(list_names, bytes + 1, len - 1, &again);
	if (once.len != again.len || memcmp(buf_str(&once), buf_str(&again), once.len) != 0)
		log_panic("other answers");
	buf_release(&once);
	buf_release(&again);
	return 0;
}
