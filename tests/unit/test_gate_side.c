/* SPDX-License-Identifier: ISC */
/* One end of a session of tlsgate by itself. */
#include "cmocka_all.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tlsgate/gate_side.h"

struct ends {
	struct gate_side side;
	int other;
};

static struct ends
connected(void)
{
	struct ends ends;
	int fds[2];

	gate_side_init(&ends.side);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	ends.side.fd = fds[0];
	ends.other = fds[1];
	return ends;
}

static void
part(struct ends *ends)
{
	gate_side_close(&ends->side);
	close(ends->other);
}

static void
a_line_takes_little_memory(void **state)
{
	struct ends ends = connected();

	(void)state;
	assert_int_equal(write(ends.other, "EHLO c\r\n", 8), 8);
	assert_true(gate_side_read(&ends.side));
	assert_string_equal(buf_str(&ends.side.in), "EHLO c\r\n");
	assert_in_range(ends.side.in.room, 8, 256);
	assert_false(gate_side_read(&ends.side));
	assert_false(ends.side.eof);
	part(&ends);
}

static void
no_more_is_read_than_there_is_room_for(void **state)
{
	struct ends ends = connected();
	char bytes[3000];

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	for (size_t sent = 0; sent < (size_t)2 * GATE_SIDE_ROOM; sent += sizeof bytes)
		assert_int_equal(write(ends.other, bytes, sizeof bytes), sizeof bytes);
	while (gate_side_read(&ends.side))
		continue;
	assert_int_equal(ends.side.in.len, GATE_SIDE_ROOM);
	assert_false(ends.side.eof);
	buf_consume(&ends.side.in, 1);
	assert_true(gate_side_read(&ends.side));
	assert_int_equal(ends.side.in.len, GATE_SIDE_ROOM);
	part(&ends);
}

static void
end_of_file_is_known_when_all_is_read(void **state)
{
	struct ends ends = connected();

	(void)state;
	assert_int_equal(write(ends.other, "x", 1), 1);
	shutdown(ends.other, SHUT_WR);
	assert_true(gate_side_read(&ends.side));
	assert_false(ends.side.eof);
	assert_false(gate_side_read(&ends.side));
	assert_true(ends.side.eof);
	part(&ends);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_takes_little_memory),
		cmocka_unit_test(no_more_is_read_than_there_is_room_for),
		cmocka_unit_test(end_of_file_is_known_when_all_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
