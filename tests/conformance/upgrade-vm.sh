#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Checkpoints that were brought into the form of another version of CRIU are
# restored by that version, in an emulated machine: a pipeline of shells that
# counts goes on where it was. Those that were not are not, where that is the
# point.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
vm=tests/vm/run
crit=${BUILD:-build}/crit

check()
{
	local name=$1
	shift
	if "$@"; then echo "ok $name"; else echo "not ok $name"; fi
}

for setup in "4.2 new" "4.1 new" "3.17 6.1"; do
	# shellcheck disable=SC2086
	set -- $setup
	if ! "$vm" --criu "$1" --kernel "$2" --setup >"$work/log" 2>&1; then
		tail -n 1 "$work/log"
		exit 77
	fi
done

cat >"$work/subject" <<'E'
n=0
while :; do
	n=$((n + 1))
	echo $n
	sleep 0.1
done | while read -r n; do
	echo "$n" >/tmp/count.new
	mv /tmp/count.new /tmp/count
done
E

# Pids that the machine itself does not use.
cat >"$work/dump" <<'E'
mkdir /out/images
echo 5000 >/proc/sys/kernel/ns_last_pid
setsid sh ./subject </dev/null >/dev/null 2>&1 &
pid=$!
sleep 1
criu dump -t $pid -D /out/images -o /tmp/log -v2 2>/dev/null || { tail -n 20 /tmp/log; exit 1; }
cp /tmp/count /out/count
E

cat >"$work/restore" <<'E'
old=$(cat count)
criu restore -d -D images -o /tmp/log -v2 2>/dev/null || { tail -n 5 /tmp/log; exit 1; }
sleep 1.5
[ "$(cat /tmp/count)" -gt "$old" ]
E

# dump VERSION KERNEL DIR
dump()
{
	"$vm" --cpu nopac --criu "$1" --kernel "$2" --out "$3" "$work/dump" \
		"$work/subject" >"$3.said" 2>&1 || {
		sed 's/^/# /' "$3.said"
		return 1
	}
}

# restores VERSION KERNEL DIR
restores()
{
	"$vm" --cpu nopac --criu "$1" --kernel "$2" "$work/restore" \
		"$work/subject" "$3/images" "$3/count" >"$3.said" 2>&1
}

goes_on()
{
	restores "$@" || {
		sed 's/^/# /' "$3.said"
		return 1
	}
}

stays_away() { ! restores "$@"; }

changes() { "$crit" "$@" >"$work/said" || return; ! grep -q '^nothing' "$work/said"; }

check "4.2 dumps" dump 4.2 new "$work/a"
check "4.1 does not restore that" stays_away 4.1 new "$work/a"
check "it is brought back to 4.1" changes downgrade --to 4.1 "$work/a/images"
check "4.1 restores that" goes_on 4.1 new "$work/a"
check "it is brought to 4.3" changes upgrade "$work/a/images"
check "4.2 restores that" goes_on 4.2 new "$work/a"

check "3.17 dumps" dump 3.17 6.1 "$work/b"
cp -a "$work/b" "$work/c"
check "it is brought to 4.3" changes upgrade "$work/b/images"
check "4.2 restores that" goes_on 4.2 6.1 "$work/b"
check "3.17 does not" stays_away 3.17 6.1 "$work/b"
check "it is brought back" changes downgrade --to 3.17 "$work/b/images"
check "as it was" diff -r "$work/b/images" "$work/c/images"
check "3.17 restores that" goes_on 3.17 6.1 "$work/b"

check "4.2 dumps beside it" dump 4.2 6.1 "$work/d"
check "it is brought back to 3.17" changes downgrade --to 3.17 "$work/d/images"
check "3.17 restores that" goes_on 3.17 6.1 "$work/d"
