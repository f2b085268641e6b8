#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What requests to tlsmgr cost in server CPU, how many it answers in a second, what its cache takes on disk, and what is
# left of that while sessions expire by the thousand: ours and Debian's, turn by turn. Run by tests/bench/run.
#
# One client and its server work by turns, on one processor: what it costs to wake another one is the machine's affair,
# differs tenfold from one second to the next on a virtual one, and would hide the rest. The best of several short
# windows counts, for each of the two: what else the machine does makes a window worse, never better. In the environment:
#
#   FULL=1    with a million sessions, too (20 minutes, and 7 GB of disk)      ROUNDS    turns, 3
#   TYPE      btree, hash or lmdb; btree                                         WINDOW    milliseconds a turn, 250

. "$SEALPOST_TOP/tests/integration/lib.sh"
. "$SEALPOST_TOP/tests/tools/tlsmgr-load.sh"

ROUNDS=${ROUNDS:-3}
WINDOW=${WINDOW:-250}
TYPE=${TYPE:-btree}
SIZES="1000 100000"
[ -z "$FULL" ] || SIZES="$SIZES 1000000"
YOUNG=100000000 # number of the first session that does not expire
DAY=86400

make_certs "$TMP/certs"
for variant in ours stock; do
	case $variant in
	ours) make_tlsmgr_instance ours "$BIN/tlsmgr" "$TYPE" ;;
	stock) make_tlsmgr_instance stock "$POSTFIX_SBIN/tlsmgr" "$TYPE" ;;
	esac
	start_instance "$I" || exit 1
	load "$I" seed 0 10 || exit 1
	: >"$TMP/windows.$variant"
done

# run VARIANT ARGUMENTS-OF-LOAD: one window.
run() {
	run_variant=$1
	shift
	load "$TMP/$run_variant" "$@" || { tail -n 30 "$TMP/$run_variant/log/maillog" >&2; exit 1; }
	[ $((fail + wrong)) -eq 0 ] || { echo "bench: $*: $load_result" >&2; exit 1; }
	echo "$n $ms $cpu_us" >>"$TMP/windows.$run_variant"
}

# best_of FILE: least microseconds of processor time a request, and most requests a millisecond, of lines "n ms cpu_us".
best_of() {
	awk '$1 > 0 {
			cost = $3 / $1; rate = $1 / ($2 + 0.5)
			if (!seen || cost < least) least = cost
			if (!seen || rate > most) most = rate
			seen = 1
		} END { printf "%.3f %.3f\n", least, most }' "$1"
}

# row NAME: of the windows since the last row.
row() {
	for row_variant in ours stock; do
		best_of "$TMP/windows.$row_variant" >"$TMP/best.$row_variant"
		echo "$1 $row_variant $(cut -d ' ' -f 1 "$TMP/best.$row_variant")" >>"$TMP/costs"
		: >"$TMP/windows.$row_variant"
	done
	paste -d ' ' "$TMP/best.ours" "$TMP/best.stock" | awk -v name="$1" '
		function ratio(a, b) { return b > 0 ? sprintf("%.2f", a / b) : "-" }
		{ printf "%-28s %10.1f %10.1f %6s   %10.1f %10.1f %6s\n", name, $1, $3, ratio($1, $3), $2, $4, ratio($2, $4) }'
}

# figure NAME OURS STOCK UNIT
figure() {
	awk -v name="$1" -v o="$2" -v s="$3" -v unit="$4" \
		'BEGIN { printf "%-28s %10.2f %10.2f %6s   %s\n", name, o, s, (s > 0 ? sprintf("%.2f", o / s) : "-"), unit }'
}

ALL_CPUS=$(taskset -cp $$ | sed 's/.*: //')

# place CPUS: where the load and both systems run from now on.
place() {
	for place_pid in $$ $(for v in ours stock; do master_pid "$TMP/$v"; pids_of "$TMP/$v" tlsmgr; done); do
		taskset -acp "$1" "$place_pid" >/dev/null
	done
}

measure() { # NAME REQUEST SESSIONS CLIENTS
	for round in $(seq "$ROUNDS"); do
		for variant in ours stock; do
			run $variant "$2" 0 "$3" -t "$WINDOW" -c "$4"
		done
	done
	row "$1"
}

# Deleted and stored anew, in pieces, so that the number of sessions remains about the same.
measure_turnover() { # SESSIONS CLIENTS
	piece=$(($1 / 2 < 2000 ? $1 / 2 : 2000))
	for round in $(seq "$ROUNDS"); do
		for variant in ours stock; do
			run $variant delete 0 $piece -c "$2"
			load "$TMP/$variant" update 0 $piece -c 8
		done
	done
	row "delete $1 x$2"
	for round in $(seq "$ROUNDS"); do
		for variant in ours stock; do
			load "$TMP/$variant" delete 0 $piece -c 8
			run $variant update 0 $piece -c "$2"
		done
	done
	row "insert $1 x$2"
}

# True if the server has work without being asked.
is_busy() { # VARIANT
	busy_pid=$(pids_of "$TMP/$1" tlsmgr)
	busy_before=$(cut -d ' ' -f 1 "/proc/$busy_pid/schedstat")
	sleep 0.2
	[ $(($(cut -d ' ' -f 1 "/proc/$busy_pid/schedstat") - busy_before)) -gt 4000000 ]
}

# Requests for sessions that remain, before and while the others go. Prints "REQUEST quiet|expiry RATE CPU" for each.
expire() { # VARIANT
	for phase in quiet expiry; do
		[ $phase = quiet ] || {
			shift_clock "$TMP/$1" $((DAY * 12 / 10))
			load "$TMP/$1" lookup $YOUNG 5000 -t 1500 -c 8
		}
		for request in lookup update; do
			: >"$TMP/windows"
			for window in $(seq 8); do
				load "$TMP/$1" $request $YOUNG 5000 -t "$WINDOW" -c 8 || exit 1
				[ $((fail + wrong + err)) -eq 0 ] || echo "bench: $1: $load_result" >&2
				echo "$n $ms $cpu_us" >>"$TMP/windows"
			done
			echo "$request $phase $(best_of "$TMP/windows") $(is_busy "$1" && echo busy || echo idle)"
		done
	done
}

printf '%-28s %10s %10s %6s   %10s %10s %6s\n' "request sessions xclients" "ours us" "stock us" ratio "ours k/s" "stock k/s" ratio
have=0
for size in $SIZES; do
	for variant in ours stock; do
		run $variant update $have $((size - have)) -c 8
	done
	row "fill $size x8"
	have=$size
	# Less is still in memory.
	[ "$size" = 1000 ] || figure "file-bytes-per-session $size" "$(($(cache_bytes "$TMP/ours") / size))" "$(($(cache_bytes "$TMP/stock") / size))" bytes
	figure "memory $size" "$(tlsmgr_memory "$TMP/ours" VmRSS)" "$(tlsmgr_memory "$TMP/stock" VmRSS)" KiB
	for clients in 1 8; do
		[ $clients -gt 1 ] && place "$ALL_CPUS" || place "${ALL_CPUS##*[,-]}"
		for request in seed policy tktkey lookup miss update; do
			measure "$request $size x$clients" $request "$size" $clients
		done
		measure_turnover "$size" $clients
	done
done

# The logarithm grows by a factor of 1.67 from 1e3 to 1e5, and by 2 to 1e6.
echo
for size in $SIZES; do
	[ "$size" != 1000 ] || continue
	for request in lookup miss update insert delete; do
		awk -v name="$request" -v size="$size" '
			$1 == name && $2 == 1000 { a[$4] += $5 } $1 == name && $2 == size { b[$4] += $5 }
			END { printf "%-28s %10.2f %10.2f          cost of %s / of 1000 sessions (log: %.2f)\n",
				"growth-" name " " size, b["ours"] / a["ours"], b["stock"] / a["stock"], size, log(size) / log(1000) }' "$TMP/costs"
	done
done

echo
for variant in ours stock; do
	shift_clock "$TMP/$variant" $((DAY * 6 / 10))
	load "$TMP/$variant" update $YOUNG 5000 -c 8
	expire $variant >"$TMP/expiry.$variant"
done
for request in lookup update; do
	for variant in ours stock; do
		awk -v r=$request '$1 == r { cost[$2] = $3; rate[$2] = $4; state[$2] = $5 }
			END { printf "%.3f %.3f %s\n", rate["expiry"] / rate["quiet"], cost["quiet"] / cost["expiry"], state["expiry"] }' \
			"$TMP/expiry.$variant" >"$TMP/ratio.$variant"
	done
	read -r rate_ours cpu_ours state_ours <"$TMP/ratio.ours"
	read -r rate_stock cpu_stock state_stock <"$TMP/ratio.stock"
	figure "expiry-throughput $request" "$rate_ours" "$rate_stock" "of quiet (then ours $state_ours, stock $state_stock)"
	figure "expiry-per-cpu $request" "$cpu_ours" "$cpu_stock" "requests per CPU-second, of quiet"
done
