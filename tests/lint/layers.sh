#!/bin/sh
# SPDX-License-Identifier: MIT
# Includes point one way: see the list in tests/lint/layers.
set -eu
find lib crit restore -name '*.[ch]' 2>/dev/null | sort |
	xargs awk -f tests/lint/layers.awk tests/lint/layers
