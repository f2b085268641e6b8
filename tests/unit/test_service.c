/* SPDX-License-Identifier: ISC */
/*
 * Runs this file again as a daemon, with the descriptors master would give it, and plays master.
 */
#include "cmocka_all.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/service.h"
#include "mail/service_status.h"
#include "self_path.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/text.h"

enum { PATIENCE_MS = 20000, HIGH_FD = 20 };

/* --- the daemon: says hello, echoes, ends a client at its end of file --- */

struct client {
	struct service *service;
	struct event *event;
	int fd;
};

static void
on_client(evutil_socket_t fd, short what, void *context)
{
	struct client *client = context;
	char bytes[256];
	ssize_t n = read(fd, bytes, sizeof bytes);

	(void)what;
	while (n > 0 && bytes[0] == 'H')
		pause(); /* hangs, as a handler never should */
	if (n > 0 && fdio_write_all(fd, bytes, (size_t)n, 1) == 0)
		return;
	struct service *service = client->service;
	event_free(client->event);
	close(client->fd);
	free(client);
	service_client_gone(service);
}

static void
serve(struct service *service, int fd)
{
	struct client *client = alloc_zero(sizeof *client);

	if (fdio_write_all(fd, "hello", 5, 1) < 0)
		_exit(9);
	*client = (struct client){ service, NULL, fd };
	client->event = event_new(service_base(service), fd, EV_READ | EV_PERSIST, on_client, client);
	event_add(client->event, NULL);
}

static void
last_words(struct service *service)
{
	if (!service_is_draining(service) && !service_is_stand_alone(service) &&
	    file_create("left", "", 0, 0600, NULL) < 0)
		_exit(9);
}

static int
daemon_main(int argc, char **argv)
{
	const struct service_program many = { .name = "many",
		.kind = SERVICE_MANY,
		.process_limit = 1,
		.client = serve,
		.pre_exit = last_words };
	const struct service_program events = { .name = "events",
		.kind = SERVICE_EVENTS,
		.client = serve,
		.watchdog_param = "tlsproxy_watchdog_timeout",
		.pre_exit = last_words };

	return service_main(strcmp(text_basename(argv[0]), "many") == 0 ? &many : &events, argc, argv);
}

/* --- master --- */

struct master {
	char dir[64];
	int status; /* our end of the status channel */
	int log;    /* where postlogd would read */
	pid_t pid;
};

static char *
path_in(const struct master *m, const char *name)
{
	return alloc_printf("%s/%s", m->dir, name);
}

static int
bound_socket(const struct master *m, const char *name, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", m->dir, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	chmod(address.sun_path, 0666);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 10), 0);
	return fd;
}

static void
write_main_cf(const struct master *m)
{
	char *path = path_in(m, "main.cf");
	char *text =
	    alloc_printf("queue_directory = %s\nmail_owner = nobody\nmaillog_file = %s/log\n"
			 "maillog_file_prefixes = /\nmyhostname = mx.example.com\nsyslog_name = sealpost\n",
		m->dir, m->dir);

	assert_int_equal(file_create(path, text, strlen(text), 0644, NULL), 0);
	free(text);
	free(path);
}

static void
to_place(int fd, int place)
{
	if (dup2(fd, place) != place)
		_exit(8);
}

/* Starts `argv` with status channel and listen socket in place. */
static void
start(struct master *m, char *const argv[])
{
	int pair[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	strcpy(m->dir, "/tmp/test_service.XXXXXX");
	assert_non_null(mkdtemp(m->dir));
	chmod(m->dir, 0777);
	char *public = path_in(m, "public");
	assert_int_equal(mkdir(public, 0755), 0);
	free(public);
	write_main_cf(m);
	m->log = bound_socket(m, "public/postlog", SOCK_DGRAM);
	char *log = path_in(m, "public/postlog");
	int listener = bound_socket(m, "listen", SOCK_STREAM);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);

	/* A link of the daemon's name, as under valgrind a program is not told argv[0]. */
	char *program = path_in(m, argv[0]);
	assert_int_equal(symlink(self_path(), program), 0);
	m->pid = fork();
	if (m->pid == 0) {
		int high[] = { fcntl(pair[1], F_DUPFD_CLOEXEC, HIGH_FD),
			fcntl(listener, F_DUPFD_CLOEXEC, HIGH_FD) };
		for (int fd = 0; fd < 5; fd++)
			to_place(null, fd);
		to_place(high[0], 5);
		to_place(high[1], 6);
		setenv("MAIL_CONFIG", m->dir, 1);
		setenv("GENERATION", "44", 1);
		setenv("MAIL_LOGTAG", "sealpost", 1);
		setenv("POSTLOG_HOSTNAME", "mx.example.com", 1);
		setenv("POSTLOG_SERVICE", log, 1);
		execv(program, argv);
		_exit(8);
	}
	free(program);
	free(log);
	close(pair[1]);
	close(listener);
	close(null);
	m->status = pair[0];
}

static bool
readable_within(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

static bool
readable(int fd)
{
	return readable_within(fd, PATIENCE_MS);
}

/* The next log line without date and process id: what follows "]: ". */
static void
expect_log(struct master *m, const char *wanted)
{
	char line[4096];

	assert_true(readable(m->log));
	ssize_t n = recv(m->log, line, sizeof line - 1, 0);
	assert_true(n > 0);
	line[n] = 0;
	char *text = strstr(line, "]: ");
	assert_non_null(text);
	assert_string_equal(text + 3, wanted);
	assert_non_null(strstr(line, " mx sealpost/"));
}

static void
expect_status(struct master *m, int is)
{
	unsigned char record[SERVICE_STATUS_SIZE];
	struct service_status status;

	assert_true(readable(m->status));
	assert_int_equal(recv(m->status, record, sizeof record, MSG_WAITALL), sizeof record);
	service_status_decode(record, &status);
	assert_int_equal(status.pid, m->pid);
	assert_int_equal(status.generation, 044);
	assert_int_equal(status.is, is);
}

static int
exit_status(struct master *m)
{
	int status;

	assert_int_equal(waitpid(m->pid, &status, 0), m->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool
said_goodbye(const struct master *m)
{
	char *path = path_in(m, "left");
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static int
connected_client(const struct master *m)
{
	char *path = path_in(m, "listen");
	struct err err;
	char hello[5];
	int fd = fdio_connect_unix(path, false, &err);

	free(path);
	assert_true(fd >= 0);
	assert_true(readable(fd));
	assert_int_equal(recv(fd, hello, sizeof hello, MSG_WAITALL), sizeof hello);
	assert_memory_equal(hello, "hello", 5);
	return fd;
}

static void
expect_echo(int fd)
{
	char byte = 0;

	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	assert_true(readable(fd));
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'x');
}

static void
expect_end_of_file(int fd)
{
	char byte;

	assert_true(readable(fd));
	assert_true(read(fd, &byte, 1) <= 0);
}

static void
clean_up(struct master *m)
{
	static const char *const names[] = { "main.cf", "listen", "left", "log", "public/postlog", "public",
		"many", "events", "" };

	fdio_close(&m->status);
	fdio_close(&m->log);
	for (size_t i = 0; i < COUNT(names); i++) {
		char *path = path_in(m, names[i]);
		if (remove(path) < 0 && errno != ENOENT)
			print_message("# %s is left\n", path);
		free(path);
	}
}

/* --- tests --- */

#define ARGV(...) ((char *[]){ __VA_ARGS__, NULL })

static void
start_failures_have_postfixs_words(void **state)
{
	static char events[] = "events", many[] = "many", t[] = "-t", u[] = "unix", z[] = "-z", l[] = "-l",
		    q[] = "-q", r[] = "-r", o[] = "-o", s[] = "-s", bare[] = "bare", nameless[] = "=x",
		    fifo[] = "fifo", zero[] = "0", two[] = "2";
	struct {
		char **argv;
		const char *log;
	} cases[] = {
		{ ARGV(events, t, u), "fatal: service events requires a process limit of 0" },
		{ ARGV(many, t, u), "fatal: service many requires a process limit of 1" },
		{ ARGV(events, z), "fatal: no transport type specified" },
		{ ARGV(events, z, t, fifo), "fatal: unsupported transport type: fifo" },
		{ ARGV(events, q), "fatal: invalid option: q" },
		{ ARGV(many, l, r, two), "fatal: invalid option: r" },
		{ ARGV(events, r, zero), "fatal: invalid retirement time: 0" },
		{ ARGV(events, s, zero), "fatal: invalid socket_count: 0" },
		{ ARGV(events, o, bare),
		    "fatal: invalid \"-o bare\" option value: missing '=' after attribute name" },
		{ ARGV(events, o, nameless),
		    "fatal: invalid \"-o =x\" option value: missing attribute name" },
		{ ARGV(events, z, t, u, s, two),
		    "fatal: descriptor 7 is not a socket, but -s 2 promises one" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct master m;
		start(&m, cases[i].argv);
		expect_log(&m, cases[i].log);
		assert_int_equal(exit_status(&m), 1);
		clean_up(&m);
	}
}

static void
events_program_reports_an_accept_and_drains(void **state)
{
	struct master m;
	char name[] = "events", z[] = "-z", t[] = "-t", u[] = "unix";

	(void)state;
	start(&m, ARGV(name, z, t, u));
	int client = connected_client(&m);
	expect_status(&m, SERVICE_STATUS_TAKEN);
	expect_status(&m, SERVICE_STATUS_AVAILABLE);
	expect_echo(client);

	/* Master goes away: the process master knows ends, its client does not notice. */
	fdio_close(&m.status);
	assert_int_equal(exit_status(&m), 0);
	expect_echo(client);
	assert_int_equal(send(client, "y", 1, MSG_NOSIGNAL), 1);
	shutdown(client, SHUT_WR);
	char echo;
	assert_true(readable(client));
	assert_int_equal(read(client, &echo, 1), 1);
	expect_end_of_file(client);
	close(client);
	assert_false(said_goodbye(&m));
	clean_up(&m);
}

static void
many_program_ends_at_once_with_its_clients(void **state)
{
	struct master m;
	char name[] = "many", l[] = "-l", t[] = "-t", u[] = "unix";

	(void)state;
	start(&m, ARGV(name, l, t, u));
	int client = connected_client(&m);
	expect_echo(client);
	fdio_close(&m.status);
	expect_end_of_file(client);
	assert_int_equal(exit_status(&m), 0);
	assert_true(said_goodbye(&m));
	close(client);
	clean_up(&m);
}

static void
process_ends_after_its_last_use(void **state)
{
	struct master m;
	char name[] = "events", z[] = "-z", t[] = "-t", u[] = "unix", option[] = "-m", uses[] = "2";

	(void)state;
	start(&m, ARGV(name, z, t, u, option, uses));
	int first = connected_client(&m);
	close(first);
	int second = connected_client(&m);
	expect_echo(second);
	close(second);
	assert_int_equal(exit_status(&m), 0);
	assert_true(said_goodbye(&m));
	clean_up(&m);
}

static void
accepts_in_a_row_are_reported_together(void **state)
{
	enum { CLIENTS = 50 };
	struct master m;
	char name[] = "events", z[] = "-z", t[] = "-t", u[] = "unix";
	int records = 0;

	(void)state;
	start(&m, ARGV(name, z, t, u));
	for (int i = 0; i < CLIENTS; i++)
		close(connected_client(&m));
	for (; readable_within(m.status, 0); records += 2) {
		expect_status(&m, SERVICE_STATUS_TAKEN);
		expect_status(&m, SERVICE_STATUS_AVAILABLE);
	}
	assert_in_range(records, 2, 2 * CLIENTS - 2);
	fdio_close(&m.status);
	assert_int_equal(exit_status(&m), 0);
	clean_up(&m);
}

static void
idle_process_ends(void **state)
{
	struct master m;
	char name[] = "events", z[] = "-z", t[] = "-t", u[] = "unix", option[] = "-i", idle[] = "1s";

	(void)state;
	start(&m, ARGV(name, z, t, u, option, idle));
	assert_int_equal(exit_status(&m), 0);
	assert_true(said_goodbye(&m));
	clean_up(&m);
}

static void
unexpected_word_is_fatal_at_the_first_client(void **state)
{
	struct master m;
	char name[] = "events", z[] = "-z", t[] = "-t", u[] = "unix", word[] = "word";

	(void)state;
	start(&m, ARGV(name, z, t, u, word));
	char *path = path_in(&m, "listen");
	struct err err;
	int client = fdio_connect_unix(path, false, &err);
	free(path);
	expect_log(&m, "fatal: unexpected command-line argument: word");
	assert_int_equal(exit_status(&m), 1);
	close(client);
	clean_up(&m);
}

static void
process_that_hangs_is_ended(void **state)
{
	struct master m;
	char name[] = "many", l[] = "-l", t[] = "-t", u[] = "unix", option[] = "-o",
	     limit[] = "daemon_timeout=3s";

	(void)state;
	start(&m, ARGV(name, l, t, u, option, limit));
	int client = connected_client(&m);
	assert_int_equal(send(client, "H", 1, MSG_NOSIGNAL), 1);
	expect_log(&m, "fatal: watchdog timeout");
	assert_int_equal(exit_status(&m), 1);
	assert_false(said_goodbye(&m));
	close(client);
	clean_up(&m);
}

static void
pass_service_serves_the_connection_it_is_passed(void **state)
{
	struct master m;
	char name[] = "events", z[] = "-z", t[] = "-t", pass[] = "pass", hello[5];
	struct err err;
	int pair[2];

	(void)state;
	start(&m, ARGV(name, z, t, pass));
	char *path = path_in(&m, "listen");
	int courier = fdio_connect_unix(path, false, &err);
	free(path);
	assert_true(courier >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fdio_send_fd(courier, pair[1]), 0);
	assert_int_equal(send(courier, "", 1, MSG_NOSIGNAL), 1);
	close(pair[1]);
	assert_true(readable(pair[0]));
	assert_int_equal(recv(pair[0], hello, sizeof hello, MSG_WAITALL), sizeof hello);
	expect_echo(pair[0]);
	expect_end_of_file(courier);
	expect_status(&m, SERVICE_STATUS_TAKEN);
	expect_status(&m, SERVICE_STATUS_AVAILABLE);

	/* One that brings nothing is no client, and is not counted as one. */
	close(courier);
	path = path_in(&m, "listen");
	courier = fdio_connect_unix(path, false, &err);
	free(path);
	assert_true(courier >= 0);
	shutdown(courier, SHUT_WR);
	expect_log(&m, "warning: pass_accept_attr: cannot receive file descriptor: end of file");
	close(courier);
	expect_echo(pair[0]);
	fdio_close(&m.status);
	assert_int_equal(exit_status(&m), 0);
	close(pair[0]);
	clean_up(&m);
}

static void
stand_alone_serves_stdin_and_stdout(void **state)
{
	struct master m;
	char name[] = "events", option[] = "-S", got[6];
	int in[2], out[2];

	(void)state;
	start(&m, ARGV(name, option)); /* under master -S changes nothing but the client: /dev/null */
	assert_int_equal(exit_status(&m), 0);

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	char *program = path_in(&m, name);
	m.pid = fork();
	if (m.pid == 0) {
		to_place(in[0], STDIN_FILENO);
		to_place(out[1], STDOUT_FILENO);
		setenv("MAIL_CONFIG", m.dir, 1);
		execv(program, ARGV(name, option));
		_exit(8);
	}
	free(program);
	close(in[0]);
	close(out[1]);
	assert_int_equal(write(in[1], "x", 1), 1);
	for (size_t len = 0; len < sizeof got;) {
		assert_true(readable(out[0]));
		ssize_t n = read(out[0], got + len, sizeof got - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_memory_equal(got, "hellox", 6);
	close(in[1]);
	expect_end_of_file(out[0]);
	assert_int_equal(exit_status(&m), 0);
	close(out[0]);
	clean_up(&m);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_failures_have_postfixs_words),
		cmocka_unit_test(events_program_reports_an_accept_and_drains),
		cmocka_unit_test(accepts_in_a_row_are_reported_together),
		cmocka_unit_test(many_program_ends_at_once_with_its_clients),
		cmocka_unit_test(process_ends_after_its_last_use),
		cmocka_unit_test(idle_process_ends),
		cmocka_unit_test(process_that_hangs_is_ended),
		cmocka_unit_test(pass_service_serves_the_connection_it_is_passed),
		cmocka_unit_test(stand_alone_serves_stdin_and_stdout),
		cmocka_unit_test(unexpected_word_is_fatal_at_the_first_client),
	};

	if (strcmp(text_basename(argv[0]), "many") == 0 || strcmp(text_basename(argv[0]), "events") == 0)
		return daemon_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
