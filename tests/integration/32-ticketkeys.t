#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Tickets that real smtpd issues with keys of our tlsmgr are resumed after reload, restart and kill -9, chrooted or not,
# with the kernel's keyring and without, and on another host that has the same secret, also while the secret changes.
# Every session has an smtpd of its own, so that none remembers a key, and no session cache helps.
. "$(dirname "$0")/lib.sh"
need_postfix
make_certs "$TMP/certs"
tool no-keyring

make_host() { # NAME
	make_instance "$1" tlsmgr
	sed -i '/session_cache_database/d' "$I/etc/main.cf"
	sed -i 's/^\(127.*smtpd\)$/\1 -o max_use=1/' "$I/etc/master.cf"
	eval "PORT_$1=$SMTPD_PORT"
}

set_parameter() { # INSTANCE LINE
	/usr/sbin/postconf -c "$1/etc" -e "$2"
}

# session NAME VERSION OPTION FILE: New or Reused.
session() {
	eval "session_port=\$PORT_$1"
	printf 'EHLO client.test\r\nQUIT\r\n' | openssl s_client -starttls smtp -connect "127.0.0.1:$session_port" \
		"-tls1_${2#1.}" -ign_eof "$3" "$4" 2>/dev/null | sed -n 's/^\(New\|Reused\), .*/\1/p'
}

issue() { # NAME FILE: tickets for both versions
	echo "$(session "$1" 1.2 -sess_out "$2.2") $(session "$1" 1.3 -sess_out "$2.3")"
}

resume() { # NAME FILE
	echo "$(session "$1" 1.2 -sess_in "$2.2") $(session "$1" 1.3 -sess_in "$2.3")"
}

kill_tlsmgr() { # INSTANCE
	wait_for has_pid "$1" tlsmgr
	killed=$(pids_of "$1" tlsmgr)
	kill -9 "$killed"
	wait_for log_has "$1" "pid $killed killed by signal 9"
}

# Reloaded, and the tlsmgr of before is gone.
reload() { # INSTANCE
	reload_old=$(pids_of "$1" tlsmgr)
	reload_instance "$1"
	[ -z "$reload_old" ] || wait_for gone "$reload_old"
}

key_file() { # INSTANCE: mode, owner, size, links
	stat -c '%a %U %s %h' "$1/data/tlsmgr_ticket_keys"
}

# The record of the key that issues, in hex, as smtpd gets it.
current_key() { # INSTANCE
	perl -MIO::Socket::UNIX -MMIME::Base64 -e '
		my $s = IO::Socket::UNIX->new($ARGV[0]) or die;
		local $/ = "\0\0";
		<$s>;
		print $s "request\0tktkey\0keyname\0\0\0";
		$s->flush;
		<$s> =~ /^status\0(\d+)\0keybuf\0(.*)\0\0$/s && $1 == 0 or die;
		print unpack "H*", decode_base64($2)' "$1/spool/private/tlsmgr"
}

# Name and both halves of both keys, in whatever file they are.
shows_key() { # DIRECTORY KEY-HEX
	perl -MFile::Find -e '
		my ($dir, $hex) = @ARGV;
		my @parts = grep { length == 16 } unpack "(a16)5", pack "H*", $hex;
		find(sub {
			return unless -f;
			open my $f, "<", $_ or return;
			my $all = do { local $/; <$f> } // "";
			for my $part (@parts) { print "$File::Find::name\n" if index($all, $part) >= 0 }
		}, $dir)' "$1" "$2"
}

warnings() { # INSTANCE
	grep -E '(tlsmgr|smtpd|master)\[[0-9]*\]: (warning|error|fatal|panic):' "$1/log/maillog" | grep -v 'killed by signal 9'
}

# --- kept on disk, in the jail ---

make_host kept
KEPT=$I
sed -i 's/^\(tlsmgr *unix *- *- *\)n/\1y/' "$KEPT/etc/master.cf"
start_instance "$KEPT"
ok $? "starts"
is "$(issue kept "$TMP/s")" "New New" "tickets for TLS 1.2 and 1.3"
is "$(resume kept "$TMP/s")" "Reused Reused" "good for another smtpd"
is "$(readlink "/proc/$(pids_of "$KEPT" tlsmgr)/root")" "$KEPT/spool" "tlsmgr is in the jail"
is "$(key_file "$KEPT")" "600 postfix 4096 1" "the file of keys is mail_owner's alone"
key=$(current_key "$KEPT")
is "${#key}" 176 "the key that issues, from tlsmgr"
is "$(shows_key "$KEPT/data" "$key")" "" "no part of it is on disk"
cp "$KEPT/data/tlsmgr_ticket_keys" "$TMP/earlier"
kill_tlsmgr "$KEPT"
is "$(resume kept "$TMP/s")" "Reused Reused" "resumed after kill -9 of tlsmgr"
is "$(current_key "$KEPT")" "$key" "the same key goes on issuing"
reload "$KEPT"
is "$(resume kept "$TMP/s")" "Reused Reused" "after reload"
stop_instance "$KEPT"
start_instance "$KEPT"
is "$(resume kept "$TMP/s")" "Reused Reused" "after stop and start"
is "$(key_file "$KEPT")" "600 postfix 4096 1" "the file is as it was"
is "$(warnings "$KEPT")" "" "nothing to complain about"

finger=$(MAIL_CONFIG=$KEPT/etc posttls-finger -o "queue_directory=$KEPT/spool" -o smtp_tls_session_cache_timeout=3600s \
	-lmay -r 1 -Lcache,summary "[127.0.0.1]:$PORT_kept" 2>&1)
like "$finger" 'Reusing old session|[Rr]e-used' "posttls-finger resumes its session"

# --- what is wrong with the file ---

one_line() { # WORDS NAME
	logged 1 "$KEPT" "$1" "$2: one line in the log"
	is "$(issue kept "$TMP/n") $(resume kept "$TMP/n")" "New New Reused Reused" "$2: service goes on"
}

# The file changes while no tlsmgr runs.
kill_tlsmgr "$KEPT"
if [ "$(od -An -tu1 -j9 -N1 "$TMP/earlier" | tr -d ' ')" = 1 ]; then
	cat "$TMP/earlier" >"$KEPT/data/tlsmgr_ticket_keys"
	is "$(resume kept "$TMP/s")" "New New" "an old copy of the file is worth nothing"
	one_line 'ticket key file .*: sealed before the system was started' "old copy"
	kill_tlsmgr "$KEPT"
else
	skip "no keyring here" "an old copy of the file is worth nothing"
fi
head -c 2000 /dev/urandom >"$KEPT/data/tlsmgr_ticket_keys"
is "$(issue kept "$TMP/s")" "New New" "a damaged file is no obstacle"
one_line 'warning: ticket key file .*: damaged: making new keys' "damaged file"
chmod 644 "$KEPT/data/tlsmgr_ticket_keys"
kill_tlsmgr "$KEPT"
is "$(resume kept "$TMP/s")" "New New" "keys that others could read are not used"
one_line 'warning: ticket key file .*: not a file of mode 0600 of our own: remove it' "readable file"

# --- a directory without room, or closed ---

if mkdir "$TMP/small" && mount -t tmpfs -o size=16k,mode=700 none "$TMP/small" 2>/dev/null; then
	chown postfix "$TMP/small"
	set_parameter "$KEPT" "data_directory = $TMP/small"
	stop_instance "$KEPT"
	start_instance "$KEPT"
	is "$(issue kept "$TMP/f") $(resume kept "$TMP/f")" "New New Reused Reused" "a small disk"
	kill_tlsmgr "$KEPT"
	: >"$TMP/small/tlsmgr_ticket_keys"
	cat /dev/zero >"$TMP/small/full" 2>/dev/null
	is "$(issue kept "$TMP/f") $(resume kept "$TMP/f")" "New New Reused Reused" "a full disk"
	logged 1 "$KEPT" 'warning: cannot write ticket key file .*: No space left' "one warning"
	is "$(stat -c %s "$TMP/small/tlsmgr_ticket_keys")" 0 "nothing half written"
	stop_instance "$KEPT"
	umount "$TMP/small"
else
	skip "no tmpfs to be had" "a full disk"
fi
set_parameter "$KEPT" "data_directory = $KEPT/data"
rm -f "$KEPT/data/tlsmgr_ticket_keys"
stop_instance "$KEPT"
start_instance "$KEPT"
chmod 555 "$KEPT/data"
is "$(issue kept "$TMP/f") $(resume kept "$TMP/f")" "New New Reused Reused" "a read-only directory"
logged 1 "$KEPT" 'warning: cannot open ticket key file .*: Permission denied' "one warning"
chmod 700 "$KEPT/data"

# --- not kept ---

reload "$KEPT"
is "$(issue kept "$TMP/s")" "New New" "keys are kept again"
is "$(key_file "$KEPT")" "600 postfix 4096 1" "in the file"
set_parameter "$KEPT" "tlsmgr_ticket_key_persist = no"
reload "$KEPT"
is "$(resume kept "$TMP/s")" "New New" "not kept: what was kept before is not used"
is "$(key_file "$KEPT")" "600 postfix 0 1" "and the file is empty"
is "$(issue kept "$TMP/s") $(resume kept "$TMP/s")" "New New Reused Reused" "tickets work"
is "$(key_file "$KEPT")" "600 postfix 0 1" "the file stays empty"
kill_tlsmgr "$KEPT"
is "$(resume kept "$TMP/s")" "New New" "not resumed after kill -9 of tlsmgr"

# --- no keyring ---

set_parameter "$KEPT" "tlsmgr_ticket_key_persist = yes"
rm "$KEPT/daemon/tlsmgr"
cat >"$KEPT/daemon/tlsmgr" <<SCRIPT
#!/bin/sh
exec "$TOOLS/no-keyring" "$BIN/tlsmgr" "\$@"
SCRIPT
chmod 755 "$KEPT/daemon/tlsmgr" "$TOOLS" "$TOOLS/no-keyring"
reload "$KEPT"
is "$(issue kept "$TMP/s") $(resume kept "$TMP/s")" "New New Reused Reused" "the kernel refuses keyrings: tickets work"
check "the log says so" wait_for log_has "$KEPT" 'tlsmgr.*the kernel keeps no key for them \(Operation not permitted\): sealing with the boot id'
is "$(shows_key "$KEPT/data" "$(current_key "$KEPT")")" "" "no part of the key is on disk"
kill_tlsmgr "$KEPT"
is "$(resume kept "$TMP/s")" "Reused Reused" "resumed after kill -9 of tlsmgr"
stop_instance "$KEPT"

# --- hosts that share a secret ---

SECRET=$TMP/secret
umask 077
openssl rand -base64 48 >"$SECRET"
umask 022
for host in one two; do
	make_host $host
	echo "tlsmgr_ticket_secret_file = $SECRET.$host" >>"$I/etc/main.cf"
	cp -p "$SECRET" "$SECRET.$host"
	start_instance "$I"
	ok $? "host $host starts"
done
ONE=$TMP/one TWO=$TMP/two
is "$(issue one "$TMP/1") $(resume two "$TMP/1")" "New New Reused Reused" "tickets of host one are resumed on host two"
is "$(issue two "$TMP/2") $(resume one "$TMP/2")" "New New Reused Reused" "and the other way round"
is "$(current_key "$ONE")" "$(current_key "$TWO")" "both have the same key"
half=1800 now=$(date +%s)
wanted=$(openssl kdf -keylen 80 -kdfopt digest:SHA256 -kdfopt "hexkey:$(tr -d '\n' <"$SECRET" | od -An -v -tx1 | tr -d ' \n')" \
	-kdfopt "hexinfo:$(printf 'sealpost tlsmgr ticket key' | od -An -v -tx1 | tr -d ' \n')00$(printf '%016x%016x' $half $((now / half)))" \
	HKDF | tr -d ':\n' | tr A-F a-f)
got=$(current_key "$ONE" | cut -c 1-160)
[ $((now / half)) -eq $(($(date +%s) / half)) ] || got=$wanted
is "$got" "$wanted" "which openssl kdf computes as well"
kill_tlsmgr "$ONE"
is "$(resume one "$TMP/1")" "Reused Reused" "resumed after kill -9 of tlsmgr"
is "$(shows_key "$ONE/data" "$(current_key "$ONE")")" "" "no part of the key is on disk"

# Host one is first to have a new secret, host two follows.
umask 077
openssl rand -base64 48 >"$SECRET.new"
umask 022
cat "$SECRET.new" >"$SECRET.one"
reload "$ONE"
is "$(issue one "$TMP/new")" "New New" "another secret on host one"
[ "$(current_key "$ONE")" != "$(current_key "$TWO")" ]
ok $? "its keys are others"
is "$(resume one "$TMP/1")" "Reused Reused" "its tickets from before are good"
is "$(issue two "$TMP/late") $(resume one "$TMP/late")" "New New Reused Reused" \
	"so are those that host two still issues with the previous secret"
kill_tlsmgr "$ONE"
is "$(resume one "$TMP/late")" "Reused Reused" "also after kill -9 of tlsmgr"
is "$(resume two "$TMP/new")" "New New" "host two does not know the new secret yet"
cat "$SECRET.new" >"$SECRET.two"
reload "$TWO"
is "$(resume two "$TMP/new") $(resume two "$TMP/late") $(resume two "$TMP/1")" "Reused Reused Reused Reused Reused Reused" \
	"once it does, tickets of both secrets are good"
is "$(warnings "$ONE")$(warnings "$TWO")" "" "nothing to complain about"

# Without the file, the previous secret ends with the process.
set_parameter "$TWO" "tlsmgr_ticket_key_persist = no"
reload "$TWO"
is "$(resume two "$TMP/late") $(resume two "$TMP/new")" "New New Reused Reused" "not kept: only the secret's keys are good"
kill_tlsmgr "$TWO"
is "$(resume two "$TMP/new")" "Reused Reused" "also after kill -9"
is "$(key_file "$TWO")" "600 postfix 0 1" "and the file is empty"

# --- secrets that cannot be used ---

refused() { # NAME WORDS
	reload "$TWO"
	is "$(issue two "$TMP/r") $(resume two "$TMP/r")" "New New Reused Reused" "$1: service goes on"
	is "$(grep -F 'warning: ticket secret file ' "$TWO/log/maillog" | grep -cF -- "$2")" 1 "$1: one line in the log"
	is "$(resume one "$TMP/r")" "New New" "$1: with keys of its own"
}
chmod 604 "$SECRET.two"
refused "everybody's" ": everybody can read it: using keys of this host"
chmod 620 "$SECRET.two"
refused "the group's" ": others than its owner can change it: using keys of this host"
chmod 600 "$SECRET.two"
echo 31-bytes-are-one-too-few-for-us >"$SECRET.two"
refused "short" ": shorter than 32 bytes: using keys of this host"
rm "$SECRET.two"
refused "missing" ": No such file or directory: using keys of this host"
mkfifo "$SECRET.two"
refused "a pipe" ": not a regular file: using keys of this host"
is "$(warnings "$TWO" | grep -vc 'ticket secret file')" 0 "nothing else to complain about"
done_testing
