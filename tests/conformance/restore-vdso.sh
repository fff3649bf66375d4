#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Checkpoints of another kernel, of which all that matters here is the vdso: its
# functions lead to this kernel's, or the plan refuses it. The images are made of a
# dump by CRIU; see vdso.py.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(cd "$here/../.." && pwd) || exit 1
build=$(realpath -m "${BUILD:-$top/build}")
criu=$top/tests/support/criu
failed=0
PATH=$build:$PATH

result()
{
	if [ "$1" = 0 ]; then
		echo "ok $2"
	else
		echo "not ok $2"
		sed "s/^/# /" said log
		failed=1
	fi
}

# restored NAME IMAGES
restored()
{
	rm -f go
	cp log.dumped log
	crit-restore -d --verify "$2" >said 2>&1
	result $? "$1: restored"
	[ "$(grep -c "^$was .* 00000000 00:00 0 *\(.vdso.\)\?$" "/proc/$pid/maps")" = 1 ] &&
		grep -q '\[vdso\]' "/proc/$pid/maps"
	result $? "$1: something is where its vdso was, and it has one"
	touch go
	for _ in $(seq 200); do
		grep -qsE 'PASS|FAIL' log && break
		sleep 0.02
	done
	grep -q PASS log
	result $? "$1: it is told the right time"
	kill -9 "$pid" 2>/dev/null
	while [ -e "/proc/$pid" ]; do sleep 0.01; done
}

# refused NAME WORDS
refused()
{
	cp log.dumped log
	crit-restore --plan changed >said 2>&1
	[ $? = 1 ] && grep -qF "changed: mm-$pid.img: entry 0: its vdso is not that of this kernel, and $2" said
	result $? "refused: $1"
}

change()
{
	rm -rf changed
	cp -r images changed
	python3 "$here/vdso.py" changed "$size" "$1" || exit 1
}

inside()
{
	local status=1 at
	mount -t tmpfs none /run 2>/dev/null
	setsid ./program </dev/null >log 2>&1 &
	pid=$!
	for _ in $(seq 200); do
		grep -qs ready log && break
		sleep 0.02
	done
	cp log log.dumped
	was=$(sed -n 's/ .*\[vdso\]$//p' "/proc/$pid/maps")
	at=${was%-*}
	size=$((0x${was#*-} - 0x$at))
	mkdir images
	for _ in 1 2 3; do
		"$criu" dump -t "$pid" -D images -o dump.log >said 2>&1 && status=0 && break
		sleep 0.2
	done
	[ $status = 0 ] || { grep -a Error images/dump.log | tail -n 1; exit 77; }
	wait "$pid" 2>/dev/null
	restored "the same vdso" images
	change move
	restored "functions elsewhere" changed
	cp -r images sizes
	vma=$(crit show images/mm-"$pid".img | jq '[.entries[0].vmas[].status | contains("VVAR")] | index(true)')
	crit edit sizes set "mm-$pid.img:entries[0].vmas[$vma].end=0x$(printf %x $((0x$at - 4096)))" >said 2>&1
	result $? "images with another size"
	restored "another size" sizes
	change rename
	refused "a function that is missing" "its functions cannot be led there"
	change move
	crit edit --force changed set "core-$pid.img:entries[0].thread_info.gpregs.ip=0x$at" >said
	refused "a thread in it" "a thread is inside of it"
	exit $failed
}

if [ "${1-}" = --inside ]; then
	inside
fi

[ "$(uname -m)" = x86_64 ] || { echo "vdsos of x86_64"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "CRIU needs root"; exit 77; }
for tool in jq python3; do
	command -v $tool >/dev/null || { echo "no $tool"; exit 77; }
done
"$criu" >/dev/null 2>&1 || { echo "no CRIU"; exit 77; }
[ -x "$build/crit-restore" ] || { echo "no $build/crit-restore"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 "$here/restore-vdso.c" -o program || exit 1
for fd in /proc/self/fd/*; do
	fd=${fd##*/}
	[ "$fd" -le 2 ] || eval "exec $fd>&-"
done
timeout -k 5 100 unshare -p -m -f --mount-proc --kill-child "$here/restore-vdso.sh" \
	--inside </dev/null
