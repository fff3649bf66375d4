#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The main job on a real checkpoint: look at it, turn it to JSON, change one
# field, turn it back, and prove that nothing else changed. The checkpoint next
# to this script is of an AArch64 process with four threads, signed return
# addresses (PAC) and a guarded control stack (GCS). Works on a copy of it.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PATH=$(realpath -m "${BUILD:-$top/build}"):$PATH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$top/examples/checkpoint" "$work"
cd "$work"

say() { printf '\n# %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; eval "$*"; }
fail() { echo "demo: FAILED: $*"; exit 1; }

say "Which processes and threads are in it?"
run crit show checkpoint/pstree.img

say "The core image of process 882, as JSON."
run "crit decode --pretty -i checkpoint/core-882.img -o core.json"

say "Its PAC keys and its shadow stack. Keys are secrets: shown is that they are there."
run "sed -n '/\"pac_keys\"/,/\"features_enabled\"/s/\(key_[lh][oi]\": \)[^,]*/\1.../p; /\"gcs\"/,/}/p' core.json"
grep -q '"pac_address_keys"' core.json || fail "no PAC keys in core-882.img"
grep -q '"gcspr_el0"' core.json || fail "no GCS in core-882.img"

say "Change one field, the name of the process, with a few words of Python ..."
run "python3 -c 'import json, sys
core = json.load(sys.stdin)
core[\"entries\"][0][\"tc\"][\"comm\"] = \"renamed\"
json.dump(core, sys.stdout)' <core.json >changed.json"

say "... make an image of it, and look at what is different."
run "crit encode -i changed.json -o core-882.img"
run "crit decode --pretty -i core-882.img -o again.json"
run "diff core.json again.json || true"
[ "$(diff core.json again.json | grep -c '^[<>]')" = 2 ] ||
	fail "more than one line is different"
cmp -s checkpoint/core-882.img core-882.img && fail "nothing changed"

say "All of the checkpoint to JSON and back: every file must be the same, byte for byte."
run "crit decode checkpoint -o json"
run "crit encode json -o back"
run "diff -r checkpoint back" || fail "the round trip changed something"

printf '\ndemo: ok: one field changed, %d files unchanged by the round trip\n' \
	"$(find checkpoint -type f | wc -l)"
