#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What README.md shows is true: commands in its "console" blocks print what
# stands below them, documents in its "json" blocks come back the same, and every
# verb has its line.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 1
build=$(realpath -m "${BUILD:-$top/build}")
[ -x "$build/crit" ] || {
	echo "no $build/crit"
	exit 1
}
PATH=$build:$PATH
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cp -r "$top/examples/checkpoint" "$work" && cd "$work" || exit 1
failed=0

result()
{
	if [ "$1" = 0 ]; then
		echo "ok $2"
	else
		echo "not ok $2"
		failed=1
	fi
}

# block KIND: the lines of all blocks of a kind.
block()
{
	sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/!p}" "$top/README.md"
}

block console >want.txt
commands=0
while read -r line; do
	printf '%s\n' "$line"
	eval "${line#\$ }" 2>&1
	commands=$((commands + 1))
done < <(grep '^\$ ' want.txt) >have.txt
diff -u want.txt have.txt | sed 's/^/# /'
cmp -s want.txt have.txt
result $? "$commands commands print what README.md says"

documents=0 bad=0
while read -r line; do
	documents=$((documents + 1))
	again=$(printf '%s\n' "$line" | crit encode | crit decode)
	[ "$again" = "$line" ] || {
		echo "# $again"
		bad=1
	}
done < <(block json)
result $bad "$documents documents of README.md come back the same"
[ $commands -ge 8 ] && [ $documents -ge 9 ]
result $? "README.md has commands and documents"

"$top/examples/rekey-picture" | cmp -s - "$top/examples/rekey.svg"
result $? "the picture is what its script makes"

while read -r verb _; do
	grep -q "^| \`crit ${verb}[ \`]" "$top/README.md"
	result $? "README.md has a line for $verb"
done < <(crit help | sed -n '/^verbs:/,/^$/s/^  //p')
exit $failed
