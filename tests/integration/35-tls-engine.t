#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The TLS engine as a client, by itself: for each server that differs in one thing, and each thing that is asked of
# it, our engine logs what real posttls-finger logs, line by line, in the same order.

. "$(dirname "$0")/lib.sh"

[ -x /usr/sbin/posttls-finger ] || skip_all "needs Debian's postfix package"
ENGINE=$SEALPOST_BUILD/tools/tls-engine
cd "$TMP" || exit 1

mkdir conf queue
cat >conf/main.cf <<-END
	compatibility_level = 3.6
	queue_directory = $TMP/queue
	data_directory = $TMP/queue
	mail_owner = postfix
	myhostname = test.example
	smtp_tls_fingerprint_digest = sha256
END

# --- certificates ---

new_key() { # NAME [ALGORITHM]
	case ${2:-ec} in
	rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key" 2>/dev/null ;;
	ed25519) openssl genpkey -algorithm ED25519 -out "$1.key" ;;
	*) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:"${3:-P-256}" -out "$1.key" ;;
	esac
}

# issue NAME SUBJECT EXTENSIONS [ISSUER [DAYS]]: with a key that is there; "\n" between extensions.
issue() {
	[ -f "$1.key" ] || new_key "$1"
	printf '%b\n' "$3" >"$1.ext"
	openssl req -new -key "$1.key" -subj "$2" -utf8 -out "$1.csr" 2>/dev/null
	if [ "${4:-}" ]; then
		openssl x509 -req -in "$1.csr" -CA "$4.pem" -CAkey "$4.key" -days "${5:-10}" -extfile "$1.ext" \
			-out "$1.pem" 2>/dev/null
	else
		openssl x509 -req -in "$1.csr" -signkey "$1.key" -days 10 -extfile "$1.ext" -out "$1.pem" 2>/dev/null
	fi
}

# issue_dated NAME SUBJECT EXTENSIONS ISSUER FROM TO: dates as YYYYMMDDHHMMSSZ.
issue_dated() {
	new_key "$1"
	printf '%b\n' "$3" >"$1.ext"
	openssl req -new -key "$1.key" -subj "$2" -out "$1.csr" 2>/dev/null
	: >index.txt
	[ -f serial ] || echo 1000 >serial
	openssl ca -batch -notext -in "$1.csr" -cert "$4.pem" -keyfile "$4.key" -startdate "$5" -enddate "$6" \
		-extfile "$1.ext" -config ca.cnf -out "$1.pem" 2>/dev/null
}

cat >ca.cnf <<-'END'
	[ca]
	default_ca = here
	[here]
	database = index.txt
	new_certs_dir = .
	serial = serial
	default_md = sha256
	policy = any
	unique_subject = no
	[any]
	commonName = supplied
END
CA='basicConstraints=critical,CA:TRUE'
MX='subjectAltName=DNS:mx.example.test'
issue root /CN=Root "$CA"
issue middle /CN=Middle "$CA" root
issue other-root "/O=Other Roots" "$CA"
issue good /CN=mx.example.test "$MX" middle
cat good.pem middle.pem >good-chain.pem
issue self /CN=mx.example.test "$MX"
issue stranger /CN=mx.example.test "$MX" other-root
issue othername /CN=other.example.test 'subjectAltName=DNS:other.example.test' root
issue wildcard /CN=x 'subjectAltName=DNS:*.example.test' root
issue cn-only /CN=mx.example.test 'basicConstraints=CA:FALSE' root
issue address /CN=mx.example.test 'subjectAltName=IP:127.0.0.1' root
issue noname "/O=An Organization" "$MX" root
issue odd "/CN=J$(printf '\303\244')nicke" "$MX" root
issue client "/CN=For clients" "$MX\nextendedKeyUsage=clientAuth" root
issue_dated expired /CN=mx.example.test "$MX" root 20200101000000Z 20210101000000Z
issue_dated future /CN=mx.example.test "$MX" root 20400101000000Z 20410101000000Z
issue_dated old-middle "/CN=Old Middle" "$CA" root 20200101000000Z 20210101000000Z
issue below-old /CN=mx.example.test "$MX" old-middle
cat below-old.pem old-middle.pem >below-old-chain.pem
new_key rsa rsa
issue rsa /CN=mx.example.test "$MX" root
new_key ed25519 ed25519
issue ed25519 /CN=mx.example.test "$MX" root
new_key p384 ec P-384
issue p384 /CN=mx.example.test "$MX" root
issue small-middle "/CN=Not a CA" 'basicConstraints=CA:FALSE' root
issue below-small /CN=mx.example.test "$MX" small-middle
cat below-small.pem small-middle.pem >below-small-chain.pem
cat client.key client.pem >client-chain.pem
openssl pkey -in root.key -pubout -out root.pub
printf '%s\n' '-----BEGIN CERTIFICATE-----' AAAA '-----END CERTIFICATE-----' >bad-der.pem
fingerprint() { openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//'; }
key_fingerprint() {
	openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 | sed 's/.* //'
}

# --- servers: NAME=PORT in $SERVERS; each ends a connection after the handshake ---

set -- $(free_ports 24)
SERVERS=
serve() { # NAME PORT s_server options...
	serve_name=$1
	serve_port=$2
	shift 2
	SERVERS="$SERVERS $serve_name=$serve_port"
	openssl s_server -accept "127.0.0.1:$serve_port" -quiet "$@" </dev/null >/dev/null 2>&1 &
	PIDS="$PIDS $!"
}
with() { # CERTIFICATE: its options
	if [ -f "$1-chain.pem" ] && [ "$1" != client ]; then
		echo "-cert $1.pem -cert_chain $1-chain.pem -key $1.key"
	else
		echo "-cert $1.pem -key $1.key"
	fi
}
for name in good self stranger othername wildcard cn-only address noname odd client expired future below-old rsa \
	ed25519 p384 below-small; do
	# shellcheck disable=SC2046
	serve $name "$1" $(with $name)
	shift
done
serve leaf-only "$1" -cert good.pem -key good.key
serve tls1 "$2" $(with rsa) -tls1 -cipher 'ALL:@SECLEVEL=0'
serve tls12 "$3" $(with rsa) -tls1_2
serve no-cipher "$4" $(with rsa) -tls1_2 -cipher 'eNULL:@SECLEVEL=0'
serve anonymous "$5" -nocert -tls1_2 -cipher 'aNULL:@SECLEVEL=0'
serve asks "$6" $(with good) -verify 3 -CAfile root.pem
serve demands "$7" $(with good) -Verify 3 -CAfile root.pem -verify_return_error
port_of() { for p in $SERVERS; do [ "${p%=*}" = "$1" ] && echo "${p#*=}"; done; }
for p in $SERVERS; do
	wait_for port_open "${p#*=}" || diag "server $p does not listen"
done

# --- comparison ---

# The lines of the engine, without those of posttls-finger's own dialogue and what comes after the handshake.
engine_lines() {
	sed 's/^posttls-finger: //' | grep -Ev \
		'^(warning: (TLS level .* does not implement|lost connection)|SSL_connect|SSL3 alert|lost connection|timeout while|[<>] |fatal: |level=|failed$|read from|write to)' | uniq
}

# compare NAME SERVER OPTIONS... -- NAMES...
compare() {
	what=$1
	port=$(port_of "$2")
	shift 2
	options=
	while [ "$1" != -- ]; do
		options="$options $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	MAIL_CONFIG=$TMP/conf posttls-finger -c -w -d sha256 $options "[127.0.0.1]:$port" "$@" 2>&1 |
		engine_lines >stock.out
	# shellcheck disable=SC2086
	"$ENGINE" $options "$port" "$@" 2>&1 | tee ours.all | engine_lines >ours.out
	cmp -s stock.out ours.out
	ok $? "$what" || {
		diag "$(diff -u stock.out ours.out)"
		diag "$(tail -n 1 ours.all)"
	}
}

ALL="-L routine,peercert,certmatch,untrusted,dane -F root.pem"
for server in good self stranger othername wildcard cn-only address noname odd client expired future below-old \
	below-small rsa ed25519 p384 leaf-only tls1 tls12 no-cipher anonymous asks demands; do
	for level in may encrypt verify secure; do
		compare "$level, $server" $server -l $level $ALL -- mx.example.test
	done
done

compare "verbose" good -l secure -L verbose,routine -F root.pem -- mx.example.test
compare "verbose, unknown issuer" stranger -l secure -L verbose,routine -F root.pem -- mx.example.test
compare "quiet, wrong name" othername -l secure -L none -F root.pem -- mx.example.test
compare "quiet, right" good -l secure -L none -F root.pem -- mx.example.test
compare "unknown word in the log level" good -l may -L routine,bogus -- mx.example.test
compare "no CA" good -l verify -L routine -- mx.example.test
compare "CApath" good -l verify -L routine -P . -- mx.example.test
compare "CAfile that is not there" good -l verify -L routine -F nowhere.pem -- mx.example.test
compare "CAfile that holds none" good -l verify -L routine -F conf/main.cf -- mx.example.test

compare "first name fails, second matches" good -l secure $ALL -- other.test mx.example.test
compare "name below" good -l secure $ALL -- .example.test
compare "not a name below itself" good -l secure $ALL -- .mx.example.test
compare "capitals" good -l secure $ALL -- MX.EXAMPLE.test
compare "next hop is an address" address -l secure $ALL -- 127.0.0.1
compare "address and name" address -l secure $ALL -- 127.0.0.1 mx.example.test
compare "two addresses" address -l secure $ALL -- 127.0.0.1 127.0.0.2
compare "keywords" address -l secure $ALL -- nexthop hostname
compare "dot" good -l secure $ALL -- .
compare "wide dots" good -l secure $ALL -- "$(printf 'mx\343\200\202example\357\274\216test')"
compare "wildcard for two labels" wildcard -l secure $ALL -- a.b.example.test
compare "wildcard asked for" wildcard -l secure $ALL -- '*.example.test'

compare "SNI" good -l may -L routine,ssl-debug -s mx.example.test -- x
compare "SNI in UTF-8" good -l may -L routine,ssl-debug -s "b$(printf '\303\274')cher.test" -- x
compare "SNI by a word" good -l may -L routine,ssl-debug -s hostname -- x
compare "SNI too long" good -l may -L routine -s "$(printf '%0300d' 7)" -- x

compare "protocols" good -l encrypt -L routine -p '!TLSv1.3' -- x
compare "no protocol in common" tls12 -l encrypt -L routine -p '>=TLSv1.3' -- x
compare "bad protocols" good -l encrypt -L routine -p 'TLSv9' -- x
compare "odd limits" good -l encrypt -L routine -p '>=769,<=769' -- x
compare "high" tls12 -l encrypt -L verbose,routine -g high -- x
compare "low" tls12 -l encrypt -L verbose,routine -g low -- x
compare "bad grade" good -l encrypt -L routine -g bogus -- x
compare "null grade where a match is needed" good -l secure -L verbose,routine -g null -F root.pem -- mx.example.test

compare "fingerprint" good -l fingerprint $ALL -- "$(fingerprint good.pem)"
compare "fingerprint of the key" good -l fingerprint $ALL -- "$(key_fingerprint good.pem)"
compare "fingerprint, second of two" self -l fingerprint $ALL -- "$(fingerprint good.pem)" "$(fingerprint self.pem)"
compare "another fingerprint" good -l fingerprint $ALL -- "$(fingerprint self.pem)"
compare "fingerprint of an expired certificate" expired -l fingerprint $ALL -- "$(fingerprint expired.pem)"
compare "too short for a fingerprint" good -l fingerprint $ALL -- 00:11:22
compare "one of two is none" good -l fingerprint $ALL -- zz "$(fingerprint good.pem)"

compare "trust anchor" good -l secure $ALL -A root.pem -- mx.example.test
compare "trust anchor in the middle" good -l secure $ALL -A middle.pem -- mx.example.test
compare "trust anchor is the server's own" self -l secure $ALL -A self.pem -- mx.example.test
compare "trust anchor, wrong name" good -l secure $ALL -A good.pem -- other.test
compare "key as trust anchor" good -l secure $ALL -A root.pub -- mx.example.test
compare "another trust anchor, though there is a CAfile" good -l secure $ALL -A other-root.pem -- mx.example.test
compare "two trust anchors" good -l verify $ALL -A other-root.pem -A root.pem -- mx.example.test
compare "trust anchor without sense" good -l secure $ALL -A bad-der.pem -- mx.example.test
compare "trust anchor, certificate expired" expired -l secure $ALL -A root.pem -- mx.example.test

compare "client certificate" asks -l secure $ALL -H client-chain.pem -- mx.example.test
compare "client certificate that is not asked for" good -l secure $ALL -H client-chain.pem -- mx.example.test
compare "client certificate that must be there" demands -l secure $ALL -H client-chain.pem -- mx.example.test
compare "chain file that is not there" good -l may -L routine -H nowhere.pem -- x

# Where ours is meant to differ: a list of fingerprints without one in it makes nobody trusted.
"$ENGINE" -l fingerprint -F root.pem "$(port_of good)" zz >ours.out
is "$(tail -n 1 ours.out)" "level=3 status=1" "no fingerprint in the list: not trusted, whatever the CAfile says"

done_testing
