#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What edits of a checkpoint mean to CRIU: a program is dumped, its checkpoint
# edited, and CRIU restores it; the program then shows the new path, port,
# variable, name or process id. All of it in namespaces of its own, so that
# process ids are free.
#
# An edit: one line at the end.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(realpath -m "${BUILD:-$top/build}")
criu=$top/tests/support/criu

skip()
{
	echo "$1"
	exit 77
}

if [ "${1-}" != inside ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	command -v "${CC:-cc}" >/dev/null || skip "no C compiler"
	[ "$(id -u)" = 0 ] || skip "only root can dump and restore"
	unshare --pid --mount --uts --net --fork true 2>/dev/null ||
		skip "no namespaces can be made"
	"$criu" >"$work/log" 2>&1 || skip "$(tail -n 1 "$work/log")"
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O1 "$top/tests/conformance/edit.c" \
		-o "$work/program" || exit 1
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O1 -static \
		"$top/tests/conformance/edit-mounts.c" \
		-o "$work/edit-mounts" || exit 1
	timeout 300 unshare --pid --mount --uts --net --fork \
		--mount-proc "$0" inside "$work"
	status=$?
	rmdir /sys/fs/cgroup/{,*/}critter-"$(basename "$work")"-* 2>/dev/null
	exit $status
fi

cd "$2" || exit 1
ip link set lo up 2>/dev/null
hostname machine
echo 300 >/proc/sys/kernel/ns_last_pid

# seen DIR PID: asks the program for its report.
seen()
{
	local i
	rm -f "$1/report"
	kill -USR1 "$2" || return 1
	for ((i = 0; i < 100; i++)); do
		[ -e "$1/report" ] && break
		sleep 0.05
	done
	cat "$1/report"
}

# gone PID: ends it, and waits until its id is free.
gone()
{
	local i
	kill -KILL "$1" 2>/dev/null
	for ((i = 0; i < 100; i++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.05
	done
	sleep 0.1
}

# A control group for it, where one can be made: of version 1 or 2.
group=/critter-$(basename "$2")
for hierarchy in systemd unified ""; do
	tasks=/sys/fs/cgroup/$hierarchy$group-before/cgroup.procs
	mkdir "$(dirname "$tasks")" 2>/dev/null && [ -w "$tasks" ] && break
	tasks=
done

# started DIR PROGRAM WORD...: in the background; its process id.
started()
{
	local i dir=$1
	shift
	setsid "$@" </dev/null >program.log 2>&1 &
	disown
	for ((i = 0; i < 100; i++)); do
		[ -e "$dir/report" ] && break
		sleep 0.05
	done
	pid=$(awk '$1 == "pid" { print $2 }' "$dir/report") ||
		skip "$(cat program.log)"
}

# dumped FLAG...: the program, which is gone then. The first dumps on a machine
# may fail.
dumped()
{
	for _ in 1 2 3; do
		rm -rf images && mkdir images
		timeout 60 "$criu" dump -t "$pid" -D images \
			-o "$PWD/dump.log" -v2 "$@" >/dev/null 2>&1 && break
	done
	[ -e images/inventory.img ] ||
		skip "criu cannot dump here: $(grep -h Error dump.log)"
	gone "$pid"
}

mkdir -p old
GREETING=hello-before started old unshare --uts ./program "$PWD/old" 4001
[ ! "$tasks" ] || echo "$pid" >"$tasks"
seen old "$pid" >before
dumped --tcp-established --network-lock skip --manage-cgroups=soft

failed=0

# result NAME OK: one line of TAP.
result()
{
	if [ "$2" ]; then
		echo "ok $1"
	else
		echo "not ok $1"
		failed=1
	fi
}

# restored FLAGS...: what ./now says.
restored()
{
	timeout 60 "$criu" restore -d -D now -o "$PWD/restore.log" -v2 \
		--manage-cgroups=soft "$@" \
		>/dev/null 2>&1
}

# edited NAME DIR PID EXPECTED ACTION...: after the action, and a restore, the
# report has these lines and is otherwise as it was. DIR is where it stands then.
edited()
{
	local name=$1 dir=$2 new=$3 want=$4 ok=1
	shift 4
	rm -rf now && cp -a images now
	if ! timeout 60 "$BUILD/crit" edit now "$@" >edit.log 2>&1; then
		sed 's/^/# /' edit.log
		ok=
	elif ! restored "${flags[@]}"; then
		grep -h Error restore.log | sed 's/^/# /'
		ok=
	else
		seen "$dir" "$new" >after
		diff before after | sed -n 's/^> //p' >changed
		printf '%s' "${want:+$want
}" >wanted
		diff wanted changed >difference || ok=
		[ "$ok" ] || sed 's/^/# /' difference
	fi
	gone "$new"
	result "$name" "$ok"
}

# refused NAME: so would be what is not edited.
refused()
{
	local ok=1
	rm -rf now && cp -a images now
	if restored "${flags[@]}"; then
		ok=
		gone "$pid"
	fi
	result "$1" "$ok"
}

flags=(--tcp-established)
mkdir other && cp -a old other/new
d=$PWD
edited "a path" other/new "$pid" "cwd $d/other/new
data $d/other/new/data
socket $d/other/new/socket" path "$d/old=$d/other/new"
edited "a port" old "$pid" "listens 127.0.0.1:4002
peer 127.0.0.1:4002 hears" port 4001=4002
edited "an address" old "$pid" "listens 127.0.0.2:4001
peer 127.0.0.2:4001 hears" ip 127.0.0.1=127.0.0.2
edited "a variable" old "$pid" "env hi" env GREETING=hi
edited "a variable that is gone" old "$pid" "env nothing" env GREETING-
edited "a thread's name" old "$pid" "name after" \
	set "core-$pid.img:entries[0].thread_core.comm=after" \
	"core-$pid.img:entries[0].tc.comm=after"
edited "process ids" old 1700 "pid 1700 1700 1700" pid "$pid=1700"
edited "a host's name" old "$pid" "host elsewhere" uts host=elsewhere
edited "a limit" old "$pid" "files 50 150" rlimit nofile=50:150
edited "credentials" old "$pid" "uid 1 1 1
gid 12 13 12
groups 7 8 9" cred uid=1 gid=12 egid=13 groups=7,8,9
if [ "$tasks" ]; then
	was=$(sed -n 's/^group //p' before)
	edited "a control group" old "$pid" "group ${was%before}after" \
		cgroup "$group-before=$group-after"
else
	echo "ok a control group # SKIP none can be made here"
fi
# Labels of a kernel that knows others, or none: a label that can be set needs
# a security module with a policy for it, which a test does not bring along.
type=APPARMOR
grep -q apparmor /sys/kernel/security/lsm 2>/dev/null && type=SELINUX
cp -a images labelled
"$BUILD/crit" edit labelled set "inventory.img:entries[0].lsmtype=$type" \
	"core-$pid.img:entries[0].thread_core.creds.lsm_profile=docker" >edit.log
mv images unlabelled && mv labelled images
refused "a label of another machine is refused"
edited "labels" old "$pid" "" lsm clear
rm -r images && mv unlabelled images

flags=()
refused "open connections are refused"
edited "connections that are closed" old "$pid" \
	"peer Transport endpoint is not connected" tcp close
flags=(--tcp-established)
printf longer >>old/data
refused "a file that grew is refused"
edited "a file that grew" old "$pid" "" file-check refresh --sysroot /

# Mounts, and so a root, of its own.
mkdir -p root/proc root/before root/after
mv edit-mounts root
started root root/edit-mounts "$PWD/root"
cp root/report before
dumped
mount --bind root root
flags=(--root "$PWD/root")
edited "a mount" root "$pid" \
	"/proc/self/mounts: other /after tmpfs rw,relatime,size=64k 0 0
/after/file: kept" mount /before mountpoint=/after source=other
edited "a mount's options" root "$pid" \
	"/proc/self/mounts: source /before tmpfs rw,relatime,size=128k 0 0" \
	mount /before options=size=128k
exit $failed
