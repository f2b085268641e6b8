/* SPDX-License-Identifier: ISC */
/*
 * tlsmgr-load: clients of a tlsmgr, as many requests as it answers, and what they cost it.
 *
 * usage: tlsmgr-load [-c CLIENTS] [-i MS] [-k KILLS] [-m MASTER] [-r] [-s SIZE] [-t MS] SOCKET REQUEST CACHE
 * FIRST COUNT
 *
 *   REQUEST   seed policy tktkey lookup miss update delete; handshake: lookup and update by turns;
 *             all: one after the other, but miss and delete
 *   CACHE     smtpd smtp lmtp; its sessions have the numbers FIRST to FIRST + COUNT - 1
 *   -c        so many at a time, each with a connection of its own and one request on its way; default 1
 *   -i        one client, a request every MS milliseconds, until end of file on standard input
 *   -k        kills the tlsmgr of MASTER so many times, each when it has answered for 20 ms
 *             since the time before: real master throttles a service whose process dies before the news of
 *             its first work was read, with Postfix's daemons as well
 *   -m        process id of master: what it and its children consumed is in the result
 *   -r        connects again when the connection is lost
 *   -s        bytes of a session; default 2000
 *   -t        for so long, with numbers at random; otherwise each number once
 *
 * Names and contents of sessions follow from their numbers, and are compared. The result is one line that a
 * shell can evaluate: n (answers) ok err fail wrong lost kills ms cpu_us longest_us.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 1024,
	SIZE_MAX_BYTES = 1 << 20,
	MEMBERS_MAX = 256,
	KILL_DISTANCE = 2000,
	NEWS_US = 20000
};

enum request { SEED, POLICY, TKTKEY, LOOKUP, UPDATE, DELETE, MISS, HANDSHAKE, ALL };

static const char *const names[] = { "seed", "policy", "tktkey", "lookup", "update", "delete", "miss",
	"handshake", "all" };

struct client {
	int fd;
	int generation; /* how many kills it has seen */
	enum request request;
	uint64_t number;
	int64_t sent_us;
	size_t have;
	char *reply; /* owned */
};

static struct {
	const char *socket, *cache;
	enum request request;
	uint64_t first, count;
	long clients, interval_ms, kills, run_ms, size;
	long master;
	int reconnect;
} job = { .clients = 1, .size = 2000 };

static struct {
	uint64_t started, answered, ok, err, fail, wrong, lost;
	int64_t longest_us;
	long kills;
} done;

static struct {
	pid_t pid[MEMBERS_MAX];
	int64_t us[MEMBERS_MAX];
	int count;
} family;

static char *pattern; /* base64 text that sessions are pieces of */
static size_t room;   /* for one request or reply */
static char *list;
static int64_t end_us;
static uint64_t dice = 1;
static uint64_t since_kill, kill_after = 1;
static int64_t alive_since_us; /* its first answer */

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "tlsmgr-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* splitmix64 */
static uint64_t
scramble(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* --- sessions --- */

/* As long as those of smtpd. */
static size_t
put_id(char *to, uint64_t number)
{
	uint64_t a = scramble(number);

	return (size_t)sprintf(to, "%016llX%016llX%016llX%016llX&s=smtpd&l=805306720", (unsigned long long)a,
	    (unsigned long long)scramble(a), (unsigned long long)scramble(a + 1),
	    (unsigned long long)scramble(a + 2));
}

static size_t
session_text_len(void)
{
	return ((size_t)job.size + 2) / 3 * 4;
}

/* Base64 of some bytes that are those of no other session. */
static size_t
put_session(char *to, uint64_t number)
{
	size_t len = session_text_len();
	char head[17];

	memcpy(to, pattern + scramble(number) % 4096, len);
	sprintf(head, "%016llX", (unsigned long long)number);
	memcpy(to, head, len < 16 ? len : 16);
	if (job.size % 3 == 1)
		memcpy(to + len - 3, "A==", 3);
	else if (job.size % 3 == 2)
		memcpy(to + len - 2, "A=", 2);
	return len;
}

static void
make_pattern(void)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = session_text_len() + 4096;

	room = len + 4096;
	pattern = malloc(len);
	list = malloc(room);
	if (!pattern || !list)
		die("memory");
	for (size_t i = 0; i < len; i++)
		pattern[i] = digits[scramble(i) % 64];
}

/* --- requests --- */

static char *
put(char *to, const char *text)
{
	return stpcpy(to, text) + 1;
}

static size_t
put_request(enum request request, uint64_t number)
{
	char *at = put(list, "request");

	at = put(at, request == MISS ? "lookup" : names[request]);
	switch (request) {
	case SEED:
		at = put(put(at, "size"), "32");
		break;
	case TKTKEY:
		at = put(put(at, "keyname"), "");
		break;
	case POLICY:
		at = put(put(at, "cache_type"), job.cache);
		break;
	default:
		at = put(put(put(at, "cache_type"), job.cache), "cache_id");
		at += put_id(at, request == MISS ? number + (UINT64_C(1) << 40) : number) + 1;
	}
	if (request == UPDATE) {
		at = put(at, "session");
		at += put_session(at, number);
		*at++ = 0;
	}
	*at++ = 0;
	return (size_t)(at - list);
}

/* Length of the list, 0 if it is not complete. */
static size_t
list_len(const char *bytes, size_t len)
{
	size_t at = 0;

	if (len < 2 || bytes[len - 1] != 0 || bytes[len - 2] != 0)
		return 0;
	while (at < len && bytes[at] != 0) {
		const char *value = memchr(bytes + at, 0, len - at);
		const char *end = value ? memchr(value + 1, 0, len - (size_t)(value + 1 - bytes)) : NULL;

		if (!end)
			return 0;
		at = (size_t)(end + 1 - bytes);
	}
	return at < len ? at + 1 : 0;
}

static void
judge(const struct client *client)
{
	const char *status = client->reply + sizeof "status";

	done.answered++;
	if (strcmp(client->reply, "status") != 0)
		done.wrong++;
	else if (strcmp(status, "4294967295") == 0)
		done.err++;
	else if (strcmp(status, "0") != 0)
		done.fail++;
	else
		done.ok++;
	if (client->request != LOOKUP || strcmp(status, "0") != 0)
		return;
	const char *session = status + sizeof "0" + sizeof "session";
	size_t len = put_session(list, client->number);
	if (strlen(session) != len || memcmp(session, list, len) != 0)
		done.wrong++;
}

/* --- what the server costs, and its death --- */

/* Parent of a living process and its program, 0 if there is no such. */
static long
parent_of(const char *pid, char *program)
{
	char path[64], state = 'Z';
	long parent = 0;

	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%*d (%31[^)]) %c %ld", program, &state, &parent) != 3 || state == 'Z')
		parent = 0;
	fclose(file);
	return parent;
}

static int64_t
cpu_us_of(pid_t pid)
{
	char path[64];
	long long ns = 0;

	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%lld", &ns) != 1)
		ns = 0;
	fclose(file);
	return ns / 1000;
}

static pid_t
find_family(void)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	char program[32];
	pid_t tlsmgr = 0;

	family.count = 0;
	while (dir && (entry = readdir(dir)) != NULL && family.count < MEMBERS_MAX) {
		long pid = atol(entry->d_name);
		if (pid <= 0)
			continue;
		int is_child = parent_of(entry->d_name, program) == job.master;
		if (!is_child && pid != job.master)
			continue;
		if (is_child && strcmp(program, "tlsmgr") == 0)
			tlsmgr = (pid_t)pid;
		family.pid[family.count++] = (pid_t)pid;
	}
	if (dir)
		closedir(dir);
	return tlsmgr;
}

static void
start_meter(void)
{
	if (job.master)
		find_family();
	for (int i = 0; i < family.count; i++)
		family.us[i] = cpu_us_of(family.pid[i]);
}

static int64_t
read_meter(void)
{
	int64_t sum = 0;

	for (int i = 0; i < family.count; i++) {
		int64_t us = cpu_us_of(family.pid[i]);
		sum += us > family.us[i] ? us - family.us[i] : 0;
	}
	return sum;
}

/* Returns when it is dead. */
static void
kill_server(void)
{
	char name[24], program[32];
	pid_t pid = find_family();

	if (!pid || kill(pid, SIGKILL) < 0)
		return;
	snprintf(name, sizeof name, "%d", (int)pid);
	while (parent_of(name, program) != 0)
		usleep(200);
	done.kills++;
	since_kill = 0;
	kill_after = 1 + (dice = scramble(dice)) % KILL_DISTANCE;
}

/* --- clients --- */

static void
open_client(struct client *client)
{
	static const char greeting[] = "protocol\0tlsmgr_protocol\0";
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (snprintf(address.sun_path, sizeof address.sun_path, "%s", job.socket) >=
	    (int)sizeof address.sun_path)
		die("name of the socket");
	for (;;) {
		client->generation = (int)done.kills;
		client->have = 0;
		client->fd = socket(AF_UNIX, SOCK_STREAM, 0);
		int good =
		    client->fd >= 0 && connect(client->fd, (struct sockaddr *)&address, sizeof address) == 0;
		while (good && client->have < sizeof greeting) {
			ssize_t n = read(client->fd, client->reply, sizeof greeting - client->have);
			good = n > 0;
			client->have += good ? (size_t)n : 0;
		}
		client->have = 0;
		if (good)
			return;
		if (!job.reconnect)
			die(job.socket);
		close(client->fd);
		usleep(1000);
	}
}

static enum request
choose(uint64_t turn)
{
	static const enum request all[] = { POLICY, SEED, TKTKEY, LOOKUP, UPDATE };

	if (job.request == HANDSHAKE)
		return turn % 2 ? UPDATE : LOOKUP;
	return job.request == ALL ? all[turn % (sizeof all / sizeof *all)] : job.request;
}

static int
is_over(void)
{
	if (job.kills)
		return done.kills >= job.kills && since_kill > 0;
	if (job.run_ms)
		return now_us() >= end_us;
	return !job.interval_ms && done.started >= job.count;
}

/* False: there is nothing more to do. */
static int
send_next(struct client *client)
{
	while (!is_over()) {
		uint64_t turn = done.started++;
		int any = job.run_ms || job.kills || job.interval_ms;

		client->request = choose(turn);
		client->number = job.first + (any ? (dice = scramble(dice)) % job.count : turn);
		size_t len = put_request(client->request, client->number);
		client->sent_us = now_us();
		if (send(client->fd, list, len, MSG_NOSIGNAL) == (ssize_t)len)
			return 1;
		if (!job.reconnect)
			die("send");
		done.lost++;
		close(client->fd);
		open_client(client);
	}
	return 0;
}

/* 1: the answer is complete. 0: not yet, or lost. */
static int
receive(struct client *client)
{
	ssize_t n = read(client->fd, client->reply + client->have, room - client->have);

	if (n <= 0) {
		if (!job.reconnect)
			die("read");
		done.lost++;
		close(client->fd);
		open_client(client);
		return -1;
	}
	client->have += (size_t)n;
	if (list_len(client->reply, client->have) == 0)
		return 0;
	client->have = 0;
	judge(client);
	int64_t took_us = now_us() - client->sent_us;
	if (took_us > done.longest_us)
		done.longest_us = took_us;
	if (client->generation == done.kills && since_kill++ == 0)
		alive_since_us = now_us();
	if (done.kills < job.kills && since_kill >= kill_after && now_us() - alive_since_us >= NEWS_US)
		kill_server();
	return 1;
}

static void
run(struct client *clients)
{
	static struct pollfd fds[CLIENTS_MAX];
	long busy = 0;

	for (long i = 0; i < job.clients; i++) {
		fds[i].events = POLLIN;
		fds[i].fd = send_next(&clients[i]) ? clients[i].fd : -1;
		busy += fds[i].fd >= 0;
	}
	while (busy > 0) {
		if (job.clients > 1 && poll(fds, (nfds_t)job.clients, -1) < 0)
			die("poll");
		for (long i = 0; i < job.clients; i++) {
			if (fds[i].fd < 0 || (job.clients > 1 && !fds[i].revents) || !receive(&clients[i]))
				continue;
			fds[i].fd = send_next(&clients[i]) ? clients[i].fd : -1;
			busy -= fds[i].fd < 0;
		}
	}
}

/* At its own pace, whatever the answers take. */
static void
run_slowly(struct client *client)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t next_us = now_us();

	for (;;) {
		int64_t wait_us = next_us - now_us();
		if (poll(&input, 1, wait_us > 0 ? (int)((wait_us + 999) / 1000) : 0) > 0)
			return;
		if (now_us() < next_us)
			continue;
		next_us += job.interval_ms * 1000;
		if (next_us < now_us())
			next_us = now_us();
		send_next(client);
		while (receive(client) == 0)
			;
	}
}

static enum request
request_named(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return (enum request)i;
	fprintf(stderr, "tlsmgr-load: no request named %s\n", name);
	exit(64);
}

static void
read_arguments(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "c:i:k:m:rs:t:")) != -1) {
		switch (option) {
		case 'c':
			job.clients = atol(optarg);
			break;
		case 'i':
			job.interval_ms = atol(optarg);
			break;
		case 'k':
			job.kills = atol(optarg);
			job.reconnect = 1;
			break;
		case 'm':
			job.master = atol(optarg);
			break;
		case 'r':
			job.reconnect = 1;
			break;
		case 's':
			job.size = atol(optarg);
			break;
		case 't':
			job.run_ms = atol(optarg);
			break;
		default:
			exit(64);
		}
	}
	if (argc - optind != 5 || job.clients < 1 || job.clients > CLIENTS_MAX || job.size < 0 ||
	    job.size > SIZE_MAX_BYTES) {
		fprintf(stderr,
		    "usage: tlsmgr-load [-c CLIENTS] [-i MS] [-k KILLS] [-m MASTER] [-r] [-s SIZE] "
		    "[-t MS] SOCKET REQUEST CACHE FIRST COUNT\n");
		exit(64);
	}
	job.socket = argv[optind];
	job.request = request_named(argv[optind + 1]);
	job.cache = argv[optind + 2];
	job.first = strtoull(argv[optind + 3], NULL, 10);
	job.count = strtoull(argv[optind + 4], NULL, 10);
	dice = scramble((uint64_t)getpid());
}

int
main(int argc, char **argv)
{
	static struct client clients[CLIENTS_MAX];

	read_arguments(argc, argv);
	make_pattern();
	for (long i = 0; i < job.clients; i++) {
		clients[i].reply = malloc(room);
		if (!clients[i].reply)
			die("memory");
		open_client(&clients[i]);
	}
	start_meter();
	int64_t start_us = now_us();
	end_us = start_us + job.run_ms * 1000;
	if (job.interval_ms)
		run_slowly(&clients[0]);
	else
		run(clients);
	int64_t took_us = now_us() - start_us;
	printf("n=%llu ok=%llu err=%llu fail=%llu wrong=%llu lost=%llu kills=%ld ms=%lld cpu_us=%lld "
	       "longest_us=%lld\n",
	    (unsigned long long)done.answered, (unsigned long long)done.ok, (unsigned long long)done.err,
	    (unsigned long long)done.fail, (unsigned long long)done.wrong, (unsigned long long)done.lost,
	    done.kills, (long long)took_us / 1000, (long long)read_meter(), (long long)done.longest_us);
	return 0;
}
