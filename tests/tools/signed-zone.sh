# SPDX-License-Identifier: ISC
#
# signed-zone.sh: names for destinations, and a resolver that validates. Sourced.
#
# dane.test is signed, plain.test is not. zone_begin DIR, then zone_destination for each, then zone_serve, which signs
# and starts unbound on 127.0.0.1:53: only for a network and a mount namespace of the test's own. Sets RESOLVER_PID.

zone_begin() { # DIR
	ZONE=$1
	mkdir -p "$ZONE"
	for zone in dane plain; do
		{
			echo "\$ORIGIN $zone.test."
			echo "\$TTL 3600"
			echo "@ SOA ns hostmaster 1 3600 3600 86400 3600"
			echo "@ NS ns"
			echo "ns A 127.0.0.1"
		} >"$ZONE/$zone.zone"
	done
	# For the destination "alias".
	echo "alias.to CNAME alias" >>"$ZONE/dane.zone"
}

# zone_destination NAME RECORDS: the host in both zones, its TLSA records for any port, and domains of its name that
# have it for a mail exchanger: the one in plain.test cannot be trusted to say so.
zone_destination() {
	case $1 in
	mx-*)
		echo "host.$1 A 127.0.0.1" >>"$ZONE/dane.zone"
		echo "$1 MX 10 host.$1" >>"$ZONE/dane.zone"
		echo "$1 MX 10 host.$1.dane.test." >>"$ZONE/plain.zone"
		zone_records "host.$1" "$2" >>"$ZONE/dane.zone"
		;;
	insecure-*)
		echo "$1 A 127.0.0.1" >>"$ZONE/plain.zone"
		# The records are signed, the address is not.
		echo "*._tcp.$1 CNAME tlsa.$1.dane.test." >>"$ZONE/plain.zone"
		printf '%s\n' "$2" | sed "s/^/tlsa.$1 TLSA /" >>"$ZONE/dane.zone"
		;;
	*)
		echo "$1 A 127.0.0.1" >>"$ZONE/dane.zone"
		zone_records "$1" "$2" >>"$ZONE/dane.zone"
		;;
	esac
}

zone_records() { # HOST RECORDS
	[ -z "$2" ] || printf '%s\n' "$2" | sed "s/^/*._tcp.$1 TLSA /"
}

# Signatures of names that hold "expired-signature" are those of a year that is gone.
zone_sign() {
	(
		cd "$ZONE" || exit 1
		key=$(ldns-keygen -k -a ECDSAP256SHA256 dane.test) || exit 1
		# Signed twice, with the same key.
		ldns-signzone -i 20200101 -e 20210101 -f old dane.zone "$key" || exit 1
		ldns-signzone -f new dane.zone "$key" || exit 1
		{
			grep -v 'expired-signature.*RRSIG.TLSA' new
			grep 'expired-signature.*RRSIG.TLSA' old
		} >dane.signed
		cp "$key.ds" anchor
	) >"$ZONE/sign.log" 2>&1 || { cat "$ZONE/sign.log"; return 1; }
}

zone_serve() {
	zone_sign || return 1
	cat >"$ZONE/unbound.conf" <<-CONF
	server:
	    interface: 127.0.0.1
	    port: 53
	    do-ip6: no
	    do-daemonize: no
	    chroot: ""
	    username: ""
	    pidfile: ""
	    directory: "$ZONE"
	    use-syslog: no
	    logfile: "$ZONE/unbound.log"
	    module-config: "validator iterator"
	    trust-anchor-file: "$ZONE/anchor"
	    local-zone: "test." transparent
	    do-not-query-localhost: no
	    edns-buffer-size: 4096
	remote-control:
	    control-enable: no
	auth-zone:
	    name: dane.test
	    zonefile: "$ZONE/dane.signed"
	    for-downstream: no
	    for-upstream: yes
	auth-zone:
	    name: plain.test
	    zonefile: "$ZONE/plain.zone"
	    for-downstream: no
	    for-upstream: yes
	CONF
	unbound -c "$ZONE/unbound.conf" >"$ZONE/unbound.out" 2>&1 &
	RESOLVER_PID=$!
	echo "nameserver 127.0.0.1" >"$ZONE/resolv.conf"
	mount --bind "$ZONE/resolv.conf" /etc/resolv.conf
}

# Whether an answer from the resolver is validated.
zone_is_served() {
	drill -D SOA dane.test @127.0.0.1 2>/dev/null | grep -q 'flags:.* ad '
}
