#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What crit-restore says of files that are not what they were, and descriptors that
# it is given (--inherit-fd). One dump by CRIU, looked at with --plan, restored at
# the end.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(cd "$here/../.." && pwd) || exit 1
build=$(realpath -m "${BUILD:-$top/build}")
criu=$top/tests/support/criu
failed=0

# says WORDS COMMAND...: the command fails and names the reason.
says()
{
	local want=$1
	shift
	if "$@" >said 2>&1; then
		echo "not ok $want: accepted"
		failed=1
	elif ! grep -qF -- "$want" said; then
		echo "not ok $want: $(tail -n 1 said)"
		failed=1
	else
		echo "ok $want"
	fi
}

plan()
{
	"$build/crit-restore" --plan "$@" images
}

program()
{
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -Wl,--build-id=0x"$1" \
		"$here/restore-files.c" -o "$2"
}

dump()
{
	local status=1
	for _ in 1 2 3; do
		"$criu" dump -t "$1" -D images -o dump.log >said 2>&1 && status=0 && break
		sleep 0.2
	done
	return $status
}

inside()
{
	mount -t tmpfs none /run 2>/dev/null
	printf 'abcdefg' >data
	program 1111111111111111111111111111111111111111 program || exit 1
	program 2222222222222222222222222222222222222222 other || exit 1
	# A pipe whose other end is not dumped.
	exec 6< <(exec sleep 100)
	setsid ./program <&6 6<&- >log 2>&1 &
	local pid=$! key
	for _ in $(seq 200); do
		grep -qs ready log && break
		sleep 0.02
	done
	key=$(readlink "/proc/$pid/fd/0")
	mkdir images
	dump "$pid" || { grep -a Error images/dump.log | tail -n 2; exit 77; }
	wait "$pid" 2>/dev/null
	plan >said 2>&1 || { echo "not ok plan: $(head -n 1 said)"; exit 1; }

	# Files that have changed.
	cp program was
	printf 'h' >>data
	says "$PWD/data has 8 bytes and had 7 (see --no-verify-files)" plan
	plan --no-verify-files >said 2>&1 || { echo "not ok --no-verify-files"; failed=1; }
	printf 'abcdefg' >data
	chmod 0600 data
	says "$PWD/data has mode 0100600 and had 0100644" plan
	mv data away
	says "$PWD/data: No such file or directory" plan
	mkdir data
	says "$PWD/data has type 040000 and had 0100000" plan --no-verify-files
	rmdir data
	mkfifo data
	says "$PWD/data has type 010000 and had 0100000" timeout 5 "$build/crit-restore" --no-verify-files images
	rm data
	mv away data
	chmod 0644 data
	printf more >>program
	says "$PWD/program has " plan
	says "files.img: entry " plan
	cp --remove-destination was program
	cp --remove-destination other program
	says "$PWD/program has another build-id than it had" plan
	cp --remove-destination was program
	plan >said 2>&1 || { echo "not ok plan: $(head -n 1 said)"; failed=1; }

	# Who may not do it.
	chmod 0755 images
	chmod 0644 images/*
	nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
	# shellcheck disable=SC2086 # words
	says "its pid: needs CAP_CHECKPOINT_RESTORE" \
		$nobody "$build/crit-restore" --plan images
	says "its user ids: needs CAP_SETUID" setpriv --bounding-set=-all --inh-caps=-all \
		--reuid 65534 "$build/crit-restore" --plan images
	says "core-$pid.img: entry 0: it had capabilities 0x80, which we do not have" \
		setpriv --bounding-set=-setuid "$build/crit-restore" --plan images

	# Descriptors that are given.
	says "--inherit-fd wants fd[N]:KEY" plan --inherit-fd "fd[]:x"
	says "--inherit-fd wants fd[N]:KEY" plan --inherit-fd "3:x"
	says "descriptor 77 is not open" plan --inherit-fd "fd[77]:x"
	printf 'from outside' >new
	mv data away
	"$build/crit-restore" -d --inherit-fd "fd[8]:$key" \
		--inherit-fd "fd[9]:${PWD#/}/data" images \
		8< <(printf 'through a pipe') 9<new >said 2>&1 ||
		{ echo "not ok --inherit-fd: $(head -n 1 said)"; exit 1; }
	touch go
	for _ in $(seq 200); do
		grep -qsE 'PASS|FAIL' log && break
		sleep 0.02
	done
	if grep -qsx 'through a pipe from outside' log; then
		echo "ok --inherit-fd"
	else
		echo "not ok --inherit-fd: $(tr '\n' ' ' <log)"
		failed=1
	fi
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
umask 022
chmod 0755 .
# Descriptors of ours are not for it to have.
(
	for fd in /proc/self/fd/*; do
		fd=${fd##*/}
		[ "$fd" -le 2 ] || eval "exec $fd>&-"
	done
	exec timeout -k 5 100 unshare -p -m -f --mount-proc --kill-child \
		"$here/restore-files.sh" --inside </dev/null
)
