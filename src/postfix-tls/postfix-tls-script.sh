#!/bin/sh
# SPDX-License-Identifier: ISC
#
# postfix-tls-script: what "postfix tls" runs. The work is done by postfix-tls-helper, which is beside
# this script, in the daemon directory, or beside the file this is a link to.

case $0 in
*/*) here=${0%/*} ;;
*) here=. ;;
esac

for directory in "$here" "$daemon_directory"; do
	if [ -n "$directory" ] && [ -x "$directory/postfix-tls-helper" ]; then
		exec "$directory/postfix-tls-helper" "$@"
	fi
done

target=$(readlink -f "$0")
if [ -x "${target%/*}/postfix-tls-helper" ]; then
	exec "${target%/*}/postfix-tls-helper" "$@"
fi

echo "postfix-tls-script: fatal: no postfix-tls-helper in $here" >&2
exit 1
