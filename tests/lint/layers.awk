# SPDX-License-Identifier: MIT
#
# awk -f layers.awk layers FILE...: prints each #include that points up or
# sideways, and each file that belongs to no module. Exit 1 if there is one.

function module(path,	name)
{
	for (name = path; name != ""; ) {
		if (name in level)
			return name
		if (!sub("/[^/]*$", "", name))
			return ""
	}
	return ""
}

function complain(text)
{
	printf "%s:%d: %s\n", FILENAME, FNR, text
	bad = 1
}

FNR == NR {
	if (NF == 2 && $1 !~ /^#/)
		level[$2] = $1
	next
}

FNR == 1 {
	here = module(FILENAME)
	if (here == "")
		complain("belongs to no module of tests/lint/layers")
}

here != "" && /^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	to = module(part[2])
	if (to == "" && part[2] ~ "^(lib|crit|restore|tests)/")
		complain("include of " part[2] ", which belongs to no module")
	else if (to != "" && to != here && level[to] == level[here])
		complain("include points sideways: " here " -> " to)
	else if (to != "" && level[to] > level[here])
		complain("include points up: " here " -> " to)
}

END { exit bad }
