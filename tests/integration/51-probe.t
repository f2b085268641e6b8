#!/bin/sh
# SPDX-License-Identifier: ISC
#
# "postfix tls probe" beside posttls-finger, in a world of the test's own: a name server with a signed and an unsigned
# zone, certificates, and a server for each destination, which differ in one thing each. Both are asked about the same
# destinations, at the level that the policy comes to, and must say the same of the TLS session in the same words; what
# they are told differently is translated. Then what posttls-finger does not know: the policy's verdict, all servers of a
# domain, JSON, resumption, exit status.
#
# ROWS=NAME-PREFIX runs those only; ALL=1 also those that are about the engine more than about the probe;
# KEEP=DIRECTORY keeps what was said.
if [ "$(id -u)" -eq 0 ] && [ -z "$PROBE_NETWORK" ] && unshare -m -n true 2>/dev/null; then
	PROBE_NETWORK=1 exec unshare -m -n sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
need_postfix
[ -n "$PROBE_NETWORK" ] || skip_all "no namespaces for a resolver"
command -v unbound ldns-signzone drill >/dev/null || skip_all "needs unbound and ldnsutils"
. "$SEALPOST_TOP/tests/tools/destination-certs.sh"
. "$SEALPOST_TOP/tests/tools/signed-zone.sh"
mount --make-rprivate / && ip link set lo up
tool tls-destinations

# Where the answer is another one on purpose: ROWS|WHAT OURS SAYS|REASON.
INTENDED=$TMP/intended
cat >"$INTENDED" <<'TABLE'
fp-none fp-none-trusted fp-no-hex fp-no-hex-trusted fp-list|client TLS configuration problem|a policy without fingerprints is none; posttls-finger has no policy
dane-only-without-dns dane-only-no-records domain-mixed-dane-only|no TLSA records found|without records dane-only does not deliver; posttls-finger takes them for secure
dane-only-unusable|unusable|so it is with records that are of no use
domain-plain-dane-only domain-plain-to-signed-only|non DNSSEC destination|so it is with MX records that nobody has signed
ta-missing ta-empty|client TLS configuration problem|a policy whose trust anchors cannot be read is none; posttls-finger ends
no-such-level|Invalid TLS level "best"|both end; we with the words of smtp
ta-two|client TLS configuration problem|main.cf names one file with trust anchors
sni-invalid sni-idn sni-long|client TLS configuration problem|a policy with such a name to send is none; posttls-finger sends it
null-for-null grade-null|delivery over TLS|posttls-finger leaves out ciphers that do not encrypt, smtp does not at this level
TABLE

# --- rows, as tests/tools/destination-rows.sh wants them ---

row() { # NAME SERVER ARGUMENT...
	add_row "$1" "$2" "[127.0.0.1]:PORT" "$@"
}

dane_row() { # NAME SERVER RECORDS ARGUMENT...
	dane_name=$1 dane_server=$2 dane_records=$3
	shift 3
	zone_destination "$dane_name" "$dane_records"
	add_row "$dane_name" "$dane_server" "[$dane_name.dane.test]:PORT" "$dane_name" "$dane_server" "$@"
}

# domain_row NAME SERVER ARGUMENT...: the same for a domain or host that $TMP/records has records for.
domain_row() {
	add_row "$1" "$2" "" "$@"
}

# add_row NAME SERVER TO NAME SERVER ARGUMENT...
add_row() {
	case $1 in
	"$ROWS"*) ;;
	*) return 0 ;;
	esac
	add_name=$1 add_to=$3
	echo "$1 $2" | sed "s,@\([^ ]*\),Certificate=$D/\1.pem PrivateKey=$D/\1.pem,; s,^\([^ ]*\) ,\1 PORT ," >>"$TMP/servers"
	shift 5
	for argument in "$@"; do
		[ "$argument" != TO ] || argument=$add_to
		printf '%s\n' "$argument"
	done >"$TMP/rows/$add_name"
	ROW_NAMES="$ROW_NAMES $add_name"
}

zone_lines() { # ZONE
	cat >>"$ZONE/$1.zone"
}

# Mail exchangers, aliases and signatures: the ways from a domain to its servers.
domain_rows() {
	good=$(tlsa good 3 1 1)
	wrong="3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	zone_lines dane <<-ZONE
	two MX 20 one.two
	two MX 10 dead.two
	dead.two A 127.0.0.2
	*._tcp.dead.two TLSA $good
	one.two A 127.0.0.1
	*._tcp.one.two TLSA $good
	order MX 30 c.order
	order MX 10 a.order
	order MX 20 b.order
	a.order A 127.0.0.1
	b.order A 127.0.0.1
	c.order A 127.0.0.1
	many-addresses A 127.0.0.1
	many-addresses A 127.0.0.2
	nullmx MX 0 .
	ghost MX 10 nowhere.ghost
	half-ghost MX 10 nowhere.ghost
	half-ghost MX 20 one.two
	numeric MX 10 127.0.0.1.
	$(i=0; while [ $((i += 1)) -le 101 ]; do echo "flood MX $i m$i.flood"; done)
	no-mx A 127.0.0.1
	*._tcp.no-mx TLSA $good
	alias-to-mx CNAME two
	mx-alias MX 10 alias.mx-alias
	alias.mx-alias CNAME one.two
	alias-own MX 10 a.alias-own
	a.alias-own CNAME host.alias-own
	host.alias-own A 127.0.0.1
	*._tcp.a.alias-own TLSA $good
	alias-both MX 10 a.alias-both
	a.alias-both CNAME host.alias-both
	host.alias-both A 127.0.0.1
	*._tcp.a.alias-both TLSA $wrong
	*._tcp.host.alias-both TLSA $good
	alias-out CNAME unsigned.plain.test.
	*._tcp.alias-out TLSA $good
	alias-out-bare CNAME unsigned.plain.test.
	alias-loop CNAME alias-loop2
	alias-loop2 CNAME alias-loop
	tlsa-alias A 127.0.0.1
	*._tcp.tlsa-alias CNAME records.tlsa-alias
	records.tlsa-alias TLSA $good
	tlsa-alias-out A 127.0.0.1
	*._tcp.tlsa-alias-out CNAME records.plain.test.
	mixed MX 10 unsigned.plain.test.
	mixed-alias MX 10 alias-out
	out MX 10 one.two
	anchor-mx MX 10 host.anchor-mx
	host.anchor-mx A 127.0.0.1
	*._tcp.host.anchor-mx TLSA $(tlsa inter 2 1 1)
	expired-signature-tlsa MX 10 host.expired-signature-tlsa
	host.expired-signature-tlsa A 127.0.0.1
	*._tcp.host.expired-signature-tlsa TLSA $good
	deep.anchor-base MX 10 anchorhost
	anchorhost A 127.0.0.1
	*._tcp.anchorhost TLSA $(tlsa inter 2 1 1)
	deep.anchor-rname CNAME anchor-rname
	anchor-rname MX 10 host.anchor-mx
	anchor-qname CNAME deep.anchor-qname
	deep.anchor-qname MX 10 host.anchor-mx
	deep.anchor-none MX 10 host.anchor-mx
	anchor-nexthop CNAME host.anchor-mx
	deep.anchor-target CNAME anchorhost
	ZONE
	zone_lines plain <<-ZONE
	unsigned A 127.0.0.1
	*._tcp.unsigned TLSA $good
	records TLSA $good
	plain MX 10 unsigned
	plain-to-signed MX 10 one.two.dane.test.
	alias-in CNAME one.two.dane.test.
	ZONE
	for level in may dane dane-only; do
		domain_row domain-two-$level @good -l $level two.dane.test:PORT
		domain_row domain-plain-$level @good -l $level plain.plain.test:PORT
		domain_row domain-mixed-$level @good -l $level mixed.dane.test:PORT
	done
	for name in order many-addresses nullmx ghost half-ghost numeric nowhere no-mx alias-to-mx mx-alias alias-own alias-both \
		mixed-alias out anchor-mx expired-signature-tlsa alias-out alias-out-bare alias-loop; do
		domain_row domain-$name @good -l dane $name.dane.test:PORT
	done
	# The certificate is one for *.dane.test: which names may it have?
	for name in deep.anchor-base deep.anchor-rname anchor-qname deep.anchor-none; do
		domain_row "domain-$name" @good -l dane "$name.dane.test:PORT"
	done
	for name in no-mx alias-to-mx alias.mx-alias a.alias-own alias-out tlsa-alias tlsa-alias-out anchorhost anchor-nexthop \
		deep.anchor-target host.anchor-mx; do
		domain_row host-$name @good -l dane "[$name.dane.test]:PORT"
	done
	for policy in dane encrypt may; do
		domain_row domain-plain-to-signed-$policy @good -l dane -M $policy plain-to-signed.plain.test:PORT
	done
	domain_row domain-plain-to-signed-only @good -l dane-only plain-to-signed.plain.test:PORT
	domain_row host-alias-in @good -l dane '[alias-in.plain.test]:PORT'
	domain_row domain-anchor-no-mx @good -l dane anchor-nexthop.dane.test:PORT
	domain_row domain-native @good -l may -h native two.dane.test:PORT
	domain_row domain-native-host @good -l may -h native '[localhost]:PORT'
	domain_row domain-secure-host @good -l secure -F "$CA" '[one.two.dane.test]:PORT' hostname
	domain_row domain-secure-nexthop @good -l secure -F "$CA" two.dane.test:PORT nexthop dot-nexthop
	domain_row domain-anchor-host-name @wrongname -l dane anchor-mx.dane.test:PORT
	domain_row domain-anchor-nexthop "@good sni=host.anchor-mx.dane.test:$D/wrongname.pem" -l dane anchor-mx.dane.test:PORT
}

choose_rows() {
	mkdir "$TMP/rows" "$TMP/real" "$TMP/ours" "$TMP/level"
	: >"$TMP/servers"
	ROW_NAMES=
	for group in level sni trouble dane domain ${ALL:+chain name protocol client fingerprint anchor cipher key}; do
		${group}_rows
	done
}

start_destinations() {
	free_ports "$(wc -l <"$TMP/servers")" | tr ' ' '\n' | paste -d ' ' - "$TMP/servers" |
		awk '{ port = $1; sub(/^[^ ]* /, ""); sub(/ PORT /, " " port " "); print }' >"$TMP/table"
	"$TOOLS/tls-destinations" "$TMP/table" >"$TMP/seen" 2>"$TMP/destinations" &
	PIDS="$PIDS $!"
	wait_for lines_in "$TMP/seen" 1 || { diag "$(cat "$TMP/destinations")"; return 1; }
}

port_of() { # NAME
	awk -v name="$1" '$1 == name { print $2 }' "$TMP/table"
}

# --- asking ---

# translate NAME: posttls-finger's arguments as ours, one a line.
translate() {
	awk -v port="$(port_of "$1")" '
	function set(name, value) { printf "-o\nsmtp_%s = %s\n", name, value }
	function both(name, value) { set("tls_" name, value); set("tls_mandatory_" name, value) }
	function parameter(option, value) {
		if (option == "-l") { level = value; print "-l\n" value }
		else if (option == "-F") set("tls_CAfile", value)
		else if (option == "-P") set("tls_CApath", value)
		else if (option == "-A") anchors = anchors " " value
		else if (option == "-p") both("protocols", value)
		else if (option == "-g") both("ciphers", value)
		else if (option == "-d") set("tls_fingerprint_digest", value)
		else if (option == "-H") set("tls_chain_files", value)
		else if (option == "-k") set("tls_cert_file", value)
		else if (option == "-K") set("tls_key_file", value)
		else if (option == "-s") set("tls_servername", value)
		else if (option == "-M") set("tls_dane_insecure_mx_policy", value)
		else if (option == "-h") set("host_lookup", value)
		else if (option == "-o") print "-o\n" value
	}
	option != "" { parameter(option, $0); option = ""; next }
	target == "" && /^-[cfSX]$/ {
		if ($0 == "-f") set("tls_force_insecure_host_tlsa_lookup", "yes")
		if ($0 == "-S") lmtp = 1
		next
	}
	target == "" && /^-/ { option = $0; next }
	target == "" { target = $0; sub(/PORT$/, port, target); next }
	{ match_list = match_list (match_list == "" ? "" : ", ") $0 }
	END {
		if (anchors != "") set("tls_trust_anchor_file", anchors)
		if (match_list != "" && level == "fingerprint") set("tls_fingerprint_cert_match", match_list)
		else if (match_list != "") set("tls_" (level == "verify" ? "verify" : "secure") "_cert_match", match_list)
		print (lmtp ? "inet:" : "") target
	}' "$TMP/rows/$1" | if grep -qx -- -S "$TMP/rows/$1"; then sed 's/^smtp_/lmtp_/'; else cat; fi
}

# Without what changes from run to run. An alert behind a TLS 1.3 handshake is read only if the reset of the connection
# does not overtake it.
without_chance() { # PORT
	sed -e '/tlsv13 alert certificate required/d' -e "s/:$1\([^0-9]\|\$\)/:PORT\1/g; s/_$1\._tcp/_PORT._tcp/g" \
		-e 's/TLS library problem: \(.*\):[^:]*\.c:[0-9]*:/TLS library problem: \1:FILE:LINE:/' -e 's/^posttls-finger: //'
}

# probe ARGUMENT...: what it says goes to $TMP/out and $TMP/err; sets STATUS.
probe() {
	env -i PATH=/usr/bin:/bin:/usr/sbin MAIL_CONFIG="$TMP/conf" config_directory="$TMP/conf" command_directory=/usr/sbin \
		daemon_directory="$BIN" queue_directory="${QUEUE:-$TMP}" "$BIN/postfix-tls-script" probe --trust-anchor "$TMP/zone/anchor" \
		"$@" >"${OUT:-$TMP/out}" 2>"${OUT:-$TMP/out}.err"
	STATUS=$?
}

probe_row() { # NAME: to the first server, as posttls-finger does
	translate "$1" >"$TMP/ours/$1.arguments"
	set -- "$1" --first
	while IFS= read -r argument; do
		set -- "$@" "$argument"
	done <"$TMP/ours/$1.arguments"
	probe_name=$1
	shift
	OUT=$TMP/ours/$probe_name probe "$@"
	echo "status $STATUS" >>"$TMP/ours/$probe_name"
	without_chance "$(port_of "$probe_name")" <"$TMP/ours/$probe_name" >"$TMP/ours/$probe_name.says"
	sed -n 's/^.*: level \([a-z-]*\), from .*/\1/p' "$TMP/ours/$probe_name.says" | tail -n 1 >"$TMP/level/$probe_name"
}

# posttls-finger's level is not lowered as a policy is; it is asked for the one that ours came to, where that is lower, and
# at dane it must have found no records to go by then.
finger_row() { # NAME
	finger_at "$1" "$(cat "$TMP/level/$1")" >"$TMP/real/$1.says"
	case $(cat "$TMP/level/$1"):$(tr '\n' ' ' <"$TMP/rows/$1") in
	may:*'-l dane '* | encrypt:*'-l dane '*) finger_at "$1" dane >"$TMP/real/$1.dane" ;;
	esac
}

finger_at() { # NAME LEVEL
	finger_name=$1 finger_port=$(port_of "$1") finger_level=$2
	set -- -c -L routine,certmatch,untrusted
	finger_option=
	while IFS= read -r argument; do
		case $finger_option:$argument:$finger_level in
		-l:dane:may | -l:dane:encrypt) argument=$finger_level ;;
		*PORT:*) argument=${argument%PORT}$finger_port ;;
		esac
		finger_option=$argument
		set -- "$@" "$argument"
	done <"$TMP/rows/$finger_name"
	MAIL_CONFIG="$TMP/conf" timeout 60 posttls-finger "$@" 2>&1 | without_chance "$finger_port"
}

# Every second row, so that two may do it.
ask_half() { # 0|1
	half_n=$1
	for name in $ROW_NAMES; do
		half_n=$((half_n + 1))
		[ $((half_n % 2)) -eq 0 ] || continue
		probe_row "$name"
		finger_row "$name"
	done
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

# What both say of a session. The words of a resolver about a forged answer are not those of Postfix's, which also names
# the end of an alias where there are no records; and it looks for the DNS root, which this world has not. Chance decides
# which of two addresses it takes first, and how the end of a connection is seen.
session_lines() { # FILE
	grep -E 'TLS connection established|certificate verification failed|^[^ ]*: ([Mm]atched |subject_CN=)|SSL_connect error|TLS library problem|unusable |fallback|error (setting|loading)|Invalid TLS|DANE TLSA lookup problem|connect to |does not accept mail|Host (not )?found|no MX host' "$1" | grep -v 'type=NS\|connect to many-' |
		sed 's/^.*\(connect to \)/\1/; s/^\(warning: DANE TLSA lookup problem\).*/\1/; s/^.*\(Domain .* does not accept mail\)/\1/
			s/^.*\(Host or domain name not found\.\).*name=[^ ]*/\1/
			s/: \(lost connection\|Connection reset by peer\)$/: gone/' | uniq
}

# Does our last line fit what posttls-finger saw, at this level?
verdict_fits() { # NAME
	verdict_line=$(grep 'TLS connection established' "$TMP/real/$1.says" | tail -n 1)
	verdict_level=$(cat "$TMP/level/$1")
	! grep -q 'fallback to unauthenticated TLS' "$TMP/real/$1.says" || verdict_level=encrypt
	case $1 in
	*-after-*) verdict_line=broken ;;
	esac
	case $verdict_level:$verdict_line in
	none:* | may:*) verdict_wanted='delivery (over TLS|in plaintext)|no delivery' ;;
	encrypt:*established* | *:Verified*) verdict_wanted='delivery over TLS' ;;
	halfdane:Trusted*) verdict_wanted='delivery over TLS' ;;
	*) verdict_wanted='no delivery' ;;
	esac
	grep -Eq ": ($verdict_wanted)" "$TMP/ours/$1.says"
}

compare_row() { # NAME
	session_lines "$TMP/real/$1.says" >"$TMP/real.lines"
	session_lines "$TMP/ours/$1.says" >"$TMP/ours.lines"
	diff "$TMP/real.lines" "$TMP/ours.lines" >"$TMP/diff" && verdict_fits "$1" &&
		! grep -q 'Matched DANE' "$TMP/real/$1.dane" 2>/dev/null && return
	diag "$1: posttls-finger (<) and ours (>)"
	diag "$(cat "$TMP/diff")"
	diag "$(cat "$TMP/ours/$1.says" "$TMP/ours/$1.err")"
	return 1
}

compare_rows() {
	for name in $ROW_NAMES; do
		intended=$(reason_in "$INTENDED" "$name")
		if [ -n "$intended" ]; then
			like "$(cat "$TMP/ours/$name.says" "$TMP/ours/$name.err")" "${intended%%|*}" "$name: ${intended#*|}"
			unlike "$(cat "$TMP/ours/$name.says")" '^Verified' "$name: and nothing is verified"
		else
			compare_row "$name"
			ok $? "$name ($(cat "$TMP/level/$name")): $(grep 'TLS connection established' "$TMP/ours/$name.says" | sed 's/ TLS.*//; q')"
		fi
	done
}

# --- what posttls-finger does not know ---

json() { # PATH, words with dots between
	perl -MJSON::PP -e 'local $/; my $at = decode_json(<STDIN>);
		for (split /\./, $ARGV[0]) { $at = ref $at eq "ARRAY" ? $at->[$_] : $at->{$_} }
		print ref $at eq "ARRAY" ? "@$at" : $at // "null"' "$1" <"$TMP/out"
}

command_tests() {
	good=$(port_of dane-311) plain=$(port_of trouble-no-starttls)
	probe -l may "two.dane.test:$good"
	is $STATUS 1 "one server of two: status 1"
	like "$(cat "$TMP/out")" "^dead.two.dane.test\[127.0.0.2\]:$good: no delivery: 4.4.1 connect to .*: Connection refused\$" "the one that is not there"
	like "$(cat "$TMP/out")" "^one.two.dane.test\[127.0.0.1\]:$good: delivery over TLS\$" "the one that is"
	probe -l may --first "order.dane.test:$good"
	is "$STATUS $(grep -c ': level ' "$TMP/out")" "0 1" "--first: the first that takes mail is the last"
	probe -l may "order.dane.test:$good"
	is "$(sed -n 's/^\([abc]\.order\).*: level .*/\1/p' "$TMP/out" | tr '\n' ' ')" "a.order b.order c.order " "all, by preference"
	probe -l may -o smtp_mx_address_limit=2 "order.dane.test:$good"
	is "$(grep -c ': level ' "$TMP/out")" 2 "no more than smtp would try"
	probe -l encrypt "[127.0.0.1]:$plain"
	is $STATUS 2 "nobody takes mail: status 2"
	like "$(cat "$TMP/out")" 'no delivery: 4\.7\.4 TLS is required, but was not offered by host' "why"
	probe -l may "[127.0.0.1]:$plain"
	is $STATUS 0 "without STARTTLS at level may: status 0"
	like "$(cat "$TMP/out")" ': delivery in plaintext$' "in plaintext"

	probe -l may "127.0.0.1:$plain"
	is "$STATUS $(tail -n 1 "$TMP/out")" "0 127.0.0.1[127.0.0.1]:$plain: delivery in plaintext" "an address needs no brackets, as with smtp"

	probe -l none -o smtp_tls_note_starttls_offer=yes "[dane-311.dane.test]:$good"
	like "$(cat "$TMP/out")" '^Host offered STARTTLS: \[dane-311.dane.test\]$' "an offer is noted"
	unlike "$(cat "$TMP/out")" 'TLS connection' "and not taken at level none"
	probe -l none "[dane-311.dane.test]:$good"
	unlike "$(cat "$TMP/out")" 'Host offered' "nor noted unless it is asked for"
	like "$(cat "$TMP/out")" ': offers: STARTTLS, 8BITMIME$' "what is offered is told anyway"
	probe -l encrypt -o smtp_discard_ehlo_keywords=starttls "[dane-311.dane.test]:$good"
	like "$(cat "$TMP/out")" 'no delivery: 4\.7\.4 TLS is required, but was not offered' "an offer that main.cf has overlooked"

	probe -l dane --resume "[dane-311.dane.test]:$good"
	like "$(cat "$TMP/out")" ': the second connection resumed the session$' "a session is resumed"
	is "$(grep -c '^Verified TLS connection established' "$TMP/out")" 2 "and verified again"
	like "$(grep '^dane-311: ' "$TMP/seen" | tail -n 1)" ' resumed$' "which the server has seen"

	probe -l dane --json "mx-secure.dane.test:$(port_of mx-secure)"
	is "$STATUS $(json servers.0.host) $(json mx) $(json validated)" "0 host.mx-secure.dane.test secure 1" "JSON: the way"
	is "$(json servers.0.level) $(json servers.0.tlsa) $(json servers.0.tls.verified) $(json servers.0.status)" "dane usable 1 null" \
		"JSON: the verdict"
	is "$(json servers.0.offers)" "STARTTLS 8BITMIME" "JSON: offers"
	probe -l may --json nullmx.dane.test
	is "$STATUS $(json status) $(json reason)" "2 5.1.0 Domain nullmx.dane.test does not accept mail (nullMX)" "JSON: no servers"

	probe -l may flood.dane.test
	is "$STATUS $(grep -c '^no address was found of the MX host m[0-9]*\.flood\.dane\.test$' "$TMP/out")" "2 100" \
		"a hundred mail exchangers are asked for, and no more"

	cat >>"$TMP/conf/main.cf" <<-CONF
	smtp_tls_policy_maps = inline:{ { two.dane.test:$good = dane-only }, { .plain.test = fingerprint match=00:11 } }
	CONF
	probe "two.dane.test:$good"
	like "$(cat "$TMP/out")" ': level dane-only, from smtp_tls_policy_maps$' "a table says which level"
	probe -l may "two.dane.test:$good"
	like "$(cat "$TMP/out")" ': level may, from -l$' "unless another one is asked for"

	probe -l dane -o smtp_dns_support_level=enabled "[dane-311.dane.test]:$good"
	like "$(cat "$TMP/out")" '^warning: \[dane-311.*: dane configured with dnssec lookups disabled$' "no DNSSEC: the client's warning"
	like "$(cat "$TMP/out")" ': level may, from -l$' "and its level"
	probe -l dane --trust-anchor /nowhere "[dane-311.dane.test]:$good"
	like "$(cat "$TMP/out")" '^warning: answers of DNS are not validated: open /nowhere' "no keys to validate with: it is said"
	like "$(cat "$TMP/out")" ': level may, from -l$' "and dane is what it is without proof"
	probe -l dane --trust-anchor /etc/passwd "[dane-311.dane.test]:$good"
	like "$(cat "$TMP/out")" '^warning: answers of DNS are not validated: /etc/passwd holds no keys' "nor in a file without keys"
	is "$(cat "$TMP/out.err")" "" "which the library says nothing of"
	probe -l may --resolver x "two.dane.test:$good"
	like "$STATUS $(cat "$TMP/out.err")" '^3 .*resolver x: neither ADDRESS' "what is no address cannot be asked: status 3"
	probe -l may --resolver 127.0.0.1@1 --timeout 1 "two.dane.test:$good"
	is $STATUS 2 "nobody to ask: status 2"
	like "$(cat "$TMP/out")" 'no delivery: 4\.4\.3 Host or domain name not found' "which is no reason to give up for good"

	probe -l best "two.dane.test:$good"
	is "$STATUS $(cat "$TMP/out.err")" '3 postfix/postfix-tls-script: fatal: Invalid TLS level "best"' "no such level"
	probe '[two.dane.test'
	is "$STATUS $(cat "$TMP/out.err")" '3 postfix/postfix-tls-script: fatal: missing "]" in server description: [two.dane.test' \
		"no such destination"
	probe
	like "$STATUS $(cat "$TMP/out.err")" '^3 .*usage: postfix tls probe ' "no destination"
	probe -o nonsense a.test
	like "$STATUS $(cat "$TMP/out.err")" '^3 .*-o nonsense: ' "no setting"
}

# --- servers that are not what they should be ---

# odd_server MODE: sets ODD_PORT.
odd_server() {
	ODD_PORT=$(free_ports 1)
	perl -MIO::Socket::INET -e '
		my ($port, $mode) = @ARGV;
		my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 5, ReuseAddr => 1) or die;
		$SIG{PIPE} = "IGNORE";
		my %greeting = (busy => "421 4.3.2 not now\r\n", gone => "554 5.3.2 never\r\n", odd => "hello\r\n", silent => "", closes => "");
		while (my $client = $listener->accept) {
			print $client $greeting{$mode} // "220 odd.test ESMTP\r\n";
			$client->flush;
			while ($mode ne "closes" && defined(my $line = <$client>)) {
				$line =~ /^QUIT/ and print $client "221 bye\r\n" and last;
				$mode eq "helo" and print $client $line =~ /^EHLO/ ? "502 5.5.1 what\r\n" : "250 odd.test\r\n";
				$mode eq "endless" and do { 1 while print $client "250-x\r\n" };
				$mode eq "ehlo-busy" and print $client "451 4.3.0 later\r\n";
				$mode eq "refuses" and print $client $line =~ /^EHLO/ ? "250-odd.test\r\n250 STARTTLS\r\n" : "454 4.7.0 not now\r\n";
				$client->flush;
			}
			close $client;
		}' "$ODD_PORT" "$1" &
	PIDS="$PIDS $!"
	wait_for port_open "$ODD_PORT"
}

odd_row() { # MODE LEVEL STATUS WORDS
	odd_server "$1"
	odd_timeout=60
	[ "$1" != silent ] || odd_timeout=2
	probe -l "$2" --timeout $odd_timeout "[127.0.0.1]:$ODD_PORT"
	is $STATUS "$3" "$1 at level $2: status $3"
	like "$(tail -n 1 "$TMP/out")" "$4" "$1 at level $2: $4"
}

odd_tests() {
	odd_row busy may 2 ': no delivery: 4\.3\.2 host .* refused to talk to me: 421 4\.3\.2 not now$'
	odd_row gone may 2 ': no delivery: 5\.3\.2 host .* refused to talk to me: 554 '
	odd_row odd may 2 ': no delivery: 4\.5\.0 .* does not speak the protocol while receiving the initial server greeting$'
	odd_row silent may 2 ': no delivery: 4\.4\.2 conversation with .* timed out while receiving the initial server greeting$'
	odd_row closes may 2 ': no delivery: 4\.4\.2 lost connection with .* while receiving the initial server greeting$'
	odd_row endless may 2 ': no delivery: 4\.5\.0 .* does not speak the protocol while performing the EHLO handshake$'
	odd_row ehlo-busy may 2 ': no delivery: 4\.3\.0 host .* refused to talk to me: 451 4\.3\.0 later$'
	odd_row helo may 0 ': delivery in plaintext$'
	odd_row helo encrypt 2 ': no delivery: 4\.7\.4 TLS is required, but was not offered by host '
	odd_row refuses may 0 ': delivery in plaintext$'
	odd_row refuses encrypt 2 ': no delivery: 4\.7\.0 TLS is required, but host .* refused to start TLS: 454 4\.7\.0 not now$'
}

# --- through tlsproxy ---

# proxy_row NAME: the same summary as without, and the server sees the same session.
proxy_row() {
	proxy_name=$1
	set --
	while IFS= read -r argument; do
		set -- "$@" "$argument"
	done <"$TMP/ours/$proxy_name.arguments"
	OUT=$TMP/proxy.out QUEUE=$I/spool probe --tlsproxy --first "$@"
	is "$STATUS $(grep 'TLS connection' "$TMP/proxy.out" | without_chance "$(port_of "$proxy_name")")" \
		"$(sed -n 's/^status //p' "$TMP/ours/$proxy_name.says") $(grep 'TLS connection' "$TMP/ours/$proxy_name.says")" \
		"$proxy_variant: $proxy_name" || diag "$(cat "$TMP/proxy.out" "$TMP/proxy.out.err")"
}

proxy_tests() { # NAME OURS
	proxy_variant=$1
	make_instance "$1" "$2"
	sed -i '/^smtp_tls_session_cache_database/d; s/^smtp_tls_security_level = .*/smtp_tls_security_level = may/' "$I/etc/main.cf"
	start_instance "$I"
	ok $? "$1: starts"
	for name in may encrypt secure secure-default sni-right mx-secure mx-secure-anchor mx-insecure-dane dane-311 dane-211-inter \
		dane-311-mismatch dane-type-unknown trouble-alert-at-hello trouble-no-starttls; do
		proxy_row "$name"
	done
	unlike "$(grep tlsproxy "$I/log/maillog" | grep -v "CAfile\|request from tlsproxy client with\|to avoid this warning")" \
		'unexpected|!= .client' "$1: tlsproxy reads what it is told"
	stop_instance "$I"
	OUT=$TMP/proxy.out QUEUE=$I/spool probe --tlsproxy -l encrypt "[127.0.0.1]:$(port_of may)"
	is $STATUS 2 "$1: when it is gone, status 2"
	like "$(cat "$TMP/proxy.out")" '^warning: connect to .*/private/tlsproxy: ' "$1: and why"
}

# --- all together ---

make_destination_certs "$TMP/certs.d" || { ok 1 "certificates"; done_testing; }
zone_begin "$TMP/zone"
. "$SEALPOST_TOP/tests/tools/destination-rows.sh"
choose_rows
zone_serve && PIDS="$PIDS $RESOLVER_PID" && wait_for zone_is_served
ok $? "a signed zone is served" || { diag "$(cat "$TMP/zone/unbound.log")"; done_testing; }
start_destinations
ok $? "$(wc -l <"$TMP/servers") destinations" || done_testing
mkdir "$TMP/conf"
: >"$TMP/conf/master.cf"
cat >"$TMP/conf/main.cf" <<CONF
compatibility_level = 3.6
myhostname = mx.example.test
maillog_file = /dev/stdout
inet_protocols = ipv4
queue_directory = $TMP
data_directory = $TMP
smtp_dns_support_level = dnssec
smtp_address_preference = ipv4
CONF
ask_half 0 &
asking=$!
PIDS="$PIDS $asking"
ask_half 1
wait "$asking"
compare_rows
[ -z "$KEEP" ] || cp -r "$TMP" "$KEEP"
[ -z "$ROWS" ] || done_testing
command_tests
odd_tests
make_certs "$TMP/certs"
proxy_tests stock ""
proxy_tests ours "tlsmgr tlsproxy"
done_testing
