#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What one session can do to another in our tlsproxy: nothing. Hundreds of sessions in one process; much data both ways
# at once on one; every way to leave, lie or stall (the table in tests/tools/tlsproxy-hostile.c) in every state of a
# session, a few at a time and hundreds at once, while an ordinary session goes on. Descriptors and memory before and
# after. Then a look with sslscan and testssl.sh, which must find nothing that they do not find behind Postfix's.
#
# SEALPOST_FULL=1: 2000 sessions, 1 GiB each way, a thousand at once.
. "$(dirname "$0")/lib.sh"
need_postfix
make_certs "$TMP/certs"
cat "$TMP/certs/ecdsa.key" "$TMP/certs/ecdsa.crt" >"$TMP/certs/peer.pem"
tool tlsproxy-hostile
sessions=500 mebibytes=64 bad=300
[ -z "$SEALPOST_FULL" ] || sessions=2000 mebibytes=1024 bad=1000
ulimit -n $((sessions * 2 + 4 * bad + 1000)) 2>/dev/null || diag "descriptors: $(ulimit -n)"

# start_actor NAME: a tlsproxy-hostile that tell() commands.
start_actor() {
	mkfifo "$TMP/$1.in"
	: >"$TMP/$1.out"
	"$TOOLS/tlsproxy-hostile" "$I/spool/private/tlsproxy" "$TMP/certs/peer.pem" <"$TMP/$1.in" >"$TMP/$1.out" 2>"$TMP/$1.err" &
	eval "ACTOR_$1=$!"
	PIDS="$PIDS $!"
}

answered() { # NAME LINES
	lines_in "$TMP/$1.out" "$2" || eval "gone \$ACTOR_$1"
}

# tell NAME COMMAND...: its line of answer, however long that takes.
tell() {
	tell_name=$1
	shift
	tell_lines=$(($(wc -l <"$TMP/$tell_name.out") + 1))
	echo "$*" >&"$(fd_of "$tell_name")"
	until answered "$tell_name" $tell_lines; do
		sleep 0.1
	done
	sed -n "${tell_lines}p" "$TMP/$tell_name.out"
}

fd_of() {
	case $1 in
	bad) echo 8 ;;
	*) echo 9 ;;
	esac
}

descriptors() { # PID
	ls "/proc/$1/fd" 2>/dev/null | wc -l
}

memory_kib() { # PID
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}

memory_at_most() { # KIB
	[ "$(memory_kib "$proxy")" -le "$1" ]
}

# Whether every process of tlsproxy is back at the descriptors of an idle one.
all_idle() {
	for pid in $(pids_of "$I" tlsproxy); do
		[ "$(descriptors "$pid")" -le "$IDLE" ] || return 1
	done
}

show_processes() {
	for pid in $(pids_of "$I" tlsproxy); do
		diag "process $pid: $(descriptors "$pid") descriptors, $(memory_kib "$pid") KiB"
	done
}

make_instance hostile "tlsmgr tlsproxy"
# What is asked as often as here would retire a process, and the sessions of a client are to be new ones.
sed -i '/^smtp_tls_session_cache_database/d' "$I/etc/main.cf"
printf 'max_use = 1000000\nmax_idle = 1h\ntlsproxy_watchdog_timeout = 10s\n' >>"$I/etc/main.cf"
# Reports of sanitizers go to files, if this is a build that makes any.
printf 'import_environment = MAIL_CONFIG, MAIL_LOGTAG, TZ, ASAN_OPTIONS, UBSAN_OPTIONS\n' >>"$I/etc/main.cf"
export ASAN_OPTIONS="log_path=$I/data/sanitizer" UBSAN_OPTIONS="print_stacktrace=1:log_path=$I/data/sanitizer"
start_instance "$I" || { ok 1 "starts"; done_testing; }
start_actor good
exec 9<>"$TMP/good.in"
start_actor bad
exec 8<>"$TMP/bad.in"

is "$(tell good open 4) $(tell good echo 10000) $(tell good close)" "open 4 echo 4 of 4 closed" "both roles, both versions"
proxy=$(pids_of "$I" tlsproxy | head -n 1)
# Once a process has been idle, it stays as it is.
sleep_until_idle() {
	idle_now=$(descriptors "$proxy")
	[ "$idle_now" = "$IDLE" ] && return 0
	IDLE=$idle_now
	return 1
}
IDLE=0
wait_for sleep_until_idle
diag "idle: $IDLE descriptors, $(memory_kib "$proxy") KiB"

# --- many ---

is "$(tell good open $sessions)" "open $sessions" "$sessions sessions at once"
most=0
for pid in $(pids_of "$I" tlsproxy); do
	[ "$(descriptors "$pid")" -le $most ] || { most=$(descriptors "$pid") && proxy=$pid; }
done
[ $((most - IDLE)) -ge $((2 * sessions * 95 / 100)) ]
ok $? "nearly all of them in one process"
show_processes
is "$(tell good echo 20000)" "echo $sessions of $sessions" "data both ways through each"
is "$(tell good close)" "closed" "they end"
check "the descriptors are closed" wait_for all_idle
first_kib=$(memory_kib "$proxy")
is "$(tell good open $sessions) $(tell good echo 20000) $(tell good close)" \
	"open $sessions echo $sessions of $sessions closed" "the same again"
check "the descriptors are closed again" wait_for all_idle
second_kib=$(memory_kib "$proxy")
diag "memory after the first time: $first_kib KiB, after the second: $second_kib KiB"
if grep -q '__asan_init' "$BIN/tlsproxy"; then
	skip "the sanitizer keeps what is freed" "memory"
else
	# What is free goes back to the kernel a moment later.
	check "memory does not grow from one time to the next" wait_for memory_at_most $((first_kib + first_kib / 4 + 4096))
fi

# --- much ---

is "$(tell good bulk $mebibytes)" "bulk 2 of 2" "$mebibytes MiB each way at once, in each role"

# --- bad ---

# meanwhile COMMAND...: while an ordinary session goes on. Sets ANSWER.
meanwhile() {
	meanwhile_lines=$(($(wc -l <"$TMP/good.out") + 1))
	echo ordinary >&9
	wait_for answered good $meanwhile_lines
	ANSWER=$(tell bad "$@")
	echo close >&9
	wait_for answered good $((meanwhile_lines + 2))
	ORDINARY=$(sed -n "$((meanwhile_lines + 1))p" "$TMP/good.out")
	diag "$ANSWER; $ORDINARY"
	[ ! -s "$TMP/bad.err" ] || diag "$(cat "$TMP/bad.err")"
	: >"$TMP/bad.err"
}

all_ended() {
	echo "$ANSWER" | awk '{ split($0, a, "ended "); split(a[2], b, " of "); exit !(b[1] == b[2] && b[2] > 0) }'
}

meanwhile ways
check "every way in every state: the other end hears of it" all_ended
like "$ORDINARY" '^ordinary right' "an ordinary session does not"
check "the descriptors are closed after that" wait_for all_idle
meanwhile hostile $bad
check "$bad at once: the other ends hear of it" all_ended
like "$ORDINARY" '^ordinary right' "an ordinary session does not"
check "the descriptors are closed after them" wait_for all_idle
show_processes
is "$(tell good open 8) $(tell good echo 100000) $(tell good close)" "open 8 echo 8 of 8 closed" "and business goes on"
like "$(pids_of "$I" tlsproxy)" "^$proxy\$" "the process of the start is still there"
unlike "$(cat "$I/log/maillog")" 'throttling|watchdog|panic|killed by signal|exit status' "no daemon died"

# --- the sanitizers' last word ---

# A process that is idle ends when the service is reloaded.
remembered=$(pids_of "$I" tlsproxy)
all_gone() {
	for pid in $remembered; do
		gone "$pid" || return 1
	done
}
reload_instance "$I"
check "the processes end when they are told to" wait_for all_gone
is "$(cat "$I"/data/sanitizer.* 2>/dev/null)" "" "and leave nothing behind"
stop_instance "$I"

# --- scanners ---

start_gate() { # NAME OURS: Postfix with tlsgate in front of tlsproxy, on $GATE_PORT
	make_instance "$1" "$2"
	GATE_PORT=$(free_ports 1)
	ln -sf "$BIN/tlsgate" "$I/daemon/tlsgate"
	printf '127.0.0.1:%s inet n - n - - tlsgate\n  -o tlsgate_backend=builtin\n' "$GATE_PORT" >>"$I/etc/master.cf"
	start_instance "$I" && wait_for port_open "$GATE_PORT"
	ok $? "$1: starts with a gate"
}

# What testssl.sh finds, one finding a line, without the address.
testssl_port() { # PORT FILE
	# shellcheck disable=SC2086 -- a list of words
	testssl --color 0 --warnings off --quiet --ip one --openssl "$(command -v openssl)" --jsonfile "$2.json" -t smtp $checks \
		"127.0.0.1:$1" >"$2.said" 2>&1 </dev/null
	sed -n 's/^ *"\(id\|severity\|finding\)" *: *"\(.*\)",\{0,1\}$/\1 \2/p' "$2.json" | awk '
		/^id / { id = substr($0, 4) }
		/^severity / { severity = substr($0, 10) }
		/^finding / { print id ": " severity ": " substr($0, 9) }' | grep -v '^scanTime' | sort >"$2"
}

scan() { # NAME PORT
	sslscan --starttls-smtp --no-colour --iana-names "127.0.0.1:$2" 2>&1 | sed "s/ $2\b/ PORT/g" | sort >"$TMP/$1.sslscan"
	[ -z "$checks" ] || testssl_port "$2" "$TMP/$1.testssl"
}

scan_both() {
	start_gate scan-stock ""
	stock_port=$GATE_PORT
	start_gate scan-ours "tlsmgr tlsproxy"
	checks='-p --fs -B -T -I -R -C -O'
	[ -z "$SEALPOST_FULL" ] || checks='-p -E --fs -P -U'
	command -v testssl >/dev/null || checks=
	scan stock "$stock_port" &
	scanning=$!
	PIDS="$PIDS $scanning"
	scan ours "$GATE_PORT"
	wait $scanning
	like "$(cat "$TMP/ours.sslscan")" '^Preferred TLSv1.3' "sslscan looks at ours"
	is "$(comm -13 "$TMP/stock.sslscan" "$TMP/ours.sslscan")" "" "sslscan finds nothing that it does not find behind Postfix's"
	if [ -z "$checks" ]; then
		skip "needs testssl.sh" "testssl.sh"
		return
	fi
	like "$(cat "$TMP/ours.testssl")" '^TLS1_3: OK' "testssl.sh looks at ours" || diag "$(cat "$TMP/ours.testssl.said")"
	is "$(comm -13 "$TMP/stock.testssl" "$TMP/ours.testssl")" "" "testssl.sh finds nothing that it does not find behind Postfix's"
	diag "$(wc -l <"$TMP/ours.testssl") findings, $(wc -l <"$TMP/stock.testssl") behind Postfix's"
}

if command -v sslscan >/dev/null; then
	scan_both
else
	skip "needs sslscan" "scanners"
fi
done_testing
