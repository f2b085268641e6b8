#!/bin/sh
# SPDX-License-Identifier: ISC
#
# With chroot = y our daemons live in the queue directory, as mail_owner, with that user's groups only, and still
# serve: keys were read and caches opened before. A reload works from there, too.
. "$(dirname "$0")/lib.sh"
need_root
[ -x "$BIN/master" ] || skip_all "our master is not built"
make_certs "$TMP/certs"
chmod 700 "$TMP/certs"
make_own_instance jail y
echo "smtpd_tls_session_cache_database = btree:$I/data/smtpd_scache" >>"$I/etc/main.cf"

# One session; -sess_in and -sess_out as given. Prints New or Reused.
session() {
	printf 'EHLO client.test\r\nQUIT\r\n' | openssl s_client -starttls smtp -connect "127.0.0.1:$PORT" -tls1_2 \
		-ign_eof "$@" 2>/dev/null | sed -n 's/^\(New\|Reused\), .*/\1/p'
}

jailed() { # PROGRAM
	pid=$(pids_of "$I" "$1" | head -n 1)
	is "$(readlink "/proc/$pid/root")" "$I/spool" "$1: the root is the queue directory"
	is "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$pid/status")" \
		"$(id -u $OWNER) $(id -u $OWNER) $(id -u $OWNER) $(id -u $OWNER)" "$1: runs as mail_owner for good"
	is "$(awk '/^Groups:/ { $1 = ""; print }' "/proc/$pid/status" | xargs)" "$(id -G $OWNER)" "$1: has that user's groups only"
}

"$BIN/postfix" -c "$I/etc" start >"$I/log/start" 2>&1
ok $? "starts"
is "$(session -sess_out "$TMP/session")" New "a session in the jail"
for program in tlsproxy tlsmgr tlsgate; do
	jailed $program
done
# 444: landlock_create_ruleset, which tells its version.
if perl -e 'exit(syscall(444, 0, 0, 1) <= 0)'; then
	is "$(awk '/^NoNewPrivs:/ { print $2 }' "/proc/$(pids_of "$I" tlsmgr)/status")" 1 "tlsmgr: is confined to its directories"
else
	skip "no Landlock in this kernel" "tlsmgr: is confined to its directories"
fi
is "$(session -sess_in "$TMP/session")" Reused "its ticket is good"
old=$(pids_of "$I" tlsproxy)
"$BIN/postfix" -c "$I/etc" reload >"$I/log/reload" 2>&1
ok $? "reloads"
changed() {
	new=$(pids_of "$I" tlsproxy)
	[ -z "$new" ] || [ "$new" != "$old" ]
}
check "the old process ends" wait_for changed
is "$(session)" New "a session after the reload"
is "$(session -no_ticket -sess_out "$TMP/by-id")" New "a session without ticket"
is "$(session -no_ticket -sess_in "$TMP/by-id")" Reused "is resumed by its id from the cache"
unlike "$(cat "$I/log/maillog")" 'warning|error|fatal|panic' "nothing to complain about"
done_testing
