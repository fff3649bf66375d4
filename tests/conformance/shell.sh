#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What only a terminal shows: colour, width, the pager, and the prompt of `crit
# shell` with completion and history; on a pseudo terminal.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

command -v python3 >/dev/null || {
	echo "no python3 (Debian package python3)"
	exit 77
}

export TERM=xterm LC_ALL=C.UTF-8 XDG_STATE_HOME=$work/state HOME=$work
unset COLUMNS NO_COLOR PAGER CRIT_PAGER LESS INPUTRC
images=$work/x86_64/images
esc=$'\033'

# on COLUMNS WORD...: runs on a terminal, the script on standard input; what it
# showed goes to $work/shown.
on()
{
	local columns=$1
	shift
	cat >"$work/script"
	timeout 280 python3 "$top/tests/conformance/terminal.py" "$columns" \
		"$work/script" "$@" >"$work/raw"
	local status=$?
	tr -d '\r' <"$work/raw" >"$work/shown"
	return $status
}

# shows NAME TEXT, hides NAME TEXT: whether the text was there.
shows()
{
	grep -qF -e "$2" "$work/shown"
	local status=$?
	result $status "$1"
	[ $status = 0 ] || sed 's/^/# /' "$work/shown" | cat -v
}

hides()
{
	! grep -qF -e "$2" "$work/shown"
	result $? "$1"
}

# went_well NAME, behind `on`: if not, what the terminal showed.
went_well()
{
	local status=$?
	result $status "$1"
	[ $status = 0 ] || sed 's/^/# /' "$work/shown" | cat -v
}

# ---- colour ----

on 80 crit --no-pager x "$images/tree" ps </dev/null
result $? 'ps on a terminal'
shows 'a heading is bold' "${esc}[1m    PID   PGID    SID   COMM${esc}[m"
on 80 crit --no-pager --color never x "$images/tree" ps </dev/null
hides '--color never' "$esc"
crit x "$images/tree" ps >"$work/file"
differs "$work/file" "$work/shown"
result $((! $?)) 'without colour a terminal gets what a file gets'
on 80 env NO_COLOR=1 crit --no-pager x "$images/tree" ps </dev/null
hides 'NO_COLOR' "$esc"
on 80 env TERM=dumb crit x "$images/tree" ps </dev/null
hides 'TERM=dumb: no colour' "$esc"
on 80 crit x "$images/tree" nosuch --no-pager </dev/null
result $((! $?)) 'an error on a terminal'
shows 'an error is red' "${esc}[1;31mcrit:${esc}[m x: WHAT:"
crit --color always x "$images/tree" ps >"$work/shown"
shows '--color always colours a file' "${esc}[1m"

# ---- width ----

widest()
{
	sed "s/$esc\[[0-9;]*m//g" "$work/shown" | wc -L
}

on 120 crit --no-pager x "$images/tree" caps </dev/null
crit x "$images/tree" caps >"$work/file"
[ "$(wc -L <"$work/file")" -gt 120 ]
result $? 'the table is too wide'
[ "$(widest)" -le 120 ]
result $? 'it fits the terminal'
shows 'what was cut off is shown' '…'
[ "$(wc -l <"$work/shown")" = "$(wc -l <"$work/file")" ]
result $? 'no row is missing'
# Where cutting is not enough: what is empty goes, then lines are folded.
on 80 crit --no-pager x "$images/tree" threads </dev/null
[ "$(widest)" -le 80 ]
result $? 'threads fit 80 columns'
hides 'columns in which nothing stands are left out' PDEATH_SIG
[ "$(wc -l <"$work/shown")" = "$(crit x "$images/tree" threads | wc -l)" ]
result $? 'and no line is folded then'
on 80 crit --no-pager x "$images/tree" caps </dev/null
[ "$(widest)" -le 80 ] && [ "$(wc -l <"$work/shown")" = $((2 * $(wc -l <"$work/file"))) ]
result $? 'a line is folded'
shows 'what follows is indented' '    chown,'
on 80 crit --no-pager mem "$images/small" map </dev/null
[ "$(widest)" -le 80 ]
result $? 'mem map fits 80 columns'
shows 'names are cut in the middle' '/usr/lib/x8'
for columns in 80 40; do
	for view in 'sk unix' 'mounts misc' 'signals tree' 'timers misc' 'net tun'; do
		on $columns crit --no-pager x "$images/${view#* }" "${view% *}" </dev/null
		[ "$(widest)" -le $columns ]
		result $? "${view% *} fit $columns columns"
	done
	(cd "$images" && on $columns crit --no-pager list </dev/null)
	[ "$(widest)" -le $columns ]
	result $? "list fits $columns columns"
done
on 120 env LC_ALL=C crit --no-pager x "$images/tree" caps </dev/null
hides 'no ellipsis where the terminal cannot show one' '…'
on 200 env COLUMNS=110 crit --no-pager x "$images/tree" caps </dev/null
[ "$(widest)" -le 110 ]
result $? 'COLUMNS counts'
COLUMNS=60 crit x "$images/tree" caps | cmp -s - "$work/file"
result $? 'nothing is cut in a file'
on 80 crit --no-pager mem "$images/small" read 0x7fffa3c3afe0 32 </dev/null
[ "$(widest)" -le 80 ] && [ "$(wc -l <"$work/shown")" -ge 4 ]
result $? 'rows of a hexdump are shorter on a narrow terminal'
on 82 crit --no-pager mem "$images/small" read 0x7fffa3c3afe0 32 </dev/null
crit mem "$images/small" read 0x7fffa3c3afe0 32 | cmp -s - "$work/shown"
result $? 'and whole on one they fit'

# ---- the pager ----

on 80 env PAGER='sed s/^/paged:/' crit x "$images/tree" ps </dev/null
result $? 'a pager'
shows 'PAGER gets the output' 'paged:'
on 80 env PAGER=false CRIT_PAGER='sed s/^/mine:/' crit x "$images/tree" ps </dev/null
shows 'CRIT_PAGER comes first' 'mine:'
on 80 env PAGER='sed s/^/paged:/' crit x "$images/tree" ps --no-pager </dev/null
hides '--no-pager behind the verb' 'paged:'
on 80 env PAGER='head -n 1' crit show "$images/tree/core-7142.img" </dev/null
result $? 'a pager that quits early is no error'
hides 'and nothing is said' 'crit:'
on 80 env PAGER='head -n 1' crit mem "$images/tree" strings </dev/null
result $? 'nor while a verb still writes'
on 80 env PAGER=nosuchpager crit x "$images/tree" ps </dev/null
result $((! $?)) 'a pager that cannot be run is an error'
on 80 env PAGER='sed s/^/paged:/' crit x "$images/tree" nosuch </dev/null
hides 'no pager for an error' 'paged:'
PAGER='sed s/^/paged:/' crit x "$images/tree" ps | cmp -s - <(crit x "$images/tree" ps)
result $? 'no pager for a file'
echo ps >"$work/lines"
on 80 env PAGER='sed s/^/paged:/' sh -c "crit shell $images/tree <$work/lines" </dev/null
shows 'a script on a terminal' 'node-4'
hides 'it has no pager' 'paged:'
if command -v less >/dev/null; then
	on 80 env LESS='-Psthere is more' crit show "$images/tree/core-7142.img" <<-'E'
		wait CORE
		wait there is more
		send q
	E
	result $? 'less waits for long output'
	on 80 crit x "$images/tree" ps </dev/null
	result $? 'and not for short output'
fi

# ---- the prompt ----

cd "$images" || exit 1
export PAGER=cat
on 100 crit shell tree <<'E'
wait crit tree> 
send pi\t71\t\t
wait 7139  7142  7143  7144  7145  7146
send 42\n
wait crit tree 7142> 
send show co\t42\t\n
wait CORE
wait crit tree 7142> 
send read 0x7ffe\t8\n
wait 7ffe765a6000  
wait crit tree 7142> 
send map --sys\t
wait map --sysroot 
send \x03
wait crit tree 7142> 
send ps --js\t\n
wait "comm": "node-1"
wait crit tree 7142> 
send pid\n
wait crit tree> 
send ps | tail -n 1 | sed s/node/NODE/\n
wait NODE-4
wait crit tree> 
send !echo 1$((1+1))3\n
wait 123
wait crit tree> 
send edit ge\tcore-7142.img:e\t0].tc.co\t\n
wait node-1
wait crit tree> 
send bogus\n
wait unknown verb 'bogus'
wait crit tree> 
send info pstree > saved\n
wait crit tree> 
send  info seccomp # not kept\n
wait crit tree> 
send use sma\t\n
wait crit small> 
send \x1b[A\x1b[A\n
wait crit small> 
send \x04
E
went_well 'a session'
crit info small/pstree.img | cmp -s - saved
result $? '> replaces a file'
differs - "$work/state/critter/history" <<'E'
pid 7142
show core-7142.img 
read 0x7ffe765a6000 8
ps --json 
pid
ps | tail -n 1 | sed s/node/NODE/
!echo 1$((1+1))3
edit get core-7142.img:entries[0].tc.comm 
bogus
info pstree > saved
use small/
info pstree > saved
E
result $((! $?)) 'history has what was typed'
[ "$(stat -c %a "$work/state/critter/history" "$work/state/critter")" = $'600\n700' ]
result $? 'nobody else reads it'

on 100 crit shell small <<'E'
wait crit small> 
send his\t\n
wait show core-7142.img
wait crit small> 
send quit\n
E
went_well 'history of the shell before'

on 100 crit shell tree <<'E'
wait crit tree> 
send !exec python3 -c 'import signal; print("be" + "gun", flush=True); signal.pause()'\n
wait begun
send \x03
wait KeyboardInterrupt
wait crit tree> 
send exit\n
E
went_well '^C ends what runs, not the shell'

# A ^C at the worst time: a library lets it come between the last look for one
# and waiting for a key.
if command -v "${CC:-cc}" >/dev/null; then
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O1 -shared -fPIC \
		"$top/tests/conformance/interrupt.c" -o "$work/interrupt.so"
	result $? 'a library to preload'
	on 100 env ASAN_OPTIONS=verify_asan_link_order=0 \
		LD_PRELOAD="$work/interrupt.so" crit shell tree <<-'E'
		wait crit tree> 
		wait crit tree> 
		send quit\n
	E
	went_well '^C just before it waits'
fi

# ---- the bar of many upgrades ----

cd "$work" || exit 1
crit downgrade "$images/small" --to 4.1 -o old >/dev/null
mkdir many
for i in {1..120}; do
	cp -r old "many/$i"
done
printf xx >>many/20/pagemap-7074.img
# Standard output is a pipe of one page that nobody reads: it cannot come to the
# end before it is interrupted.
cat >narrow.py <<'P'
import fcntl, os, sys
F_SETPIPE_SZ = 1031
unread, out = os.pipe()
os.set_inheritable(unread, True)
fcntl.fcntl(out, F_SETPIPE_SZ, 4096)
os.dup2(out, 1)
os.execvp(sys.argv[1], sys.argv[1:])
P
on 80 python3 narrow.py crit upgrade -r -j 1 many <<'E'
wait  of 120, 
send \x03
E
result $((! $?)) '^C ends many upgrades'
crit upgrade -n -r many >lines 2>/dev/null
upgraded=$(grep -c '"result": "unchanged"' lines)
[ "$upgraded" -gt 0 ] && [ "$upgraded" -lt 119 ]
result $? 'some were done'
on 80 sh -c 'crit upgrade -r many >lines' </dev/null
[ $? = 1 ]
result $? 'the rest, one of which fails'
shows 'a bar' '[#'
shows 'it counts' '120 of 120, 1 failed'
shows 'and goes' "${esc}[K"
[ "$(grep -c '"result": "unchanged"' lines)" = "$upgraded" ]
result $? 'what was done is not done again'
cp -r old one && crit upgrade one >/dev/null
diff -r one many/1 && diff -r one many/120
result $? 'all are the same'

# ---- names that are not to be trusted ----

mkdir "$work/bad" && cd "$work/bad" || exit 1
cp -r "$images/small" $'evil\e[31mX'
cp -r "$images/small" plain
cp plain/pstree.img $'plain/pstree\e[31m.img'
cp plain/pstree.img $'plain/zz\302\233m.img'
on 100 crit shell <<'E'
wait crit> 
send use ev\t\t\x15use pl\t\n
wait crit plain> 
send info ps\t\n
wait PSTREE
wait crit plain> 
send info z\t\t\x15use 'evil\x16\x1b[31mX'\n
wait crit evil\\x1b[31mX> 
send use 'none\x16\x1b[31mX'\n
wait none\\x1b[31mX: No such file
wait crit evil\\x1b[31mX> 
send quit\n
E
went_well 'a session with hostile names'
# What is typed, ^V ESC, is echoed by the line editor as ^[.
hides 'no escape of theirs' "${esc}[31m"
hides 'no control character in UTF-8' $'\302\233'

# ---- restricted ----

cd "$images" || exit 1
rm -r "$work/state"
crit shell --restricted </dev/null 2>"$work/error"
if grep -q Landlock "$work/error"; then
	echo 'ok a restricted session # SKIP this kernel has no Landlock'
	exit "$failed"
fi
on 100 env PAGER='sed s/^/paged:/' crit shell --restricted tree <<'E'
wait crit tree> 
send !id\n
wait is not allowed here
wait crit tree> 
send ps | cat\n
wait is not allowed here
wait crit tree> 
send ps > saved2\n
wait is not allowed here
wait crit tree> 
send decode pstree -o saved2\n
wait ermission denied
wait crit tree> 
send ps\n
wait node-4
wait crit tree> 
send quit\n
E
went_well 'a restricted session'
hides 'it has no pager' 'paged:'
[ ! -e saved2 ] && [ ! -e "$work/state" ]
result $? 'it wrote nothing'

exit "$failed"
