#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Tables of tls_server_sni_maps that change while tlsproxy runs: indexes made anew by postmap, files that a texthash
# table names, a new entry with a file that nobody knew; and such that cannot be used. In a jail as another user, with
# files that only root may read, if the test runs as root.
. "$(dirname "$0")/lib.sh"
[ -x "$BIN/master" ] || skip_all "our master is not built"
[ -x /usr/sbin/postmap ] || skip_all "no postmap"
tool tlsproxy-caller

mkdir "$TMP/live"
chmod 700 "$TMP/live"
LIVE=$TMP/live

make_pem() { # NAME: a new key, and a certificate for NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$TMP/key" -out "$TMP/crt" \
		-subj "/CN=$1" -days 30 2>/dev/null
	cat "$TMP/key" "$TMP/crt"
}

put_pem() { # FILE NAME
	make_pem "$2" >"$LIVE/new"
	mv -f "$LIVE/new" "$LIVE/$1"
}

mapped() { # TYPE NAME: the index for NAME.test anew, with a certificate for NAME
	put_pem "$1.pem" "$2"
	echo "$1.test $LIVE/$1.pem" >"$LIVE/$1"
	/usr/sbin/postmap -c "$TMP/postmap" -F "$1:$LIVE/$1"
}

shown() { # NAME: whose certificate a client sees that asks for NAME
	openssl s_client -connect "127.0.0.1:$CALLER_PORT" -servername "$1" </dev/null 2>/dev/null |
		openssl x509 -noout -subject -nameopt multiline 2>/dev/null | sed -n 's/ *commonName *= //p'
}

shows() { # NAME COMMON-NAME
	[ "$(shown "$1")" = "$2" ]
}

exchanges() { # COUNT
	log_count_is "$I" 'new tables of tls_server_sni_maps in service' "$1"
}

make_certs "$TMP/certs"
CHROOT=n
[ "$(id -u)" -ne 0 ] || CHROOT=y
make_own_instance sni $CHROOT
mkdir "$TMP/postmap"
printf 'compatibility_level = 3.6\nqueue_directory = %s\ndata_directory = %s\n' "$I/spool" "$I/data" >"$TMP/postmap/main.cf"
TYPES=
for type in hash btree lmdb; do
	mapped $type $type-1 2>"$TMP/postmap.err" && TYPES="$TYPES $type"
done
put_pem text.pem text-1
echo "text.test $LIVE/text.pem" >"$LIVE/text"
put_pem inline.pem inline-1
{
	printf 'tls_server_sni_maps ='
	for type in $TYPES; do
		printf ' %s:%s' "$type" "$LIVE/$type"
	done
	echo " texthash:$LIVE/text inline:{inline.test=$LIVE/inline.pem}"
	echo "max_use = 100000"
} >>"$I/etc/main.cf"
chmod 600 "$LIVE"/*
"$BIN/postfix" -c "$I/etc" start >"$I/log/start" 2>&1
ok $? "starts" || diag "$(cat "$I/log/start")"
wait_for test -S "$I/spool/private/tlsproxy"
"$TOOLS/tlsproxy-caller" "$I/spool/private/tlsproxy" >"$TMP/caller.port" 2>"$I/log/caller" &
PIDS="$PIDS $!"
wait_for lines_in "$TMP/caller.port" 1
CALLER_PORT=$(cat "$TMP/caller.port")
wait_for shows text.test text-1

n=0
for type in $TYPES; do
	is "$(shown $type.test)" $type-1 "$type: what was there at the start"
	mapped $type $type-2
	begin=$(now_ms)
	check "$type: a new index comes into service" wait_for exchanges $((n + 1))
	diag "after $(($(now_ms) - begin)) ms"
	is "$(shown $type.test)" $type-2 "$type: and is shown"
	n=$((n + 1))
done
is "$(shown inline.test)" inline-1 "inline: what was there at the start"
put_pem inline.pem inline-2
check "inline: so does a new file" wait_for shows inline.test inline-2
put_pem text.pem text-2
check "texthash: and that of an entry" wait_for shows text.test text-2
put_pem other.pem other-1
echo "other.test $LIVE/other.pem" >>"$LIVE/text"
check "texthash: a new entry, with a file that is new" wait_for shows other.test other-1
put_pem other.pem other-2
check "texthash: then that file is looked at, too" wait_for shows other.test other-2
n=$((n + 4))
check "each change is told" exchanges $n

refused() { # NAME WORDS
	check "$1: the log says why" wait_for log_has "$I" "changed tables of tls_server_sni_maps are not used: .*$2"
	is "$(shown text.test) $(shown other.test)" "text-2 other-2" "$1: the old tables stay in service"
	is "$(log_count "$I" "changed tables of tls_server_sni_maps are not used: .*$2")" 1 "$1: once"
}

type=${TYPES# }
type=${type%% *}
if [ -n "$type" ]; then
	index=$(ls "$LIVE/$type".*db)
	cp -p "$index" "$LIVE/whole"
	head -c 20000 /dev/urandom >"$LIVE/new"
	mv -f "$LIVE/new" "$index"
	refused "a damaged index" "$type:$LIVE/$type is unavailable"
	mv -f "$LIVE/whole" "$index"
fi
make_pem mismatched | sed '/BEGIN CERT/,$d' >"$LIVE/new"
openssl x509 -in "$TMP/certs/rsa.crt" >>"$LIVE/new"
mv -f "$LIVE/new" "$LIVE/text.pem"
refused "a key that does not fit" "the entry of text.test cannot be used"
put_pem text.pem text-2
mv "$LIVE/text" "$LIVE/away"
refused "a table that is gone" "texthash:$LIVE/text is unavailable"
{
	cat "$LIVE/away"
	echo "lost.test $LIVE/lost.pem"
} >"$LIVE/text"
refused "a file that is not there" "lost.pem cannot be read"
put_pem lost.pem lost-1
check "until it is" wait_for shows lost.test lost-1
is "$(shown text.test)" text-2 "with all else"

pid=$(sed -n 's/.*tlsproxy\[\([0-9]*\)\]: CONNECT from .*/\1/p' "$I/log/maillog" | sort -u)
is "$(echo "$pid" | wc -l)" 1 "all by one process"
maps=$(children_of "$pid" maps)
if [ "$(id -u)" -eq 0 ]; then
	is "$(awk '/^Cap(Prm|Eff):/ { print $2 }' "/proc/$maps/status" | sort -u)" 0000000000000004 \
		"the process that reads them may read what others own, and nothing else"
fi
"$BIN/postfix" -c "$I/etc" reload >"$I/log/reload" 2>&1
check "a reload ends it" wait_for gone "$maps"
check "and the next process serves" wait_for shows lost.test lost-1
is "$(log_count "$I" 'the process that reads tls_server_sni_maps has ended')" 0 "that is not worth a warning"
kill -9 "$(children_of "$(the_pid "$I" tlsproxy)" maps)"
check "its end is told" wait_for log_has "$I" 'the process that reads tls_server_sni_maps has ended'
is "$(shown lost.test)" lost-1 "and the service goes on"
done_testing
