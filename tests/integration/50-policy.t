#!/bin/sh
# SPDX-License-Identifier: ISC
#
# "postfix tls policy": the answer in words and as JSON; and the rows of the recorded tables (tests/vectors), with some
# more, by mail: Debian's smtp(8), told to be verbose, delivers to each next hop, and must come to the level, the status
# and the warnings that the command foretells. Names are those of a hosts file of the test's own, in a network of its own,
# where a server listens on the port that next hops without one stand for.
#
# KEEP=DIRECTORY keeps what smtp and the command said.
if [ "$(id -u)" -eq 0 ] && [ -z "$POLICY_NETWORK" ] && unshare -m -n true 2>/dev/null; then
	POLICY_NETWORK=1 exec unshare -m -n sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
make_certs "$TMP/certs"
RSA=$TMP/certs/rsa.crt
mkdir "$TMP/cf" "$TMP/ours" "$TMP/real"

# config NAME SETTING...: a main.cf for the command.
config() {
	config_file=$TMP/cf/$1/main.cf
	mkdir -p "$TMP/cf/$1"
	: >"$TMP/cf/$1/master.cf"
	{
		cat <<-CONF
		compatibility_level = 3.6
		queue_directory = $TMP
		data_directory = $TMP
		command_directory = $BIN
		daemon_directory = $BIN
		mail_owner = nobody
		myhostname = mx.example.test
		maillog_file = /dev/stdout
		smtp_dns_support_level = disabled
		smtp_host_lookup = native
		CONF
		shift
		for config_setting in "$@"; do
			printf '%s\n' "$config_setting"
		done
	} >"$config_file"
}

# policy CONFIG ARGUMENT...: what it says goes to $SAID, what it complains of to $TMP/stderr.
policy() {
	policy_config=$TMP/cf/$1
	shift
	SAID=$("$BIN/postfix" -c "$policy_config" tls policy "$@" 2>"$TMP/stderr")
}

json() { # PATH, words with dots between
	printf '%s' "$SAID" | perl -MJSON::PP -e 'local $/; my $at = decode_json(<STDIN>);
		for (split /\./, $ARGV[0]) { $at = ref $at eq "ARRAY" ? $at->[$_] : $at->{$_} }
		print $at // "null"' "$1"
}

# --- the command ---

config words "smtp_use_tls = yes" "smtp_tls_per_site = inline:{[a.test]:587=MUST, mx.b.test=MUST, c.test=odd}" \
	"smtp_tls_cipherlist = DEFAULT" "smtp_tls_CAfile = $RSA"
policy words '[a.test]:587'
is $? 0 "a policy: status 0"
is "$(cat "$TMP/stderr")" "" "nothing to complain of"
like "$SAID" '^smtp to \[a.test\]:587, server a.test: level verify$' "the level"
like "$SAID" '^    STARTTLS: required$' "what it demands"
like "$SAID" '^    certificate: a trusted one with a name among hostname \(a.test\)$' "of the certificate too"
like "$SAID" '^    ciphers: medium without aNULL$' "what main.cf adds"
like "$SAID" '^looked up: smtp_tls_per_site: "\[a.test\]:587": "MUST"$' "what was looked up"
like "$SAID" '^looked up: smtp_tls_per_site: "a.test": not found$' "in this order"
like "$SAID" '^why: .* smtp_use_tls = yes: the global level is may$' "why"
like "$SAID" '^why: smtp_tls_per_site says MUST: the level is verify instead of may$' "step by step"
like "$SAID" '^note: smtp_tls_cipherlist has no effect' "a dead parameter is named"
unlike "$SAID" 'MX records' "no name comes out of DNS"
policy words b.test mx.b.test
like "$SAID" '^note: the certificate is compared with a name that comes from MX records' "one that does is pointed out"
like "$SAID" '^note: smtp_tls_per_site is asked for a name that comes from MX records' "and so is such a key"
policy words c.test
is $? 1 "a policy that makes no sense: status 1"
like "$SAID" '^smtp to c.test, server c.test: no delivery: 4.7.5 client TLS configuration problem$' "and what smtp will say"
policy words --json b.test mx.b.test
is "$(json level) $(json source) $(json global_level)" "verify smtp_tls_per_site may" "JSON: the level and where from"
is "$(json lookups.1.key) $(json lookups.1.value)" "mx.b.test MUST" "JSON: lookups"
is "$(json match.0) $(json verifydepth) $(json timeout)" "hostname 9 300" "JSON: settings"
is "$(json status)" null "JSON: no trouble"
policy words
is $? 1 "no next hop: status 1"
like "$(cat "$TMP/stderr")" 'usage: postfix tls policy \[--json\] nexthop \[host\]' "and the usage"
policy words a b c
is $? 1 "too many names: status 1"
config types "smtp_tls_policy_maps = nosuch:/x"
policy types a.test
is $? 1 "a table of an unknown type: status 1"
like "$(cat "$TMP/stderr")" 'fatal: unsupported dictionary type: nosuch' "and it is said, since nothing can be foretold"
: >"$TMP/empty.pem"
config anchors "smtp_tls_policy_maps = inline:{{a=verify tafile=$RSA}, {b=verify tafile=$TMP/empty.pem}}"
policy anchors --json a
is "$(json level) $(json tafile.0)" "verify $RSA" "trust anchors of a table"
policy anchors --json b
is "$(json reason)" "client TLS configuration problem" "a file without any"
config lmtp "lmtp_tls_security_level = dane" "smtp_tls_security_level = encrypt"
policy lmtp --json unix:/run/lmtp
is "$(json client) $(json reason)" "lmtp client TLS configuration problem" "unix: is lmtp"
policy lmtp --json inet:a.test
is "$(json client) $(json level)" "lmtp may" "inet: is lmtp"

# --- rows: what smtp and the command are asked ---

# service NAME PROGRAM SETTING...: a delivery agent with these settings, and the same for the command.
service() {
	service_name=$1 	service_line="$1 unix - - n - - $2 -v"
	shift 2
	for service_setting in "$@"; do
		service_line="$service_line -o { $service_setting }"
	done
	echo "$service_line" >>"$TMP/services"
	config "$service_name" "$@"
}

# row NEXTHOP: for the service named last.
row() {
	ROW_COUNT=$((ROW_COUNT + 1))
	printf 'r%s %s %s\n' $ROW_COUNT "$service_name" "$1" >>"$TMP/rows"
}

# rows_of VECTORS: its rows, separated with "|" where there were tabs.
rows_of() {
	grep -v '^#' "$SEALPOST_TOP/tests/vectors/$1.tsv" | tr '\t' '|'
}

none_if_empty() {
	[ "$1" = "(empty)" ] || printf '%s' "$1"
}

global_rows() {
	global_n=0
	while IFS='|' read -r level use enforce peername expected basis; do
		case $expected in
		fatal*) continue ;;
		esac
		[ "$use" != any ] || use=yes enforce=yes peername=yes
		global_n=$((global_n + 1))
		level=$(none_if_empty "${level%% *}")
		service "global$global_n" smtp "smtp_tls_security_level = $level" "smtp_use_tls = $use" \
			"smtp_enforce_tls = $enforce" "smtp_tls_enforce_peername = $peername" \
			"smtp_tls_fingerprint_cert_match = 00:11"
		row "[global$global_n.test]"
	done
}

# One service for each global level; the table has the values in the names of next hop and host.
site_rows() {
	site_n=0 site_last=
	while IFS='|' read -r use enforce peername level global nexthop host rest; do
		if [ "$use $enforce $peername $level" != "$site_last" ]; then
			site_last="$use $enforce $peername $level"
			site_n=$((site_n + 1))
			[ "$use" != - ] || use=no enforce=no peername=yes
			service "site$site_n" smtp "smtp_tls_security_level = $(none_if_empty "$level")" \
				"smtp_use_tls = $use" "smtp_enforce_tls = $enforce" "smtp_tls_enforce_peername = $peername" \
				"smtp_tls_per_site = texthash:$TMP/site" "smtp_tls_fingerprint_cert_match = 00:11"
		fi
		site_name=$(printf 'hop.%s.%s.test' "$nexthop" "$host" | sed 's/\.-/.nothing/g; s/_/-/g' | tr 'A-Z' 'a-z')
		[ "$nexthop" = - ] || echo "[$site_name]:25 $nexthop" >>"$TMP/entries"
		[ "$host" = - ] || echo "$site_name $host" >>"$TMP/entries"
		row "[$site_name]:25"
	done
	# A key that is there twice makes the table unusable.
	sort -u "$TMP/entries" >"$TMP/site"
}

key_rows() {
	cat >"$TMP/keys-site" <<-'TABLE'
	ex1.test MUST_NOPEERMATCH
	.ex1.test MAY
	[ex1.test] NONE
	[ex1.test]:25 MAY
	[h3.test] MAY
	h4.test MUST_NOPEERMATCH
	h5.test may
	h6.test bogus
	h7.test NONE extra
	TABLE
	cat >"$TMP/keys-policy" <<-'TABLE'
	ex1.test encrypt
	.ex1.test may
	[ex1.test] none
	[ex1.test]:25 fingerprint match=00:11
	ex1.test:25 encrypt ciphers=high
	[127.0.0.2] encrypt
	.sub2.ex1.test none
	TABLE
	key_last=
	while IFS='|' read -r table nexthop rest; do
		if [ "$table" != "$key_last" ]; then
			key_last=$table
			case $table in
			*policy_maps) service keyspolicy smtp "$table = texthash:$TMP/keys-policy" ;;
			*) service keyssite smtp "$table = texthash:$TMP/keys-site" ;;
			esac
		fi
		row "$nexthop"
	done
	service_name=keyspolicy
	for nexthop in a_b.ex1.test 1.2.ex1.test 127.0.0.1; do
		row "$nexthop"
	done
}

# One service; each right-hand side under a next hop of its own.
attribute_row() { # RIGHT-HAND-SIDE
	ROW_ATTRIBUTE=$((ROW_ATTRIBUTE + 1))
	printf '[att%s.test] %s\n' $ROW_ATTRIBUTE "$1" >>"$TMP/attributes"
	row "[att$ROW_ATTRIBUTE.test]"
}

attribute_rows() {
	attribute_cert=$(openssl x509 -in "$RSA" -noout -fingerprint -sha256 | sed 's/.*=//')
	service attributes smtp "smtp_tls_policy_maps = texthash:$TMP/attributes" "smtp_tls_CAfile = $RSA"
	while IFS='|' read -r right main_cf rest; do
		[ "$main_cf" = - ] || continue
		attribute_row "$(printf '%s' "$right" | sed "s,<rootca.pem>,$RSA,; s,<otherca.pem>,$TMP/certs/ecdsa.crt,; s/<[a-z]*-sha256>/$attribute_cert/")"
	done
	while IFS= read -r right; do
		attribute_row "$right"
	done <<-'TABLE'
	none ciphers=high foo =x
	none ,
	may match=
	encrypt match=
	may tafile=
	dane match=foo
	dane-only match=
	verify match=:
	fingerprint match=|
	fingerprint match=
	fingerprint match=zz match=11:22
	fingerprint match=1122
	fingerprint match=112
	fingerprint match=:11
	fingerprint match=11:
	verify match=hostname match=
	may connection_reuse=
	may connection_reuse=maybe
	may connection_reuse=YES
	may connection_reuse=yes connection_reuse=bad
	may CIPHERS=high
	may CIPHERS=
	may Foo=1
	may servername=hostname
	may servername=foo_bar.test
	may servername=-foo.test
	may servername=foo.test.
	may servername=.foo.test
	may servername=1.2.3.4
	may servername=a.1
	may servername=[1.2.3.4]
	may foo= bar
	may exclude= protocols=
	may ciphers=high ciphers=
	may,,ciphers=high,
	may protocols=a protocols=
	verify tafile=/nonexistent match=
	secure tafile=/etc/hostname
	dane
	dane-only
	TABLE
}

# What main.cf can have wrong, and how tables fail.
error_rows() {
	service servername smtp "smtp_tls_security_level = may" "smtp_tls_servername = foo..bar"
	row "[servername.test]"
	service unused smtp "smtp_tls_security_level = none" "smtp_tls_servername = foo..bar"
	row "[unused.test]"
	service wrapper smtp "smtp_tls_per_site = static:may" "smtp_tls_wrappermode = yes"
	row "[wrapper.test]"
	service brokensite smtp "smtp_tls_per_site = fail:x"
	row "[brokensite.test]"
	service brokenpolicy smtp "smtp_tls_policy_maps = fail:x"
	row "[brokenpolicy.test]"
	printf 'twice.test NONE\ntwice.test MAY\n' >"$TMP/twice"
	service twice smtp "smtp_tls_per_site = texthash:$TMP/twice"
	row "[twice.test]"
	service badhost smtp "smtp_tls_per_site = inline:{[badhost.test]=MUST_NOPEERMATCH, badhost.test=bogus}"
	row "[badhost.test]"
	service badhop smtp "smtp_tls_per_site = inline:{[badhop.test]=bogus, badhop.test=MUST}"
	row "[badhop.test]"
	service digests smtp "smtp_tls_security_level = fingerprint" "smtp_tls_fingerprint_cert_match = zz,11:22"
	row "[digests.test]"
	service nodigests smtp "smtp_tls_security_level = fingerprint" "smtp_tls_servername = foo..bar"
	row "[nodigests.test]"
	service noanchors smtp "smtp_tls_security_level = secure" "smtp_tls_trust_anchor_file = /nonexistent"
	row "[noanchors.test]"
	service daneonly smtp "smtp_tls_security_level = dane-only" "smtp_tls_servername = foo..bar"
	row "[daneonly.test]"
	service danemay smtp "smtp_tls_security_level = dane" "smtp_dns_support_level = dnssec"
	row "[danemay.test]"
	service both smtp "smtp_tls_per_site = static:MUST" "smtp_tls_policy_maps = static:encrypt"
	row "[both.test]"
	service socketmay lmtp "lmtp_tls_security_level = may"
	row "unix:$TMP/socket"
	service socketdane lmtp "lmtp_tls_security_level = dane"
	row "unix:$TMP/socket"
}

# --- asking both ---

hosts_file() {
	cat /etc/hosts
	awk '{ print $3 }' "$TMP/rows" | sed -n 's/^\[//; s/[]:].*$//; /\.test$/p' | sort -fu | sed 's/^/127.0.0.1 /'
}

make_real() {
	mount --make-rprivate /
	ip link set lo up
	ip address add 127.0.0.9/32 dev lo
	hosts_file >"$TMP/hosts"
	mount --bind "$TMP/hosts" /etc/hosts
	tool tls-destinations
	echo "server 25 Certificate=$RSA PrivateKey=$TMP/certs/rsa.key" >"$TMP/server"
	"$TOOLS/tls-destinations" "$TMP/server" >"$TMP/server.seen" 2>"$TMP/server.err" &
	PIDS="$PIDS $!"
	wait_for lines_in "$TMP/server.seen" 1 || diag "$(cat "$TMP/server.err")"
	perl -MIO::Socket::UNIX -e '
		my $listener = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die "$!";
		chmod 0666, $ARGV[0];
		while (my $client = $listener->accept) { print $client "421 4.3.2 not now\r\n" }' "$TMP/socket" &
	PIDS="$PIDS $!"
	wait_for test -S "$TMP/socket"
	make_instance real ""
	cat "$TMP/services" >>"$I/etc/master.cf"
	sed 's/^\([^ ]*\) \([^ ]*\) \(.*\)/\1@mail.test \2:\3/' "$TMP/rows" >"$I/etc/transport"
	# Mail for an address of its own would loop.
	sed -i 's/^inet_interfaces = .*/inet_interfaces = 127.0.0.9/
		/^smtp_tls_session_cache_database/d; s/^smtp_tls_security_level = .*/smtp_tls_security_level =/' "$I/etc/main.cf"
	echo "transport_maps = texthash:$I/etc/transport" >>"$I/etc/main.cf"
	start_instance "$I"
}

send_mail() {
	awk '{ print $1 }' "$TMP/rows" | while read -r name; do
		printf 'Subject: policy\n\nmail\n' | /usr/sbin/sendmail -C "$I/etc" -f sender@mail.test "$name@mail.test"
	done
}

all_tried() {
	[ "$(log_count "$I" 'to=<r[0-9]*@.*status=')" -ge "$ROW_COUNT" ]
}

# What smtp said of each row: a file with its level, or its status without a session, and its warnings but those of the
# session and those that a table gives itself.
read_log() {
	perl -ne '
		next unless /(?:smtp|lmtp)\[(\d+)\]: (.*)/;
		my ($pid, $text) = ($1, $2);
		if ($text =~ /^(global|effective) TLS level: (\S+)/) {
			$level{$pid}{$1} = $2;
		} elsif ($text =~ /^warning: (.*)/) {
			my $line = $1;
			push @{$said{$pid}}, $line unless $line =~ /^\S+\[\S+\]:\d+: / || $line =~ /^(fail|texthash):|^TLS library problem|tlsproxy/;
		} elsif ($text =~ /: to=<(r\d+)@.* relay=(\S+), .*dsn=(\S+), status=\w+ \((.*)\)$/) {
			my ($row, $dsn, $words) = ($1, $3, $4);
			$level{$pid}{effective} = "none" if grep { /^smtp_connect_local: / } @{$said{$pid}};
			my $tells = grep { /TLS policy lookup (error )?for|wrappermode/ } @{$said{$pid}};
			open(my $out, ">", "'"$TMP"'/real/$row") or die;
			print $out $tells ? "$dsn $words\n" : ($level{$pid}{effective} // $level{$pid}{global}) . "\n";
			print $out "$_\n" for @{$said{$pid}};
			delete $said{$pid};
			delete $level{$pid}{effective};
		}' "$I/log/maillog"
}

# The same of the command.
ask_command() {
	while read -r name config nexthop; do
		case $nexthop in
		-*) policy "$config" --json -- "$nexthop" ;;
		*) policy "$config" --json "$nexthop" ;;
		esac
		printf '%s\n' "$SAID" >"$TMP/ours/$name.json"
	done <"$TMP/rows"
	perl -MJSON::PP -e 'local $/;
		for my $file (@ARGV) {
			open(my $in, "<", $file) or die;
			my $policy = eval { decode_json(<$in>) } // { level => "no answer", warnings => [] };
			open(my $out, ">", $file =~ s/\.json$//r) or die;
			print $out $policy->{status} ? "$policy->{status} $policy->{reason}\n" : "$policy->{level}\n";
			print $out "$_\n" for @{$policy->{warnings}};
		}' "$TMP"/ours/*.json
}

compare() {
	while read -r name config nexthop; do
		compare_words=$(awk -v key="$nexthop" '$1 == key' "$TMP/attributes")
		is "$(cat "$TMP/ours/$name")" "$(cat "$TMP/real/$name")" \
			"$config, ${compare_words:-$nexthop}: $(head -n 1 "$TMP/real/$name")"
	done <"$TMP/rows"
}

# --- settings with which smtp does not start ---

refusals() {
	while IFS='|' read -r name setting words; do
		config "$name" "$setting"
		policy "$name" a.test
		is $? 1 "$setting: status 1"
		like "$(cat "$TMP/stderr")" "fatal: $words\$" "$setting: smtp would not start, and why"
	done <<-'TABLE'
	halfdane|smtp_tls_security_level = halfdane|Invalid TLS level "halfdane"
	bogus|smtp_tls_security_level = bogus|Invalid TLS level "bogus"
	insecuremx|smtp_tls_dane_insecure_mx_policy = bogus|invalid smtp_tls_dane_insecure_mx_policy: "bogus"
	emptymatch|smtp_tls_secure_cert_match =|bad string length 0 < 1: smtp_tls_secure_cert_match =\s*
	TABLE
}

refusals
if [ -z "$POLICY_NETWORK" ] || [ ! -x $POSTFIX_SBIN/master ]; then
	skip "needs root, namespaces and Debian's postfix" "the same answers as smtp"
	done_testing
fi
ROW_COUNT=0 ROW_ATTRIBUTE=0
: >"$TMP/services"
: >"$TMP/rows"
rows_of client-global-level >"$TMP/vectors" && global_rows <"$TMP/vectors"
rows_of per-site-policy >"$TMP/vectors" && site_rows <"$TMP/vectors"
rows_of policy-lookup-keys >"$TMP/vectors" && key_rows <"$TMP/vectors"
rows_of policy-table-attributes >"$TMP/vectors" && attribute_rows <"$TMP/vectors"
error_rows
make_real
ok $? "Postfix starts"
send_mail
check "every next hop was tried" wait_for all_tried
ask_command
read_log
compare
[ -z "$KEEP" ] || cp -r "$TMP" "$KEEP"
done_testing
