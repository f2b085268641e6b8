#!/bin/sh
# SPDX-License-Identifier: ISC
#
# "postfix tls check --dns" compares the TLSA records of a signed zone with the keys that are served; answers that are not
# signed, forged or late do not count. The resolver is one of the test's own, in a network of the test's own.
if [ "$(id -u)" -eq 0 ] && [ -z "$CHECK_NETWORK" ] && unshare -m -n true 2>/dev/null; then
	CHECK_NETWORK=1 exec unshare -m -n sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

need_postfix
[ -n "$CHECK_NETWORK" ] || skip_all "no namespaces for a resolver"
command -v unbound ldns-signzone drill >/dev/null || skip_all "needs unbound and ldnsutils"
. "$SEALPOST_TOP/tests/tools/signed-zone.sh"
mount --make-rprivate / && ip link set lo up

make_certs "$TMP/certs"
cat "$TMP/certs/rsa.key" "$TMP/certs/rsa.crt" "$TMP/certs/ecdsa.key" "$TMP/certs/ecdsa.crt" >"$TMP/certs/both.pem"
chmod 600 "$TMP/certs/both.pem"

record() { # NAME: "3 1 1" of a key
	echo "3 1 1 $(openssl pkey -in "$TMP/certs/$1.key" -pubout -outform DER | openssl dgst -sha256 -r | cut -d ' ' -f 1)"
}

full() { # NAME: "3 0 2" of a certificate
	echo "3 0 2 $(openssl x509 -in "$TMP/certs/$1.crt" -outform DER | openssl dgst -sha512 -r | cut -d ' ' -f 1)"
}

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$TMP/certs/other.key" 2>/dev/null
zone_begin "$TMP/zone"
zone_destination fits "$(record rsa)
$(full ecdsa)"
zone_destination half "$(record rsa)"
zone_destination more "$(record rsa)
$(record ecdsa)
$(record other)"
zone_destination whole "$(full rsa)"
zone_destination none ""
zone_destination expired-signature "$(record rsa)"
zone_records signless "$(record rsa)" >>"$TMP/zone/plain.zone"
check "a zone is served" zone_serve || done_testing
PIDS="$PIDS $RESOLVER_PID"
wait_for zone_is_served || { diag "$(cat "$TMP/zone/unbound.log")"; }

check_host() { # HOST ARGUMENT...: prints kinds and, in STATUS, the status.
	mkdir -p "$TMP/conf" "$TMP/data"
	chown postfix "$TMP/data"
	cat >"$TMP/conf/main.cf" <<-CONF
	compatibility_level = 3.6
	data_directory = $TMP/data
	smtpd_tls_security_level = may
	smtpd_tls_chain_files = ${CHAIN:-$TMP/certs/both.pem}
	smtp_tls_security_level = may
	myhostname = $1
	CONF
	printf 'smtp inet n - n - - smtpd\ntlsmgr unix - - n 1000? 1 tlsmgr\n' >"$TMP/conf/master.cf"
	shift
	env -i PATH=/usr/bin:/bin:/usr/sbin MAIL_CONFIG="$TMP/conf" config_directory="$TMP/conf" \
		command_directory=/usr/sbin daemon_directory="$BIN" queue_directory="$TMP" \
		"$BIN/postfix-tls-script" check "$@" >"$TMP/out" 2>"$TMP/err"
	STATUS=$?
	KINDS=$(sed -n 's,.*/main\.cf:\([0-9]*\): .*\[\(tlsa-[a-z-]*\)\]$,\2 \1,p' "$TMP/out" | sort)
}

row() { # NAME HOST KINDS STATUS
	check_host "$2" --dns --resolver 127.0.0.1 --trust-anchor "$TMP/zone/anchor"
	is "$STATUS $KINDS" "$4 $3" "$1" || { diag "$(cat "$TMP/out" "$TMP/err")"; }
}

row "records that fit both keys are fine" fits.dane.test "" 0
row "a key without a record is an error" half.dane.test "tlsa-mismatch 6" 2
row "a record without a key is a warning" more.dane.test "tlsa-partly 6" 1
row "no record is a note" none.dane.test "tlsa-missing 6" 0
row "records without signatures do not count" signless.plain.test "tlsa-insecure 6" 1
row "nor do those whose signatures are old" expired-signature.dane.test "tlsa-error 6" 3

# certbot makes a new key each time, unless told not to; and a new certificate in any case.
mkdir -p "$TMP/le/live/mx" "$TMP/le/archive/mx" "$TMP/le/renewal"
cp "$TMP/certs/rsa.key" "$TMP/le/archive/mx/privkey1.pem"
cp "$TMP/certs/rsa.crt" "$TMP/le/archive/mx/fullchain1.pem"
for file in privkey fullchain; do
	ln -s "../../archive/mx/${file}1.pem" "$TMP/le/live/mx/$file.pem"
done
echo "[renewalparams]" >"$TMP/le/renewal/mx.conf"
CHAIN="$TMP/le/live/mx/privkey.pem, $TMP/le/live/mx/fullchain.pem"
row "a record of a key that will not be used again" half.dane.test "tlsa-rollover 6" 1
sh -c "$(sed -n "s/^    \(sed -i '.*\)/\1/p" "$TMP/out")"
row "is fine when it will be" half.dane.test "" 0
row "but one of the certificate is not" whole.dane.test "tlsa-rollover 6" 1
CHAIN=

# A key that is made and not yet served.
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$TMP/certs/next.key" 2>/dev/null
cp "$TMP/certs/next.key" "$TMP/conf/key-20300101-000000.pem"
row "the next key has no record yet" fits.dane.test "tlsa-next-missing 6" 1
cp "$TMP/certs/other.key" "$TMP/conf/key-20300101-000000.pem"
row "the record of the next key is as it should be" more.dane.test "" 0
rm "$TMP/conf/key-20300101-000000.pem"

check_host half.dane.test
is "$STATUS $KINDS" "0 " "nobody is asked without --dns"
check_host fits.dane.test --dns --trust-anchor "$TMP/zone/anchor"
is "$STATUS $KINDS" "0 " "the system's resolver is asked" || diag "$(cat "$TMP/out")"
check_host fits.dane.test --dns --resolver 127.0.0.1@1 --trust-anchor "$TMP/zone/anchor" --timeout 1
is "$STATUS $KINDS" "3 tlsa-error 6" "a resolver that is not there is waited for no longer than asked" || diag "$(cat "$TMP/out")"
check_host fits.dane.test --dns --resolver 127.0.0.1 --trust-anchor /nowhere
is "$STATUS $KINDS" "3 tlsa-error 6" "keys of the root that cannot be read are said"
echo "; no DS here" >"$TMP/keyless"
echo ". IN DS nonsense" >"$TMP/damaged"
for file in /etc/passwd "$TMP/keyless" "$TMP/damaged"; do
	check_host fits.dane.test --resolver 127.0.0.1 --trust-anchor "$file"
	like "$STATUS $KINDS $(grep tlsa-error "$TMP/out")" "^3 tlsa-error 6 .*: unknown: $file.* DS or DNSKEY records" \
		"a file without keys is named, and what should be in it: ${file##*/}"
	is "$(cat "$TMP/err")" "" "and nothing else is said"
done
check_host fits.dane.test --resolver x --trust-anchor "$TMP/zone/anchor"
like "$STATUS $KINDS $(grep tlsa-error "$TMP/out")" '^3 tlsa-error 6 .*resolver x: neither ADDRESS nor ADDRESS@PORT' "nor is a name an address"
done_testing
