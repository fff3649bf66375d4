#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every aarch64 checkpoint is rekeyed: all its pointers authenticate with the new
# keys, and the old ones explain none; nothing else is different. What must be
# refused is, with its place.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

for tool in jq python3; do
	command -v $tool >/dev/null || {
		echo "no $tool is installed"
		exit 77
	}
done
# shellcheck source=tests/conformance/rekey-programs
source "$top/tests/conformance/rekey-programs"

rekey() { crit rekey --sysroot sys "$@" >said 2>error; }
verify() { crit pac verify "$1" --sysroot sys --json 2>error; }
show() { crit pac show "$1" --sysroot sys --json 2>error; }

# Keys as fingerprints, thread by thread; which are equal to which, and enabled.
keys() { show "$1" | jq -c '[.threads[] | [.ia, .ib, .da, .db, .ga]]'; }
sharing()
{
	show "$1" | jq -c '[.threads | (map([.ia, .ib, .da, .db, .ga]) | transpose[] |
		. as $all | map(. as $key | $all | index($key))), map(.enabled)]'
}
exact() { jq '[.processes[].exact] | add'; }

# An old key authenticates a pointer if its code did not change. Of N codes of 7
# bits N/128 do not, by chance, give or take the root of that; 6 times as much
# would be by chance once in 10 million. Nothing but codes may have changed.
cat >codes.py <<'E2'
import glob, json, struct, sys
old, new, slots = sys.argv[1:]
slots = json.load(open(slots))
n = sum(slot["slot"].startswith("0x") for slot in slots)
field = 0x7f << 48
if "52" in old:
    field = 7 << 52
changed = 0
for path in glob.glob(old + "/pages-*.img"):
    a = open(path, "rb").read()
    b = open(path.replace(old, new), "rb").read()
    for x, y in zip(struct.iter_unpack("<Q", a), struct.iter_unpack("<Q", b)):
        changed += x != y
        if (x[0] ^ y[0]) & ~field:
            sys.exit(f"# {x[0]:#x} became {y[0]:#x}")
expected = n / 2 ** field.bit_count()
if not n - changed <= expected + 6 * expected ** 0.5 + 3:
    sys.exit(f"# {n - changed} of {n} codes are the same")
E2

# refused PATTERN DIR OPTION...: and nothing is written.
refused()
{
	local pattern=$1
	shift
	rm -rf none
	! rekey "$@" -o none && [ ! -e none ] && grep -q -- "$pattern" error
}

head -c 4000 </dev/zero | tr '\0' '\123' | awk 1 ORS= >zeros
seq 1 2000 >given

# every NAME [OPTION...]: all that is promised.
every()
{
	local name=$1 dir=aarch64/images/$1
	shift
	rm -rf a b old plain
	rekey "$dir" -o a "$@" && rekey "$dir" -o b "$@"
	result $? "$name: is rekeyed"
	verify a >a.json
	[ "$(jq -r .verdict a.json)" = verified ] || [ $# != 0 ]
	result $? "$name: verified"
	verify "$dir" | exact >n
	[ "$(exact <a.json)" = "$(cat n)" ]
	result $? "$name: as many are signed as before"
	[ "$(sharing a)" = "$(sharing "$dir")" ]
	result $? "$name: equal keys are equal, the same are enabled"
	jq -e -n --argjson a "$(keys a)" --argjson b "$(keys b)" --argjson c "$(keys "$dir")" \
		'[$a, $b, $c | flatten | unique] | add | length == ([$a, $b, $c | flatten | unique | length] | add)' >/dev/null
	result $? "$name: no key is as before, nor as in the other copy"
	cp -r a old && cp "$dir"/core-*.img old
	verify old >old.json
	[ "$(jq -r '.verdict, ([.processes[].authenticate] | add)' old.json)" = $'cannot tell\n0' ]
	result $? "$name: the old keys explain none"
	crit pac slots a --sysroot sys --json >slots.json 2>error
	python3 codes.py "$dir" a slots.json
	result $? "$name: the old keys authenticate none but by chance"
	[ "$(diff -rq "$dir" a | sed 's/.*and a.\([a-z]*\).*/\1/' | sort -u | tr '\n' ' ')" = "core pages " ]
	result $? "$name: cores and pages are different, and nothing else"
	rekey "$dir" -o plain --keys strip "$@" &&
		[ "$(verify plain | jq '[.processes[].signed] | add')" = 0 ] &&
		[ "$(show plain | jq '[.threads[].enabled[]] | length')" = 0 ]
	result $? "$name: stripped, nothing is signed or enabled"
}

for path in aarch64/images/*; do
	name=${path##*/}
	case $name in
	*_dyn | *.impdef52) ;;
	pac_counter_none) every $name --from qarma5/48 ;;
	*) every "$name" ;;
	esac
done

# What a pointer was stripped of is the same that was there before it was signed.
rm -rf a b && rekey aarch64/images/coro -o a && rekey aarch64/images/coro --keys strip -o b &&
	rekey a --keys strip -o c && cmp -s b/pages-1.img c/pages-1.img
result $? "stripping is the same after a rekey"

# Given keys: the same each time, whatever form the pages have.
rm -rf a b c && rekey aarch64/images/pac_threads_own --keys file:given -o a &&
	cp -r aarch64/images/pac_threads_own b && crit compress b >said 2>error &&
	rekey b --keys file:given && crit decompress b >said 2>error &&
	cmp -s a/pages-1.img b/pages-1.img
result $? "packed pages are changed as plain ones are"
head -c 100 given >few
refused 'fewer keys' aarch64/images/pac_threads_own --keys file:few
result $? "a file with too few keys"

# Pages in a parent: what is changed is here then, and that is not touched.
mkdir chain && cp -r aarch64/images/coro chain/1 && cp -r aarch64/images/coro chain/2 &&
	ln -s ../1 chain/2/parent && : >chain/2/pages-1.img &&
	for file in chain/2/pagemap-*.img; do
		crit decode "$file" >map.json &&
			jq -c '.entries[1:] |= map(.flags = 1)' map.json >map2.json &&
			crit encode -i map2.json -o "$file" || break
	done
cp -r chain/1 before
rekey aarch64/images/coro --keys file:given -o whole && rekey chain/2 --keys file:given --force &&
	[ "$(verify chain/2 | jq -r .verdict)" = verified ] && diff -r before chain/1 &&
	[ "$(stat -c %s chain/2/pages-1.img)" -lt "$(stat -c %s chain/1/pages-1.img)" ] &&
	crit pac slots chain/2 --sysroot sys >slots2 && crit pac slots whole --sysroot sys | cmp -s - slots2
result $? "pages of a parent"

# As another processor, or kernel, would have signed.
for to in "qarma3 48" "qarma5 52" "qarma3 52" "qarma3 39"; do
	read -r algorithm bits <<<"$to"
	rm -rf a
	rekey aarch64/images/tree --algorithm "$algorithm" --va-bits "$bits" -o a
	case $bits in
	39) grep -q 'beyond addresses of 39 bits' error ;;
	*) [ "$(verify a | jq -c '[.verdict, .scheme.algorithm, .scheme.va_bits]')" = \
		"[\"verified\",\"$algorithm\",$bits]" ] ;;
	esac
	result $? "tree: for $to"
done
rm -rf a b && rekey aarch64/images/tree --algorithm qarma3 --keys saved -o a &&
	[ "$(keys a)" = "$(keys aarch64/images/tree)" ] && [ "$(verify a | jq -r .verdict)" = verified ] &&
	rekey a --algorithm qarma5 --keys saved -o b && diff -r aarch64/images/tree b
result $? "there with the saved keys, and back as it was"
rm -rf a && rekey aarch64/images/pac_threads_own --unify -o a &&
	[ "$(verify a | jq -r .verdict)" = verified ] && [ "$(keys a | jq 'unique | length')" = 1 ] &&
	[ "$(show a | jq -c '.threads | map(.enabled)')" = "$(show aarch64/images/pac_threads_own | jq -c '.threads | map(.enabled)')" ]
result $? "one key set for all threads"

# What is not accounted for.
rm -rf bad && cp -r aarch64/images/coro bad
word=$(crit pac slots bad --sysroot sys --json | jq -r '.[0].slot')
python3 - "$(crit mem bad read "$word" 8 --raw | od -An -v -tx8 | tr -d ' \n')" >bytes <<'E2'
import sys
word = int(sys.argv[1], 16) ^ 5 << 50
print((word + 8).to_bytes(8, "little").hex())
E2
heap=$(crit x bad mems --json | jq -r '.. | objects | select(.name? == "[heap]" or .file? == "[heap]") | .start' | head -n 1)
heap=${heap:-0x4a1000}
crit mem bad write "$heap" "$(cat bytes)" >said 2>error
result $? "a word is planted at $heap"
refused "$heap: looks signed, and nothing explains it.*--accept=residual" bad
result $? "a planted word is refused"
rm -rf a && rekey bad -o a --accept=residual && grep -q 'accepted: residual, 1' said &&
	[ "$(crit mem a read "$heap" 8 --raw | od -An -v -tx1 | tr -d ' \n')" = "$(cat bytes)" ]
result $? "accepted, it stays as it is"
refused '--accept=residual' bad --accept=failed,stack,register,generic,unseen,unproved
result $? "one risk accepted is not another"
crit mem aarch64/images/coro read "$word" 8 --raw | python3 -c 'import sys
data = bytearray(sys.stdin.buffer.read())
data[6] ^= 4
print(data.hex())' >bytes
rm -rf bad && cp -r aarch64/images/coro bad && crit mem bad write "$word" "$(cat bytes)" >said 2>error
refused "$word: does not authenticate.*--accept=failed" bad
result $? "a pointer that does not authenticate is refused"
refused 'is not to be had' aarch64/images/pac_counter_dyn
result $? "a library that is missing is refused"
refused 'no algorithm and address size is proved' aarch64/images/pac_threads_std.impdef52
result $? "another algorithm is refused"
refused '--accept=unproved' aarch64/images/pac_threads_std.impdef52 --keys strip --accept=residual
result $? "to strip it on trust is not unasked"
rm -rf a && rekey aarch64/images/pac_threads_std.impdef52 -o a --keys strip --accept=residual,unproved
result $? "it is stripped"
refused 'no process has pointer authentication keys' x86_64/images/small
result $? "a processor that signs nothing"

# patched INSTRUCTION: a program that has it in a function, instead of a
# "paciasp".
patched()
{
	python3 - "$1" <<-'END'
		import sys
		data = bytearray(open("programs/bin/coro", "rb").read())
		at = 0
		for _ in range(40):
		    at = data.index(bytes.fromhex("3f2303d5"), at + 4)
		data[at:at + 4] = bytes.fromhex(sys.argv[1])
		open("sys/out/fx/coro/coro", "wb").write(data)
	END
}
dir=aarch64/images/coro
patched 2010c1da # autia x0, x1
refused 'coro: code signs other than return addresses.*--accept=register' $dir
result $? "code that signs other pointers is refused"
rm -rf a && rekey $dir -o a --accept=register
result $? "and accepted"
patched 2030c29a # pacga x0, x1, x2
rm -rf a b && rekey $dir -o a && grep -q 'generic key stays' said &&
	[ "$(keys a | jq '.[0][4]')" = "$(keys $dir | jq '.[0][4]')" ] && [ "$(keys a)" != "$(keys $dir)" ] &&
	rekey $dir -o b --accept=generic && [ "$(keys b | jq '.[0][4]')" != "$(keys $dir | jq '.[0][4]')" ]
result $? "with PACGA in the code its key stays, unless asked otherwise"
refused 'PACGA.*--accept=generic' $dir --algorithm qarma3
result $? "another algorithm is refused then"
exit $failed
