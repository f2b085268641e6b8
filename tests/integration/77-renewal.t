#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Certificates are replaced under load, without reload: good ones, and mismatched, expired, truncated, unreadable and
# vanished ones; by rename, by symbolic link, by a link to another directory and in place. No handshake fails, every
# good one is served, no bad one is. In a jail as another user with a key that only root may read, and as an ordinary
# user. What happens when the process that opens the files, or its parent, is killed.
#
# RENEWALS is how many replacements there are (30); 200 is the full number. A process that starts serves what is there,
# good or bad. So that none does during the replacements, each source of load has a tlsproxy of its own, which is
# not used up; that a process does not end while it has something better than there is on disk is shown apart.
. "$(dirname "$0")/lib.sh"
[ -x "$BIN/master" ] || skip_all "our master is not built"
RENEWALS=${RENEWALS:-30}
tool tlsproxy-caller

# --- certificates: each is known by its serial number; those of good ones are below 9000 ---

mkdir -p "$TMP/made"
chmod 700 "$TMP/made"
make_pair() { # SERIAL [DAYS]
	openssl ecparam -genkey -name prime256v1 -noout -out "$TMP/made/$1.key"
	openssl req -new -key "$TMP/made/$1.key" -subj /CN=mx.example.test -out "$TMP/made/csr"
	openssl x509 -req -in "$TMP/made/csr" -signkey "$TMP/made/$1.key" -set_serial "$1" -days "${2:-30}" \
		-out "$TMP/made/$1.crt" 2>/dev/null
}

make_pair 9001 -1
make_pair 9002
head -c 200 "$TMP/made/9002.crt" >"$TMP/made/9003.crt"

# --- ways to put files in the place of CERT and KEY ---

by_rename() { # FROM TO
	cp "$1" "$2.new"
	chmod 600 "$2.new"
	mv -f "$2.new" "$2"
}

by_link() {
	n_links=$((n_links + 1))
	mkdir -p "$LIVE/archive"
	cp "$1" "$LIVE/archive/$n_links.pem"
	chmod 600 "$LIVE/archive/$n_links.pem"
	ln -sfn "archive/$n_links.pem" "$2.link"
	mv -fT "$2.link" "$2"
}

in_place() {
	cat "$1" >"$2"
}

# Both at once: LIVE is a link to the directory they are in.
by_directory() { # CERT KEY
	n_links=$((n_links + 1))
	mkdir -p "$LIVE.$n_links"
	cp "$1" "$LIVE.$n_links/cert.pem"
	cp "$2" "$LIVE.$n_links/key.pem"
	chmod 600 "$LIVE.$n_links"/*
	[ -z "$AS" ] || chown -R 65534:65534 "$LIVE.$n_links"
	ln -sfn "$LIVE.$n_links" "$LIVE.link"
	mv -fT "$LIVE.link" "$LIVE"
}

n_links=0
put() { # WAY CERT KEY
	if [ "$1" = by_directory ]; then
		by_directory "$2" "$3"
	else
		"$1" "$3" "$LIVE/key.pem"
		"$1" "$2" "$LIVE/cert.pem"
		[ -z "$AS" ] || chown -R 65534:65534 "$LIVE/"
	fi
}

bad() { # KIND WAY
	case $1 in
	mismatched) "$2" "$TMP/made/9002.crt" "$LIVE/cert.pem" ;;
	expired) put "$2" "$TMP/made/9001.crt" "$TMP/made/9001.key" ;;
	truncated) "$2" "$TMP/made/9003.crt" "$LIVE/cert.pem" ;;
	unreadable)
		# Root may read it all.
		if [ $name = user ]; then
			chmod 0 "$LIVE/key.pem"
		else
			rm -f "$LIVE/key.pem" && mkdir "$LIVE/key.pem"
		fi
		;;
	vanished) rm -f "$LIVE/cert.pem" ;;
	esac
	[ -z "$AS" ] || chown -R 65534:65534 "$LIVE/"
}

readable() {
	rmdir "$LIVE/key.pem" 2>/dev/null
	[ ! -e "$LIVE/key.pem" ] || chmod 600 "$LIVE/key.pem"
}

# --- sessions ---

served() { # [PORT] prints the serial number of what a new session is shown
	openssl s_client -connect "127.0.0.1:${1:-$CALLER_PORT}" </dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null |
		while IFS== read -r _ hex; do echo $((0x$hex)); done
}

serves() { # SERIAL
	[ "$(served)" = "$1" ]
}

load() { # OUT PORT
	while [ -e "$TMP/load" ]; do
		echo "$(served "$2")" >>"$1"
	done
}

caller_of() { # SERVICE
	rm -f "$TMP/caller.port"
	"$TOOLS/tlsproxy-caller" "$I/spool/private/$1" >"$TMP/caller.port" 2>>"$I/log/caller" &
	PIDS="$PIDS $!"
	wait_for lines_in "$TMP/caller.port" 1
	CALLER_PORT=$(cat "$TMP/caller.port")
}

# set_up NAME CHROOT: an instance whose certificate is $LIVE/cert.pem, and a caller.
set_up() {
	make_own_instance "$1" "$2"
	LIVE=$TMP/$1-live
	mkdir "$LIVE.0"
	chmod 700 "$LIVE.0"
	ln -s "$LIVE.0" "$LIVE"
	make_pair 1000
	sed -i "s,^smtpd_tls_\\(cert\\|key\\)_file.*,smtpd_tls_\\1_file = $LIVE/\\1.pem," "$I/etc/main.cf"
	put by_rename "$TMP/made/1000.crt" "$TMP/made/1000.key"
	echo "max_use = 100000" >>"$I/etc/main.cf"
	for service in load1 load2; do
		sed -n "s/^tlsproxy /$service /p" "$I/etc/master.cf"
	done >>"$I/etc/master.cf"
	[ -z "$AS" ] || chown -R 65534:65534 "$I" "$LIVE.0"
	$AS "$BIN/postfix" -c "$I/etc" start >"$I/log/start" 2>&1
	ok $? "$1: starts" || diag "$(cat "$I/log/start")"
	wait_for test -S "$I/spool/private/load2"
	caller_of load1
	LOAD_1=$CALLER_PORT
	caller_of load2
	LOAD_2=$CALLER_PORT
	caller_of tlsproxy
	check "$1: serves what is there" wait_for serves 1000
}

warned() { # EXTENDED-REGEX
	log_has "$I" "warning: tlsproxy_certificate_reload: changed files are not used, .*$1"
}

# replace_many NAME: the replacements, under load.
replace_many() {
	: >"$TMP/load"
	: >"$TMP/load.1"
	: >"$TMP/load.2"
	load "$TMP/load.1" "$LOAD_1" &
	load_1=$!
	load "$TMP/load.2" "$LOAD_2" &
	load_2=$!
	PIDS="$PIDS $load_1 $load_2"

	round=0 good=0 longest=0 late=
	while [ $round -lt "$RENEWALS" ]; do
		set -- by_rename by_link in_place by_directory
		shift $((round / 2 % 4))
		way=$1
		if [ $((round % 2)) -eq 0 ]; then
			serial=$((1001 + round))
			make_pair $serial
			readable
			mark=$(openssl x509 -in "$TMP/made/$serial.crt" -noout -fingerprint -sha256 | cut -d = -f 2)
			put "$way" "$TMP/made/$serial.crt" "$TMP/made/$serial.key"
			begin=$(now_ms)
			wait_for log_count_is "$I" "new certificate in service.* $mark" 3
			took=$(($(now_ms) - begin))
			if wait_for serves $serial; then
				[ $took -le $longest ] || longest=$took
				good=$((good + 1))
				# The others have processes of their own.
				wait_for ends_with "$TMP/load.1" $serial && wait_for ends_with "$TMP/load.2" $serial || late="$late $serial"
			else
				late="$late $serial"
			fi
		else
			set -- mismatched expired truncated unreadable vanished
			shift $((round / 2 % 5))
			[ "$way" != by_directory ] || [ "$1" = expired ] || way=in_place
			bad "$1" "$way"
			# All that is in service goes on for some time: until many sessions more were served.
			before=$(cat "$TMP/load.1" "$TMP/load.2" | wc -l)
			wait_for lines_in "$TMP/load.1" $(($(wc -l <"$TMP/load.1") + 12))
			[ $round -ge 10 ] || check "$name: $1: the log says why" wait_for warned "$(words_for "$1")"
		fi
		round=$((round + 1))
	done
	rm "$TMP/load"
	wait $load_1 $load_2
	is "$late" "" "$name: every good one is served"
	diag "$name: $good good ones, in service in three processes after $longest ms at most"
	cat "$TMP/load.1" "$TMP/load.2" >"$TMP/load.all"
	diag "$name: $(wc -l <"$TMP/load.all") sessions meanwhile"
	is "$(grep -c '^$' "$TMP/load.all")" 0 "$name: no handshake failed" || diag "$(why_failed)"
	is "$(awk '$1 >= 9000' "$TMP/load.all" | wc -l)" 0 "$name: no bad one was ever served"
}

# Whether it was a process that did not last, and what master says of it.
why_failed() {
	grep -n '^$' "$TMP/load.1" "$TMP/load.2" | tr '\n' ' '
	sed -n 's/.*\(tlsproxy\[[0-9]*\]\): CONNECT from .*/\1/p' "$I/log/maillog" | sort | uniq -c
	grep -E 'master\[[0-9]*\]: |fatal:|panic:' "$I/log/maillog"
}

ends_with() { # FILE LINE
	[ "$(tail -n 1 "$1")" = "$2" ]
}

words_for() { # KIND
	case $1 in
	mismatched) echo "key values mismatch" ;;
	expired) echo "has expired on" ;;
	truncated) echo "cert.pem is not complete" ;;
	unreadable) echo "key.pem: (Is a directory|Permission denied)" ;;
	vanished) echo "cert.pem: No such file" ;;
	esac
}

session_in_flight() { # NAME
	mkfifo "$TMP/flight.in"
	openssl s_client -quiet -connect "127.0.0.1:$CALLER_PORT" <"$TMP/flight.in" >"$TMP/flight.out" 2>/dev/null &
	PIDS="$PIDS $!"
	exec 8>"$TMP/flight.in"
	echo before >&8
	wait_for file_has "$TMP/flight.out" '^before$'
	make_pair 8001
	put by_rename "$TMP/made/8001.crt" "$TMP/made/8001.key"
	wait_for serves 8001
	echo behind >&8
	check "$1: a session in flight goes on" wait_for file_has "$TMP/flight.out" '^behind$'
	exec 8>&-
	rm "$TMP/flight.in"
}

# single NAME: one process of tlsproxy, where load has made several.
single() {
	old=$(pids_of "$I" tlsproxy)
	$AS "$BIN/postfix" -c "$I/etc" reload >"$I/log/reload" 2>&1
	for old_pid in $old; do
		wait_for gone "$old_pid"
	done
	check "$1: a new process serves what is there" wait_for serves "$2"
}

# A file that does not change is complained about once.
told_once() { # NAME
	single "$1" 8001
	before=$(log_count "$I" 'changed files are not used')
	bad vanished
	wait_for log_count_is "$I" 'changed files are not used' $((before + 1))
	bad mismatched by_rename
	wait_for log_count_is "$I" 'changed files are not used' $((before + 2))
	is "$(log_count "$I" 'changed files are not used')" $((before + 2)) "$1: each state is told once"
	put by_rename "$TMP/made/8001.crt" "$TMP/made/8001.key"
	make_pair 8002
	put by_rename "$TMP/made/8002.crt" "$TMP/made/8002.key"
	check "$1: and then a good one" wait_for serves 8002
}

# What is in service is better than what there is: the process stays beyond max_use, and ends behind the next good one.
kept() { # NAME
	echo "max_use = 3" >>"$I/etc/main.cf"
	single "$1" 8002
	bad mismatched by_rename
	pid=$(the_pid "$I" tlsproxy)
	wait_for log_has "$I" "tlsproxy.$pid.*changed files are not used"
	for n in 1 2 3 4 5 6; do
		served
	done >"$TMP/kept"
	is "$(sort -u "$TMP/kept")" 8002 "$1: bad files do not come into service by max_use"
	is "$(the_pid "$I" tlsproxy)" "$pid" "$1: the process stays"
	make_pair 8004
	put by_rename "$TMP/made/8004.crt" "$TMP/made/8004.key"
	check "$1: until there is a good one" wait_for serves 8004
	serves 8004
	serves 8004
	check "$1: then it ends" wait_for gone "$pid"
	sed -i '/^max_use = 3$/d' "$I/etc/main.cf"
	single "$1" 8004
}

killed() { # NAME
	pid=$(the_pid "$I" tlsproxy)
	opener=$(children_of "$pid")
	is "$(cat "/proc/$opener/comm")" opener "$1: tlsproxy has an opener"
	kill -9 "$opener"
	check "$1: its end is told" wait_for log_has "$I" 'warning: tlsproxy_certificate_reload: the process that opens files has ended'
	make_pair 8003
	put by_rename "$TMP/made/8003.crt" "$TMP/made/8003.key"
	is "$(served)" 8004 "$1: the service goes on"
	is "$(children_of "$pid")" "" "$1: nothing is left of it, and no other is started"
	logged 1 "$I" 'the process that opens files has ended' "$1: once"

	$AS "$BIN/postfix" -c "$I/etc" reload >"$I/log/reload" 2>&1
	check "$1: the next process sees what is new" wait_for serves 8003
	pid=$(the_pid "$I" tlsproxy)
	opener=$(children_of "$pid")
	$AS "$BIN/postfix" -c "$I/etc" reload >"$I/log/reload" 2>&1
	check "$1: a reload ends the opener" wait_for gone "$opener"
	check "$1: and the next serves" wait_for serves 8003
	pid=$(the_pid "$I" tlsproxy)
	opener=$(children_of "$pid")
	kill -9 "$pid"
	check "$1: a parent that is killed leaves no orphan" wait_for gone "$opener"
	is "$(log_count "$I" 'the process that opens files has ended')" 1 "$1: neither was worth a warning"
}

few_rights() { # NAME
	pid=$(the_pid "$I" tlsproxy)
	opener=$(children_of "$pid")
	is "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$pid/status")" \
		"$(id -u nobody) $(id -u nobody) $(id -u nobody) $(id -u nobody)" "$1: tlsproxy runs as mail_owner"
	is "$(readlink "/proc/$pid/root")" "$I/spool" "$1: in its jail"
	is "$(awk '/^Cap(Prm|Eff):/ { print $2 }' "/proc/$pid/status" | sort -u)" 0000000000000000 "$1: without capabilities"
	is "$(awk '/^Cap(Prm|Eff):/ { print $2 }' "/proc/$opener/status" | sort -u)" 0000000000000004 \
		"$1: its opener may read what others own, and nothing else"
	setpriv --reuid=nobody --regid=nogroup --clear-groups cat "$LIVE/key.pem" >/dev/null 2>&1
	is $? 1 "$1: mail_owner cannot read the key"
}

AS=
if [ "$(id -u)" -eq 0 ]; then
	name=jail
	set_up $name y
	few_rights $name
	replace_many
	readable
	session_in_flight $name
	told_once $name
	kept $name
	killed $name
	stop_instance "$I"
	if command -v setpriv >/dev/null; then
		AS="setpriv --reuid=65534 --regid=65534 --clear-groups"
		RENEWALS=10
	else
		skip "no setpriv" "an ordinary user"
		done_testing
	fi
fi
name=user
set_up $name n
replace_many
readable
session_in_flight $name
told_once $name
kept $name
killed $name
done_testing
