#!/bin/sh
# SPDX-License-Identifier: MIT
# Every header compiles alone. LINT_COMPILE is the compiler with its flags.
set -eu
: "${LINT_COMPILE:?run this by make lint}"
for header in $(find lib crit restore -name '*.h' 2>/dev/null | sort); do
	echo "$header"
done | xargs -P "$(nproc)" -n 1 sh -c \
	'printf "#include \"%s\"\n" "$1" | eval "$LINT_COMPILE -fsyntax-only -x c -"' sh
