#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What a unit of work costs in server CPU (master and all it runs: tlsproxy, tlsmgr, the log writer) with our tlsmgr
# and tlsproxy and with stock ones, turn by turn in one run. Lines: name, ours, stock, unit, ratio ours/stock.
# Waits are of the clients, by the clock; all else is CPU or memory of the server.
# ROUNDS and SCALE (percent of the usual amount of work) can be set in the environment. Run by tests/bench/run.

. "$SEALPOST_TOP/tests/integration/lib.sh"
. "$SEALPOST_TOP/tests/bench/cpu.sh"

ROUNDS=${ROUNDS:-3}
SCALE=${SCALE:-100}
HZ=$(getconf CLK_TCK)

make_certs "$TMP/certs"
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$TMP/load" "$SEALPOST_TOP/tests/bench/load.c" \
	"$SEALPOST_TOP/tests/bench/load_tlsproxy.c" "$SEALPOST_TOP/tests/bench/load_tls.c" -lssl -lcrypto -lpthread || exit 1

cpu() { # INSTANCE
	cpu_settled "$(master_pid "$1")"
}

work() { # VARIANT MODE VERSION COUNT
	work_before=$(cpu "$TMP/$1")
	"$TMP/load" "$TMP/$1/spool" "$2" "$3" "$4" || { tail -n 30 "$TMP/$1/log/maillog" >&2; exit 1; }
	work_after=$(cpu "$TMP/$1")
	echo $((work_after - work_before))
}

# measure NAME MODE VERSION COUNT UNIT MICROSECONDS-PER-UNIT-OF-OUTPUT [KEY]
measure() {
	count=$(($4 * SCALE / 100))
	ours=0 stock=0 round=0
	while [ $round -lt "$ROUNDS" ]; do
		ours=$((ours + $(work "ours$7" "$2" "$3" $count))) || exit 1
		stock=$((stock + $(work "stock$7" "$2" "$3" $count))) || exit 1
		round=$((round + 1))
	done
	awk -v name="$1" -v unit="$5" -v scale="$6" -v ours=$ours -v stock=$stock -v n=$((count * ROUNDS)) -v hz="$HZ" 'BEGIN {
		f = 1000000 / hz / n / scale
		printf "%-28s %10.2f %10.2f %-22s %s\n", name, ours * f, stock * f, unit,
			(stock > 0 ? sprintf("%.2f", ours / stock) : "-") }'
}

pss() { # INSTANCE: KiB of all tlsproxy processes
	for pid in $(pids_of "$1" tlsproxy); do
		sed -n 's/^Pss: *\([0-9]*\).*/\1/p' "/proc/$pid/smaps_rollup"
	done | awk '{ t += $1 } END { print t + 0 }'
}

idle_memory() { # VARIANT MODE COUNT: prints KiB a session, beginning with a process that has grown for nobody
	for pid in $(pids_of "$TMP/$1" tlsproxy); do
		kill "$pid" && wait_for gone "$pid"
	done
	"$TMP/load" "$TMP/$1/spool" full 1.3 2 || exit 1
	pss_before=$(pss "$TMP/$1")
	rm -f "$TMP/idle.in" "$TMP/idle.out"
	mkfifo "$TMP/idle.in"
	"$TMP/load" "$TMP/$1/spool" "$2" 1.3 "$3" <"$TMP/idle.in" >"$TMP/idle.out" &
	idle_pid=$!
	exec 7>"$TMP/idle.in"
	until file_has "$TMP/idle.out" ready; do
		! gone $idle_pid || exit 1
		sleep 0.1
	done
	pss_after=$(pss "$TMP/$1")
	exec 7>&-
	wait $idle_pid
	awk -v d=$((pss_after - pss_before)) -v n="$3" 'BEGIN { printf "%.1f\n", d / n }'
}

# one_key KIND SUFFIX: instances oursSUFFIX and stockSUFFIX with one kind of key, so that both sign alike.
one_key() {
	kind=$1
	for variant in ours stock; do
		make_instance $variant$2 "$([ $variant = stock ] || echo tlsmgr tlsproxy)"
		# The listeners that are not part of this, out of the way.
		sed -i '/^127/d; /^smtpd/d; /^dnsblog/d' "$I/etc/master.cf"
		sed -i "s,^smtpd_tls_chain_files.*,smtpd_tls_chain_files = $TMP/certs/$kind.key $TMP/certs/$kind.crt," "$I/etc/main.cf"
		start_instance "$I" || exit 1
		"$TMP/load" "$I/spool" full 1.3 5 || exit 1
	done
}

compare() { # NAME OURS STOCK UNIT
	awk -v name="$1" -v o="$2" -v s="$3" -v unit="$4" 'BEGIN {
		printf "%-28s %10.2f %10.2f %-22s %s\n", name, o, s, unit, (s > 0 ? sprintf("%.2f", o / s) : "-") }'
}

# How long clients wait: median and 99th percentile over all rounds. COUNT clients at once, or one after the other.
measure_waits() { # NAME burst|turns COUNT
	for variant in ours stock; do : >"$TMP/waits.$variant"; done
	round=0
	while [ $round -lt "$ROUNDS" ]; do
		for variant in ours stock; do
			"$TMP/load" "$TMP/$variant/spool" "$2" 1.3 "$3" >>"$TMP/waits.$variant" || exit 1
		done
		round=$((round + 1))
	done
	for column in 1 2; do
		ours=$(awk -v c=$column '{ t += $c } END { print t / NR }' "$TMP/waits.ours")
		stock=$(awk -v c=$column '{ t += $c } END { print t / NR }' "$TMP/waits.stock")
		compare "wait-$1-p$([ $column = 1 ] && echo 50 || echo 99)" "$ours" "$stock" us
	done
}

one_key ecdsa ""
printf '%-28s %10s %10s %-22s %s\n' name ours stock unit ratio
measure handshake-full-tls13 full 1.3 800 us/handshake 1
measure handshake-full-tls12 full 1.2 800 us/handshake 1
measure handshake-resumed-tls13 resumed 1.3 800 us/handshake 1
measure handshake-resumed-tls12 resumed 1.2 1200 us/handshake 1
measure bulk-plaintext-in in 1.3 500 CPU-s/GB 1000
measure bulk-ciphertext-in out 1.3 500 CPU-s/GB 1000
measure round-trip-64-bytes echo 1.3 20000 us/round-trip 1
measure bulk-ciphertext-in-100 out100 1.3 500 CPU-s/GB 1000
measure_waits 1-at-once turns 200
measure_waits 50-at-once burst 50
measure_waits 500-at-once burst 500
sessions=$((400 * SCALE / 100))
for mode in idle idle64; do
	ours=$(idle_memory ours $mode $sessions) && stock=$(idle_memory stock $mode $sessions) || exit 1
	compare "$mode-session-memory" "$ours" "$stock" KiB/session
done
one_key rsa -rsa
measure handshake-full-tls13-rsa full 1.3 400 us/handshake 1 -rsa
