# SPDX-License-Identifier: ISC
#
# destination-rows.sh: destinations that differ in one thing each. Sourced by a test that defines
#   row NAME SERVER ARGUMENT...          to [127.0.0.1]:PORT; TO stands for it among posttls-finger's arguments
#   dane_row NAME SERVER RECORDS ARGUMENT...   the same for [NAME.dane.test], which has the TLSA RECORDS, one a line
# SERVER is what tls-destinations takes; @NAME there is a chain of destination-certs.sh, whose directory is $D.

CA=$D/root.crt
MX=mx.dest.test

level_rows() {
	row none @good -l none TO
	row may @good -l may TO
	row may-trusted @good -l may -F "$CA" TO
	row encrypt @good -l encrypt TO
	row encrypt-trusted @good -l encrypt -F "$CA" TO
	row verify @good -l verify -F "$CA" TO $MX
	row secure @good -l secure -F "$CA" TO $MX
	row secure-default @good -l secure -F "$CA" TO
	row secure-parent @good -l secure -F "$CA" TO .dest.test
	row secure-not-parent @good -l secure -F "$CA" TO .test .other.test
	row secure-second-name @good -l secure -F "$CA" TO no.other.test $MX
	row secure-keywords @good -l secure -F "$CA" TO hostname nexthop dot-nexthop
	row dane-without-dns @good -l dane TO
	row dane-only-without-dns @good -l dane-only TO
	row no-such-level @good -l best TO
	row lmtp @good -S -l secure -F "$CA" TO $MX
}

chain_rows() {
	for chain in expired notyet selfsigned belowother belowoldinter belownotca belowtoodeep clientonly wrongname; do
		row $chain-may @$chain -l may -F "$CA" TO
		row $chain-secure @$chain -l secure -F "$CA" TO $MX
	done
	for chain in alone withroot disorder twice; do
		row $chain @$chain -l secure -F "$CA" TO $MX
	done
	row alone-but-known @alone -l secure -F "$D/both.crt" TO $MX
	row selfsigned-known @selfsigned -l secure -F "$D/selfsigned.crt" TO $MX
	row leaf-known @good -l secure -F "$D/good.crt" TO $MX
	row ca-directory @good -l secure -P "$D/path" TO $MX
	row ca-none @good -l secure TO $MX
	row ca-missing @good -l secure -F "$D/no-such-file" TO $MX
	row ca-empty @good -l secure -F "$D/empty.crt" TO $MX
	row ca-wrong @good -l secure -F "$D/other.crt" TO $MX
	row ca-wrong-peercert @good -l may -F "$D/other.crt" -L summary,peercert,untrusted TO
}

name_rows() {
	row wildcard @wildcard -l secure -F "$CA" TO $MX
	row wildcard-two-labels @wildcard -l secure -F "$CA" TO a.b.dest.test
	row wildcard-two-labels-off @wildcard -l secure -F "$CA" -o tls_wildcard_matches_multiple_labels=no TO a.b.dest.test
	row wildcard-no-label @wildcard -l secure -F "$CA" TO dest.test
	row wildcard-parent @wildcard -l secure -F "$CA" TO .dest.test
	row wildcard-partial @partwild -l secure -F "$CA" TO $MX
	row wildcard-top @topwild -l secure -F "$CA" TO $MX
	row wildcard-all @allwild -l secure -F "$CA" TO $MX
	row name-only-in-cn @cnonly -l secure -F "$CA" TO $MX
	row name-right-in-cn @cnright -l secure -F "$CA" TO $MX
	row name-cn-and-mail @mailonly -l secure -F "$CA" TO $MX
	row name-address @addressonly -l secure -F "$CA" TO
	row name-strange @strangecn -l may -F "$CA" -L summary,peercert,certmatch TO
	row name-idn @idn -l secure -F "$CA" TO bücher.dest.test
	row name-idn-ascii @idn -l secure -F "$CA" TO xn--bcher-kva.dest.test
	row name-idn-capital @idn -l secure -F "$CA" TO Bücher.dest.test
	row name-idn-parent @idn -l secure -F "$CA" TO .dest.test
	row name-invalid @good -l secure -F "$CA" TO 'no name' $MX
	row name-case @uppercase -l secure -F "$CA" TO mx.Dest.test
	row name-one-of-many @manynames -l secure -F "$CA" TO $MX
	row name-verify-wrong @wrongname -l verify -F "$CA" TO $MX
}

protocol_rows() {
	row tls10-may "@rsa2048 MaxProtocol=TLSv1" -l may TO
	row tls10-encrypt "@good MaxProtocol=TLSv1" -l encrypt TO
	row tls10-secure "@rsa2048 MaxProtocol=TLSv1" -l secure -F "$CA" TO $MX
	row tls11 "@rsa2048 MaxProtocol=TLSv1.1" -l may TO
	row tls12 "@rsa2048 MaxProtocol=TLSv1.2" -l secure -F "$CA" TO $MX
	row tls12-ecdsa "@good MaxProtocol=TLSv1.2" -l secure -F "$CA" TO $MX
	row tls13 "@good MinProtocol=TLSv1.3" -l secure -F "$CA" TO $MX
	row too-new "@good MaxProtocol=TLSv1.2" -l may -p '>=TLSv1.3' TO
	row too-old "@good MinProtocol=TLSv1.3" -l may -p '<=TLSv1.2' TO
	row hole @good -l may -p '!TLSv1.2' TO
	row only-tls12 @good -l may -p TLSv1.2 TO
	row no-protocol @good -l may -p '>=TLSv9' TO
	row all-excluded @good -l may -p '!TLSv1 !TLSv1.1 !TLSv1.2 !TLSv1.3' TO
	row protocol-number @good -l may -p '>=0303' TO
}

cipher_rows() {
	for cipher in ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-CHACHA20-POLY1305 ECDHE-RSA-AES256-SHA384 ECDHE-RSA-AES128-SHA \
		DHE-RSA-AES256-GCM-SHA384 AES128-SHA AES256-GCM-SHA384 ARIA128-GCM-SHA256 CAMELLIA256-SHA256; do
		row $cipher "@rsa2048 MaxProtocol=TLSv1.2 CipherString=$cipher@SECLEVEL=0" -l may TO
	done
	for cipher in TLS_AES_128_GCM_SHA256 TLS_AES_128_CCM_SHA256 TLS_CHACHA20_POLY1305_SHA256; do
		row $cipher "@good Ciphersuites=$cipher" -l may TO
	done
	row null-for-null "@rsa2048 MaxProtocol=TLSv1.2 CipherString=NULL-SHA256@SECLEVEL=0" -l may -g null TO
	row null-for-medium "@rsa2048 MaxProtocol=TLSv1.2 CipherString=NULL-SHA256@SECLEVEL=0" -l may TO
	row psk "@rsa2048 MaxProtocol=TLSv1.2 CipherString=PSK-AES128-CBC-SHA@SECLEVEL=0" -l may TO
	row anonymous-may "@rsa2048 MaxProtocol=TLSv1.2 CipherString=ADH-AES128-GCM-SHA256@SECLEVEL=0" -l may TO
	row anonymous-encrypt "@rsa2048 MaxProtocol=TLSv1.2 CipherString=AECDH-AES256-SHA@SECLEVEL=0" -l encrypt TO
	row anonymous-secure "@rsa2048 MaxProtocol=TLSv1.2 CipherString=ADH-AES128-GCM-SHA256@SECLEVEL=0" -l secure -F "$CA" TO $MX
	for grade in high low export null best; do
		row grade-$grade @good -l may -g $grade TO
	done
	for group in X25519 X448 P-256 P-384 P-521 ffdhe2048; do
		row group-$group "@good Groups=$group" -l may TO
		row group12-$group "@good MaxProtocol=TLSv1.2 Groups=$group" -l may TO
	done
}

key_rows() {
	for key in rsa1024 rsa2048 p384 p521 ed25519 ed448 rsapss sha1; do
		row key-$key @$key -l may -F "$CA" TO
		row key12-$key "@$key MaxProtocol=TLSv1.2" -l secure -F "$CA" TO $MX
		row key-secure-$key @$key -l secure -F "$CA" TO $MX
	done
}

client_rows() {
	row asked-none "@good VerifyMode=Request" -l may TO
	row asked-given "@good VerifyMode=Request" -l may -H "$D/client.pem" TO
	row asked-given-apart "@good VerifyMode=Request" -l may -k "$D/client.crt" -K "$D/client.key" TO
	row asked-given-tls12 "@good VerifyMode=Request MaxProtocol=TLSv1.2" -l may -H "$D/client.pem" TO
	row asked-for-others "@good VerifyMode=Request ClientCAFile=$D/other.crt" -l may -H "$D/client.pem" TO
	row required-none "@good VerifyMode=Require" -l may TO
	row required-none-tls12 "@good VerifyMode=Require MaxProtocol=TLSv1.2" -l may TO
	row required-given "@good VerifyMode=Require" -l secure -F "$CA" -H "$D/client.pem" TO $MX
	row not-asked-given @good -l may -H "$D/client.pem" TO
	row client-missing @good -l may -k "$D/no-such-file" -K "$D/no-such-file" TO
	row client-chain-missing @good -l may -H "$D/no-such-file" TO
	row client-mismatch @good -l may -k "$D/client.crt" -K "$D/good.key" TO
	row client-no-pem @good -l may -H "$D/empty.crt" TO
}

fingerprint_rows() {
	wrong=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
	for digest in md5 sha1 sha256 sha384 sha512; do
		row fp-cert-$digest @good -l fingerprint -d $digest TO "$(digest_of good cert $digest)"
	done
	row fp-key @good -l fingerprint -d sha256 TO "$(digest_of good key sha256)"
	row fp-lower @good -l fingerprint -d sha256 TO "$(digest_of good cert sha256 | tr A-F a-f)"
	row fp-wrong @good -l fingerprint -d sha256 TO $wrong
	row fp-second @good -l fingerprint -d sha256 TO $wrong "$(digest_of good cert sha256)"
	row fp-list @good -l fingerprint -d sha256 TO "$wrong|$(digest_of good key sha256)"
	row fp-of-issuer @good -l fingerprint -d sha256 TO "$(digest_of inter cert sha256)"
	row fp-other-digest @good -l fingerprint -d sha1 TO "$(digest_of good cert sha256)"
	row fp-short @good -l fingerprint -d sha256 TO 00:11:22
	row fp-no-hex @good -l fingerprint -d sha256 TO zz:zz
	row fp-none @good -l fingerprint -d sha256 TO
	row fp-none-trusted @good -l fingerprint -d sha256 -F "$CA" TO
	row fp-no-hex-trusted @good -l fingerprint -d sha256 -F "$CA" TO zz:zz
	row fp-wrong-trusted @good -l fingerprint -d sha256 -F "$CA" TO $wrong
	row fp-bad-digest @good -l fingerprint -d sha9 TO "$(digest_of good cert sha256)"
	row fp-expired @expired -l fingerprint -d sha256 TO "$(digest_of expired cert sha256)"
	row fp-selfsigned @selfsigned -l fingerprint -d sha256 TO "$(digest_of selfsigned key sha256)"
	row fp-wrong-name @wrongname -l fingerprint -d sha256 TO "$(digest_of wrongname cert sha256)"
	row fp-tls12 "@rsa2048 MaxProtocol=TLSv1.2" -l fingerprint -d sha256 TO "$(digest_of rsa2048 cert sha256)"
	row fp-rsa1024 @rsa1024 -l fingerprint -d sha256 TO "$(digest_of rsa1024 cert sha256)"
}

anchor_rows() {
	row ta-root @good -l secure -A "$D/root.crt" TO $MX
	row ta-inter @good -l secure -A "$D/inter.crt" TO $MX
	row ta-leaf @good -l secure -A "$D/good.crt" TO $MX
	row ta-key @good -l secure -A "$D/rootkey.crt" TO $MX
	row ta-key-withroot @withroot -l secure -A "$D/rootkey.crt" TO $MX
	row ta-wrong @good -l secure -A "$D/other.crt" TO $MX
	row ta-two @good -l secure -A "$D/other.crt" -A "$D/inter.crt" TO $MX
	row ta-file-of-two @good -l secure -A "$D/both.crt" TO $MX
	row ta-alone @alone -l secure -A "$D/inter.crt" TO $MX
	row ta-alone-root @alone -l secure -A "$D/root.crt" TO $MX
	row ta-wrong-name @wrongname -l secure -A "$D/root.crt" TO $MX
	row ta-expired @expired -l secure -A "$D/inter.crt" TO $MX
	row ta-expired-ca @belowoldinter -l secure -A "$D/oldinter.crt" TO $MX
	row ta-and-ca @good -l secure -A "$D/other.crt" -F "$CA" TO $MX
	row ta-verify @good -l verify -A "$D/root.crt" TO $MX
	row ta-may @good -l may -A "$D/root.crt" TO
	row ta-missing @good -l secure -A "$D/no-such-file" TO $MX
	row ta-empty @good -l secure -A "$D/empty.crt" TO $MX
}

sni_rows() {
	row sni-none "@wrongname sni=mx.dest.test:$D/good.pem" -l secure -F "$CA" TO $MX
	row sni-right "@wrongname sni=mx.dest.test:$D/good.pem" -l secure -F "$CA" -s $MX TO $MX
	row sni-right-tls12 "@wrongname MaxProtocol=TLSv1.2 sni=mx.dest.test:$D/good.pem" -l secure -F "$CA" -s $MX TO $MX
	row sni-case "@wrongname sni=mx.dest.test:$D/good.pem" -l secure -F "$CA" -s MX.dest.TEST TO $MX
	row sni-other "@wrongname sni=mx.dest.test:$D/good.pem" -l secure -F "$CA" -s no.dest.test TO $MX
	row sni-hostname @good -l may -s hostname TO
	row sni-nexthop @good -l may -s nexthop TO
	row sni-idn @good -l may -s bücher.dest.test TO
	row sni-invalid @good -l may -s 'no name' TO
	row sni-long @good -l may -s "$(printf '%060d.%060d.%060d.%060d.%060d.test' 1 2 3 4 5)" TO
}

trouble_rows() {
	for trouble in no-starttls refuse close-at-starttls reset-at-starttls text-for-tls close-at-hello reset-at-hello \
		alert-at-hello warning-at-hello close-after-handshake alert-after-handshake close-after-ehlo key-update; do
		row trouble-$trouble "@good trouble=$trouble" -l secure -F "$CA" TO $MX
	done
	for trouble in close-at-hello reset-at-hello alert-at-hello renegotiate close-after-handshake; do
		row trouble12-$trouble "@good MaxProtocol=TLSv1.2 trouble=$trouble" -l may TO
	done
}

log_rows() {
	for log in 0 1 2 none summary routine debug verbose untrusted peercert certmatch cache ssl-debug; do
		row log-$log @good -l secure -F "$CA" -L $log TO $MX
		row log-wrong-$log @wrongname -l secure -F "$CA" -L $log TO $MX
		row log-unknown-$log "@belowother MaxProtocol=TLSv1.2" -l may -L $log TO
	done
	# Signatures by RSA are always of the same length.
	for log in 3 ssl-handshake-packet-dump; do
		row log-dump-$log @rsa2048 -l may -L $log TO
		row log-dump12-$log "@rsa2048 MaxProtocol=TLSv1.2" -l may -L $log TO
	done
	row log-fp-all @good -l fingerprint -d sha256 -L 2 TO "$(digest_of good key sha256)"
	row log-ta-all @good -l secure -A "$D/inter.crt" -L 2 TO $MX
	row log-no-word @good -l may -L best TO
}

dane_rows() {
	wrong=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
	for record in "3 1 1" "3 0 1" "3 1 2" "3 0 2" "3 1 0" "3 0 0"; do
		# shellcheck disable=SC2086 -- three words
		dane_row "dane-$(echo "$record" | tr -d ' ')" @good "$(tlsa good $record)" -l dane TO
	done
	for record in "2 1 1" "2 0 1" "2 1 2" "2 0 2" "2 1 0" "2 0 0"; do
		name=$(echo "$record" | tr -d ' ')
		# shellcheck disable=SC2086 -- three words
		{
			dane_row "dane-$name-inter" @good "$(tlsa inter $record)" -l dane TO
			dane_row "dane-$name-root" @withroot "$(tlsa root $record)" -l dane TO
			dane_row "dane-$name-not-sent" @alone "$(tlsa inter $record)" -l dane TO
		}
	done
	dane_row dane-311-mismatch @good "3 1 1 $wrong" -l dane TO
	dane_row dane-211-mismatch @good "2 1 1 $wrong" -l dane TO
	dane_row dane-311-of-inter @good "$(tlsa inter 3 1 1)" -l dane TO
	dane_row dane-211-of-leaf @good "$(tlsa good 2 1 1)" -l dane TO
	dane_row dane-211-wrong-name @wrongname "$(tlsa inter 2 1 1)" -l dane TO
	dane_row dane-311-wrong-name @wrongname "$(tlsa wrongname 3 1 1)" -l dane TO
	dane_row dane-211-expired @expired "$(tlsa inter 2 1 1)" -l dane TO
	dane_row dane-311-expired @expired "$(tlsa expired 3 1 1)" -l dane TO
	dane_row dane-211-expired-ca @belowoldinter "$(tlsa oldinter 2 1 1)" -l dane TO
	dane_row dane-311-selfsigned @selfsigned "$(tlsa selfsigned 3 1 1)" -l dane TO
	dane_row dane-211-selfsigned @selfsigned "$(tlsa selfsigned 2 1 1)" -l dane TO
	dane_row dane-211-disorder @disorder "$(tlsa inter 2 1 1)" -l dane TO
	dane_row dane-311-rsa @rsa2048 "$(tlsa rsa2048 3 1 1)" -l dane TO
	dane_row dane-311-ed25519 @ed25519 "$(tlsa ed25519 3 1 1)" -l dane TO
	dane_row dane-311-tls12 "@good MaxProtocol=TLSv1.2" "$(tlsa good 3 1 1)" -l dane TO
	dane_row dane-311-tls10 "@rsa2048 MaxProtocol=TLSv1" "$(tlsa rsa2048 3 1 1)" -l dane TO
	dane_row dane-anonymous "@rsa2048 MaxProtocol=TLSv1.2 CipherString=ADH-AES128-GCM-SHA256@SECLEVEL=0" \
		"$(tlsa rsa2048 3 1 1)" -l dane TO
	dane_row dane-sni "@wrongname sni=dane-sni.dane.test:$D/good.pem" "$(tlsa good 3 1 1)" -l dane -s other.test TO
	dane_row dane-client-required "@good VerifyMode=Require" "$(tlsa good 3 1 1)" -l dane -H "$D/client.pem" TO

	dane_row dane-type-unknown @good "3 1 9 $wrong" -l dane TO
	dane_row dane-usage-unknown @good "5 1 1 $wrong" -l dane TO
	dane_row dane-selector-unknown @good "3 7 1 $wrong" -l dane TO
	dane_row dane-pkix-ee @good "$(tlsa good 1 1 1)" -l dane TO
	dane_row dane-pkix-ta @good "$(tlsa root 0 0 1)" -l dane TO
	dane_row dane-short @good "3 1 1 0011" -l dane TO
	dane_row dane-garbage-full @good "2 0 0 0011" -l dane TO
	dane_row dane-garbage-key @good "2 1 0 0011" -l dane TO
	dane_row dane-only-unusable @good "3 1 9 $wrong" -l dane-only TO
	dane_row dane-only-match @good "$(tlsa good 3 1 1)" -l dane-only TO
	dane_row dane-only-mismatch @good "3 1 1 $wrong" -l dane-only TO

	dane_row dane-second @good "3 1 1 $wrong
$(tlsa good 3 1 1)" -l dane TO
	dane_row dane-both-usages @good "$(tlsa inter 2 1 1)
$(tlsa good 3 1 1)" -l dane TO
	dane_row dane-usage-2-of-two @good "$(tlsa inter 2 1 1)
3 1 1 $wrong" -l dane TO
	dane_row dane-digests @good "$(tlsa good 3 1 1)
$(tlsa good 3 1 2)" -l dane TO
	dane_row dane-digest-agility @good "$(tlsa good 3 1 1)
3 1 2 $wrong$wrong" -l dane TO
	dane_row dane-digest-preference @good "$(tlsa good 3 1 1)
3 1 2 $wrong$wrong" -l dane -o 'tls_dane_digests=sha256 sha512' TO
	dane_row dane-unusable-and-good @good "3 1 9 $wrong
$(tlsa good 3 1 1)" -l dane TO
	dane_row dane-unusable-and-wrong @good "5 1 1 $wrong
3 1 1 $wrong" -l dane TO
	dane_row dane-many @good "$(for n in 10 11 12 13 14 15 16 17 18 19; do echo "3 1 1 $wrong" | sed "s/00/$n/"; done)
$(tlsa inter 2 0 1)" -l dane TO

	dane_row dane-no-records @good "" -l dane TO
	dane_row dane-only-no-records @good "" -l dane-only TO
	dane_row dane-no-records-ca @good "" -l dane -F "$CA" TO
	dane_row dane-expired-signature @good "$(tlsa good 3 1 1)" -l dane TO
	dane_row dane-only-expired-signature @good "$(tlsa good 3 1 1)" -l dane-only TO
	dane_row dane-log-2 @good "$(tlsa good 3 1 1)" -l dane -L 2 TO
	dane_row dane-log-2-anchor @good "$(tlsa inter 2 1 1)" -l dane -L 2 TO
	dane_row dane-log-2-unusable @good "3 1 9 $wrong" -l dane -L 2 TO
	dane_row dane-log-2-mismatch @good "3 1 1 $wrong" -l dane -L 2 TO
	dane_row dane-trouble @good\ trouble=close-at-hello "$(tlsa good 3 1 1)" -l dane TO
	dane_row secure-with-dns @good "$(tlsa good 3 1 1)" -l secure -F "$CA" TO
	dane_row fingerprint-with-dns @good "3 1 1 $wrong" -l fingerprint -d sha256 TO "$(digest_of good cert sha256)"
	dane_row may-with-dns @good "3 1 1 $wrong" -l may TO

	# The address records are in a zone without signatures; in the last ones only the MX records are.
	dane_row insecure-host @good "$(tlsa good 3 1 1)" -l dane '[insecure-host.plain.test]:PORT'
	dane_row insecure-host-forced @good "$(tlsa good 3 1 1)" -l dane -f '[insecure-host-forced.plain.test]:PORT'
	dane_row mx-secure @good "$(tlsa good 3 1 1)" -l dane mx-secure.dane.test:PORT
	dane_row mx-secure-anchor @good "$(tlsa inter 2 1 1)" -l dane mx-secure-anchor.dane.test:PORT
	dane_row alias @good "$(tlsa good 3 1 1)" -l dane '[alias.to.dane.test]:PORT'
	for policy in dane encrypt may; do
		dane_row mx-insecure-$policy @good "$(tlsa good 3 1 1)" -l dane -M $policy mx-insecure-$policy.plain.test:PORT
		dane_row mx-insecure-wrong-$policy @good "3 1 1 $wrong" -l dane -M $policy mx-insecure-wrong-$policy.plain.test:PORT
		dane_row mx-insecure-anchor-$policy @wrongname "$(tlsa inter 2 1 1)" -l dane -M $policy \
			mx-insecure-anchor-$policy.plain.test:PORT
	done
}
