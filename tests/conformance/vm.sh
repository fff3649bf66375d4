#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The emulated AArch64 machine that tests use, tests/vm/run, keeps its promises:
# pointer authentication and shadow stacks are there, an exit status and files
# come back, what hangs is ended, and CRIU works in it.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
vm=tests/vm/run

check()
{
	local name=$1
	shift
	if "$@"; then echo "ok $name"; else echo "not ok $name"; fi
}

is()
{
	[ "$1" = "$2" ] || { printf '%s\n--- instead of\n%s\n' "$1" "$2"; return 1; }
}

if ! "$vm" --criu 4.3 --setup >"$work/log" 2>&1; then
	tail -n 1 "$work/log"
	exit 77
fi

cat >"$work/job" <<'END'
grep -o -w -E 'paca|pacg|gcs' /proc/cpuinfo | sort -u | tr '\n' ' '
cat given
criu --version | head -n 1
setsid sleep 100 </dev/null >/dev/null 2>&1 &
pid=$!
sleep 0.5
mkdir /out/images
criu dump -t $pid -D /out/images -o /tmp/dump.log 2>/dev/null || tail -n 3 /tmp/dump.log
wait $pid 2>/dev/null
criu restore -d -D /out/images -o /tmp/restore.log 2>/dev/null || tail -n 3 /tmp/restore.log
cat /proc/$pid/comm
exit 7
END
echo "a file of ours" >"$work/given"
"$vm" --criu 4.3 --out "$work/out" "$work/job" "$work/given" >"$work/said" 2>"$work/errors"
status=$?
check "the exit status comes back" is "$status" 7
check "processor, files and CRIU are there" is \
	"$(grep -v -e ^Error -e ^Warn "$work/said")" \
	"gcs paca pacg a file of ours
Version: 4.3
sleep"
check "files come back" test -s "$work/out/images/pstree.img"
"${BUILD:-build}/crit" x "$work/out/images" pac --json >"$work/pac"
check "and are images with keys" is "$(jq -c '.[0] | [.address_keys, .generic_key]' "$work/pac")" \
	"[true,true]"

echo 'sleep 1000' >"$work/job"
"$vm" --time 12 "$work/job" >/dev/null 2>&1
check "what hangs is ended" is "$?" 124
echo 'exit 0' >"$work/job"
"$vm" --cpu none "$work/job" >/dev/null 2>&1
check "an unknown processor is no success" is "$?" 125
"$vm" --cpu nopac "$work/job" >/dev/null 2>&1
check "a processor without pointer authentication boots" is "$?" 0
