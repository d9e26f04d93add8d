#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed.sh [NAME=]FILE...: a C file with the table of lib/embedded.h, holding the files' bytes. NAME: its
# path in the source tree, where FILE is made elsewhere.
set -eu
echo '#include "lib/embedded.h"'
i=0
for file in "$@"; do
	printf 'static const unsigned char bytes_%d[] __attribute__((aligned(16))) = {' $i
	od -An -v -tx1 "${file#*=}" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
	echo '0};'
	i=$((i + 1))
done
echo 'const struct embedded embedded_files[] = {'
i=0
for file in "$@"; do
	printf '\t{"%s", (const char *)bytes_%d, sizeof(bytes_%d) - 1},\n' "${file%%=*}" $i $i
	i=$((i + 1))
done
printf '\t{0, 0, 0},\n};\n'
