# SPDX-License-Identifier: ISC
# Clock ticks of a server's processes. Sourced by the subjects.

# cpu_ticks PID: of a process, its ended children, and the living ones of it or of its process group.
cpu_ticks() {
	cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^\([0-9]*\) (.*) /\1 /' |
		awk -v m="$1" '$1 == m { t += $13 + $14 + $15 + $16 } $1 != m && ($3 == m || $4 == m) { t += $13 + $14 }
			END { print t + 0 }'
}

# cpu_settled PID: the same once the server is at rest. What ends between two of cat's reads is in neither, so that one
# reading alone may miss a whole process.
cpu_settled() {
	settled_last=-1 settled_tries=50
	settled_now=$(cpu_ticks "$1")
	while [ "$settled_now" -ne "$settled_last" ] && [ $((settled_tries -= 1)) -gt 0 ]; do
		sleep 0.1
		settled_last=$settled_now
		settled_now=$(cpu_ticks "$1")
	done
	echo "$settled_now"
}
