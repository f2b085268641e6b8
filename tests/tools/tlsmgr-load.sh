# SPDX-License-Identifier: ISC
#
# tlsmgr-load.sh: instances with nothing but a tlsmgr under load. Sourced after lib.sh.

tool tlsmgr-load
${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -shared -fPIC -o "$TOOLS/clock-shift.so" "$SEALPOST_TOP/tests/tools/clock-shift.c" || exit 1
chmod 755 "$TOOLS" "$TOOLS/clock-shift.so"

# make_tlsmgr_instance NAME PROGRAM DATABASE-TYPE: sets I. The sessions of its smtpd cache last for a day; the clock that
# it goes by is shift_clock's. Ticket keys are not kept: the kernel would keep the keys of theirs after the test, and has
# room for some dozens.
make_tlsmgr_instance() {
	make_instance "$1" ""
	rm "$I/daemon/tlsmgr"
	cat >"$I/daemon/tlsmgr" <<-SCRIPT
		#!/bin/sh
		export LD_PRELOAD=$TOOLS/clock-shift.so CLOCK_SHIFT=$I/clock ASAN_OPTIONS=verify_asan_link_order=0
		exec "$2" "\$@"
	SCRIPT
	chmod 755 "$I/daemon/tlsmgr"
	shift_clock "$I" 0
	sed -i '/^tlsmgr/p; /^postlog/p; d' "$I/etc/master.cf"
	sed -i '/session_cache_database/d' "$I/etc/main.cf"
	cat >>"$I/etc/main.cf" <<-CONF
		smtpd_tls_session_cache_database = $3:$I/data/smtpd_scache
		smtpd_tls_session_cache_timeout = 1d
		tlsmgr_session_cache_entry_limit = 4000000
		tlsmgr_session_cache_size_limit = 0
		tlsmgr_ticket_key_persist = no
	CONF
}

# shift_clock INSTANCE SECONDS: before what the real clock says, in place, since it is mapped.
shift_clock() {
	perl -e 'open my $f, "+>>", $ARGV[0] or die; close $f; open $f, "+<", $ARGV[0] or die; syswrite $f, pack "q", $ARGV[1]' "$1/clock" "$2"
}

# load INSTANCE REQUEST FIRST COUNT [OPTION...]: sets n, ok, err and so on, see tlsmgr-load.c.
load() {
	load_instance=$1 load_request=$2 load_first=$3 load_count=$4
	shift 4
	load_result=$("$TOOLS/tlsmgr-load" -m "$(master_pid "$load_instance")" "$@" \
		"$load_instance/spool/private/tlsmgr" "$load_request" smtpd "$load_first" "$load_count") || return 1
	eval "$load_result"
}

# The file of the cache, in bytes on disk.
cache_bytes() { # INSTANCE
	echo $(($(stat -c '%b * %B' "$1"/data/smtpd_scache.*)))
}

tlsmgr_memory() { # INSTANCE FIELD: KiB
	sed -n "s/^$2:[[:space:]]*\([0-9]*\) kB/\1/p" "/proc/$(pids_of "$1" tlsmgr)/status"
}

# tlsmgr_stat INSTANCE NAME: one of the figures that our tlsmgr tells of itself.
tlsmgr_stat() {
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new($ARGV[0]) or die;
		my $all = "";
		print $s "request\0stats\0\0";
		$s->flush;
		# The announcement is a list, the answer is another.
		sysread($s, $all, 65536, length $all) or last while $all !~ /\0\0.*\0\0\z/s;
		print "$1\n" if $all =~ /\0\Q$ARGV[1]\E\0([^\0]*)\0/' "$1/spool/private/tlsmgr" "$2"
}
