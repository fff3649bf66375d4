#!/bin/sh
# SPDX-License-Identifier: MIT
# Every global symbol of the library that we wrote starts with cr_.
set -eu
nm -A -g --defined-only "$BUILD/libcritter.a" |
	awk '$1 !~ /\.pb-c\.o:/ && $NF !~ /^cr_/ { print; bad = 1 } END { exit bad }'
