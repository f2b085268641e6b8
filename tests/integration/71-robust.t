#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What one client of our tlsproxy does, others do not notice: 300 sessions at once in one process, half a request,
# a handshake that never goes on, a tlsmgr that does not answer. Stock tlsproxy does not promise this (a blocked
# tlsmgr gets it killed by its watchdog), so only ours is shown.
. "$(dirname "$0")/lib.sh"
need_postfix
make_certs "$TMP/certs"
tool tlsproxy-caller
tool tls-peer
make_instance robust "tlsmgr tlsproxy"
start_instance "$I" || { ok 1 "starts"; done_testing; }
start_caller "$I"

start_peer many 1.3
is "$(peer many open 300)" "open 300" "300 sessions"
is "$(peer many echo 20000)" "echo 300 of 300" "all pass data"
# master starts another process when two callers come at the very same moment; a few sessions may be there.
proxy=
for pid in $(pids_of "$I" tlsproxy); do
	[ "$(ls "/proc/$pid/fd" | wc -l)" -lt 580 ] || proxy=$pid
done
[ -n "$proxy" ]
ok $? "290 of them or more in one process"

# Connections to tlsproxy itself that send half a request, or nothing, and stay.
perl -MIO::Socket::UNIX -e '
	my @s = map { IO::Socket::UNIX->new(Peer => $ARGV[0]) or die } 1 .. 20;
	$_->syswrite("remote_endpoint\0[127.0.0.1]:1\0fla") for @s[0 .. 9];
	print "ready\n"; close STDOUT; sleep 600' "$I/spool/private/tlsproxy" >"$TMP/half" &
PIDS="$PIDS $!"
wait_for lines_in "$TMP/half" 1
start_peer fresh 1.2
is "$(peer fresh open 10) $(peer fresh echo 1000)" "open 10 echo 10 of 10" "half requests hold up nobody"

is "$(peer many raw 20) $(peer many half 20)" "raw 20 half 20" "40 handshakes that do not go on"
is "$(peer fresh open 10) $(peer fresh echo 1000)" "open 10 echo 20 of 20" "they hold up nobody"
is "$(peer many echo 1000)" "echo 300 of 300" "nor the sessions that are open"

manager=$(pids_of "$I" tlsmgr)
kill -STOP "$manager"
is "$(peer fresh open 20) $(peer fresh echo 1000)" "open 20 echo 40 of 40" "new sessions while tlsmgr hangs, TLS 1.2"
peer fresh close >/dev/null
start_peer fresh 1.3
is "$(peer fresh open 20) $(peer fresh echo 1000)" "open 20 echo 20 of 20" "new sessions while tlsmgr hangs, TLS 1.3"
is "$(peer many echo 1000)" "echo 300 of 300" "the open sessions go on"
kill -CONT "$manager"
is "$(peer fresh open 1) $(peer fresh echo 10)" "open 1 echo 21 of 21" "and when it is back"

# Requests nobody should send: each costs its own connection only.
perl -MIO::Socket::UNIX -e '
	srand(1);
	for my $n (1 .. 200) {
		my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die;
		my $junk = join("", map { chr(int(rand(256))) } 1 .. 1 + int(rand(3000)));
		$junk = "remote_endpoint\0x\0flags\0" . $junk if $n % 2;
		local $SIG{PIPE} = "IGNORE";
		$s->syswrite($junk);
	}' "$I/spool/private/tlsproxy"
is "$(peer fresh open 5) $(peer fresh echo 10)" "open 5 echo 26 of 26" "200 requests of random bytes"
is "$(peer many echo 1000)" "echo 300 of 300" "the 300 sessions are still there"
is "$(peer many close) $(peer fresh close)" "closed closed" "they end"
like "$(pids_of "$I" tlsproxy)" "^$proxy\$" "the process of the start is still there"
unlike "$(cat "$I/log/maillog")" 'throttling|watchdog|panic|killed by signal|exit status' "no daemon died"
done_testing
