#!/bin/sh
# SPDX-License-Identifier: MIT
#
# To machines with addresses of 52 bits: see rekey-matrix.sh.
exec "$(dirname "$0")/rekey-matrix.sh" qarma5/52 qarma3/52 impdef/52
