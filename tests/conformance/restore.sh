#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What CRIU dumps, crit-restore restores: each program of tests/restore sets
# something up, is dumped, killed, restored, and looks whether all is as it was.
#
# tests/conformance/restore.sh [NAME...]: these programs only. With RESTORER=criu,
# CRIU restores, to see whether a program is right.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(cd "$here/../.." && pwd) || exit 1
build=$(realpath -m "${BUILD:-$top/build}")
criu=$top/tests/support/criu

# until_says PID WORD: waits for a line in `log`, as long as the process lives.
until_says()
{
	for _ in $(seq 400); do
		grep -qsE "^($2)" log && return 0
		kill -0 "$1" 2>/dev/null || break
		sleep 0.02
	done
	grep -qsE "^($2)" log
}

restore()
{
	if [ "${RESTORER-}" = criu ]; then
		"$criu" restore --file-locks -d -D images -o restore.log
	else
		# shellcheck disable=SC2086
		${AT_ONE_PLACE-} "$build/crit-restore" -d --verify images
	fi
}

# state PID: what the kernel says of a process and does not change by itself.
state()
{
	local p=/proc/$1
	awk '{ print $1, $2, $3, $6 }' "$p/maps"
	grep -aE '^(Name|Umask|Tgid|NSpid|NSpgid|NSsid|Threads|Sig(Pnd|Blk|Ign|Cgt)|ShdPnd|NoNewPrivs|Seccomp|THP_enabled|Speculation)' "$p/status"
	tr '\0' ' ' <"$p/cmdline"
	od -An -tx8 "$p/auxv"
	readlink "$p/exe" "$p/cwd" "$p/root"
	cat "$p/limits" "$p/personality" "$p/coredump_filter"
	for fd in "$p"/fd/*; do
		fd=${fd##*/}
		# Pipes and sockets have a number that is new each time.
		readlink "$p/fd/$fd" | sed -E 's/^(pipe|socket):.*/\1/'
		grep -E '^(pos|flags)' "$p/fdinfo/$fd"
	done
	for task in "$p"/task/*; do
		cat "$task/comm"
		grep -E '^Sig(Pnd|Blk)' "$task/status"
	done
	# start_code to start_stack, start_data to env_end
	sed 's/.*) //' "$p/stat" | cut -d ' ' -f 24-26,43-49
}

# In a pid namespace of its own, in a directory of its own. This shell is init.
inside()
{
	mount -t tmpfs none /run 2>/dev/null
	# shellcheck disable=SC2086 # a word or none
	setsid ${AT_ONE_PLACE-} ./program </dev/null >log 2>&1 &
	local pid=$! status=1
	until_says "$pid" 'ready|SKIP' || { cat log; exit 1; }
	grep -h '^SKIP' log && exit 77
	mkdir images
	state "$pid" >was
	for _ in 1 2 3; do
		"$criu" dump --file-locks -t "$pid" -D images -o dump.log >said 2>&1 && status=0 && break
		sleep 0.2
	done
	[ $status = 0 ] || { kill -9 "$pid"; grep -a Error images/dump.log | tail -n 2; exit 77; }
	wait "$pid" 2>/dev/null
	if [ -f edit ]; then
		PATH=$build:$PATH sh ./edit || exit 1
	fi
	restore >said 2>&1 || { cat said; exit 1; }
	state "$pid" >is
	diff was is >differs || { cat differs; exit 1; }
	touch go
	until_says "$pid" 'PASS|FAIL' || {
		echo "it says nothing more:"
		grep -s . /proc/"$pid"/task/*/{syscall,wchan} || echo "it is dead"
		exit 1
	}
	grep -q '^PASS' log || { cat log; exit 1; }
	exit 0
}

if [ "${1-}" = --inside ]; then
	inside
fi

[ "$(id -u)" = 0 ] || { echo "CRIU needs root"; exit 77; }
"$criu" >/dev/null 2>&1 || { echo "no CRIU"; exit 77; }
[ -x "$build/crit-restore" ] || { echo "no $build/crit-restore"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

failed=0
nr=0

# try PROGRAM WHAT
try()
{
	local name=$2 fd
	nr=$((nr + 1))
	mkdir "$work/$nr" && cd "$work/$nr" || exit 1
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -g -pthread \
		"$top/tests/restore/$1.c" -o program || exit 1
	cp "${EDIT:-$top/tests/restore/$1.edit}" edit 2>/dev/null
	# Descriptors of ours are not for it to have.
	(
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		exec timeout -k 5 60 unshare -p -m -f --mount-proc --kill-child \
			"$here/restore.sh" --inside </dev/null
	) >result 2>&1
	case $? in
	0) echo "ok $name" ;;
	77) echo "ok $name # SKIP $(head -n 1 result)" ;;
	*)
		echo "not ok $name"
		grep -v 'Killed  ' result | head -n 20 | sed 's/^/# /'
		failed=1
		;;
	esac
}

if [ $# != 0 ]; then
	for program in "$@"; do
		try "$program" "$program"
	done
	exit $failed
fi
for program in "$top"/tests/restore/*.c; do
	program=$(basename "$program" .c)
	[ "$program" = hugetlb ] || try "$program" "$program"
done

# Huge pages are there if somebody asks for them; others may have done so.
huge=/proc/sys/vm/nr_hugepages
exec 9<$huge
flock 9
had=$(cat $huge)
trap 'echo "$had" >$huge; rm -rf "$work"' EXIT
{ echo $((had + 8)) >$huge; } 2>/dev/null
if [ "$(cat $huge)" -lt $((had + 8)) ]; then
	echo "# note: hugetlb: this machine has no huge pages to give"
else
	try hugetlb hugetlb
	echo "$had" >$huge
	"$build/crit-restore" --plan --pidns images >said 2>&1
	if [ "$had" != 0 ] || grep -q ' 5 huge pages of 2048 kB are needed, this kernel has 0' said; then
		echo "ok too few huge pages"
	else
		echo "not ok too few huge pages"
		failed=1
	fi
fi
exec 9>&-
echo 'crit compress images' >"$work/edit"
EDIT=$work/edit try memory "memory packed with LZ4"
cat >"$work/edit" <<'EDIT'
cp -r images before
crit edit images set 'pagemap-*.img:entries[*, flags].flags=PE_PARENT' >/dev/null || exit
for f in images/pages-*.img; do
	: >"$f"
done
ln -s ../before images/parent
EDIT
EDIT=$work/edit try memory "memory in a parent"
# The restorer's own memory is where that of the program was.
export AT_ONE_PLACE="setarch -R"
try memory "memory where ours is"
exit $failed
