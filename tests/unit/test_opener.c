/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/opener.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

enum { PLAIN, ABSENT, DIRECTORY, FIFO, EMPTY, BIG, LINK, NAMES };

static const char *const names[NAMES] = { "plain", "absent", "directory", "fifo", "empty", "big", "link" };

struct world {
	char directory[64];
	struct event_base *base;
	struct opener *opener;
	struct opener_reply reply;
	struct buf bytes;
	int answers;
	int gone;
};

static const struct opener_identity nothing;

static void
write_file(const char *name, const char *content)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
}

static void
on_answer(const struct opener_reply *reply, const char *bytes, void *context)
{
	struct world *w = context;

	w->reply = *reply;
	w->answers++;
	buf_clear(&w->bytes);
	buf_add(&w->bytes, bytes, reply->len);
}

static void
on_gone(void *context)
{
	((struct world *)context)->gone++;
}

static int
setup(void **state)
{
	struct world *w = alloc_zero(sizeof *w);
	struct err err;

	strcpy(w->directory, "/tmp/test-opener.XXXXXX");
	if (!mkdtemp(w->directory) || chdir(w->directory) < 0)
		return -1;
	write_file("plain", "first");
	write_file("empty", "");
	write_file("big", "");
	if (truncate("big", OPENER_FILE_LIMIT + 1) < 0 || mkdir("directory", 0700) < 0 ||
	    mkfifo("fifo", 0600) < 0 || symlink("plain", "link") < 0)
		return -1;
	w->base = event_base_new();
	w->opener = opener_new(w->base, names, NAMES, &err);
	if (!w->opener)
		return -1;
	opener_set_handler(w->opener, on_answer, on_gone, w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	char *command = alloc_printf("rm -rf '%s'", w->directory);

	opener_free(w->opener);
	event_base_free(w->base);
	buf_release(&w->bytes);
	if (chdir("/") < 0 || system(command) != 0)
		return -1;
	free(command);
	free(w);
	return 0;
}

static void
ask(struct world *w, size_t file, const struct opener_identity *known)
{
	int before = w->answers;

	opener_ask(w->opener, file, known);
	while (w->answers == before && w->gone == 0)
		event_base_loop(w->base, EVLOOP_ONCE);
}

static void
files_are_sent_or_refused(void **state)
{
	static const struct {
		size_t file;
		int error;
		const char *content;
	} cases[] = {
		{ PLAIN, 0, "first" },
		{ LINK, 0, "first" },
		{ EMPTY, 0, "" },
		{ ABSENT, ENOENT, "" },
		{ DIRECTORY, EISDIR, "" },
		{ FIFO, EINVAL, "" },
		{ BIG, EFBIG, "" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ask(w, cases[i].file, &nothing);
		assert_int_equal(w->reply.error, cases[i].error);
		assert_false(w->reply.same);
		assert_string_equal(buf_str(&w->bytes), cases[i].content);
	}
}

static void
largest_file_arrives_whole(void **state)
{
	struct world *w = *state;

	assert_int_equal(truncate("big", OPENER_FILE_LIMIT), 0);
	ask(w, BIG, &nothing);
	assert_int_equal(w->reply.error, 0);
	assert_int_equal(w->bytes.len, OPENER_FILE_LIMIT);
}

static void
known_file_is_not_sent_again(void **state)
{
	struct world *w = *state;

	ask(w, PLAIN, &nothing);

	struct opener_identity known = w->reply.identity;

	ask(w, PLAIN, &known);
	assert_true(w->reply.same);
	assert_int_equal(w->bytes.len, 0);
	write_file("beside", "other");
	assert_int_equal(rename("beside", "plain"), 0);
	ask(w, PLAIN, &known);
	assert_false(w->reply.same);
	assert_string_equal(buf_str(&w->bytes), "other");
	ask(w, LINK, &known);
	assert_string_equal(buf_str(&w->bytes), "other");
}

static void
directory_changes_with_its_names(void **state)
{
	struct world *w = *state;

	ask(w, DIRECTORY, &nothing);

	struct opener_identity known = w->reply.identity;

	ask(w, DIRECTORY, &known);
	assert_true(w->reply.same);
	/* Within the grain of its clock a change is not seen. */
	for (w->reply.same = true; w->reply.same; ask(w, DIRECTORY, &known)) {
		write_file("directory/entry", "");
		assert_int_equal(unlink("directory/entry"), 0);
	}
	assert_int_equal(w->reply.error, EISDIR);
	assert_int_equal(w->bytes.len, 0);
}

static void
names_are_those_of_the_start(void **state)
{
	struct world *w = *state;

	ask(w, NAMES, &nothing);
	assert_int_equal(w->answers, 0);
	assert_int_equal(w->gone, 1);
}

static void
killed_process_is_told_once(void **state)
{
	struct world *w = *state;

	assert_int_equal(kill(opener_pid(w->opener), SIGKILL), 0);
	while (w->gone == 0)
		event_base_loop(w->base, EVLOOP_ONCE);
	opener_ask(w->opener, PLAIN, &nothing);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_int_equal(w->gone, 1);
	assert_int_equal(w->answers, 0);
}

static void
wait_until_gone(struct world *w, pid_t pid)
{
	while (kill(pid, 0) == 0)
		event_base_loop(w->base, EVLOOP_ONCE);
	assert_int_equal(errno, ESRCH);
}

static void
freed_opener_leaves_no_process(void **state)
{
	struct world *w = *state;
	pid_t pid = opener_pid(w->opener);

	opener_free(w->opener);
	w->opener = NULL;
	wait_until_gone(w, pid);
}

/* As behind a file server that does not answer: sessions go on. */
static void
hanging_process_is_not_waited_for(void **state)
{
	struct world *w = *state;
	pid_t pid = opener_pid(w->opener);

	assert_int_equal(kill(pid, SIGSTOP), 0);
	opener_free(w->opener);
	w->opener = NULL;
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(kill(pid, SIGCONT), 0);
	wait_until_gone(w, pid);
}

/* The process has nothing but its socket and /dev/null, and no right but to read. */
static void
process_has_little(void **state)
{
	struct world *w = *state;
	char *command =
	    alloc_printf("test $(ls /proc/%d/fd | wc -l) -eq 3 && "
			 "awk '/^Cap(Prm|Eff|Inh|Amb):/ { if ($2 !~ /^0+4?$/) bad = 1 } "
			 "/^NoNewPrivs:/ { if ($2 != 1) bad = 1 } END { exit bad }' /proc/%d/status",
		(int)opener_pid(w->opener), (int)opener_pid(w->opener));

	/* Which has some of its own. */
	if (getenv("SEALPOST_MEMCHECK")) {
		free(command);
		skip();
	}
	ask(w, PLAIN, &nothing);
	assert_int_equal(system(command), 0);
	free(command);
}

/* A parent that is killed; its opener sees that even if somebody else holds the other end of the socket. */
static void
process_ends_with_its_parent(void **state)
{
	int pipe_fds[2], ends[2];
	pid_t parent, opener;
	char byte;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	parent = fork();
	if (parent == 0) {
		pid_t me = getpid();

		opener = fork();
		if (opener == 0)
			opener_process_run(ends[1], me, names, NAMES);
		if (write(pipe_fds[1], &opener, sizeof opener) != sizeof opener)
			_exit(1);
		pause();
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(pipe_fds[0], &opener, sizeof opener), sizeof opener);
	assert_int_equal(
	    send(ends[0], &(struct opener_request){ .file = EMPTY }, sizeof(struct opener_request), 0),
	    sizeof(struct opener_request));
	assert_int_equal(recv(ends[0], &(struct opener_reply){ 0 }, sizeof(struct opener_reply), MSG_WAITALL),
	    sizeof(struct opener_reply));
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_int_equal(recv(ends[0], &byte, 1, 0), 0);
	close(ends[0]);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_sent_or_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(largest_file_arrives_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(known_file_is_not_sent_again, setup, teardown),
		cmocka_unit_test_setup_teardown(directory_changes_with_its_names, setup, teardown),
		cmocka_unit_test_setup_teardown(names_are_those_of_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_process_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(freed_opener_leaves_no_process, setup, teardown),
		cmocka_unit_test_setup_teardown(hanging_process_is_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(process_has_little, setup, teardown),
		cmocka_unit_test(process_ends_with_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
