/* SPDX-License-Identifier: ISC */
/*
 * no-keyring PROGRAM ARGUMENT...: runs the program where the kernel refuses keyrings.
 */
#include <stdio.h>
#include <unistd.h>

#include "../unit/no_keyring.h"

int
main(int argc, char **argv)
{
	if (argc < 2 || no_keyring() < 0) {
		perror("no-keyring");
		return 1;
	}
	execv(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}
