#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# crit-restore --shell-job: a program that CRIU has dumped at one pseudo terminal,
# restored at another, with what is typed there.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(cd "$here/../.." && pwd) || exit 1
build=$(realpath -m "${BUILD:-$top/build}")
criu=$top/tests/support/criu
failed=0

result()
{
	if [ "$1" = 0 ]; then
		echo "ok $2"
	else
		echo "not ok $2"
		cat said shown 2>/dev/null | cat -v | sed 's/^/# /'
		failed=1
	fi
}

# at COLUMNS WORD...: at a new terminal, its script on standard input.
at()
{
	local columns=$1
	shift
	cat >script
	timeout 60 python3 "$here/terminal.py" "$columns" script "$@" >raw 2>said
	local status=$?
	tr -d '\r' <raw >shown
	return $status
}

# Dumps the program, when it is ready.
dump()
{
	local pid status=1
	for _ in $(seq 400); do
		[ ! -e ready ] || break
		sleep 0.02
	done
	pid=$(pgrep -x program)
	for _ in 1 2 3; do
		"$criu" dump --shell-job -t "$pid" -D images -o dump.log >/dev/null 2>&1 && status=0 && break
		sleep 0.2
	done
	[ $status = 0 ] || kill -9 "$pid"
	echo "$pid $status" >dumped
}

# job [-m]: in this shell's group, or in the foreground with a group of its own.
job()
{
	set "-$1"
	echo 3000 >/proc/sys/kernel/ns_last_pid
	setsid "$here/restore-shell-job.sh" --dump </dev/null >/dev/null 2>&1 &
	./program
}

# restore NAME OPTION...: at another terminal, where it is typed to.
restore()
{
	local name=$1 pid
	shift
	rm -f go
	touch go
	at 111 "$build/crit-restore" --shell-job "$@" images <<'END'
wait type
send hello\r
wait read it
send \x03
wait PASS
END
	[ $? = 42 ]
	result $? "$name, it has the terminal, and its end is passed on"
}

inside()
{
	local which status pid
	mount -t tmpfs none /run 2>/dev/null
	for which in u m; do
		rm -rf images ready go shown dumped
		mkdir images
		at 80 "$here/restore-shell-job.sh" --job "$which" </dev/null
		for _ in $(seq 400); do
			[ ! -s dumped ] || break
			sleep 0.02
		done
		read -r pid status <dumped
		[ "$status" = 0 ] || { grep -a Error images/dump.log | tail -n 2; exit 77; }
		what="a job"
		[ $which = u ] || what="a job with a group of its own"
		"$build/crit-restore" --plan images >said 2>&1
		[ $? = 1 ] && grep -q 'file TTY .*: a terminal (see --shell-job)' said
		result $? "$what is refused without --shell-job"
		"$build/crit-restore" --shell-job -d images </dev/null >said 2>&1
		[ $? = 1 ] && grep -q 'is a terminal to give' said && [ ! -e "/proc/$pid" ]
		result $? "$what is refused without a terminal"
		restore "$what"
		restore "$what in a pid namespace" --pidns
	done
	rm -f go
	touch go
	at 111 bash -mic "'$build/crit-restore' --shell-job images; echo stopped; fg" <<'END'
wait type
send \x1a
wait stopped
send hello\r
wait read it
send \x03
wait PASS
END
	[ $? = 42 ]
	result $? "a job with a group of its own stops, and goes on"
	at 111 sh -c "stty -F /dev/tty -a >modes; CR_RESTORE_FAULT=load \
		'$build/crit-restore' --shell-job images; stty -F /dev/tty -a | cmp modes - && echo same" \
		<<'END'
wait made to fail
wait same
END
	result $? "after a failure the terminal has the modes that it had"
	exit $failed
}

case ${1-} in
--inside) inside ;;
--dump) dump; exit ;;
--job) job "$2"; exit ;;
esac

[ "$(id -u)" = 0 ] || { echo "CRIU needs root"; exit 77; }
command -v python3 >/dev/null || { echo "no python3 (Debian package python3)"; exit 77; }
"$criu" >/dev/null 2>&1 || { echo "no CRIU"; exit 77; }
[ -x "$build/crit-restore" ] || { echo "no $build/crit-restore"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 "$here/restore-tty.c" -o program || exit 1
for fd in /proc/self/fd/*; do
	fd=${fd##*/}
	[ "$fd" -le 2 ] || eval "exec $fd>&-"
done
timeout -k 5 120 unshare -p -m -f --mount-proc --kill-child "$here/restore-shell-job.sh" \
	--inside </dev/null
