#!/bin/sh
# SPDX-License-Identifier: MIT
# Advice only: how many files clang-format would write another way.
set -eu
command -v clang-format >/dev/null || exit 0
files=$(find lib crit restore tests images -name '*.[ch]' 2>/dev/null | sort)
[ -n "$files" ] || exit 0
# shellcheck disable=SC2086 # names without spaces, one word each
differ=$(clang-format --dry-run $files 2>&1 | sed -n 's/:.*//p' | sort -u | grep -c '\.[ch]$' || :)
[ "$differ" = 0 ] ||
	echo "# note: clang-format would write $differ files another way (advice)"
