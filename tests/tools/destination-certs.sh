# SPDX-License-Identifier: ISC
#
# destination-certs.sh: the certificates of destinations. Sourced; make_destination_certs DIR makes, in DIR:
#   root.crt inter.crt other.crt    an authority, one below it, and one nobody knows
#   NAME.pem                        a key, its certificate, and the authorities in between that a server sends
# Those that differ from "good" say in their names by what. Names are mx.dest.test and, for DANE, *.dane.test.

CERTS_SAN=DNS:mx.dest.test,DNS:*.dane.test
CERTS_EC="ec -pkeyopt ec_paramgen_curve:P-256"

# authority NAME PARENT|- EXTENSIONS [OPENSSL-X509-OPTION...]
authority() {
	authority_name=$1 authority_parent=$2
	printf 'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n%b\n' "$3" >"$D/$1.ext"
	shift 3
	# shellcheck disable=SC2086 -- a list of words
	openssl req -new -newkey $CERTS_EC -nodes -keyout "$D/$authority_name.key" -out "$D/$authority_name.csr" \
		-subj "/CN=The $authority_name authority" 2>/dev/null
	sign "$authority_name" "$authority_parent" "$@"
}

# sign NAME PARENT|- [OPENSSL-X509-OPTION...]: NAME.csr becomes NAME.crt.
sign() {
	sign_name=$1 sign_parent=$2
	shift 2
	if [ "$sign_parent" = - ]; then
		set -- -signkey "$D/$sign_name.key" "$@"
	else
		set -- -CA "$D/$sign_parent.crt" -CAkey "$D/$sign_parent.key" "$@"
	fi
	openssl x509 -req -days 30 "$@" -set_serial "0x$(openssl rand -hex 8)" -in "$D/$sign_name.csr" \
		-extfile "$D/$sign_name.ext" -out "$D/$sign_name.crt" 2>"$D/$sign_name.err" ||
		{ cat "$D/$sign_name.err"; return 1; }
}

# dated NAME PARENT START END: as sign, for a time that is not now.
dated() {
	: >"$D/index"
	printf '[ca]\ndefault_ca=c\n[c]\ndatabase=%s\nnew_certs_dir=%s\nrand_serial=yes\ndefault_md=sha256\n' "$D/index" "$D" >"$D/ca.conf"
	printf 'policy=p\n[p]\ncommonName=optional\n' >>"$D/ca.conf"
	openssl ca -batch -notext -config "$D/ca.conf" -cert "$D/$2.crt" -keyfile "$D/$2.key" -startdate "$3" -enddate "$4" \
		-extfile "$D/$1.ext" -in "$D/$1.csr" -out "$D/$1.crt" 2>"$D/$1.err" || { cat "$D/$1.err"; return 1; }
}

# request NAME KEY-ALGORITHM CN EXTENSIONS
request() {
	# shellcheck disable=SC2086 -- a list of words
	openssl req -new -newkey $2 -nodes -keyout "$D/$1.key" -out "$D/$1.csr" -subj "/CN=$3" 2>"$D/$1.err" ||
		{ cat "$D/$1.err"; return 1; }
	printf '%b\n' "$4" >"$D/$1.ext"
}

# chain NAME FILE...: what a server of that name sends, with its key.
chain() {
	chain_name=$1
	shift
	for chain_file in "$chain_name" "$@"; do
		cat "$D/$chain_file.crt"
	done | cat "$D/$chain_name.key" - >"$D/$chain_name.pem"
	chmod 644 "$D/$chain_name.pem"
}

# leaf NAME KEY-ALGORITHM CN SAN [OPENSSL-X509-OPTION...]: below inter, in order.
leaf() {
	leaf_name=$1
	request "$1" "$2" "$3" "${4:+subjectAltName=$4}"
	shift 4
	sign "$leaf_name" inter "$@"
	chain "$leaf_name" inter
}

make_destination_certs() {
	D=$1
	mkdir -p "$D"
	ca='basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign'
	authority root - "$ca"
	authority inter root "$ca"
	authority other - "$ca"
	authority narrow root 'basicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,keyCertSign'
	authority toodeep narrow "$ca"
	authority notca root 'basicConstraints=critical,CA:false'
	# One that ended, and whose key is the one of an authority that goes on.
	request oldinter "$CERTS_EC" "The oldinter authority" "$ca"
	dated oldinter root 20200101000000Z 20210101000000Z

	leaf good "$CERTS_EC" mx.dest.test $CERTS_SAN
	for kind in p384 p521; do
		leaf $kind "ec -pkeyopt ec_paramgen_curve:P-${kind#p}" mx.dest.test $CERTS_SAN
	done
	for kind in rsa:2048 rsa:1024 ed25519 ed448; do
		leaf "$(echo $kind | tr -d :)" $kind mx.dest.test $CERTS_SAN
	done
	leaf rsapss "rsa-pss -pkeyopt rsa_keygen_bits:2048" mx.dest.test $CERTS_SAN
	leaf sha1 "$CERTS_EC" mx.dest.test $CERTS_SAN -sha1
	leaf wrongname "$CERTS_EC" mx.other.test DNS:mx.other.test
	leaf wildcard "$CERTS_EC" wildcard DNS:*.dest.test
	leaf partwild "$CERTS_EC" partwild DNS:m*.dest.test
	leaf topwild "$CERTS_EC" topwild DNS:*.test
	leaf allwild "$CERTS_EC" allwild DNS:*
	leaf cnonly "$CERTS_EC" mx.dest.test ""
	leaf cnright "$CERTS_EC" mx.dest.test DNS:mx.other.test
	leaf mailonly "$CERTS_EC" mx.dest.test email:postmaster@dest.test
	leaf addressonly "$CERTS_EC" 127.0.0.1 IP:127.0.0.1
	leaf idn "$CERTS_EC" xn--bcher-kva.dest.test DNS:xn--bcher-kva.dest.test
	leaf uppercase "$CERTS_EC" MX.DEST.TEST DNS:MX.DEST.TEST
	leaf manynames "$CERTS_EC" many "$(for n in 1 2 3 4 5 6 7 8 9; do printf 'DNS:n%s.dest.test,' $n; done)DNS:mx.dest.test"
	leaf strangecn "$CERTS_EC" "evil [127.0.0.1]: <x>" $CERTS_SAN
	leaf clientonly "$CERTS_EC" mx.dest.test "$CERTS_SAN\nextendedKeyUsage=clientAuth"
	leaf client "$CERTS_EC" client.dest.test DNS:client.dest.test

	request expired "$CERTS_EC" mx.dest.test subjectAltName=$CERTS_SAN
	dated expired inter 20200101000000Z 20210101000000Z
	chain expired inter
	request notyet "$CERTS_EC" mx.dest.test subjectAltName=$CERTS_SAN
	dated notyet inter 20480101000000Z 20490101000000Z
	chain notyet inter
	request selfsigned "$CERTS_EC" mx.dest.test subjectAltName=$CERTS_SAN
	sign selfsigned -
	chain selfsigned
	for below in other oldinter notca toodeep; do
		request "below$below" "$CERTS_EC" mx.dest.test subjectAltName=$CERTS_SAN
		sign "below$below" $below
	done
	chain belowother other
	chain belowoldinter oldinter
	chain belownotca notca
	chain belowtoodeep toodeep narrow

	# The good one, sent in other ways.
	for sent in alone withroot disorder twice; do
		cp "$D/good.key" "$D/$sent.key"
		cp "$D/good.crt" "$D/$sent.crt"
	done
	chain alone
	chain withroot inter root
	chain disorder root inter
	chain twice good inter inter
	cat "$D/root.crt" "$D/inter.crt" >"$D/both.crt"
	openssl x509 -in "$D/root.crt" -noout -pubkey >"$D/rootkey.crt"
	mkdir "$D/path"
	cp "$D/root.crt" "$D/path/$(openssl x509 -in "$D/root.crt" -noout -hash).0"
	: >"$D/empty.crt"
	chmod 644 "$D"/*.crt
}

# digest_of NAME cert|key ALGORITHM: as Postfix writes it.
digest_of() {
	case $2 in
	cert) openssl x509 -in "$D/$1.crt" -outform DER ;;
	key) openssl x509 -in "$D/$1.crt" -noout -pubkey | openssl pkey -pubin -outform DER ;;
	esac | openssl dgst "-$3" | sed 's/.*= //; s/../&:/g; s/:$//' | tr a-f A-F
}

# tlsa NAME USAGE SELECTOR TYPE: a record's data that is true of NAME's certificate.
tlsa() {
	printf '%s %s %s ' "$2" "$3" "$4"
	case $3 in
	0) openssl x509 -in "$D/$1.crt" -outform DER ;;
	*) openssl x509 -in "$D/$1.crt" -noout -pubkey | openssl pkey -pubin -outform DER ;;
	esac | case $4 in
	1) openssl dgst -sha256 -binary ;;
	2) openssl dgst -sha512 -binary ;;
	*) cat ;;
	esac | od -An -v -tx1 | tr -d ' \n'
	echo
}
