#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Our postconf and the installed one print the same, complain about the same, and leave the same files behind.
#
# Where the two mean to differ the case says so. Messages are compared as sets: Postfix prints some of them twice, and
# those about unused names in no particular order.

. "$(dirname "$0")/postconf.sh"

# --- the cases of the table, edits ---

for file in "$here"/vectors/postconf-edit/*.txt; do
	name=$(basename "$file" .txt)
	cp "${file%.txt}.before" start/main.cf
	chmod 640 start/main.cf
	# The arguments are JSON strings, a list a line.
	sed -n 's/^arguments: \[\(.*\)\]$/\1/p' "$file" | sed 's/", "/\n/g; s/^"//; s/"$//; s/\\"/"/g' > arguments
	set --
	while IFS= read -r argument || [ -n "$argument" ]; do
		set -- "$@" "$argument"
	done < arguments
	case $name in
	23-*)
		run ours start "$@"
		diff "${file%.txt}.after-3.11.6" ours.cf > difference
		result $? "$name (as 3.11 does: 3.7 joins two lines)"
		;;
	*) same "$name" "$@" ;;
	esac
done

# --- the cases of the table, expansion ---

wrong=0 tried=0
: > all
{
	read -r _heading
	while IFS= read -r line; do
		text=$(printf '%s\n' "$line" | cut -f 2)
		parameter=$(printf '%s\n' "$line" | cut -f 3)
		# \uFEFF is the only code point above ASCII that is spelled as a number.
		text=$(printf '%s\n' "$text" | sed 's/\\uFEFF/\\357\\273\\277/g; s/%/%%/g; s/\\x20/ /g')
		# shellcheck disable=SC2059
		printf "$text" > start/main.cf
		[ "$parameter" != html_directory ] || echo '# no default that the build decides' >> start/main.cf
		touch -d '1 hour ago' start/main.cf
		run real start -x -h "$parameter"
		run ours start -x -h "$parameter"
		# The default is the build's.
		sed -i 's,^/usr/share/doc/postfix/html$,no,' real.out
		tried=$((tried + 1))
		{ diff real.out ours.out && diff real.err ours.err; } > difference 2>&1 || {
			wrong=$((wrong + 1))
			{ printf '%s\n' "$line"; cat difference; } >> all
		}
	done
} < "$here/vectors/main-cf-expansion.tsv"
cp all difference
result $wrong "$tried main.cf files are expanded alike"

# --- options ---

fragment() {
	cat > start/main.cf
	for options in -n -nx -nh -nH -nf "-nxf"; do
		# shellcheck disable=SC2086
		same "$1: $options" $options
	done
}

fragment "references, some of them to nothing" <<-'END'
	mail_owner = $first ${second?{$third}:{$fourth}}
	first = $fifth
	fifth = 1
	sixth = $seventh
	smtpd_tls_cert_file = /etc/ssl/cert.pem
	smtpd_tls_key_file = ${smtpd_tls_cert_file}.key
END
fragment "long values and odd white space" <<-'END'
	mynetworks = 127.0.0.0/8, 10.0.0.0/8, 192.168.0.0/16,	172.16.0.0/12, [::1]/128, [fe80::]/10,
	   [2001:db8::]/32   198.51.100.0/24
	# a comment
	   203.0.113.0/24
	smtpd_tls_ciphers = averylongwordthatdoesnotfitintoalineofeightycolumnsbecauseitislongerthanthatandmore x
	relayhost =
END
fragment "what may not be set" <<-'END'
	process_id = 5
	process_name = x
	service_name = y
	relayhost = $service_name
END
fragment "a line that is wrong" <<-'END'
	relayhost = x
	nothing to see
END
fragment "an expression that is wrong" <<-'END'
	relayhost = ${a b}
END
fragment "a wrong expression that nobody reads" <<-'END'
	mine = ${a b}
END
fragment "a level that is none" <<-'END'
	compatibility_level = three
END

echo 'smtpd_tls_loglevel = $level
level = 2' > start/main.cf
for arguments in "smtpd_tls_loglevel level nosuch" "-h smtpd_tls_loglevel" "-x smtpd_tls_loglevel tlsproxy_tls_loglevel" \
	"-n smtp_tls_loglevel smtpd_tls_loglevel nosuch" "-d smtpd_tls_loglevel" "-dx smtpd_tls_key_file" "-d level" \
	"-H smtp_tls_loglevel" "-o smtpd_tls_loglevel=3 smtpd_tls_loglevel" "-o level=7 -xh smtpd_tls_loglevel" "-o x level" \
	"-d -n level" "-h -H level" "-X -n level" "-d -o a=b level" "-X a=b" "-X level a=b" "-# -X level" "-e a" "-e =b" \
	"level=3 smtp_tls_loglevel=4" "-p -n" "process_name service_name" "-d myhostname" "mydomain myhostname" "-# level" \
	"-X level smtpd_tls_loglevel nosuch" "-e -x a=b" "-f level=1" "-X -e level"; do
	# shellcheck disable=SC2086
	same "postconf $arguments" $arguments
done
same "a value with a newline" -e 'a = b
c'
same "a blank name" -X ''

# Every default of the table, except those the build or the host decides.
bin-ours/postconf -c start -d 2> /dev/null | grep -vE '^(html_directory|manpage_directory|readme_directory|shlib_directory|process_id|meta_directory|(command|config|daemon|data|queue)_directory|mynetworks|tlsgate_[a-z0-9_]*|tlsmgr_(session|ticket)_[a-z_]*|tls_ffdhe_auto_groups|tlsproxy_certificate_reload|tlsproxy_status_file|maillog_file_permissions|process_name) =' > defaults
bin-real/postconf -c start -d 2> /dev/null | LC_ALL=C sort > real.defaults
LC_ALL=C sort defaults | LC_ALL=C comm -23 - real.defaults > difference
[ -s defaults ] && [ ! -s difference ]
result $? "$(wc -l < defaults) defaults are Postfix's"

rm start/main.cf
: > missing
run real start -n
run ours start -n
{ diff real.out ours.out && diff real.err ours.err; } > difference 2>&1
result $? "no main.cf"

echo "1..$n"
