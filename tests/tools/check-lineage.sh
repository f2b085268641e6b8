# SPDX-License-Identifier: ISC
#
# check-lineage.sh: keys and certificates as certbot keeps them, in ./le. Sourced by cases of "postfix tls check".

# lineage KEY CHAIN [KEY CHAIN]...: generations, each of a key and a chain; the links lead to the last.
lineage() {
	generation=0
	mkdir -p le/live/mx le/archive/mx le/renewal le/renewal-hooks/deploy
	chmod 700 le/live le/archive
	printf 'version = 2.1.0\narchive_dir = %s\n[renewalparams]\nauthenticator = standalone\n' "$PWD/le/archive/mx" >le/renewal/mx.conf
	while [ $# -ge 2 ]; do
		generation=$((generation + 1))
		cp "$1" "le/archive/mx/privkey$generation.pem"
		cp "$2" "le/archive/mx/fullchain$generation.pem"
		openssl x509 -in "$2" -out "le/archive/mx/cert$generation.pem"
		sed '1,/-----END/d' "$2" >"le/archive/mx/chain$generation.pem"
		shift 2
	done
	chmod 600 le/archive/mx/privkey*
	for lineage_file in privkey fullchain cert chain; do
		lineage_link "$lineage_file" "$generation"
	done
}

lineage_link() { # FILE GENERATION
	ln -sfn "../../archive/mx/$1$2.pem" "le/live/mx/$1.pem"
}
