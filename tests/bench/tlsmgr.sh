#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What requests to tlsmgr cost in server CPU, how many it answers in a second, what its cache takes on disk, and what is
# left of that while sessions expire by the thousand: ours and Debian's, turn by turn. Run by tests/bench/run.
#
# One client and its server work by turns, on one processor: what it costs to wake another one is the machine's affair,
# differs tenfold from one second to the next on a virtual one, and would hide the rest. In the environment:
#
#   FULL=1    with a million sessions, too (half an hour, and 7 GB of disk)      ROUNDS    turns, 3
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
	eval "n_$variant=0 ms_$variant=0 us_$variant=0"
done

# run VARIANT ARGUMENTS-OF-LOAD: adds up what it took.
run() {
	run_variant=$1
	shift
	load "$TMP/$run_variant" "$@" || { tail -n 30 "$TMP/$run_variant/log/maillog" >&2; exit 1; }
	[ $((fail + wrong)) -eq 0 ] || { echo "bench: $*: $load_result" >&2; exit 1; }
	eval "n_$run_variant=\$((n_$run_variant + n)) ms_$run_variant=\$((ms_$run_variant + ms))" \
		"us_$run_variant=\$((us_$run_variant + cpu_us))"
}

# row NAME: what was added up, and begins anew.
row() {
	awk -v name="$1" -v no=$n_ours -v mo=$ms_ours -v uo=$us_ours -v ns=$n_stock -v ms=$ms_stock -v us=$us_stock '
		function ratio(a, b) { return b > 0 ? sprintf("%.2f", a / b) : "-" }
		BEGIN {
			co = uo / no; cs = us / ns; ro = no / (mo + 0.5); rs = ns / (ms + 0.5)
			printf "%-28s %10.1f %10.1f %6s   %10.1f %10.1f %6s\n", name, co, cs, ratio(co, cs), ro, rs, ratio(ro, rs)
		}'
	for row_variant in ours stock; do
		eval "cost=\$((us_$row_variant * 1000 / n_$row_variant))"
		echo "$1 $row_variant $cost" >>"$TMP/costs"
		eval "n_$row_variant=0 ms_$row_variant=0 us_$row_variant=0"
	done
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
			load "$TMP/$1" $request $YOUNG 5000 -t 2000 -c 8 || exit 1
			[ $((fail + wrong + err)) -eq 0 ] || echo "bench: $1: $load_result" >&2
			state=$(is_busy "$1" && echo busy || echo idle)
			echo "$request $phase $n $ms $cpu_us $state"
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
		awk -v r=$request '$1 == r { rate[$2] = $3 / $4; cost[$2] = $5 / $3; state[$2] = $6 }
			END { printf "%.3f %.3f %s\n", rate["expiry"] / rate["quiet"], cost["quiet"] / cost["expiry"], state["expiry"] }' \
			"$TMP/expiry.$variant" >"$TMP/ratio.$variant"
	done
	read -r rate_ours cpu_ours state_ours <"$TMP/ratio.ours"
	read -r rate_stock cpu_stock state_stock <"$TMP/ratio.stock"
	figure "expiry-throughput $request" "$rate_ours" "$rate_stock" "of quiet (then ours $state_ours, stock $state_stock)"
	figure "expiry-per-cpu $request" "$cpu_ours" "$cpu_stock" "requests per CPU-second, of quiet"
done
