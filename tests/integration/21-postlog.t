#!/bin/sh
# SPDX-License-Identifier: ISC
#
# postlogd and postlog: what raw datagrams become in the file, tags and priorities, and a new file after rotation
# with no line lost.

. "$(dirname "$0")/lib.sh"

[ -x "$BIN/postlogd" ] && [ -x "$BIN/postlog" ] || skip_all "postlogd is not built"
command -v perl >/dev/null || skip_all "needs perl"

I=$TMP/s
mkdir -p "$I/etc" "$I/log"
cat >"$I/etc/main.cf" <<CONF
compatibility_level = 3.6
queue_directory = $I/spool
data_directory = $I/data
daemon_directory = $BIN
command_directory = $BIN
mail_owner = nobody
setgid_group = $(id -gn nobody)
maillog_file = $I/log/maillog
maillog_file_prefixes = $I
myhostname = mx.example.test
CONF
echo 'postlog unix-dgram n - n - 1 postlogd' >"$I/etc/master.cf"
INSTANCES=$I

datagram() { # PERL-EXPRESSION
	perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_DGRAM, 0; connect $s, sockaddr_un($ARGV[0]) or die "$!"; defined send $s, eval $ARGV[1], 0 or die "$!"' \
	    "$I/spool/public/postlog" "$1"
}

log() {
	"$BIN/postlog" -c "$I/etc" "$@"
}

"$BIN/postfix" -c "$I/etc" start 2>/dev/null
ok $? "start"
is "$(stat -c %a "$I/log/maillog")" 600 "mode of a file the postfix command makes"
datagram '"no format at all"'
datagram '"two\nlines"'
datagram '"x" x 5000'
datagram '""'
datagram '"last"'
wait_for file_has "$I/log/maillog" '^last$'
ok $? "datagrams arrive"
like "$(cat "$I/log/maillog")" '^no format at all$' "text is not judged"
like "$(cat "$I/log/maillog")" '^two$' "newlines stay"
is "$(grep -c '^x*$' "$I/log/maillog")" 2 "an empty datagram is an empty line"
is "$(grep '^xx' "$I/log/maillog" | tr -d '\n' | wc -c)" 4096 "4096 bytes are kept"

log -p warn -t my/tag several words
log -p error -i one
printf 'first\n  second\n' | log
wait_for file_has "$I/log/maillog" ' second$'
like "$(cat "$I/log/maillog")" '^[A-Z][a-z]{2} [0-9]{2} [0-9:]{8} mx my/tag\[[0-9]+\]: warning: several words$' "tag and priority"
like "$(cat "$I/log/maillog")" ' mx postfix/postlog\[[0-9]+\]: error: one$' "default tag"
like "$(cat "$I/log/maillog")" ' mx postfix/postlog\[[0-9]+\]: first$' "one line of input, one record"
log -p fatal the end
is $? 0 "a fatal line is not a failure of postlog"
log -p nonsense x 2>/dev/null
is $? 1 "unknown priority"

mv "$I/log/maillog" "$I/log/old"
"$BIN/postfix" -c "$I/etc" reload 2>/dev/null
for i in 1 2 3 4 5 6 7 8; do
	log "line-$i"
done
wait_for test -e "$I/log/maillog"
wait_for file_has "$I/log/maillog" 'reload --|line-8'
all_there() {
	[ "$(cat "$I/log/old" "$I/log/maillog" | grep -c 'line-[1-8]$')" -eq 8 ]
}
wait_for all_there
ok $? "a new file, and no line lost"
is "$(stat -c %a "$I/log/maillog")" 600 "mode of a file postlogd makes"
"$BIN/postfix" -c "$I/etc" logrotate 2>/dev/null
ok $? "logrotate"
ls "$I"/log/maillog.*.gz >/dev/null 2>&1
ok $? "logrotate compresses"
"$BIN/postfix" -c "$I/etc" stop 2>/dev/null
log after the end
like "$(cat "$I/log/maillog")" 'after the end$' "without postlogd postlog writes itself"

rm -f "$I/log/maillog"
echo 'maillog_file_permissions = 0666' >>"$I/etc/main.cf"
log hello
is "$(stat -c %a "$I/log/maillog")" 666 "maillog_file_permissions goes over the umask"
echo 'maillog_file_permissions = rw' >>"$I/etc/main.cf"
like "$(log hello 2>&1)" 'fatal: bad maillog_file_permissions value: rw' "a value that is no mode"
done_testing
