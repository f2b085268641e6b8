# SPDX-License-Identifier: ISC
#
# check-certs.sh: keys and certificates good and bad for "postfix tls check". Sourced; check_certs DIR makes them.

# cert NAME SUBJECT EXTENSIONS [OPTION...]: NAME.crt for good.key, signed by the middle authority, which is behind it.
cert() {
	cert_name=$1 cert_subject=$2
	printf '%b' "$3" >"$cert_name.ext"
	shift 3
	openssl req -new -key "${CERT_KEY:-good.key}" -subj "$cert_subject" -out "$cert_name.csr"
	${CERT_TIME:+faketime "$CERT_TIME"} openssl x509 -req -in "$cert_name.csr" -CA middle.crt -CAkey middle.key -CAcreateserial \
		-extfile "$cert_name.ext" -out "$cert_name.crt" -days 365 "$@"
	cat middle.crt >>"$cert_name.crt"
}

# authority NAME ISSUER
authority() {
	printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n' >ca.ext
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
	openssl req -new -key "$1.key" -subj "/CN=$1 authority" -out "$1.csr"
	# Long ago, so that the old ones below it are within its time.
	authority_name=$1
	if [ -n "$2" ]; then
		set -- -CA "$2.crt" -CAkey "$2.key" -CAcreateserial
	else
		set -- -signkey "$1.key"
	fi
	faketime 2020-01-01 openssl x509 -req -in "$authority_name.csr" "$@" -extfile ca.ext -days 36500 -out "$authority_name.crt"
}

# authority_again NAME ISSUER FILE: another certificate of it, which has ended.
authority_again() {
	openssl req -new -key "$1.key" -subj "/CN=$1 authority" -out "$3.csr"
	faketime 2021-01-01 openssl x509 -req -in "$3.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -extfile ca.ext -days 365 -out "$3.crt"
}

make_check_certs() {
	san='subjectAltName=DNS:mx.example.test\n'
	server="${san}extendedKeyUsage=serverAuth\n"
	subject=/CN=mx.example.test

	authority root ''
	authority middle root
	openssl genrsa -out good.key 2048
	cert leaf $subject "$server"
	cp leaf.crt good.crt
	openssl x509 -in good.crt -out leaf.crt
	cat good.key good.crt >good.pem
	openssl x509 -in good.crt -outform DER -out good.der
	openssl pkey -in good.key -aes256 -passout pass:secret -out locked.key
	openssl genrsa -out next.key 2048
	CERT_KEY=next.key cert next $subject "$server"
	# An authority that was there before the root, vouched for it, and is forgotten; and a middle one that was renewed.
	authority older ''
	authority_again root older cross
	authority_again middle root tired
	CERT_TIME=2021-01-01 cert expired $subject "$server"
	CERT_TIME=2099-01-01 cert future $subject "$server"
	CERT_TIME='-80 days' cert soon $subject "$server" -days 90
	cert sha1 $subject "$server" -sha1
	cert ca $subject "${server}basicConstraints=critical,CA:TRUE\n"
	cert client $subject "${san}extendedKeyUsage=clientAuth\n"
	cert other /CN=www.example.test 'subjectAltName=DNS:www.example.test\n'
	cert cn $subject 'extendedKeyUsage=serverAuth\n'
	openssl genrsa -out weak.key 1024
	CERT_KEY=weak.key cert weak $subject "$server"
	openssl genpkey -algorithm ED25519 -out rare.key
	CERT_KEY=rare.key cert rare $subject "$server"
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.key
	CERT_KEY=ec.key cert ec $subject "$server"
	cat ec.key ec.crt >ec.pem
	openssl genrsa -out self.key 2048
	openssl req -x509 -key self.key -subj $subject -days 300 -out self.crt
	cat self.key self.crt >self.pem
	cp self.crt snakeoil.pem
	cp self.key snakeoil.key
	openssl dhparam -out dh512.pem 512
	chmod 600 ./*.key ./*.pem
	chmod 640 snakeoil.key
	chmod 644 snakeoil.pem
}

# check_certs DIR: everything in it; false, with what openssl said, when something cannot be made.
check_certs() {
	mkdir -p "$1"
	(cd "$1" && set -e && make_check_certs) >"$1/log" 2>&1 || { cat "$1/log"; return 1; }
}
