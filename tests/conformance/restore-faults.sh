#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# When a restore fails nothing is left of it: at each step, in each process,
# before it, after it, and when the one who does it is killed.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(cd "$here/../.." && pwd) || exit 1
build=$(realpath -m "${BUILD:-$top/build}")
criu=$top/tests/support/criu
failed=0

# Processes besides this one, a moment after.
left()
{
	local p others
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		others=
		for p in /proc/[0-9]*; do
			[ "${p#/proc/}" = 1 ] || others="$others ${p#/proc/}"
		done
		[ -n "$others" ] || return 1
		sleep 0.05
	done
	return 0
}

kill_all()
{
	local p
	for p in /proc/[0-9]*; do
		[ "${p#/proc/}" = 1 ] || kill -9 "${p#/proc/}"
	done 2>/dev/null
}

# fault NAME
fault()
{
	if CR_RESTORE_FAULT=$1 timeout 20 "$build/crit-restore" -d images >said 2>&1; then
		echo "not ok $1: no failure"
		failed=1
		kill_all
	elif left; then
		echo "not ok $1: something is left"
		ps -o pid,stat,wchan:20,args
		failed=1
	fi
}

# differs SET: --verify finds that a bit of a set of registers is another.
differs()
{
	CR_RESTORE_FAULT="spoil $1" timeout 20 "$build/crit-restore" -d --verify images >said 2>&1
	if ! grep -q "compare: .*registers of set $1: .*byte 0 is not" said || left; then
		echo "not ok --verify of registers, set $1"
		cat said
		failed=1
		kill_all
	fi
}

inside()
{
	mount -t tmpfs none /run 2>/dev/null
	setsid ./program </dev/null >log 2>&1 &
	local pid=$! status=1
	for _ in $(seq 200); do
		grep -qs ready log && break
		sleep 0.02
	done
	mkdir images
	for _ in 1 2 3; do
		"$criu" dump -t "$pid" -D images -o dump.log >said 2>&1 && status=0 && break
		sleep 0.2
	done
	[ $status = 0 ] || { grep -a Error images/dump.log | tail -n 1; exit 77; }
	wait "$pid" 2>/dev/null
	"$build/crit-restore" -v -d images >steps 2>&1 || { cat steps; exit 1; }
	kill_all
	local child
	child=$("$build/crit-restore" --plan --json images | grep -o '"pid": [0-9]*' |
		tail -n 1 | grep -o '[0-9]*')
	local nr=0
	while read -r step; do
		for how in '' '+' '!'; do
			for who in "" ":$pid" ":$child"; do
				fault "$step$how$who"
				nr=$((nr + 1))
			done
		done
	done < <(sed -n 's/.* ms  //p' steps)
	differs 0x1   # NT_PRSTATUS
	differs 0x202 # NT_X86_XSTATE
	[ $failed = 0 ] && [ $nr -gt 100 ] && echo "ok $nr faults"
	exit $failed
}

if [ "${1-}" = --inside ]; then
	inside
fi

[ "$(id -u)" = 0 ] || { echo "CRIU needs root"; exit 77; }
"$criu" >/dev/null 2>&1 || { echo "no CRIU"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 "$top/tests/restore/shared.c" -o program || exit 1
for fd in /proc/self/fd/*; do
	fd=${fd##*/}
	[ "$fd" -le 2 ] || eval "exec $fd>&-"
done
timeout -k 5 120 unshare -p -m -f --mount-proc --kill-child "$here/restore-faults.sh" \
	--inside </dev/null
