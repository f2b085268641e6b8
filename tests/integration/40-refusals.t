#!/bin/sh
# SPDX-License-Identifier: ISC
#
# "postfix tls" when arguments or files are not what they should be: each is refused with the reason and, where there is
# one, the way out; nothing is asked, nothing is changed, nothing goes to standard output. And what --help says.
. "$(dirname "$0")/lib.sh"

command -v openssl >/dev/null || skip_all "needs openssl(1)"
ETC=$TMP/etc
mkdir "$ETC" "$TMP/spool" "$TMP/data"
cat >"$ETC/main.cf" <<CONF
compatibility_level = 3.6
myhostname = mx.example.test
maillog_file = $TMP/maillog
maillog_file_prefixes = $TMP
CONF
echo "smtp inet n - n - - smtpd" >"$ETC/master.cf"
cp "$ETC/main.cf" "$TMP/main.cf"

# tls SUBCOMMAND...: as postfix(1) runs it, without a terminal; output in $TMP/out, $TMP/err.
tls() {
	env -i PATH=/bin:/usr/bin MAIL_CONFIG="$ETC" MAIL_LOGTAG=postfix config_directory="$ETC" command_directory="$BIN" \
		daemon_directory="$BIN" queue_directory="$TMP/spool" data_directory="$TMP/data" setsid -w "$BIN/postfix-tls-script" "$@" \
		</dev/null >"$TMP/out" 2>"$TMP/err"
}

# refused REGEX NAME SUBCOMMAND...: status 1 and these words on standard error, and nothing else.
refused() {
	refused_regex=$1 refused_name=$2
	shift 2
	ls "$ETC" >"$TMP/before"
	tls "$@"
	refused_status=$?
	ls "$ETC" >"$TMP/after"
	[ $refused_status -eq 1 ] && [ ! -s "$TMP/out" ] && grep -Eq -- "$refused_regex" "$TMP/err" &&
		grep -Eq ': (fatal|error): ' "$TMP/err" && cmp -s "$ETC/main.cf" "$TMP/main.cf" && cmp -s "$TMP/before" "$TMP/after"
	ok $? "$refused_name" || diag "$(echo "status $refused_status, wanted $refused_regex"; cat "$TMP/out" "$TMP/err")"
}

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$ETC/key" -out "$ETC/cert" -days 30 -subj /CN=mx.example.test 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:brainpoolP256r1 -nodes -keyout "$ETC/brainpool.key" \
	-out "$ETC/brainpool.crt" -days 30 -subj /CN=mx.example.test 2>/dev/null
openssl pkey -in "$ETC/key" -aes256 -passout pass:secret -out "$ETC/phrase" 2>/dev/null
openssl rsa -in "$ETC/key" -traditional -aes256 -passout pass:secret -out "$ETC/old-phrase" 2>/dev/null
openssl pkcs12 -export -in "$ETC/cert" -inkey "$ETC/key" -passout pass: -out "$ETC/p12" 2>/dev/null
openssl pkey -in "$ETC/key" -outform DER -out "$ETC/key.der" 2>/dev/null
openssl x509 -in "$ETC/cert" -outform DER -out "$ETC/cert.der" 2>/dev/null
openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -out "$TMP/dsa" 2>/dev/null
openssl genpkey -paramfile "$TMP/dsa" -out "$ETC/dsa.key" 2>/dev/null
dd if=/dev/zero of="$ETC/huge" bs=1048577 count=1 2>/dev/null
: >"$ETC/empty"
echo 'no such thing' >"$ETC/garbage"
mkfifo "$ETC/fifo"
mkdir "$ETC/directory"
ln -s nowhere "$ETC/dangling"
sed '5s/./!/' "$ETC/key" >"$ETC/broken.key"
sed '5s/./!/' "$ETC/cert" >"$ETC/broken.crt"
cat "$ETC/broken.crt" "$ETC/cert" >"$ETC/half-broken.crt"
head -n 5 "$ETC/key" >"$ETC/cut.key"
head -n 5 "$ETC/cert" >"$ETC/cut.crt"
chmod 600 "$ETC"/*key* "$ETC"/*phrase "$ETC/p12"

# --- files: what is wrong with them, wherever a key or a certificate is wanted ---

while IFS='|' read -r name regex; do
	refused "$regex" "deploy-server-cert: $name as key" deploy-server-cert cert "$name"
	refused "$regex" "output-server-csr: $name" output-server-csr -k "$name"
	refused "$regex" "output-server-tlsa: $name" output-server-tlsa key "$name"
done <<CASES
missing|open $ETC/missing: No such file
directory|open $ETC/directory: not a regular file
dangling|open $ETC/dangling: No such file
fifo|open $ETC/fifo: not a regular file
/dev/zero|open /dev/zero: not a regular file
huge|$ETC/huge: file is larger than
empty|$ETC/empty is empty
garbage|$ETC/garbage holds no private key
cert|$ETC/cert holds no private key, but a certificate
broken.key|object 1 in $ETC/broken.key cannot be decoded
cut.key|$ETC/cut.key ends in the middle
phrase|$ETC/phrase has a pass phrase.*openssl pkey -in $ETC/phrase -out
old-phrase|$ETC/old-phrase has a pass phrase
p12|$ETC/p12 is PKCS#12: .*openssl pkcs12 -in $ETC/p12 -nodes
dsa.key|DSA keys are not supported
pkcs11:token=x;object=y|keys in hardware .* cannot be used
CASES
refused "$ETC/key.der is not PEM: .*openssl pkey -inform DER" "deploy-server-cert: a key in DER" deploy-server-cert cert key.der
tls output-server-csr -k key.der
ok $? "which is good for a request" || diag "$(cat "$TMP/err")"
while IFS='|' read -r name regex; do
	refused "$regex" "deploy-server-cert: $name as certificate" deploy-server-cert "$name" key
done <<CASES
missing|open $ETC/missing: No such file
directory|open $ETC/directory: not a regular file
fifo|open $ETC/fifo: not a regular file
huge|$ETC/huge: file is larger than
empty|$ETC/empty is empty
garbage|$ETC/garbage holds no certificate
key|$ETC/key holds no certificate, but a private key
broken.crt|object 1 in $ETC/broken.crt cannot be decoded
half-broken.crt|object 1 in $ETC/half-broken.crt cannot be decoded
cut.crt|$ETC/cut.crt ends in the middle
p12|$ETC/p12 is PKCS#12
cert.der|$ETC/cert.der is not PEM: .*openssl x509 -inform DER
brainpool.crt|does not match key
CASES
cat >>"$ETC/main.cf" <<CONF
smtpd_tls_cert_file = $ETC/cert
smtpd_tls_key_file = $ETC/phrase
CONF
cp "$ETC/main.cf" "$TMP/main.cf"
refused "has a pass phrase" "new-server-cert: a key with a pass phrase" new-server-cert
sed -i '/tls/d' "$ETC/main.cf"
cp "$ETC/main.cf" "$TMP/main.cf"
refused "few peers know keys .*brainpoolP256r1" "a rare curve with --strict" deploy-server-cert --strict brainpool.crt brainpool.key
sed 's/$/\r/' "$ETC/cert" >"$ETC/cert.crlf"
sed 's/$/\r/' "$ETC/key" >"$ETC/key.crlf"
chmod 600 "$ETC/key.crlf"
tls deploy-server-cert cert.crlf key.crlf
is "$? $(grep -c warning "$TMP/err")" "0 0" "lines may end in CR LF, and a certificate without DNS names has its common name" || diag "$(cat "$TMP/err")"
cp "$TMP/main.cf" "$ETC/main.cf"

# --- arguments ---

# Words are not patterns for files here.
set -f
while IFS='|' read -r arguments regex; do
	refused "$regex" "$arguments" $arguments
done <<CASES
|unknown tls command: ''
nonsense|unknown tls command: 'nonsense'
Enable-Client|unknown tls command: 'Enable-Client'
-h|unknown tls command: '-h'
help nonsense|unknown tls command: 'nonsense'
enable-client x|usage: postfix tls enable-client \[-r devrandom\]
enable-client -r|usage: postfix tls enable-client
enable-client -r /dev/urandom|bad TLS random source '/dev/urandom': need dev:/path or egd:/path
enable-client --strict --force|usage: postfix tls enable-client
enable-server -x|usage: postfix tls enable-server
enable-server -a rsa -b 12|bad number of bits "12": an rsa key has 512 to 16384
enable-server -a rsa -b 511|bad number of bits "511"
enable-server -a rsa -b 16385|bad number of bits "16385"
enable-server -a rsa -b secp256r1|bad number of bits "secp256r1"
enable-server -a rsa -b -5|bad number of bits "-5"
enable-server -a ecdsa -b 2048|no curve is named "2048": secp256r1
enable-server -a ecdsa -b ED25519|no curve is named "ED25519"
enable-server -a ed25519 -b 99|keys of this algorithm have one size
enable-server -a dsa|Unsupported private key algorithm: dsa
new-server-key -a RSA|Unsupported public key algorithm: RSA
new-server-key --strict -b 1024|peers may refuse such a key
new-server-key a..b|bad host name: 'a..b'
new-server-key .|bad host name: '.'
new-server-key .b|bad host name: '.b'
new-server-key *|bad host name: '\*'
new-server-key m*x.example|bad host name
new-server-key ::1|bad host name
new-server-key mx/CN=x|bad host name
new-server-key müller.example|bad host name: 'm..?ller.example': .* 'xn--mller-kva.example'
deploy-server-cert|usage: postfix tls deploy-server-cert certfile keyfile
deploy-server-cert cert|usage: postfix tls deploy-server-cert certfile keyfile
deploy-server-cert cert key x|usage: postfix tls deploy-server-cert certfile keyfile
output-server-csr -k|usage: postfix tls output-server-csr \[-k keyfile\]
output-server-csr|No usable keyfile specified or configured
output-server-csr -k none|No usable keyfile specified or configured
output-server-csr -k key a..b|bad host name
output-server-tlsa|No usable keyfiles specified or configured
output-server-tlsa -h *.example.test key|bad host name
output-server-tlsa -h . key|bad host name
output-server-tlsa -p 65536 key|usage: postfix tls output-server-tlsa
output-server-tlsa -m 0 key|usage: postfix tls output-server-tlsa
output-server-tlsa --strict key|usage: postfix tls output-server-tlsa
all-default-client x|usage: postfix tls all-default-client$
all-default-server -x|usage: postfix tls all-default-server$
status x|usage: postfix tls status \[--json\]
CASES
set +f
refused "bad host name: ' '" "a blank as name" new-server-key -a ecdsa ' '
check "what is refused is in the log as well" file_has "$TMP/maillog" "fatal: bad host name: ' '"

# --- probe and check have statuses of their own: what they could not look at is 3 ---

while IFS='|' read -r arguments regex; do
	tls $arguments
	like "$? $(wc -l <"$TMP/err") $(cat "$TMP/out" "$TMP/err")" "^3 1 .*fatal: $regex" "$arguments"
done <<CASES
probe --resolver x example.test|resolver x: neither ADDRESS nor ADDRESS@PORT$
probe --resolver 127.0.0.1@x example.test|resolver 127.0.0.1@x: neither ADDRESS nor
probe --timeout 0 example.test|usage: postfix tls probe
probe ::1|valid hostname or network address required in server description: ::1; this address is written \[::1\]$
probe 127.1|valid hostname or network address required in server description: 127.1$
probe -o nonsense example.test|-o nonsense: missing '=' after attribute name
check --nonsense|usage: postfix tls check
CASES

# A relative socket is one below the queue directory, as it is for lmtp(8).
mkdir "$TMP/spool/private"
perl -MIO::Socket::UNIX -e '
	my $listener = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die;
	my $client = $listener->accept;
	$client->autoflush(1);
	print $client "220 lmtp.test LMTP\r\n";
	while (<$client>) { print $client /^QUIT/ ? "221 bye\r\n" : "250 lmtp.test\r\n"; }' "$TMP/spool/private/dovecot-lmtp" &
PIDS="$PIDS $!"
wait_for test -S "$TMP/spool/private/dovecot-lmtp"
tls probe unix:private/dovecot-lmtp
like "$? $(tail -n 1 "$TMP/out")" '^0 .*\[private/dovecot-lmtp\]: delivery in plaintext$' "a server at a relative socket is found" ||
	diag "$(cat "$TMP/out" "$TMP/err")"

# --- names that mean this machine to everybody ---

sed -i 's/^myhostname.*/myhostname = localhost/' "$ETC/main.cf"
cp "$ETC/main.cf" "$TMP/main.cf"
tls output-server-csr -k key
like "$? $(cat "$TMP/err")" '^0 .*warning: myhostname is localhost, which is no name for others' "localhost gets a warning"
refused "myhostname is localhost" "which --strict makes a reason" new-server-key --strict -a ecdsa
tls new-server-key -a ecdsa mx.example.test
is "$? $(grep -c warning "$TMP/err")" "0 0" "another name is as good as ever"
tls output-server-csr -k key '*.example.test' mx.example.test.
is $? 0 "a wildcard and a final dot are names"

# --- a service that has its own ---

cat >>"$ETC/main.cf" <<CONF
smtpd_tls_cert_file = $ETC/cert
smtpd_tls_key_file = $ETC/key
CONF
echo " -o smtpd_tls_key_file=/elsewhere" >>"$ETC/master.cf"
for subcommand in output-server-tlsa output-server-csr; do
	tls $subcommand
	like "$? $(cat "$TMP/err")" '^0 .*service smtp/inet in master.cf has "-o smtpd_tls_key_file=/elsewhere"' "$subcommand says so"
done
tls output-server-tlsa --json
like "$(cat "$TMP/out")" 'service smtp/inet in master.cf' "and in its document"
tls output-server-tlsa key
is "$(cat "$TMP/err")" "" "not for a key that was named"

# --- somebody else is at work ---

flock "$ETC" sh -c "echo >$TMP/locked; until [ -e $TMP/go ]; do sleep 0.1; done" &
PIDS="$PIDS $!"
wait_for test -e "$TMP/locked"
tls deploy-server-cert cert key &
waiting=$!
check "a command that finds another at work says so" wait_for file_has "$TMP/err" 'waiting for another command that changes'
: >"$TMP/go"
wait $waiting
is $? 0 "and waits for its end"

# --- help ---

tls help
is "$? $(cat "$TMP/err")" "0 " "help is no error"
tls nonsense
for subcommand in $(sed -n 's/.*usage: postfix tls \(.*\)/\1/p' "$TMP/err" | tr -d '(),' | sed 's/ or / /'); do
	tls help
	like "$(cat "$TMP/out")" "^postfix tls $subcommand( |$)" "help has $subcommand"
	[ "$subcommand" != help ] || continue
	tls "$subcommand" --help
	like "$? $(cat "$TMP/out")" "^0 postfix tls $subcommand( |$)" "$subcommand --help has its options"
done
tls output-server-tlsa --help
cp "$TMP/out" "$TMP/help"
for option in '-p port' '-m 1\|2' --json; do
	like "$(cat "$TMP/help")" "^ +$option +[a-zS]" "$option is explained"
done
unlike "$(cat "$TMP/help")" '^ +--strict' "an option that it has not, is not"
tls help check
like "$(cat "$TMP/out")" '^ +--fix +[a-z]' "an option of a subcommand that Postfix has not is explained, too"
tls help output-server-tlsa
check "help SUBCOMMAND is the same" cmp -s "$TMP/out" "$TMP/help"
done_testing
