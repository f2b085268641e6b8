# SPDX-License-Identifier: ISC
#
# usage: command-programs.pl <JSON
#
# Which programs the commands call that "postfix tls check --json" says, one a line; of "postfix tls" also what is behind
# it: "postfix tls SUBCOMMAND".
use strict;
use warnings;
use JSON::PP;
use Text::ParseWords qw(quotewords);

local $/;
for my $finding (@{ decode_json(<STDIN>) }) {
	# Commands inside of quotes are commands, too.
	(my $command = $finding->{command}) =~ s/"\$\(([^()]*)\)"/&& $1 && /g;
	for my $one (grep { defined } quotewords('\s*(?:&&|\|\||[|;])\s*', 1, $command)) {
		my @words = grep { defined && length } quotewords('\s+', 0, $one =~ s/^[\s(]+//r =~ s/[\s)]+$//r);

		next unless @words && $words[0] =~ /^[a-z]/;
		my ($tls) = grep { $words[$_] eq "tls" } 1 .. $#words;
		print $words[0] eq "postfix" && defined $tls ? "postfix tls $words[$tls + 1]\n" : "$words[0]\n";
	}
}
