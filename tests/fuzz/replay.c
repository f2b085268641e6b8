/* SPDX-License-Identifier: ISC */
/*
 * replay: feeds files to a fuzz target without a fuzzing engine.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { FILE_LIMIT = 16 * 1024 * 1024 };

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct buf input = BUF_INIT;
		struct err err;

		if (file_read(argv[i], FILE_LIMIT, &input, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&input), input.len);
		buf_release(&input);
	}
	return 0;
}
