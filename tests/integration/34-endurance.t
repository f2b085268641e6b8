#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tlsmgr under a real master, for as long and with as much as it takes: caches filled to their limit, expiry of everything
# at once, kill -9 under load, a full disk, a directory that cannot be written, and full speed for a while. What is printed
# of times, memory and files is for reading; what is asserted is what clients get, and that memory does not grow.
#
# ENDURANCE=full in the environment: 200,000 sessions instead of 20,000, 1000 kills instead of 50, ten minutes at full
# speed instead of 20 seconds; half an hour in all, so not under make check. SESSIONS, KILLS, SECONDS_OF_SOAK choose
# each; TYPES the databases, PARTS the parts (fill kill disk soak).

# What is mounted here is nobody else's, and gone at the end.
if [ "$(id -u)" -eq 0 ] && [ -z "$ENDURANCE_MOUNTS" ] && unshare -m true 2>/dev/null; then
	ENDURANCE_MOUNTS=own exec unshare -m sh "$0"
fi
. "$(dirname "$0")/lib.sh"
need_postfix
make_certs "$TMP/certs"
. "$SEALPOST_TOP/tests/tools/tlsmgr-load.sh"

if [ "$ENDURANCE" = full ]; then
	SESSIONS=${SESSIONS:-200000} KILLS=${KILLS:-1000} SECONDS_OF_SOAK=${SECONDS_OF_SOAK:-600}
fi
SESSIONS=${SESSIONS:-20000} KILLS=${KILLS:-50} SECONDS_OF_SOAK=${SECONDS_OF_SOAK:-20}
TYPES=${TYPES:-btree hash lmdb}
PARTS=${PARTS:-fill kill disk soak}
HOURS=3600

# start_endurance NAME TYPE [LIMIT]: sets I.
start_endurance() {
	make_tlsmgr_instance "$1" "$BIN/tlsmgr" "$2"
	[ -z "$3" ] || sed -i "s/^tlsmgr_session_cache_entry_limit.*/tlsmgr_session_cache_entry_limit = $3/" "$I/etc/main.cf"
	start_instance "$I"
	ok $? "$1: starts"
}

end_endurance() {
	stop_instance "$I"
	[ $TAP_BAD -gt 0 ] || rm -rf "$I"
}

complaints() {
	grep -E '(tlsmgr|master)\[[0-9]*\]: (warning|error|fatal|panic):' "$I/log/maillog"
}

# Somebody asks for one of the sessions every 5 ms, until the end of file. unwatch says how long he had to wait at most.
watch() { # FIRST COUNT
	rm -f "$TMP/watch.in"
	mkfifo "$TMP/watch.in"
	"$TOOLS/tlsmgr-load" -i 5 "$I/spool/private/tlsmgr" lookup smtpd "$1" "$2" <"$TMP/watch.in" >"$TMP/watch.out" &
	WATCH_PID=$!
	PIDS="$PIDS $WATCH_PID"
	exec 7>"$TMP/watch.in"
}

unwatch() { # NAME: prints what it was like, and checks that all he got was right
	exec 7>&-
	wait "$WATCH_PID"
	diag "$1: longest wait $(sed 's/.*longest_us=\([0-9]*\).*/\1/' "$TMP/watch.out") us, resident $(tlsmgr_memory "$I" VmRSS) KiB, file $(($(cache_bytes "$I") / 1024)) KiB"
	like "$(cat "$TMP/watch.out")" ' fail=0 wrong=0 lost=0 ' "$1: who asks all the time gets right answers"
}

# results REQUEST FIRST COUNT: how many were found, not found, refused, wrong
results() {
	load "$I" "$1" "$2" "$3" -c 8
	echo "$ok $err $fail $wrong"
}

entries_are() { # NUMBER
	[ "$(tlsmgr_stat "$I" smtpd_entries)" = "$1" ]
}

# --- filled, at the limit, and everything too old at once ---

fill_part() { # TYPE
	# Eight clients at once do not keep the order of numbers to the last one.
	more=$((SESSIONS / 4)) young=100000000 about=8
	start_endurance "fill-$1" "$1" "$SESSIONS"
	watch 0 "$SESSIONS"
	is "$(results update 0 "$SESSIONS")" "$SESSIONS 0 0 0" "$1: $SESSIONS sessions of 2,000 bytes"
	unwatch "$1: fill"
	is "$(results lookup 0 "$SESSIONS")" "$SESSIONS 0 0 0" "$1: all are there, unchanged"

	watch $((more + about)) $((SESSIONS - more - about))
	is "$(results update "$SESSIONS" $more)" "$more 0 0 0" "$1: $more more than the limit"
	unwatch "$1: at the limit"
	is "$(results lookup $((more + about)) $((SESSIONS - about)))" "$((SESSIONS - about)) 0 0 0" "$1: the latest are there"
	is "$(results lookup 0 $((more - about)))" "0 $((more - about)) 0 0" "$1: the oldest went"
	is "$(tlsmgr_stat "$I" smtpd_entries) $(tlsmgr_stat "$I" smtpd_evicted)" "$SESSIONS $more" "$1: and are counted"

	shift_clock "$I" $((14 * HOURS))
	is "$(results update $young $more)" "$more 0 0 0" "$1: $more younger ones"
	watch $young $more
	shift_clock "$I" $((28 * HOURS))
	check "$1: all others are gone" wait_for entries_are $more
	unwatch "$1: expiry of $((SESSIONS - more))"
	is "$(tlsmgr_stat "$I" smtpd_expired)" "$((SESSIONS - more))" "$1: they expired"
	is "$(results lookup $young $more)" "$more 0 0 0" "$1: the younger ones are there"
	is "$(results lookup 0 $((SESSIONS + more)))" "0 $((SESSIONS + more)) 0 0" "$1: none of the others"
	is "$(complaints)" "" "$1: nothing to complain about"
	end_endurance
}

# --- kill -9 under load ---

kill_part() { # TYPE KILLS
	start_endurance "kill-$1" "$1"
	load "$I" all 0 2000 -c 8 -k "$2"
	is "$kills $fail $wrong" "$2 0 0" "$1: killed $2 times while eight clients ask for everything; all answers are right"
	diag "$1: $n requests, $lost lost, $ms ms"
	check "$1: as many ends in the log" wait_for log_count_is "$I" 'tlsmgr pid [0-9]* killed by signal 9' "$2"
	is "$(log_count "$I" 'throttling')" 0 "$1: nothing is throttled"
	is "$(complaints | grep -vc 'killed by signal 9')" 0 "$1: nothing else to complain about"
	is "$(results update 0 2000) $(results lookup 0 2000)" "2000 0 0 0 2000 0 0 0" "$1: the cache works"
	last=$(pids_of "$I" tlsmgr)
	reload_instance "$I"
	wait_for gone "$last"
	is "$(results lookup 0 2000)" "2000 0 0 0" "$1: its file is as good as any"
	end_endurance
}

# --- no room, and no right to write ---

is_back() { # COUNT
	log_count_is "$I" 'TLS session cache .* is back' "$1"
}

# Answers whether or not there is a cache.
served() { # NAME
	load "$I" seed 0 100
	is "$ok" 100 "$1: seeds"
	load "$I" update 0 100
	is "$ok" 100 "$1: updates are answered"
	load "$I" lookup 0 100
	is "$((ok + err)) $wrong" "100 0" "$1: so are lookups"
}

disk_part() { # TYPE
	start_endurance "disk-$1" "$1"
	if ! { [ "$ENDURANCE_MOUNTS" ] && mkdir "$I/disk" && mount -t tmpfs -o "size=4m,mode=700,uid=$(id -u postfix)" none "$I/disk"; }; then
		skip "no mounts of its own to be had" "$1: a full disk"
		end_endurance
		return
	fi
	sed -i "s,^smtpd_tls_session_cache_database.*,smtpd_tls_session_cache_database = $1:$I/disk/smtpd_scache," "$I/etc/main.cf"
	disk_old=$(pids_of "$I" tlsmgr)
	reload_instance "$I"
	[ -z "$disk_old" ] || wait_for gone "$disk_old"
	is "$(results update 0 100) $(results lookup 0 100)" "100 0 0 0 100 0 0 0" "$1: a small disk"
	# Before the cache takes what is left of it.
	cat /dev/zero >"$I/disk/other" 2>/dev/null
	load "$I" update 0 5000 -c 8
	is "$ok $fail" "5000 0" "$1: full disk: updates are answered"
	check "$1: full disk: the log says so" wait_for log_has "$I" 'warning: .*No space left on device; continuing without smtpd TLS session cache'
	served "$1: full disk"
	is "$(complaints | wc -l)" 1 "$1: full disk: one line"
	rm "$I/disk/other"
	check "$1: room again: the cache is back" wait_for is_back 1
	is "$(results update 0 100) $(results lookup 0 100)" "100 0 0 0 100 0 0 0" "$1: room again: it works"
	stop_instance "$I"
	umount "$I/disk"

	# A directory of nobody's.
	mkdir -p "$I/disk"
	chown postfix "$I/disk"
	rm -f "$I/disk"/*
	chmod 555 "$I/disk"
	start_instance "$I"
	served "$1: read-only directory"
	logged 1 "$I" 'tlsmgr.* error: open database .*: Permission denied' "$1: read-only directory: one line"
	chmod 755 "$I/disk"
	check "$1: writable again: the cache is back" wait_for is_back 2
	is "$(results update 0 100) $(results lookup 0 100)" "100 0 0 0 100 0 0 0" "$1: writable again: it works"
	end_endurance
}

# --- for a while ---

soak_part() { # TYPE
	start_endurance "soak-$1" "$1" 4000
	half=$((SECONDS_OF_SOAK * 500))
	# More sessions than the limit allows: each update of a new one drops the oldest. The file has its size when it has been
	# rewritten several times, whatever time that takes here.
	soak_n=0 soak_bad=0
	while [ $soak_n -lt 80000 ]; do
		load "$I" all 0 5000 -c 8 -t $half || break
		soak_n=$((soak_n + n)) soak_bad=$((soak_bad + fail + wrong))
	done
	soak_first=$(tlsmgr_memory "$I" VmRSS) soak_pid=$(pids_of "$I" tlsmgr)
	soak_file=$(cache_bytes "$I")
	load "$I" all 0 5000 -c 8 -t $half
	soak_second=$(tlsmgr_memory "$I" VmRSS)
	diag "$1: $soak_n requests, then $n; resident $soak_first KiB, then $soak_second KiB; file $((soak_file / 1024)) KiB, then $(($(cache_bytes "$I") / 1024)) KiB"
	is "$soak_bad $((fail + wrong))" "0 0" "$1: all answers are right"
	is "$(pids_of "$I" tlsmgr)" "$soak_pid" "$1: the same process"
	[ $((soak_second * 100)) -le $((soak_first * 105)) ]
	ok $? "$1: its memory does not grow: $soak_first KiB, $soak_second KiB"
	[ "$(cache_bytes "$I")" -le $((soak_file * 110 / 100)) ]
	ok $? "$1: nor does its file"
	is "$(complaints)" "" "$1: nothing to complain about"
	end_endurance
}

for part in $PARTS; do
	case $part in
	fill) for type in $TYPES; do fill_part "$type"; done ;;
	kill)
		set -- $TYPES
		for type in $TYPES; do kill_part "$type" $(((KILLS + $# - 1) / $#)); done
		;;
	disk) for type in $TYPES; do disk_part "$type"; done ;;
	soak) soak_part "${TYPES%% *}" ;;
	esac
done
done_testing
