#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What `crit rekey` leaves of keys, old and new, done or failed: none in what it
# prints, no file beside its result, and none in its memory at its end, as words, as
# bytes of an image, or as text. The same search finds them where another verb does
# not wipe. While it has keys, it leaves no core file.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"
case ${BUILD-} in *san-*) echo "ok this is tested without sanitizers"; exit ;; esac
# shellcheck source=tests/conformance/rekey-programs
source "$top/tests/conformance/rekey-programs"
# Bound at once: a late call would store registers, which are not wiped.
${CC:-cc} -shared -fPIC -O1 -D_GNU_SOURCE -Wl,-z,now \
	"$top/tests/conformance/rekey-wiped.c" -o wiped.so || exit 1

cat >find.py <<'E2'
import glob, json, subprocess, sys

def keys(folder):
    for path in glob.glob(folder + "/core-*.img"):
        core = subprocess.run(["crit", "decode", path], capture_output=True, check=True)
        pac = json.loads(core.stdout)["entries"][0]["ti_aarch64"]["pac_keys"]
        for part in pac.values():
            yield from (n for name, n in part.items() if name != "pac_enabled_key")

def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])

def mappings(data):
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        line = data[at:end].decode()
        first, last = (int(x, 16) for x in line.split()[0].split("-"))
        yield first, line, data[end + 1:end + 1 + last - first]
        at = end + 1 + last - first

def searched(paths):
    for path in paths:
        data = open(path, "rb").read()
        if path == "memory":
            yield from mappings(data)
        else:
            yield 0, path, data

found = 0
where = list(searched(sys.argv[1].split()))
for folder in sys.argv[2:]:
    for n in set(keys(folder)):
        for form in n.to_bytes(8, "little"), varint(n), b"%d" % n, b"%x" % n, n.to_bytes(8, "little").hex().encode():
            for first, name, data in where:
                at = data.find(form)
                if at >= 0:
                    found += 1
                    print(f"# a key of {folder} is at {first + at:#x} of {name}")
sys.exit(bool(found))
E2

# run STATUS ARGUMENT...: crit, and what its memory was at its end.
run()
{
	local want=$1 status=0
	shift
	rm -f memory
	TMPDIR=$PWD/at CR_MEMORY=$PWD/memory LD_PRELOAD=$PWD/wiped.so crit "$@" >said 2>error || status=$?
	[ $status = "$want" ] && [ -s memory ] && return
	sed 's/^/# /' error
	result 1 "crit $* ends with $want"
}

# none NAME DIR...: what ran left no key of those; in at/ is only what was there,
# and its result.
none()
{
	local name=$1
	shift
	[ -s memory ] && python3 find.py "memory said error" "$@"
	result $? "$name: no key is left"
	[ -z "$(find at -mindepth 1 -maxdepth 1 ! -name given ! -name out ! -name ck)" ]
	result $? "$name: no other file is left"
	rm -rf at/out
}

images=aarch64/images
mkdir at
run 0 show $images/coro/core-*.img
! python3 find.py memory $images/coro >control && ! python3 find.py said $images/coro >control
result $? "where a verb shows keys they are found, in its memory and what it prints"

for name in pac_threads_own gcs_threads tree deep_signal pac_counter_bkey; do
	run 0 rekey $images/$name --sysroot sys -o at/out && none $name $images/$name at/out
done
run 0 rekey $images/gcs_threads_own --sysroot sys --unify --json -o at/out
none "--unify --json" $images/gcs_threads_own at/out
run 0 rekey $images/tree --sysroot sys --keys strip -o at/out
none "--keys strip" $images/tree at/out
run 0 rekey $images/tree --sysroot sys --keys saved --algorithm qarma3 -o at/out
none "--keys saved" $images/tree at/out

# Given keys, so that they are known where no image will have them.
head -c 4000 /dev/urandom >keys
cp keys at/given
crit rekey $images/pac_threads_own --sysroot sys --keys file:at/given -o given >said 2>error
run 0 rekey $images/pac_threads_own --sysroot sys --keys file:at/given --dry-run
none "--dry-run" $images/pac_threads_own given
for form in packed parent archive; do
	rm -rf at/ck && cp keys at/given
	cp -r $images/pac_threads_own at/ck
	case $form in
	packed) crit compress at/ck >said 2>error ;;
	parent)
		cp -r at/ck parent && ln -s ../../parent at/ck/parent && : >at/ck/pages-1.img
		for file in at/ck/pagemap-*.img; do
			crit decode "$file" | jq -c '.entries[1:] |= map(.flags = 1)' |
				crit encode -o map.img && mv map.img "$file"
		done
		;;
	archive)
		mkdir -p top && mv at/ck top/checkpoint && tar -C top -czf at/ck checkpoint
		;;
	esac
	run 0 rekey at/ck --sysroot sys --keys file:at/given --force
	none "$form, changed where it is" $images/pac_threads_own given
	[ "$(crit pac show at/ck --sysroot sys --json | jq .threads)" = "$(crit pac show given --sysroot sys --json | jq .threads)" ]
	result $? "$form: has those keys"
done

# What fails, and where: with some keys drawn, at a risk, at the end.
rm -rf at/ck
head -c 100 keys >at/given
run 2 rekey $images/pac_threads_own --sysroot sys --keys file:at/given -o at/out
none "too few keys" $images/pac_threads_own given
run 1 rekey $images/pac_counter_dyn --sysroot sys -o at/out
none "refused for a risk" $images/pac_counter_dyn
: >at/out
run 2 rekey $images/coro --sysroot sys -o at/out
none "the result is there" $images/coro
exit $failed
