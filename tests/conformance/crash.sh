#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Commands that die at every single thing they do to the file system leave what
# was there or what is to be, never a mix, and when they are run again all is as
# it is to be. Commands in which one of these things fails say so and leave what
# was there, or it did no harm.
#
# A new command: one line of `everywhere` at the end.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

command -v "${CC:-cc}" >/dev/null || {
	echo "no C compiler"
	exit 77
}
"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O1 -shared -fPIC -I "$top" \
	"$top/tests/conformance/crash.c" -o "$work/crash.so" || exit 1
# An instrumented crit would have its own library come first.
export ASAN_OPTIONS=verify_asan_link_order=0

# Everything in ./now but temporary names, as text; of an archive what it holds,
# since new members have the time of day.
state()
{
	(
		cd now || exit 1
		find . \( -name '*crit-tmp' -o -name '*.tmp-*' \) -prune -o \
			-printf '%p %y %m %l\n' | sort
		find . \( -name '*crit-tmp' -o -name '*.tmp-*' \) -prune -o \
			-type f ! -name '*.tar.gz' -print0 | sort -z | xargs -0r md5sum
		for archive in *.tar.gz; do
			[ ! -e "$archive" ] || tar -tzf "$archive" 2>&1
			[ ! -e "$archive" ] || tar -xzOf "$archive" 2>&1 | md5sum
		done
	)
}

# begin: ./now is as it was.
begin()
{
	rm -rf now && cp -a before now
}

# run ENV=VALUE COMMAND...: in ./now, with the library; its exit status.
run()
{
	(cd now && env "$1" LD_PRELOAD="$work/crash.so" "${@:2}") \
		>output 2>error </dev/null
}

# at_step VARIABLE STEP COMMAND...: sets $status and $got (old, new or mix).
at_step()
{
	begin
	run "$1=$2" "${@:3}"
	status=$?
	state >got
	cmp -s got old.state && got=old || got=mix
	cmp -s got new.state && got=new
	return 0
}

# everywhere NAME COMMAND...: ./before is what it starts from. The command works
# in a copy of that.
everywhere()
{
	local name=$1 n bad='' again=''
	shift
	begin
	state >old.state
	run CRASH_AT=0 "$@"
	result $? "$name: is done, and synced before it is switched to"
	state >new.state
	! cmp -s old.state new.state
	result $? "$name: changes something"
	for ((n = 1; n < 2000; n++)); do
		at_step CRASH_AT $n "$@"
		[ $got = mix ] && bad="$bad $n"
		[ $status != 99 ] && break
		[ $got = new ] && continue
		run CRASH_AT=0 "$@"
		state | cmp -s - new.state || again="$again $n"
	done
	[ $status = 0 ] && [ $n -gt 3 ] && [ -z "$bad" ]
	result $? "$name: old or new after a crash at each of $n steps$bad"
	[ -z "$again" ]
	result $? "$name: can be run again after a crash$again"
	bad=
	for ((n--; n > 0; n--)); do
		at_step FAIL_AT $n "$@"
		case $status.$got in
		0.new) ;;
		1.old | 1.new)
			[ "$(grep -vc '^crit: note: ' error)" = 1 ] || bad="$bad $n"
			;;
		*) bad="$bad $n" ;;
		esac
	done
	[ -z "$bad" ]
	result $? "$name: one clear line, or no harm, after a failure$bad"
}

mkdir before && cp -a x86_64/images/small before/a && crit decode before/a -o before/json
ls before/a >/dev/null || exit 1
everywhere "decode a directory" crit decode a -o b
everywhere "encode a directory" crit encode json -o b
cp before/a/pstree.img before/pstree.json
everywhere "decode over a file" crit decode a/pstree.img -o pstree.json

rm -rf before/json before/pstree.json
mkdir tar && cp -a before/a tar/checkpoint
tar -C tar -czf before/a.tar.gz checkpoint
edit=(set 'core-7074.img:entries[0].tc.comm=x')
more=('mm-7074.img:entries[0].mm_brk=0x1000' 'pstree.img:entries[0].pgid=5')
everywhere "edit an image" crit edit a "${edit[@]}"
everywhere "edit several images" crit edit a "${edit[@]}" "${more[@]}"
everywhere "edit to a new checkpoint" crit edit a "${edit[@]}" -o b
everywhere "edit an archive" crit edit a.tar.gz "${edit[@]}" "${more[@]}"
everywhere "edit process ids" crit edit a pid --offset 1000
everywhere "redact" crit redact a --memory all
everywhere "compress memory" crit compress a
everywhere "write to memory" crit mem a write 0x55e4645c1000 4141

rm -rf before tar && mkdir before && cp -a x86_64/images/small before/a || exit 1
crit downgrade --to 3.17 before/a >/dev/null || exit 1
everywhere "upgrade a directory" crit upgrade a
everywhere "upgrade a directory of them" crit upgrade -r -j 1 .
mkdir tar && mv before/a tar/checkpoint && tar -C tar -czf before/a.tar.gz checkpoint
everywhere "upgrade an archive" crit upgrade a.tar.gz
exit $failed
