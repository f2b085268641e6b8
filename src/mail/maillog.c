/* SPDX-License-Identifier: ISC */
#include "mail/maillog.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "mail/maillog_file.h"
#include "mail/maincf.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/now.h"
#include "util/text.h"

enum { FULL_QUEUE_WAIT_MS = 200, PREFIX_ROOM = 128, DATAGRAM_LIMIT = 4096 };

#define HOST_UNKNOWN "amnesiac"

/* The log is one per process, as the sink is. */
static struct {
	char *tag;    /* owned */
	char *host;   /* owned; first label */
	char *socket; /* owned; path of postlogd's socket, NULL: syslog */
	char *file;   /* owned; maillog_file once it is known */
	mode_t mode;  /* of a file made anew */
	int fd;       /* datagram socket to postlogd, or -1 */
	int own_fd;   /* maillog_to_fd(), or -1 */
	int facility;
	bool stderr_too;
	bool may_append;
	bool queue_full; /* the last datagram waited in vain: do not wait again until one gets through */

	int hold_ms; /* maillog_hold(), or 0 */
	maillog_wait_fn wait;
	void *wait_context;
	struct buf held; /* lines with a newline between two */
	int64_t sent_ms; /* when the last datagram went */
} maillog = { .fd = -1, .own_fd = -1, .facility = LOG_MAIL };

static void
replace(char **text, const char *with)
{
	free(*text);
	*text = with ? alloc_string(with) : NULL;
}

static void
format_line(struct buf *line, enum log_level level, const char *text)
{
	time_t wall = now_wall();
	char when[32];
	struct tm tm;

	localtime_r(&wall, &tm);
	strftime(when, sizeof when, "%b %d %H:%M:%S", &tm);
	buf_reserve(line, strlen(text) + PREFIX_ROOM);
	buf_printf(line, "%s %s %s[%ld]: %s%s", when, maillog.host ? maillog.host : HOST_UNKNOWN,
	    maillog.tag ? maillog.tag : "postfix", (long)getpid(), log_label(level), text);
}

static bool
connect_postlog(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(maillog.socket);

	fdio_close(&maillog.fd);
	if (len >= sizeof address.sun_path)
		return false;
	memcpy(address.sun_path, maillog.socket, len + 1);
	maillog.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (maillog.fd < 0)
		return false;
	if (connect(maillog.fd, (struct sockaddr *)&address, sizeof address) < 0) {
		fdio_close(&maillog.fd);
		return false;
	}
	return true;
}

/* True when postlogd has it, or will never: an event loop shall not hang because its log does. */
static bool
send_once(const struct buf *line)
{
	struct pollfd pfd = { .fd = maillog.fd, .events = POLLOUT };

	if (maillog.fd < 0)
		return false;
	if (send(maillog.fd, line->bytes, line->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		maillog.queue_full = false;
		return true;
	}
	if (errno != EAGAIN)
		return errno == EMSGSIZE;
	if (!maillog.queue_full && poll(&pfd, 1, FULL_QUEUE_WAIT_MS) > 0 &&
	    send(maillog.fd, line->bytes, line->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	maillog.queue_full = true;
	return true;
}

static void
write_line(int fd, struct buf *line)
{
	buf_add_byte(line, '\n');
	if (fdio_write_all(fd, line->bytes, line->len, 1) < 0)
		return; /* there is nowhere to report it */
}

static void
append_to_file(struct buf *line)
{
	int fd = maillog_file_open(maillog.file, maillog.mode, NULL);

	if (fd < 0)
		return;
	write_line(fd, line);
	fdio_close(&fd);
}

static void
deliver(struct buf *lines)
{
	maillog.sent_ms = now_ms();
	if (!send_once(lines) && !(connect_postlog() && send_once(lines)) && maillog.may_append &&
	    maillog.file)
		append_to_file(lines);
	buf_clear(lines);
}

void
maillog_flush(void)
{
	if (maillog.held.len > 0)
		deliver(&maillog.held);
}

/* To those that wait, if there are any. */
static void
join(const struct buf *line)
{
	if (maillog.held.len > 0 && maillog.held.len + 1 + line->len > DATAGRAM_LIMIT)
		maillog_flush();
	if (maillog.held.len > 0)
		buf_add_byte(&maillog.held, '\n');
	buf_add(&maillog.held, line->bytes, line->len);
}

static void
to_postlog(enum log_level level, const char *text)
{
	struct buf line = BUF_INIT;

	format_line(&line, level, text);
	if (maillog.own_fd >= 0) {
		write_line(maillog.own_fd, &line);
	} else if (maillog.hold_ms == 0) {
		deliver(&line);
	} else {
		bool first = maillog.held.len == 0;

		join(&line);
		if (level != LOG_LEVEL_INFO || (first && now_ms() - maillog.sent_ms >= maillog.hold_ms))
			maillog_flush();
		else if (first)
			maillog.wait(maillog.wait_context);
	}
	buf_release(&line);
}

static void
sink(enum log_level level, const char *text, void *context)
{
	static const int priorities[] = {
		[LOG_LEVEL_INFO] = LOG_INFO,
		[LOG_LEVEL_WARNING] = LOG_WARNING,
		[LOG_LEVEL_ERROR] = LOG_ERR,
		[LOG_LEVEL_FATAL] = LOG_CRIT,
		[LOG_LEVEL_PANIC] = LOG_CRIT,
	};

	(void)context;
	if (maillog.stderr_too)
		fprintf(stderr, "%s: %s%s\n", maillog.tag ? maillog.tag : "postfix", log_label(level), text);
	if (maillog.own_fd >= 0 || maillog.socket)
		to_postlog(level, text);
	else
		syslog(priorities[level], "%s%s", log_label(level), text);
}

/* The first label of `name`; the machine's own when main.cf leaves it to us. */
static void
set_host(const char *name)
{
	char machine[256] = "";

	if (!*name && gethostname(machine, sizeof machine - 1) == 0)
		name = machine;

	size_t label = strcspn(name, ".");

	free(maillog.host);
	maillog.host = label ? alloc_string_n(name, label) : alloc_string(HOST_UNKNOWN);
}

void
maillog_set_tag(const char *tag)
{
	char *old = maillog.tag;

	maillog.tag = alloc_string(tag);
	/* openlog() keeps the pointer, so the old text goes only when it has the new one. */
	closelog();
	if (!maillog.socket)
		openlog(maillog.tag, LOG_PID | LOG_NDELAY, maillog.facility);
	free(old);
}

static void
set_tag(const char *syslog_name, const char *process_name)
{
	char *tag = alloc_printf("%s/%s", syslog_name, process_name);

	maillog_set_tag(tag);
	free(tag);
}

void
maillog_init(const char *process_name)
{
	const char *tag = secure_getenv("MAIL_LOGTAG");
	const char *service = secure_getenv("POSTLOG_SERVICE");
	const char *host = secure_getenv("POSTLOG_HOSTNAME");

	replace(&maillog.socket, service && *service ? service : NULL);
	set_host(host ? host : HOST_UNKNOWN);
	set_tag(tag && *tag ? tag : "postfix", process_name);
	if (maillog.socket && !connect_postlog())
		errno = 0; /* tried again with every line */
	log_set_sink(sink, NULL);
}

static bool
find_facility(const char *name, int *facility)
{
	static const struct {
		const char *name;
		int facility;
	} facilities[] = {
		{ "auth", LOG_AUTH },
		{ "authpriv", LOG_AUTHPRIV },
		{ "cron", LOG_CRON },
		{ "daemon", LOG_DAEMON },
		{ "ftp", LOG_FTP },
		{ "kern", LOG_KERN },
		{ "lpr", LOG_LPR },
		{ "mail", LOG_MAIL },
		{ "news", LOG_NEWS },
		{ "security", LOG_AUTH },
		{ "syslog", LOG_SYSLOG },
		{ "user", LOG_USER },
		{ "uucp", LOG_UUCP },
		{ "local0", LOG_LOCAL0 },
		{ "local1", LOG_LOCAL1 },
		{ "local2", LOG_LOCAL2 },
		{ "local3", LOG_LOCAL3 },
		{ "local4", LOG_LOCAL4 },
		{ "local5", LOG_LOCAL5 },
		{ "local6", LOG_LOCAL6 },
		{ "local7", LOG_LOCAL7 },
	};

	for (size_t i = 0; i < sizeof facilities / sizeof *facilities; i++) {
		if (strcmp(facilities[i].name, name) == 0) {
			*facility = facilities[i].facility;
			return true;
		}
	}
	return false;
}

static bool
has_prefix(const char *path, const char *prefixes)
{
	const char *prefix;
	size_t len;

	while ((prefix = text_token(&prefixes, TEXT_LIST_SEPARATORS, &len)))
		if (strncmp(path, prefix, len) == 0)
			return true;
	return false;
}

enum setting { SYSLOG_NAME, SYSLOG_FACILITY, FILE_PATH, FILE_PREFIXES, SOCKET, HOST, SETTINGS };

static int
apply(const char *const text[], const char *process_name, struct err *err)
{
	if (!find_facility(text[SYSLOG_FACILITY], &maillog.facility))
		return err_set(err, "file %s/main.cf: parameter syslog_facility: unrecognized value: %s",
		    maincf_directory(), text[SYSLOG_FACILITY]);
	if (*text[FILE_PATH] && !has_prefix(text[FILE_PATH], text[FILE_PREFIXES]))
		return err_set(err,
		    "maillog_file value '%s' does not match any prefix in maillog_file_prefixes",
		    text[FILE_PATH]);
	/* Daemons in a jail have no other way to the log: without it their lines would be lost. */
	if (*text[FILE_PATH] && strlen(text[SOCKET]) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return err_set(
		    err, "queue_directory is too long a name for the log's socket: %s", text[SOCKET]);
	if (setenv("MAIL_LOGTAG", text[SYSLOG_NAME], 1) < 0)
		return err_errno(err, "setenv MAIL_LOGTAG");

	bool to_file = *text[FILE_PATH] != 0;
	replace(&maillog.file, to_file ? text[FILE_PATH] : NULL);
	replace(&maillog.socket, to_file ? text[SOCKET] : NULL);
	set_host(text[HOST]);
	set_tag(text[SYSLOG_NAME], process_name);
	fdio_close(&maillog.fd);
	if (maillog.socket && !connect_postlog())
		errno = 0; /* tried again with every line */
	log_set_sink(sink, NULL);
	return 0;
}

int
maillog_configure(struct maincf *cf, const char *process_name, struct err *err)
{
	static const char *const formats[SETTINGS] = {
		[SYSLOG_NAME] = "$syslog_name",
		[SYSLOG_FACILITY] = "$syslog_facility",
		[FILE_PATH] = "$maillog_file",
		[FILE_PREFIXES] = "$maillog_file_prefixes",
		[SOCKET] = "$queue_directory/public/$postlog_service_name",
		[HOST] = "$myhostname",
	};
	struct buf values[SETTINGS] = { BUF_INIT };
	const char *text[SETTINGS];
	int rc = 0;

	for (int i = 0; i < SETTINGS && rc == 0; i++) {
		rc = maincf_expand(cf, formats[i], &values[i], err);
		text[i] = buf_str(&values[i]);
	}
	if (rc == 0 && *text[FILE_PATH])
		rc = maillog_file_mode(cf, &maillog.mode, err);
	if (rc == 0)
		rc = apply(text, process_name, err);
	for (int i = 0; i < SETTINGS; i++)
		buf_release(&values[i]);
	return rc;
}

void
maillog_also_stderr(bool on)
{
	maillog.stderr_too = on;
}

void
maillog_allow_file(bool on)
{
	maillog.may_append = on;
}

void
maillog_hold(int ms, maillog_wait_fn wait, void *context)
{
	maillog.hold_ms = ms;
	maillog.wait = wait;
	maillog.wait_context = context;
}

void
maillog_to_fd(int fd)
{
	maillog.own_fd = fd;
}
