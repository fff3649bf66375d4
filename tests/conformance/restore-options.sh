#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Options of crit-restore, on a program that CRIU has dumped.
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
		sed "s/^/# /" said; [ ! -e log ] || sed "s/^/# log: /" log
		failed=1
	fi
}

until_is()
{
	for _ in $(seq 200); do
		eval "$1" && return 0
		sleep 0.02
	done
	return 1
}

# The program again, as it was when it was dumped, for the next restore.
end()
{
	kill -9 "$1" 2>/dev/null
	until_is "! [ -e /proc/$1 ]"
	rm -f go
	cp log.dumped log
}

# first PID: images whose first process is the first of its namespace. It leads
# its session.
first()
{
	local image
	cp -r images first
	for image in core mm ids fs pagemap; do
		[ ! -e first/$image-"$1".img ] || mv first/$image-"$1".img first/$image-1.img
	done
	crit edit --force first set 'pstree.img:entries[0].pid=1' \
		'pstree.img:entries[0].pgid=1' 'pstree.img:entries[0].sid=1' \
		'pstree.img:entries[0].threads[0]=1' >said 2>&1
}

# try_first NAME OPTION...: restored as the first of a namespace.
try_first()
{
	local name=$1 is
	shift
	crit-restore -d --pidns --pidfile pid "$@" first >said 2>&1
	result $? "restored as the first of a pid namespace$name"
	is=$(cat pid)
	grep -q "^NSpid:.*[^0-9]1\$" "/proc/$is/status"
	result $? "where its pid is 1"
	[ -z "$(cat "/proc/$is/task/$is/children")" ] && ! grep -qsx crit-init /proc/[0-9]*/comm
	result $? "with nothing between it and us"
	touch go
	until_is 'grep -q PASS log'
	result $? "it does what it is to do$name"
	until_is "! [ -e /proc/$is ]"
	result $? "and ends"
	end "$is"
}

# left_out STEP WORDS: a step is not done, and --verify says what is wrong then.
left_out()
{
	CR_RESTORE_FAULT=$1- crit-restore -d --verify images >said 2>&1
	[ $? = 1 ] && grep -q "^crit-restore: .*$2" said
	result $? "--verify says that the step $1 was left out"
}

# ended_by PID NAME OPTION...: a signal ends the program that is waited for.
ended_by()
{
	local pid=$1 name=$2 parent
	shift 2
	rm -f pid
	crit-restore --pidfile pid "$@" images >said 2>&1 &
	parent=$!
	until_is "[ -s pid ]"
	kill -9 "$(cat pid)"
	wait $parent
	[ $? = 137 ]
	result $? "it ends $name of the program"
	end "$pid"
}

inside()
{
	mount -t tmpfs none /run 2>/dev/null
	# It has not all that its restorer has.
	setsid sh -c 'umask 0077; exec setpriv --bounding-set=-audit_write ./program' \
		</dev/null >log 2>&1 &
	local pid=$! status=1
	until_is 'grep -qs ready log' || exit 1
	cp log log.dumped
	mkdir images
	for _ in 1 2 3; do
		"$criu" dump -t "$pid" -D images -o dump.log >said 2>&1 && status=0 && break
		sleep 0.2
	done
	[ $status = 0 ] || { grep -a Error images/dump.log | tail -n 1; exit 77; }
	wait "$pid" 2>/dev/null

	crit-restore -d -s --pidfile pid images >said 2>&1
	result $? "restored, to be left stopped"
	until_is "grep -q '^State:.T' /proc/$pid/status"
	result $? "it is stopped"
	[ "$(cat pid)" = "$pid" ]
	result $? "its pid is in the file"
	touch go
	kill -CONT "$pid"
	until_is 'grep -q PASS log'
	result $? "continued, it does what it is to do"
	end "$pid"

	crit-restore -d images >said 2>&1
	crit-restore -d images >said 2>&1
	[ $? = 1 ] && grep -q "its pid is in use" said && [ -e "/proc/$pid" ]
	result $? "a pid that is in use is refused, and left alone"
	end "$pid"

	crit-restore images >said 2>&1 &
	local parent=$!
	until_is "[ -e /proc/$pid ]"
	sleep 0.2
	kill -0 $parent
	result $? "without -d it waits"
	touch go
	wait $parent
	result $? "until the program ends"
	until_is 'grep -q PASS log'
	end "$pid"

	ended_by "$pid" "with the status"
	ended_by "$pid" "with the status, in a pid namespace" --pidns

	crit-restore -d --pidfile nowhere/pid images >said 2>&1
	[ $? = 1 ] && grep -q '^crit-restore: nowhere/pid: ' said && ! [ -e "/proc/$pid" ]
	result $? "a pid that cannot be written is refused before there is a process"

	crit-restore -d --pidns --pidfile pid images >said 2>&1
	result $? "restored in a pid namespace of its own"
	[ "$(cat pid)" != "$pid" ] && grep -q "^NSpid:.*[^0-9]$pid\$" "/proc/$(cat pid)/status"
	result $? "where it has the pid that it had"
	touch go
	until_is 'grep -q PASS log'
	result $? "it does what it is to do"
	until_is "! [ -e /proc/$(cat pid) ]"
	until_is "! grep -qsx crit-init /proc/[0-9]*/comm"
	result $? "and then nothing is left of the namespace"
	end "$pid"

	mkdir root
	mount --rbind / root
	first "$pid"
	result $? "images of the first process of a namespace"
	try_first ""
	try_first " and below a root" --root root
	crit-restore -d --pidns --pidfile pid --root root first >said 2>&1
	[ "$(readlink "/proc/$(cat pid)/root")" = "$PWD/root" ]
	result $? "its root is that one"
	end "$(cat pid)"

	crit-restore -d --root root images >said 2>&1
	result $? "restored below another root"
	[ "$(readlink "/proc/$pid/root")" = "$PWD/root" ]
	result $? "which is its root"
	end "$pid"

	crit-restore -d --verify images >said 2>&1
	result $? "restored and verified"
	end "$pid"
	left_out name "Name is crit-restore, not program"
	left_out fs "Umask is 0022, not 0077"
	left_out files "descriptor .* is open"
	left_out close "descriptor .* is open"
	left_out actions "Sig[IC]g.*t* is "
	left_out load "compare: .*registers of set"
	left_out creds "state: .*Cap.*; and [0-9]* more"
	CR_RESTORE_FAULT=creds- crit-restore -v -d --verify images >said 2>&1
	[ "$(grep -c '^differs: ' said)" -gt 2 ] && grep -q '^differs: .*: CapPrm is' said
	result $? "with -v it says all of it"
	! [ -e "/proc/$pid" ]
	result $? "and nothing is left"

	CR_RESTORE_FAULT="calls one by one" crit-restore -d --verify images >said 2>&1
	result $? "restored where no code may be written"
	end "$pid"

	cp -r images wrong
	crit edit --force wrong set "mm-$pid.img:entries[0].mm_arg_start=0x7000" \
		"mm-$pid.img:entries[0].mm_arg_end=0x6000" >said 2>&1
	crit-restore -d wrong >said 2>&1
	[ $? = 1 ] && grep -q '^crit-restore: mm: .*prctl(0x23, 0xe, ...): Invalid argument' said &&
		! [ -e "/proc/$pid" ]
	result $? "of calls that are made together, the one that fails is named"
	CR_RESTORE_FAULT="calls one by one" crit-restore -d wrong >said 2>&1
	[ $? = 1 ] && grep -q '^crit-restore: mm: .*prctl: Invalid argument' said &&
		! [ -e "/proc/$pid" ]
	result $? "as it is when it is made alone"

	echo more >>program
	crit-restore -d images >said 2>&1
	[ $? = 1 ] && grep -q "program has .* bytes and had" said && ! [ -e "/proc/$pid" ]
	result $? "a program that has changed is refused"
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
${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -pthread "$top/tests/restore/after.c" -o program || exit 1
for fd in /proc/self/fd/*; do
	fd=${fd##*/}
	[ "$fd" -le 2 ] || eval "exec $fd>&-"
done
timeout -k 5 60 unshare -p -m -f --mount-proc --kill-child "$here/restore-options.sh" \
	--inside </dev/null
