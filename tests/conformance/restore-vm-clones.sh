#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# crit-restore --clones on AArch64, in an emulated machine: copies of checkpoints that
# CRIU 4.3 makes there of programs with memory of all kinds, signed pointers, threads
# with keys of their own, shadow stacks. All copies run on; keys that are fresh are
# those of one copy only, keys that are saved those of all.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(cd "$here/../.." && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
vm=$top/tests/vm/run
cross=$top/tests/support/cross

check()
{
	local name=$1
	shift
	if "$@"; then
		echo "ok $name"
	else
		echo "not ok $name"
		sed 's/^/# /' "$work/said"
	fi
}

# Sanitizers do not link statically: that build is tested once.
case ${BUILD-} in *san-*) echo "ok this is tested without sanitizers"; exit ;; esac
"$vm" --criu 4.3 --setup >"$work/log" 2>&1 || { tail -n 1 "$work/log"; exit 77; }
"$cross" >"$work/log" 2>&1 || { tail -n 1 "$work/log"; exit 77; }
mkdir -p "$top/build"
flock "$top/build" env -u MAKEFLAGS -u MAKEOVERRIDES make -C "$top" -j2 CROSS=aarch64 \
	build/aarch64/crit-restore >"$work/log" 2>&1 || { tail "$work/log"; exit 1; }
mkdir "$work/bin" "$work/programs"
cp "$top/build/aarch64/crit-restore" "$work/bin"
"$cross" -std=gnu11 -D_GNU_SOURCE -O1 -pthread "$top/tests/restore/copies.c" \
	-o "$work/bin/copies" || exit 1
"$cross" -std=gnu11 -D_GNU_SOURCE -O1 -I"$top" "$top/tests/vm/keys.c" "$top"/lib/pac/{pac,qarma}.c \
	-o "$work/bin/keys" || exit 1
tar -C "$work/programs" -xf "$top/tests/data/fixtures/aarch64-programs.tar.xz"
cp "$work/programs/bin/pac_threads_own" "$work/bin"

# one NAME: dumps it; copies NAME OPTION...: three copies of it, what they say and
# which of their keys are different.
cat >"$work/job" <<'E'
echo 5000 >/proc/sys/kernel/ns_last_pid
until_is() {
	for i in $(seq 200); do
		eval "$1" && return 0
		sleep 0.1
	done
	return 1
}
one() {
	mkdir -p /tmp/work/$1
	cd /tmp/work/$1
	cp /job/bin/${1%.gcs} program
	setsid env $env ./program </dev/null >>log 2>&1 &
	pid=$!
	until_is 'grep -qs ready log'
	sleep 0.3
	mkdir images
	criu dump -t $pid -D images -o dump.log -v2 >said 2>&1 || {
		echo "$1: no dump: $(grep Error images/dump.log | tail -n 1)"
		kill -9 $pid
	}
	wait $pid 2>/dev/null
	cp log log.dumped
}
copies() {
	name=$1
	shift
	cp log.dumped log
	rm -f go
	/job/bin/crit-restore -d --pidns --clones 3 --pidfile pid "$@" images >report 2>said || {
		echo "$name $*: refused: $(cat said)"
		return
	}
	# Inits are still clearing up.
	sleep 0.5
	for p in $(cat pid); do /job/bin/keys $p $(pidof crit-init); done 2>left |
		cut -d ' ' -f 2-6 | sort -u >keys
	[ ! -s left ] || echo "$name $*: $(cat left)"
	touch go
	sleep 0.3
	[ $name = copies ] || kill -TERM $(cat pid)
	until_is '[ $(grep -cE "^(PASS|FAIL)" log) = 3 ]'
	echo "$name $*: $(grep -c ^PASS log) passed, $(grep -c ^zeroed log) zeroed, $(wc -l <keys) keys$(grep -q 'address keys' report && echo ', told')"
	until_is '! pidof crit-init program >/dev/null 2>&1' || kill -9 $(pidof program)
}
env=
one copies
copies copies --keys=saved
copies copies --keys=saved --wipe-on-fork
one pac_threads_own
copies pac_threads_own --keys=saved
copies pac_threads_own
env=GLIBC_TUNABLES=glibc.cpu.aarch64_gcs=1
one pac_threads_own.gcs
copies pac_threads_own.gcs --keys=fresh
E
"$vm" --time 280 --cpu qarma5 --criu 4.3 "$work/job" "$work/bin" >"$work/said" 2>&1

says() { grep -qxF "$1" "$work/said"; }

# Which of their four threads have which keys is in the images; see keys.c.
one="3 passed, 0 zeroed, 1 keys"
own="3 passed, 0 zeroed, 3 keys"
check "copies of memory of all kinds" says "copies --keys=saved: $one, told"
check "memory that a fork would zero" says \
	"copies --keys=saved --wipe-on-fork: ${one/0 zeroed/3 zeroed}, told"
check "copies of threads with keys of their own" says \
	"pac_threads_own --keys=saved: $own, told"
check "which each copy has for itself" says "pac_threads_own : ${own/3 keys/9 keys}"
none_left() { ! grep 'has key' "$work/said"; }
check "no init of theirs has a key" none_left
check "copies of shadow stacks" says "pac_threads_own.gcs --keys=fresh: ${own/3 keys/9 keys}"
