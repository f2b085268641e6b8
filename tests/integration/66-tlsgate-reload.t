#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tlsgate as a service: at a reload open sessions live on as they were, new ones get the new settings, and the old process
# ends with its last session; limits of a client count in both processes, of networks if so told, and not for who
# is an exception. Then two thousand IMAP sessions under TLS that
# say nothing: what one costs is printed, all of them answer, and descriptors come back, and no more memory is taken when
# they come again. Needs no root.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gate.sh"

[ -x "$BIN/tlsgate" ] && [ -x "$BIN/tlsproxy" ] && [ -x "$BIN/tlsmgr" ] || skip_all "needs tlsgate, tlsproxy, tlsmgr"
MANY=${MANY:-2000}
# A client, its two ends in tlsgate, or in tlsproxy, and some more.
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -gt $((2 * MANY + 200)) ] ||
	skip_all "needs $((2 * MANY + 200)) descriptors a process"
ulimit -n "$(ulimit -Hn)"
make_certs "$TMP/certs"
tool idle-sessions

set -- $(free_ports 7)
old_server=$1 new_server=$2 gate=$3 many=$4 rated=$5 known=$6 known6=$7
start_server() { # PORT NAME
	"$TOOLS/idle-sessions" server "$1" "$2" >"$TMP/server.$2" 2>&1 &
	PIDS="$PIDS $!"
	wait_for port_open "$1" || diag "$(cat "$TMP/server.$2")"
}
start_server "$old_server" old
start_server "$new_server" new

# start_clients NAME PORT: told what to do by clients().
start_clients() {
	mkfifo "$TMP/$1.in"
	: >"$TMP/$1.out"
	"$TOOLS/idle-sessions" clients "$2" <"$TMP/$1.in" >"$TMP/$1.out" 2>"$TMP/$1.err" &
	eval "PEER_PID_$1=$!"
	PIDS="$PIDS $!"
	exec 9<>"$TMP/$1.in"
}
clients() { # NAME COMMAND...: its one line of answer
	peer "$@"
}

make_own_instance gate n
cat >>"$I/etc/main.cf" <<CONF
max_use = 100000
tlsgate_client_limit = 10000
smtpd_tls_loglevel = 0
tlsgate_protocol = imap
tlsgate_client_event_limit_exceptions =
CONF
has_ipv6() {
	perl -MIO::Socket::IP -e 'exit !IO::Socket::IP->new(LocalHost => "::1", Listen => 1)'
}
! has_ipv6 || sed -i 's/^inet_protocols = .*/inet_protocols = all/' "$I/etc/main.cf"
printf '# ours\n127.0.0.4/31\n[::1]\n' >"$TMP/known"
chmod 644 "$TMP/known"
rate_of_one="tlsgate_client_connection_rate_limit=1 anvil_rate_time_unit=1000d"
gate_services() { # SERVER OPTION...
	gate_server=$1
	shift
	sed -i '/tlsgate/,$d' "$I/etc/master.cf.base"
	{
		cat "$I/etc/master.cf.base"
		gate_line "$gate" "$gate_server" tlsgate_client_connection_count_limit=4 "$@" | sed 's/ - - tlsgate/ - 1 tlsgate/'
		gate_line "$rated" "$old_server" tlsgate_client_connection_rate_limit=2 anvil_rate_time_unit=1000d
		gate_line "$known" "$old_server" $rate_of_one tlsgate_client_ipv4_prefix_length=24 \
			"tlsgate_client_event_limit_exceptions=!127.0.0.4,$TMP/known"
		! has_ipv6 || gate_line "$known6" "$old_server" $rate_of_one "tlsgate_client_event_limit_exceptions=$TMP/known" |
			sed 's/^127.0.0.1:/[::1]:/'
		gate_line "$many" "$old_server" | sed 's/ - - tlsgate/ - 1 tlsgate/'
	} >"$I/etc/master.cf"
}
grep -v tlsgate "$I/etc/master.cf" >"$I/etc/master.cf.base"
gate_services "$old_server"
"$BIN/postfix" -c "$I/etc" start >"$TMP/start" 2>&1 || { diag "$(cat "$TMP/start")"; ok 1 "start"; done_testing; }
wait_for port_open "$gate"

# --- reload ---

start_clients before "$gate"
is "$(clients before open 3)" "opened 3" "three sessions"
is "$(clients before noop)" "answered 3 old" "with the old back end"
# port_open leaves a session behind, which may not yet be over.
old_pid=$(sed -n 's/.*tlsgate\[\([0-9]*\)\]: connect from.*/\1/p' "$I/log/maillog" | tail -n 1)
gate_services "$new_server"
check "reload" "$BIN/postfix" -c "$I/etc" reload 2>"$TMP/reload"
# The new settings are there when a new process has been seen to take a client.
start_clients after "$gate"
first_new() {
	[ "$(clients after open 1)" = "opened 1" ] && [ "$(clients after noop)" = "answered 1 new" ] && return 0
	clients after close >"$TMP/closed"
	return 1
}
check "a session after the reload has the new back end" wait_for first_new
is "$(clients before noop)" "answered 3 old" "those from before still have the old one"
is "$(clients after open 1)" "opened 0" "tlsgate_client_connection_count_limit counts those in the old process as well"
check "that is logged, with the service" wait_for log_has "$I" \
	"warning: .*too many sessions from this address \(127\.0\.0\.1:$gate\)"
new_pid=$(sed -n 's/.*tlsgate\[\([0-9]*\)\]: connect from.*/\1/p' "$I/log/maillog" | tail -n 1)
[ "$old_pid" != "$new_pid" ]
ok $? "two processes serve them"
processes_of() { # PORT
	for pid in /proc/[0-9]*; do
		[ "$(readlink "$pid/exe" 2>/dev/null)" = "$BIN/tlsgate" ] || continue
		tr '\0' ' ' 2>/dev/null <"$pid/cmdline" | grep -q "$1" && echo "${pid#/proc/}"
	done
}
# The old process has become its own child, to be free of master.
old_processes=$(processes_of "$gate" | grep -vx "$new_pid")
is "$(printf '%s\n' "$old_processes" | grep -c .)" 1 "the old process is there while it has sessions"
is "$(clients before close)" closed "the old sessions end"
all_gone() {
	for pid in $old_processes; do
		gone "$pid" || return 1
	done
}
check "and the old process with them" wait_for all_gone
is "$(clients after open 3)" "opened 3" "there is room for others then"
is "$(clients after noop)" "answered 4 new" "which have the new back end"
is "$(clients after close)" closed "they end"

# --- one after the other ---

greeting() { # PORT [FROM]: the first word of it; then the client leaves
	timeout 60 perl -MIO::Socket::IP -e '
		my $from = $ARGV[1] // "127.0.0.1";
		my $s = IO::Socket::IP->new(PeerHost => $from =~ /:/ ? "::1" : "127.0.0.1", PeerService => $ARGV[0],
			LocalHost => $from) or die;
		print +(split " ", <$s> // "")[1], "\n"' "$@"
}
greetings() { # PORT FROM...
	greetings_port=$1
	shift
	for from; do
		greeting "$greetings_port" "$from"
	done | tr '\n' ' '
}
is "$(greeting "$rated") $(greeting "$rated") $(greeting "$rated") $(greeting "$rated")" "OK OK BYE BYE" \
	"tlsgate_client_connection_rate_limit"
check "that is logged" wait_for log_has "$I" "warning: .*too many new sessions from this address"
[ -f "$I/data/tlsgate_clients.127.0.0.1:$rated" ]
ok $? "tlsgate_client_file: in the data directory, with the name of the service"

is "$(greetings "$known" 127.0.0.5 127.0.0.5 127.0.0.5)" "OK OK OK " "tlsgate_client_event_limit_exceptions: a network in a file"
is "$(greetings "$known" 127.0.0.4 127.0.0.4)" "OK BYE " "but not who is taken out"
is "$(greetings "$known" 127.0.0.9 127.0.1.9 127.0.1.8 127.0.0.5)" "BYE OK BYE OK " "tlsgate_client_ipv4_prefix_length"
if has_ipv6; then
	is "$(greetings "$known6" ::1 ::1 ::1)" "OK OK OK " "an address of IPv6 among the exceptions"
else
	skip "needs the address ::1" "an address of IPv6 among the exceptions"
fi

# --- many ---

fds_of() { # PID
	ls "/proc/$1/fd" 2>/dev/null | wc -l
}
memory_of() { # PID: bytes of its own
	awk '/^Private/ { kb += $2 } END { print kb * 1024 }' "/proc/$1/smaps_rollup" 2>/dev/null
}
fds_are() { # PID NUMBER
	[ "$(fds_of "$1")" -le "$2" ]
}
start_clients idle "$many"
is "$(clients idle open 20)" "opened 20" "some sessions to warm up"
gate_pid=$(processes_of "$many")
proxy_pid=$(pids_of "$I" tlsproxy | head -n 1)
is "$(pids_of "$I" tlsproxy | wc -l)" 1 "one tlsproxy serves them"
is "$(clients idle close)" closed "which end"
check "the descriptors of warm-up are back" wait_for fds_are "$gate_pid" 30
fds=$(fds_of "$gate_pid") proxy_fds=$(fds_of "$proxy_pid")
memory=$(memory_of "$gate_pid") proxy_memory=$(memory_of "$proxy_pid")
# The second time a quarter will do: had the first ones left anything behind, it would come on top.
for round in 1 2; do
	began=$(now_ms)
	is "$(clients idle open "$MANY")" "opened $MANY" "$MANY sessions, round $round"
	diag "$MANY sessions began in $(($(now_ms) - began)) ms"
	is "$(clients idle noop)" "answered $MANY old" "all of them are served"
	eval "memory_$round=$(memory_of "$gate_pid") proxy_memory_$round=$(memory_of "$proxy_pid")"
	[ $round -gt 1 ] || eval "diag \"tlsgate: \$(((memory_$round - memory) / MANY)) bytes a session, $(fds_of "$gate_pid") descriptors\""
	[ $round -gt 1 ] || eval "diag \"tlsproxy: \$(((proxy_memory_$round - proxy_memory) / MANY)) bytes a session, $(fds_of "$proxy_pid") descriptors\""
	is "$(fds_of "$gate_pid")" $((fds + 2 * MANY)) "tlsgate has two descriptors a session"
	is "$(clients idle close)" closed "they end"
	check "tlsgate's descriptors are back" wait_for fds_are "$gate_pid" "$fds"
	check "tlsproxy's descriptors are back" wait_for fds_are "$proxy_pid" "$proxy_fds"
	diag "left behind: tlsgate $(($(memory_of "$gate_pid") - memory)), tlsproxy $(($(memory_of "$proxy_pid") - proxy_memory)) bytes"
	[ $round -gt 1 ] || MANY=$((MANY / 4))
done
[ $((memory_1 - memory)) -le $((MANY * 4 * 8192)) ]
ok $? "no more than 8 KiB a session in tlsgate" || diag "$memory, $memory_1, $memory_2"
for program in "" proxy_; do
	eval "first=\$${program}memory_1 second=\$${program}memory_2"
	[ "$second" -le $((first + 262144)) ]
	ok $? "${program:-gate_}memory: the second ones use that of the first" || diag "$first, $second"
done
unlike "$(cat "$I/log/maillog")" 'throttling|panic|fatal|killed by signal|exit status' "no daemon died"
done_testing
