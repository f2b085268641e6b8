# SPDX-License-Identifier: ISC
#
# usage: check-commands.pl DIR <JSON
#
# Of what "postfix tls check --json" says: identifier and command of each finding that has one, with a tab between.
# Left out are those that only print what somebody else has to be given. A command that would change a file outside of
# DIR has "outside " before the identifier.
use strict;
use warnings;
use Cwd qw(abs_path);
use JSON::PP;
use Text::ParseWords qw(shellwords);

my $own = abs_path(shift) or die "no such directory\n";

# Words that are names of files the command touches.
sub files {
	my ($program, @words) = shellwords(shift);

	$program =~ s/^\(//;
	# Values of settings may name any file: it is main.cf or master.cf that changes.
	return map { $words[ $_ + 1 ] } grep { $words[$_] eq "-c" } 0 .. $#words if $program eq "postconf" || $program eq "postfix";
	if ($program eq "sed" || $program eq "awk") {
		shift @words while @words && $words[0] =~ /^-/;
		shift @words;
	}
	return grep { m{^/} } map { s/^[<>|;]+//r =~ s/^\w+:(?=\/)//r =~ s/[);]+$//r } @words;
}

sub is_own {
	my $path = shift;
	my ($directory) = $path =~ m{^(.*)/[^/]*$};
	my $real = -d $path ? abs_path($path) : abs_path($directory || "/");

	return defined $real && "$real/" =~ m{^\Q$own\E/};
}

local $/;
for my $finding (@{ decode_json(<STDIN>) }) {
	my ($id, $command) = @$finding{qw(id command)};

	next if $command eq "" || $command =~ /^postfix .*tls output-/;
	$id = "outside $id" if grep { !is_own($_) } map { files($_) } split / && /, $command;
	print "$id\t$command\n";
}
