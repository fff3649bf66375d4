#!/bin/sh
# SPDX-License-Identifier: MIT
#
# crit-restore on AArch64 with other keys, and on other processors than those of
# the checkpoints: see restore-vm.sh.
exec "$(dirname "$0")/restore-vm.sh" keys
