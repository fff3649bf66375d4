#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A restorer that is killed at any moment leaves no process, mount or file; see
# kills.c. SEED repeats the times of a run, ROUNDS is how many there are.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(cd "$here/../.." && pwd) || exit 1
build=$(realpath -m "${BUILD:-$top/build}")
criu=$top/tests/support/criu
failed=0

# All but what this script writes itself.
outside()
{
	cat /proc/self/mountinfo
	find . -type f ! -name before ! -name after ! -name said ! -name pid -printf '%p %s %m %T@\n' | sort
}

# try NAME NR OPTION...
try()
{
	local name=$1 nr=$2
	shift 2
	outside >before
	echo "# note: $name: seed $seed"
	if ! ./kills "$seed" "$rounds" "$nr" "$build/crit-restore" -d "$@" images >said; then
		echo "not ok $name, killed"
		failed=1
	fi
	sed "s/^ok /# note: $name: /" said
	outside >after
	if cmp -s before after; then
		echo "ok $name, killed, leaves no mount and no file"
	else
		echo "not ok $name, killed, leaves something"
		diff before after
		failed=1
	fi
}

# dump PROGRAM: images and log of it, and its pid in $pid.
dump()
{
	local status=1
	rm -rf images log
	mkdir images
	setsid "./$1" </dev/null >log 2>&1 &
	pid=$!
	for _ in $(seq 200); do
		grep -qs ready log && break
		sleep 0.02
	done
	for _ in 1 2 3; do
		"$criu" dump -t "$pid" -D images -o dump.log >said 2>&1 && status=0 && break
		sleep 0.2
	done
	[ $status = 0 ] || { grep -a Error images/dump.log | tail -n 1; exit 77; }
	wait "$pid" 2>/dev/null
}

inside()
{
	mount -t tmpfs none /run 2>/dev/null
	dump threads
	try "a process with threads" 1
	touch pid
	try "with a file for its pid" 1 --pidfile pid
	try "in a pid namespace" 2 --pidns
	try "three copies" 6 --pidns --clones 3
	dump tree
	try "a tree" 8
	try "a tree in a pid namespace" 9 --pidns
	exit $failed
}

seed=${SEED:-$(date +%N)} rounds=${ROUNDS:-100}
seed=$((10#$seed))
if [ "${1-}" = --inside ]; then
	inside
fi

[ "$(id -u)" = 0 ] || { echo "CRIU needs root"; exit 77; }
"$criu" >/dev/null 2>&1 || { echo "no CRIU"; exit 77; }
[ -x "$build/crit-restore" ] || { echo "no $build/crit-restore"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
cc="${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -pthread"
for program in threads tree; do
	$cc "$top/tests/restore/$program.c" -o "$program" || exit 1
done
$cc "$here/kills.c" -o kills || exit 1
for fd in /proc/self/fd/*; do
	fd=${fd##*/}
	[ "$fd" -le 2 ] || eval "exec $fd>&-"
done
export SEED=$seed ROUNDS=$rounds
timeout -k 5 270 unshare -p -m -f --mount-proc --kill-child "$here/restore-kills.sh" \
	--inside </dev/null
