#!/bin/sh
# SPDX-License-Identifier: MIT
#
# crit-restore on AArch64: --verify, what is left after a failure, libraries, and the
# length of vectors: see restore-vm.sh.
exec "$(dirname "$0")/restore-vm.sh" verify
