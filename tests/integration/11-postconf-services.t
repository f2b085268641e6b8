#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Our postconf shows and edits master.cf (-M, -F, -P) as the installed one does: output, messages, status, files.
#
# Where the two mean to differ the case says so.

. "$(dirname "$0")/postconf.sh"

# services: master.cf of the next cases
services() {
	printf 'compatibility_level = 3.6\nfoo = bar\nmine = $theirs\n' > start/main.cf
	cat > start/master.cf
}

# differs NAME EXPECTED ARGUMENT...: ours alone, with what is said and what is in master.cf afterwards
differs() {
	name=$1 expected=$2
	shift 2
	run ours start "$@"
	{ cat ours.err; cat conf/master.cf; } > seen
	printf '%s\n' "$expected" | diff - seen > difference
	result $? "$name"
}

usual() {
	services <<'END'
# comment at head
smtp      inet  n       -       y       -       -       smtpd
#submission inet n       -       y       -       -       smtpd
  # inner comment
  -o smtpd_tls_security_level=encrypt
  -o { smtpd_banner = a b c }   -o smtpd_x=$foo -o theirs=2
	-v
tlsmgr    unix  -       -       y       1000?   1       tlsmgr

smtp	  unix - - y - - smtp -o syslog_name=postfix/$service_name -o{x=y}
  	-o a=b=c   arg {with  space} -oq=r -o z=

maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient} averylongargumentindeed anotherlongargumentindeed
127.0.0.1:10025 inet n - n 1 0 smtpd -o s1=1 -o s2=$s1 -o s3=averyveryverylongvaluewhichislong andsomemore
# at the end
END
}

# --- showing ---

usual
set -f
for arguments in -M -Mf -Mx -Mxf -F -Ff -FH -Fx -P -Px -Ph -PH -Pf -Pfh "-M smtp" "-M smtp/unix" "-M */inet" "-M smtp/*" \
	"-M nosuch" "-M nosuch/inet x/y" "-M smtp/unix/x" "-M smtp tlsmgr smtp" "-M smtp/" "-M /inet" "-F smtp" "-F */*/command" \
	"-F smtp/inet/nosuch" "-F smtp/inet/chroot smtp/inet/type tlsmgr/unix/type smtp/inet/type" "-F smtp/inet/*" "-F smtp/inet/" "-F smtp/inet/a/b" "-P smtp" \
	"-P smtp/inet/smtpd_banner" "-P */*/syslog_name" "-Px */*/syslog_name" "-P smtp/inet/nosuch" "-P */*/*" \
	"-P smtp/inet/a/b" "-M -o foo=y -x smtp" "-Px -o s1=7" "-n" "-nx" "theirs" "x" "-F -h smtp/unix/chroot" "-MF" "-MP" "-Md" \
	"-Mn" "-Mh" "-MH" "-Fd" "-FX a" "-F# a" "-P# a" "-Pn" "-mM" "-md" "-me" "-T x -M" "-T x -d" "-Mp" "-M -e" "-MX" "-M#" "-PX" \
	"-F -e" "-P -e" "-MXe" "-hH" "-Me smtp/inet" "-MX smtp" "-PX smtp/inet" "-MX a=b"; do
	# shellcheck disable=SC2086
	same "postconf $arguments" $arguments
done
same "postconf -M with an empty name" -M ''

# --- what an argument is ---

wrong=0 tried=0
: > all
while IFS= read -r arguments; do
	echo "s unix - - - - - c $arguments" | services
	for option in -M -Mf -P -Px; do
		run real start $option
		run ours start $option
		tried=$((tried + 1))
		{ diff real.out ours.out && diff real.err ours.err; } > difference 2>&1 || {
			wrong=$((wrong + 1))
			{ echo "$option: $arguments"; cat difference; } >> all
		}
	done
done <<'END'

-v -o a=b
-o a=b -v -o c=d
-o
-o a
-oa
-o =b
-- -o a=b
- -o a=b
-o a=b - -o c=d
-
-t 5 -o a=b
-oa=b x
-o a = b
-o {a = b} -o{ c = d }
-o { a=b } x {y z}
{-o} a=b
-o {a=b
-o a=b}
{ x
{x}y
-o a={b c}
-o {a={b c}}
-o a=$b{c
-o a=$b -o b=1
-o {a=b}c
-va=b
-Da -o x=y
-o a=b -o a=c
-o { a = {x y} }
--a=b -o c=d
--o a=b
-o { a = }
-o {a=b } {c=d}
-vo a=b
-voa=b
-vv -o a=b
-v -v x -o a=b
-o a=b -v -v -v x y
-oa -ob c
-o {a b} -o c=d
x {b} {c} {d e}
-o a=b -- -o c=d x
a{b c}d e
a={b c} d
-oa={x y}
-o {a =  x	y  }
-o a=${b
-o averylongnameofaparameterindeed=averylongvaluethatdoesnotfitintoalineofeightycolumns averylongargumentbehind
END
cp all difference
result $wrong "$tried listings of odd arguments are alike"

for line in "s bad - - - - - c" "s unix x - - - - c" "s unix - x - - - c" "s unix - - x - - c" "s unix - - - x - c" "s unix - - - 5? - c" \
	"s unix - - - -1 - c" "s unix - - - 5x - c" "s unix - - - ? - c" "s unix - - - - x c" "s unix - - - - -1 c" "s unix - - - - 5? c" \
	"s unix - - - - 99999999999 c" "s unix - - - 99999999999 - c" "s inet y - - - - c" "s unix - - - - - -" "s unix Y - - - - c" \
	"s unix-dgram - - - - - c" "verylongservicename unix-dgram - - - 10000000? 100000000 c" "s unix - - - - - {c d}" \
	"s unix - - - - c" "s" " s unix - - - - - c" "a/b inet n - - - - c" "s=t unix - - - - - c"; do
	echo "$line" | services
	same "a line: $line" -M
	same "a line: $line, main.cf" -n
done

services <<'END'
s unix - - - - - c -o a=$ww -o b=$c -o zz=5 -o b2=$b -o tt=$uu -o r=$r2 -o ww=$mydomain
t unix - - - - - c -o c=$a -o r2=7
END
printf 'compatibility_level = 3.6\nxx = a\tb\nyy=$zz\nww = 1\nuu=$nobody\nmydomain=a.example\n' > start/main.cf
for arguments in -n -P -Px "-Px -o r2=8" "xx ww uu" -Mx; do
	# shellcheck disable=SC2086
	same "names that services refer to: $arguments" $arguments
done

# --- editing ---

# edits: each line one command's arguments, separated by |, on the usual file
usual
while IFS= read -r arguments; do
	IFS='|'
	# shellcheck disable=SC2086
	set -- $arguments
	unset IFS
	same "edit: $arguments" "$@"
done <<'END'
-M#|smtp/inet
-MX|smtp/unix
-MX|smtp/inet|tlsmgr/unix
-MX| tlsmgr/unix 
-M|smtp/inet=smtp inet n - n - - smtpd -o a=b c {d e} -o {f = g h}
-M|new/unix=new unix - - n - - newd
-M|new/unix=other unix - - n - - newd
-M|b/unix=b unix - - n - - newd|a/unix = a unix - - - - - b
-M|*/inet=x inet - - n - - newd
-M|smtp/inet=
-M|smtp/inet=bad
-M|smtp/inet=x bad - - - - - c
-M|smtp/inet=x unix - - - - z c
-Me|smtp/inet
-M|smtp/inet/x=y
-M|smtp=y
-M|/inet=y
-M|#smtp/inet=y
-F|smtp/inet/chroot=n
-F|*/unix/chroot=-
-F|smtp/inet/command=smtpd -v
-F|smtp/inet/chroot=q
-F|smtp/inet/type=unix
-F|smtp/inet/type=nosuch
-F|smtp/inet/service=foo
-F|smtp/inet/service=a b
-F|nosuch/inet/chroot=n
-F|smtp/inet/*=n
-F|smtp/inet=n
-F|smtp/inet/chroot/x=n
-F|smtp//chroot=n
-F|smtp/inet/chroot=n|smtp/inet/chroot=y|*/*/wakeup=7
-F|smtp/inet/service=foo|smtp/inet/wakeup=3|foo/inet/process_limit=4
-F|smtp/inet/command=smtpd -o a=b -vo c=d e {f} -o g=h
-P|smtp/inet/foo=bar
-P|smtp/inet/smtpd_banner=d e f
-P|smtp/inet/smtpd_banner=d
-P|smtp/inet/smtpd_banner=
-P|smtp/inet/smtpd_banner = x=y
-P|*/*/foo=bar
-P|nosuch/*/foo=bar
-P|smtp/inet/a=3|smtp/inet/b=4|smtp/inet/a=5
-P|smtp/inet/*=3
-P|smtp/inet=3
-PX|smtp/inet/smtpd_banner
-PX|smtp/inet/smtpd_banner|smtp/inet/smtpd_x|*/unix/x
-PX|*/*/*
-PX|smtp/inet/nosuch
-MX|nosuch/inet
-M#|*/*
-MX|*/*
-M#|smtp/inet/x
-MX|#smtp/inet
END
printf 's unix - - - - - c\n# x\ns unix - - - - - d\n' | services
for arguments in "-F s/unix/command=e" "-P s/unix/a=b" "-MX s/unix" "-M# s/unix"; do
	# shellcheck disable=SC2086
	same "two of a name: $arguments" $arguments
done
same "two of a name: -M" -M "s/unix=s unix - - - - - e"
same "two of a name, the same request twice" -M "s/unix=s unix - - - - - e" "s/unix=s unix - - - - - f"
printf 's\n unix - - - - - c\nu unix - - - - - c\n' | services
same "a type on a line of its own" -MX s/unix
same "a type on a line of its own, not asked for" -P u/unix/a=b
printf ' s unix - - - - - c\n# x\nt unix - - - - - d -o a=1 -o b=2 -o a=3\n' | services
same "a first line that continues nothing" -P t/unix/a=b
same "a parameter that is set twice" -PX t/unix/a
same "a newline" -M 'a/unix=a unix
x'
same "a newline in a name" -M# 'a
b'
rm start/master.cf
same "no master.cf" -M
same "no master.cf, main.cf" -n
same "no master.cf, an edit" -MX s/unix
usual
rm start/main.cf
same "no main.cf" -M
same "no main.cf, an edit" -MX smtp/inet

# --- where ours is meant to differ ---

printf 't unix - - - - - d' | services
differs "a last line without newline is completed: 3.7 joins two lines" "t unix - - - - - d
v          unix  -       -       -       -       -       e" -M "v/unix=v unix - - - - - e"
printf 't unix - - - - - d\n# last' | services
differs "a last comment without newline stays one line: 3.7 joins the entry to it, which is lost" "# last
t          unix  -       -       y       -       -       d" -F t/unix/chroot=y
printf 't unix - - - - - d -v {a b} c {}\n' | services
differs "braces stay where they mean something: 3.7 makes two arguments of one, and loses an empty one" \
	"t          unix  -       -       y       -       -       d -v {a b} c {}" -F t/unix/chroot=y
long=$(printf '%070d' 0)
echo "t unix - - - - - d $long #word -o a=b #other" | services
differs "no argument becomes a comment: 3.7 folds before it, and it is lost when it is read again" "t          unix  -       -       y       -       -       d
    $long #word
    -o a=b #other" -F t/unix/chroot=y
printf 't unix - - - - - d -v {a b} c {}\n' | services
differs "a field cannot be empty: 3.7 writes an entry with one field less, or crashes" 'fatal: bad field count: "t/unix/chroot="
t unix - - - - - d -v {a b} c {}' -F t/unix/chroot=
differs "nor can the command" 'fatal: bad field count: "t/unix/command="
t unix - - - - - d -v {a b} c {}' -F t/unix/command=
run ours start -Fh t/unix/command
{ echo "d -v {a b} c {}"; echo "status 0"; } | diff - ours.out | grep -v mode | grep '^[<>]' > difference
[ ! -s difference ]
result $? "a value without its name keeps its blanks: 3.7 glues the first argument to the command"

echo "1..$n"
