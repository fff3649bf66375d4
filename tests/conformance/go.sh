#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Compares with the Go tool, crit of go-criu, where it is installed as go-crit:
# --dialect go says the same, and each reads the other's JSON. Left out are kinds
# whose payload that tool gets wrong (go-criu 8.4.0), and names that are not
# UTF-8, which it refuses. Keys are compared without their order: Go writes them
# as they are declared.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

command -v go-crit >/dev/null || {
	echo "# note: go-crit is not installed: not compared with the Go tool"
	exit 0
}
command -v jq >/dev/null || {
	echo "no jq"
	exit 77
}

compared=0
for image in {x86_64,aarch64}/images/*/*; do
	case ${image#*/images/} in
	synthetic/* | nonutf8/* | misc/files.img | */ipcns-* | */tcp-stream-* | \
		*/ghost-file-*)
		continue
		;;
	esac
	crit info "$image" >/dev/null 2>&1 || continue
	compared=$((compared + 1))
	crit decode --dialect go -i "$image" -o ours.json
	go-crit decode -i "$image" -o theirs.json
	[ "$(jq -cS . ours.json)" = "$(jq -cS . theirs.json)" ]
	result $? "$image: the same JSON"
	crit encode -i theirs.json -o ours.img && cmp -s ours.img "$image"
	result $? "$image: our encode of their JSON"
	go-crit encode -i ours.json -o theirs.img && cmp -s theirs.img "$image"
	result $? "$image: their encode of our JSON"
done
[ $compared -ge 500 ]
result $? "500 images compared ($compared)"
exit $failed
