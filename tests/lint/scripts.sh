#!/bin/sh
# SPDX-License-Identifier: MIT
# What shellcheck says about our scripts, where it is installed.
set -eu
if ! command -v shellcheck >/dev/null; then
	echo "# note: shellcheck is not installed: scripts not checked"
	exit 0
fi
find .ci examples tests -type f \( -name '*.sh' -o -name run \) |
	sort | xargs shellcheck -S warning
