#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Compares text encodings with Python's own library, on which the reference tool
# stands: quopri, json, base64. See stdlib.py.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 1
build=$(realpath -m "${BUILD:-$top/build}")
[ -x "$build/crit" ] || {
	echo "no $build/crit"
	exit 1
}
PATH=$build:$PATH
command -v python3 >/dev/null || {
	echo "no python3"
	exit 77
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" && python3 "$top/tests/conformance/stdlib.py"
