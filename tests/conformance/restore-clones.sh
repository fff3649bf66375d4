#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# crit-restore --clones: copies of one checkpoint run on, each for itself; memory is
# read once; if one of them fails none is left.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(cd "$here/../.." && pwd) || exit 1
build=$(realpath -m "${BUILD:-$top/build}")
criu=$top/tests/support/criu
nr=8
# Programs that leave nothing in the file system, which copies have in common.
programs="tree shared threads events signals timers pending"
failed=0
PATH=$build:$PATH

result()
{
	if [ "$1" = 0 ]; then
		echo "ok $2"
	else
		echo "not ok $2"
		sed "s/^/# /" said; [ ! -e log ] || sed "s/^/# log: /" log
		failed=1
	fi
}

until_is()
{
	for _ in $(seq 500); do
		eval "$1" && return 0
		sleep 0.02
	done
	return 1
}

# All but us and what we run to see that.
nobody()
{
	local p
	for p in /proc/[0-9]*; do
		p=${p#/proc/}
		[ "$p" = 1 ] || [ "$p" = "$BASHPID" ] || return 1
	done
}

kill_all()
{
	local p
	for p in /proc/[0-9]*; do
		p=${p#/proc/}
		[ "$p" = 1 ] || [ "$p" = "$BASHPID" ] || kill "$1" "$p"
	done 2>/dev/null
	[ "$1" != -9 ] || until_is nobody
}

# The log as it was when it was dumped, and nobody left.
again()
{
	rm -f go stay fail
	until_is nobody
	cp log.dumped log
}

# How many namespaces the copies are in.
namespaces() { for p in $(cat pid); do readlink "/proc/$p/ns/pid"; done | sort -u | wc -l; }

# The bytes that were read, see preads.c.
total() { awk '{ n += $1 } END { print n }' preads; }

# A sanitizer wants to be the first to be preloaded, and need not.
counted()
{
	ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$PWD/preads.so PREADS=$PWD/preads "$@"
}

dump()
{
	local status=1
	setsid "./$1" </dev/null >>log 2>&1 &
	pid=$!
	until_is 'grep -qs ready log' || exit 1
	cp log log.dumped
	mkdir images
	for _ in 1 2 3; do
		"$criu" dump -t "$pid" -D images -o dump.log >said 2>&1 && status=0 && break
		sleep 0.2
	done
	[ $status = 0 ] || { grep -a Error images/dump.log | tail -n 1; exit 77; }
	wait "$pid" 2>/dev/null
}

# run NAME WORD OPTION...: copies do what they are to do, and say the word.
run()
{
	local name=$1 word=$2
	shift 2
	again
	touch stay
	crit-restore -d --pidns --clones $nr --pidfile pid "$@" images >said 2>&1
	result $? "$nr copies$name"
	[ "$(sort -u pid | wc -l)" = $nr ] && [ "$(namespaces)" = $nr ]
	result $? "each in a pid namespace of its own"
	touch go
	until_is "[ \$(grep -c '^$word' log) = $nr ]"
	result $? "all do what they are to do$name, their memory $word"
	rm -f stay
	until_is "[ \$(grep -c PASS log) = $nr ]" && ! grep -q 'FAIL\|not so' log
	result $? "nothing is wrong"
	until_is nobody
	result $? "and nobody is left"
}

# each PROGRAM: another program, copies of it.
each()
{
	mkdir "$1"
	cd "$1" || exit 1
	cp "../$1.bin" program
	dump program
	again
	crit-restore -d --verify --pidns --clones 3 --pidfile pid images >said 2>&1
	result $? "copies of $1"
	touch go
	until_is '[ $(grep -c PASS log) = 3 ]'
	result $? "do what it does"
	until_is nobody || { ps -o pid,stat,wchan:20,args; kill_all -9; }
	cd ..
}

# The first process as that with pid 1, which leads its session.
first()
{
	local image
	cp -r images first
	for image in core mm ids fs pagemap; do
		[ ! -e first/$image-"$1".img ] || mv first/$image-"$1".img first/$image-1.img
	done
	"$top/tests/golden/bin/alter" first/pstree.img "
for p in e:
    for k in 'pid', 'ppid', 'pgid', 'sid':
        p[k] = 1 if p[k] == $1 else p[k]
    p['threads'] = [1 if t == $1 else t for t in p['threads']]" >said 2>&1
}

# fault NAME: no copy is left.
fault()
{
	if CR_RESTORE_FAULT=$1 timeout 20 crit-restore -d --pidns --clones 3 images >said 2>&1; then
		echo "not ok $1: no failure"
		failed=1
	elif ! until_is nobody; then
		echo "not ok $1: somebody is left"
		ps -o pid,stat,wchan:20,args
		failed=1
	fi
}

inside()
{
	local program shared private step how k once nr_faults=0
	mount -t tmpfs none /run 2>/dev/null
	dump program
	run "" kept
	run ", memory wiped" zeroed --wipe-on-fork
	first "$pid"
	result $? "images of the first process of a namespace"
	mv images kept && mv first images
	run ", each the first of its namespace," kept
	rm -r images && mv kept images
	for program in $programs; do
		each "$program"
	done

	again
	crit-restore -d -s --pidns --clones 2 --pidfile pid --json images >said 2>&1
	result $? "copies that are left stopped"
	until_is "[ \$(cat \$(sed 's,.*,/proc/&/status,' pid) | grep -c '^State:.T') = 2 ]"
	result $? "are stopped"
	kill_all -CONT
	[ "$(jq -c '[.copies[].pid]' said)" = "[$(paste -sd, pid)]" ]
	result $? "the report says where they are"
	[ "$(jq '[.shared[] | select(.shares == "AT_RANDOM" or .remedy == "--wipe-on-fork")] | length' said)" -ge 3 ]
	result $? "and what they share"
	touch go
	until_is nobody

	again
	touch fail go
	crit-restore --pidns --clones 3 images >said 2>&1
	[ $? = 3 ]
	result $? "without -d it waits, and ends as a copy that failed"
	nobody
	result $? "which all have ended then"

	# What is read is read once: each page of private memory, in all copies.
	again
	rm -f preads
	counted crit-restore -d --pidns --clones 1 --pidfile pid images >said 2>&1
	once=$(total)
	kill_all -9
	again
	rm -f preads
	counted crit-restore -d --pidns --clones $nr --pidfile pid images >said 2>&1
	result $? "copies, their reads counted"
	echo "# note: bytes read for one: $once, for $nr: $(total)"
	[ "$once" -gt 8000000 ] && [ "$(total)" -lt $((once + once / 10)) ]
	result $? "pages are read once"
	shared=$(awk '/^Shared_Dirty/ { print $2 }' "/proc/$(head -n 1 pid)/smaps_rollup")
	private=$(awk '/^Private_Dirty/ { print $2 }' "/proc/$(head -n 1 pid)/smaps_rollup")
	[ "$shared" -gt 8000 ] && [ "$private" -lt 1000 ]
	result $? "and shared by the copies ($shared and $private KiB)"
	kill_all -9

	again
	crit-restore -v -d --pidns --clones 1 --pidfile pid images >said 2>&1
	kill_all -9
	cp said steps
	while read -r step; do
		for how in '' '+' '!'; do
			k=$((nr_faults % 3 + 1))
			again
			fault "$step$how@$k"
			nr_faults=$((nr_faults + 1))
		done
	done < <(sed -n 's/.* ms  //p' steps)
	[ $failed = 0 ] && [ $nr_faults -gt 100 ]
	result $? "$nr_faults faults of one of three copies leave none"
	exit $failed
}

if [ "${1-}" = --inside ]; then
	inside
fi

[ "$(id -u)" = 0 ] || { echo "CRIU needs root"; exit 77; }
"$criu" >/dev/null 2>&1 || { echo "no CRIU"; exit 77; }
[ -x "$build/crit-restore" ] || { echo "no $build/crit-restore"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
cc="${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1"
$cc -pthread "$top/tests/restore/copies.c" -o program || exit 1
for name in $programs; do
	$cc -pthread "$top/tests/restore/$name.c" -o "$name.bin" || exit 1
done
$cc -shared -fPIC "$here/preads.c" -o preads.so || exit 1
for fd in /proc/self/fd/*; do
	fd=${fd##*/}
	[ "$fd" -le 2 ] || eval "exec $fd>&-"
done
timeout -k 5 120 unshare -p -m -f --mount-proc --kill-child "$here/restore-clones.sh" \
	--inside </dev/null
