#!/bin/sh
# SPDX-License-Identifier: MIT
#
# crit-restore on AArch64, with checkpoints that CRIU makes now: see restore-vm.sh.
exec "$(dirname "$0")/restore-vm.sh" fresh
