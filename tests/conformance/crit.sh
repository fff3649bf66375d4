#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Compares with the reference tool, crit of the Debian package criu, run by the
# Python it was installed for. See crit.py.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

while read -r their; do
	read -r interpreter <"$their"
	case $interpreter in
	'#!'*python*)
		# Ours is first on PATH, theirs by its path.
		# shellcheck disable=SC2086
		exec ${interpreter#'#!'} "$top/tests/conformance/crit.py" \
			"$their" "$work"
		;;
	esac
done < <(type -ap crit)
echo "no crit written in Python is installed (Debian package criu)"
exit 77
