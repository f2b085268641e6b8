#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The client role against destinations that differ in one thing each (tests/tools/destination-rows.sh): posttls-finger
# by itself, through Postfix's tlsproxy and through ours must come to the same verdict in the same words, the two
# tlsproxies must log the same lines, and the destination must see the same client. A dozen of them again with mail, sent
# by a real smtp that reuses its TLS connections. DANE works on a signed zone, which a resolver of the test's own serves
# in a network of the test's own.
#
# ROWS=NAME-PREFIX runs those only; KEEP=DIRECTORY keeps what was said and logged.
if [ "$(id -u)" -eq 0 ] && [ -z "$DESTINATIONS_NETWORK" ] && unshare -m -n true 2>/dev/null; then
	DESTINATIONS_NETWORK=1 exec unshare -m -n sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
need_postfix
. "$SEALPOST_TOP/tests/tools/destination-certs.sh"
. "$SEALPOST_TOP/tests/tools/signed-zone.sh"
NO_DNS=
[ -n "$DESTINATIONS_NETWORK" ] || NO_DNS="no namespaces for a resolver"
command -v unbound ldns-signzone drill >/dev/null || NO_DNS="needs unbound and ldnsutils"
[ -z "$DESTINATIONS_NETWORK" ] || { mount --make-rprivate / && ip link set lo up; }
tool tls-destinations

# Where ours differs on purpose: ROWS|WHAT OUR LOG SAYS|REASON.
INTENDED=$TMP/intended
cat >"$INTENDED" <<'TABLE'
fp-none fp-none-trusted fp-no-hex fp-no-hex-trusted fp-list|all fingerprints unusable|no certificate satisfies a fingerprint level without fingerprints; Postfix takes any that a known authority signed, whatever its name
TABLE

# Where posttls-finger by itself cannot be compared with itself through a tlsproxy: ROW-PATTERN|REASON.
APART=$TMP/apart
cat >"$APART" <<'TABLE'
log-*|it logs the session itself, as -L says, and what tlsproxy tells it always
dane-digest-preference|tls_dane_digests is what tlsproxy was started with
asked-given-apart|it reads a key as root
fp-none-trusted|as above
fp-no-hex-trusted|as above
TABLE

# --- the rows ---

row() { # NAME SERVER ARGUMENT...
	add_row "$1" "$2" "" "$@"
}

dane_row() { # NAME SERVER RECORDS ARGUMENT...
	dane_name=$1 dane_server=$2 dane_records=$3
	[ -z "$NO_DNS" ] || return 0
	shift 3
	zone_destination "$dane_name" "$dane_records"
	add_row "$dane_name" "$dane_server" "[$dane_name.dane.test]:PORT" "$dane_name" "$dane_server" "$@"
}

# add_row NAME SERVER TO NAME SERVER ARGUMENT...
add_row() {
	case $1 in
	"$ROWS"*) ;;
	*) return 0 ;;
	esac
	add_name=$1 add_to=${3:-[127.0.0.1]:PORT} add_dns=dnssec
	[ -n "$3" ] || add_dns=disabled
	echo "$1 $2" | sed "s,@\([^ ]*\),Certificate=$D/\1.pem PrivateKey=$D/\1.pem,; s,^\([^ ]*\) ,\1 PORT ," >>"$TMP/servers"
	shift 5
	{
		printf -- '-c\n-o\nsmtp_dns_support_level=%s\n' $add_dns
		for argument in "$@"; do
			[ "$argument" != TO ] || argument=$add_to
			printf '%s\n' "$argument"
		done
	} >"$TMP/rows/$add_name"
	ROW_NAMES="$ROW_NAMES $add_name"
}

make_rows() {
	mkdir "$TMP/rows"
	: >"$TMP/servers"
	ROW_NAMES=
	for group in level chain name protocol cipher key client fingerprint anchor sni trouble log dane; do
		${group}_rows
	done
}

# --- one run of all rows ---

# Each variant and row has a port of its own.
choose_ports() { # VARIANT...
	choose_rows=$(wc -l <"$TMP/servers")
	free_ports $((choose_rows * $#)) | tr ' ' '\n' >"$TMP/numbers"
	for choose_variant in "$@"; do
		head -n "$choose_rows" "$TMP/numbers" >"$TMP/$choose_variant.numbers"
		sed -i "1,${choose_rows}d" "$TMP/numbers"
	done
}

# start_destinations VARIANT: what the servers see goes to $TMP/VARIANT.seen.
start_destinations() {
	paste -d ' ' "$TMP/$1.numbers" "$TMP/servers" | awk '{ port = $1; $1 = ""; sub(/ PORT /, " " port " "); sub(/^ /, ""); print }' \
		>"$TMP/$1.table"
	"$TOOLS/tls-destinations" "$TMP/$1.table" >"$TMP/$1.seen" 2>"$TMP/$1.destinations" &
	PIDS="$PIDS $!"
	wait_for lines_in "$TMP/$1.seen" 1 || { diag "$(cat "$TMP/$1.destinations")"; return 1; }
}

port_of() { # VARIANT NAME
	awk -v name="$2" '$1 == name { print $2 }' "$TMP/$1.table"
}

# Without what changes from run to run: dumped bytes and reads that came too early, among others. An alert that follows a
# TLS 1.3 handshake is read only if the reset of the connection does not overtake it.
without_chance() { # PORT
	sed -e '/^[0-9a-f]\{4\} [0-9a-f][0-9a-f] /d' -e '/^[0-9a-f]\{4\} - <SPACES.NULLS>$/d' -e '/^read from .* => -1)$/d' \
		-e '/TLS library problem: .*tlsv13 alert certificate required/d' \
		-e "s/:$1\([^0-9]\|\$\)/:PORT\1/g; s/_$1\._tcp/_PORT._tcp/g" -e "s,$I,INSTANCE,g; s,$TMP,TMP,g" \
		-e 's/\(read from\|write to\) [0-9A-F]* \[[0-9A-F]*\]/\1 ADDRESS/' \
		-e 's/TLS library problem: \(.*\):[^:]*\.c:[0-9]*:/TLS library problem: \1:FILE:LINE:/' -e 's/^posttls-finger: //'
}

# finger VARIANT NAME [-X]: asks; what is said goes to $TMP/VARIANT/NAME.says.
finger() {
	finger_port=$(port_of "$1" "$2")
	finger_out=$TMP/$1/$2
	finger_row=$TMP/rows/$2 finger_x=$3
	set --
	while IFS= read -r argument; do
		case $argument in
		*PORT) argument=${argument%PORT}$finger_port ;;
		esac
		set -- "$@" "$argument"
	done <"$finger_row"
	{
		MAIL_CONFIG=$I/etc timeout 60 posttls-finger ${finger_x:+"$finger_x"} "$@" 2>&1
		echo "status $?"
	} | without_chance "$finger_port" >"$finger_out.says"
}

# The lines of tlsproxy for the row that was asked last, when its session has ended. A few have none.
log_of() { # VARIANT NAME
	log_port=$(port_of "$1" "$2")
	if grep -Eq 'TLS|certificate|tlsproxy' "$TMP/$1/$2.says"; then
		log_tries=0
		until log_has "$I" "tlsproxy.*CONNECT to \[127.0.0.1\]:$log_port\$" || [ $log_tries -gt 60 ]; do
			log_tries=$((log_tries + 1))
			sleep 0.02
		done
		[ $log_tries -gt 60 ] || wait_for log_has "$I" "tlsproxy.*DISCONNECT \[127.0.0.1\]:$log_port\$"
	fi
	tail -n +$((log_mark + 1)) "$I/log/maillog" | sed -n "s/^.*tlsproxy\[[0-9]*\]: //p" | without_chance "$log_port" >"$TMP/$1/$2.log"
	log_mark=$(wc -l <"$I/log/maillog")
}

ask_all() { # VARIANT [-X]
	log_mark=$(wc -l <"$I/log/maillog")
	for name in $ROW_NAMES; do
		finger "$1" "$name" "$2"
		[ -z "$2" ] || log_of "$1" "$name"
	done
}

make_variant() { # NAME OURS
	mkdir -p "$TMP/$1"
	start_destinations "$1" || return 1
	make_instance "$1" "$2"
	sed -i '/^smtp_tls_session_cache_database/d; /^smtp_host_lookup/d; /^smtp_dns_support_level/d; /^disable_dns_lookups/d
		s/^smtp_tls_security_level = .*/smtp_tls_security_level = may/' "$I/etc/main.cf"
	if [ -z "$NO_DNS" ]; then
		printf 'smtp_dns_support_level = dnssec\nsmtp_host_lookup = dns\n' >>"$I/etc/main.cf"
	else
		printf 'disable_dns_lookups = yes\nsmtp_host_lookup = native\n' >>"$I/etc/main.cf"
	fi
}

# --- comparing ---

reason_in() { # TABLE NAME: the reason of the first line whose patterns fit
	while IFS='|' read -r reason_patterns reason_rest; do
		for reason_pattern in $reason_patterns; do
			# shellcheck disable=SC2254 -- a pattern
			case $2 in
			$reason_pattern) printf '%s\n' "$reason_rest" && return ;;
			esac
		done
	done <"$1"
}

verdict_of() { # FILE
	grep 'TLS connection established' "$1"
	tail -n 1 "$1"
}

seen_by() { # VARIANT NAME
	grep "^$2: " "$TMP/$1.seen"
}

compare_row() { # NAME
	compare_bad=0
	for part in says log; do
		diff "$TMP/stock/$1.$part" "$TMP/ours/$1.$part" >"$TMP/diff" && continue
		compare_bad=1
		diag "$1, $part: Postfix's (<) and ours (>)"
		diag "$(cat "$TMP/diff")"
	done
	[ "$(seen_by stock "$1")" = "$(seen_by ours "$1")" ] || {
		compare_bad=1
		diag "seen through Postfix's: $(seen_by stock "$1")"
		diag "seen through ours:      $(seen_by ours "$1")"
	}
	[ -n "$(reason_in "$APART" "$1")" ] || [ "$(verdict_of "$TMP/alone/$1.says")" = "$(verdict_of "$TMP/ours/$1.says")" ] || {
		compare_bad=1
		diag "posttls-finger by itself: $(cat "$TMP/alone/$1.says")"
		diag "through ours:             $(cat "$TMP/ours/$1.says")"
	}
	return $compare_bad
}

compare_rows() {
	for name in $ROW_NAMES; do
		intended=$(reason_in "$INTENDED" "$name")
		if [ -n "$intended" ]; then
			like "$(cat "$TMP/ours/$name.log")" "${intended%%|*}" "$name: ours differs, ${intended#*|}"
			unlike "$(cat "$TMP/ours/$name.says")" '^Verified' "$name: and does not verify"
		else
			compare_row "$name"
			ok $? "$name"
		fi
	done
}

# --- the same with mail ---

# mail_row NAME POLICY: a recipient NAME@mail.test, whose nexthop is that row's destination.
mail_row() {
	case $ROW_NAMES in
	*" $1 "*) ;;
	*) return 0 ;;
	esac
	mail_to=$(tail -n +4 "$TMP/rows/$1" | grep PORT | sed "s/PORT/$(port_of "$MAIL_VARIANT" "$1")/")
	echo "$1@mail.test smtp:$mail_to" >>"$I/etc/transport"
	echo "$mail_to $2" >>"$I/etc/policy"
	MAIL_ROWS="$MAIL_ROWS $1"
}

mail_rows() {
	mail_row may may
	mail_row secure "secure match=$MX"
	mail_row verify "verify match=$MX"
	mail_row wrongname-secure "secure match=$MX"
	mail_row expired-secure "secure match=$MX"
	mail_row selfsigned-secure "secure match=$MX"
	mail_row belowother-secure "secure match=$MX"
	mail_row wildcard "secure match=$MX"
	mail_row fp-key "fingerprint match=$(digest_of good key sha256)"
	mail_row fp-wrong "fingerprint match=$(digest_of inter key sha256)"
	mail_row tls12 encrypt
	mail_row psk encrypt
	mail_row null-for-medium may
	mail_row required-none encrypt
	mail_row sni-right "secure match=$MX servername=$MX"
	mail_row trouble-no-starttls encrypt
	mail_row trouble-refuse encrypt
	mail_row trouble-close-at-hello encrypt
	mail_row trouble-text-for-tls may
	mail_row trouble-close-after-handshake encrypt
	mail_row dane-311 dane
	mail_row dane-211-inter dane-only
	mail_row dane-311-mismatch dane
	mail_row dane-type-unknown dane
	mail_row dane-only-unusable dane-only
	mail_row dane-no-records dane
	mail_row dane-only-no-records dane-only
	mail_row dane-expired-signature dane
	mail_row mx-secure dane
	mail_row mx-insecure-encrypt dane
}

send_mail() {
	perl -MNet::SMTP -e '
		my $s = Net::SMTP->new("127.0.0.1", Port => shift, Hello => "client.test") or die;
		$s->mail("") or die $s->message;
		$s->to("$_\@mail.test") or die $s->message for @ARGV;
		$s->data("Subject: x\n\nhello\n") or die $s->message;
		$s->quit' "$SMTPD_PORT" $MAIL_ROWS
}

all_tried() {
	for name in $MAIL_ROWS; do
		log_has "$I" "smtp\[.*to=<$name@mail.test>.*status=" || return 1
	done
}

run_mail() { # VARIANT OURS
	MAIL_VARIANT=$1 MAIL_ROWS='' ROW_NAMES="$ROW_NAMES "
	make_variant "$1" "$2" || return
	mail_rows
	cat >>"$I/etc/main.cf" <<-CONF
	smtp_tls_connection_reuse = yes
	smtp_connection_cache_destinations = static:all
	smtp_tls_CAfile = $CA
	smtp_tls_policy_maps = texthash:$I/etc/policy
	transport_maps = texthash:$I/etc/transport
	bounce_queue_lifetime = 1d
	CONF
	start_instance "$I"
	ok $? "$1: starts"
	send_mail
	check "$1: every destination was tried" wait_for all_tried
	for name in $MAIL_ROWS; do
		{
			sed -n "s/.*smtp\[[0-9]*\]: [0-9A-F]*: to=<$name@.*\(relay=[^,]*\),.*dsn=/\1 dsn=/p" "$I/log/maillog"
			sed -n "s/.*smtp\[[0-9]*\]: \(.*TLS.*\)/\1/p" "$I/log/maillog" | grep -v 'to=<' |
				grep ":$(port_of "$1" "$name")[^0-9]"
			seen_by "$1" "$name"
		} | sed 's/queued as [0-9A-F]*//' | without_chance "$(port_of "$1" "$name")" >"$TMP/$1/$name.mail"
	done
	stop_instance "$I"
}

compare_mail() {
	for name in $MAIL_ROWS; do
		is "$(cat "$TMP/mail-ours/$name.mail")" "$(cat "$TMP/mail-stock/$name.mail")" "mail to $name: $(
			sed -n 's/.*\(status=[a-z]*\).*/\1/p' "$TMP/mail-stock/$name.mail")"
	done
}

# --- all together ---

make_destination_certs "$TMP/certs.d" || { ok 1 "certificates"; done_testing; }
make_certs "$TMP/certs"
[ -n "$NO_DNS" ] || zone_begin "$TMP/zone"
. "$SEALPOST_TOP/tests/tools/destination-rows.sh"
make_rows
if [ -z "$NO_DNS" ]; then
	zone_serve && PIDS="$PIDS $RESOLVER_PID" && wait_for zone_is_served
	ok $? "a signed zone is served" || diag "$(cat "$TMP/zone/unbound.log")"
else
	skip "$NO_DNS" "DANE"
fi
choose_ports alone stock ours mail-stock mail-ours

# Three at a time: they wait more than they work.
make_variant alone ""
make_variant stock ""
make_variant ours "tlsmgr tlsproxy"
for variant in alone stock ours; do
	start_instance "$TMP/$variant"
	ok $? "$variant: starts"
done
(I=$TMP/alone && ask_all alone) &
asking=$!
(I=$TMP/stock && ask_all stock -X) &
asking="$asking $!"
(I=$TMP/ours && ask_all ours -X) &
asking="$asking $!"
PIDS="$PIDS $asking"
# shellcheck disable=SC2086 -- a list of words
wait $asking
for variant in alone stock ours; do
	stop_instance "$TMP/$variant"
done
compare_rows
run_mail mail-stock ""
run_mail mail-ours "tlsmgr tlsproxy"
compare_mail
[ -z "$KEEP" ] || cp -r "$TMP" "$KEEP"
done_testing
