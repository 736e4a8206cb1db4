# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# complete.sh SCRIPT LINE: what bash offers at the end of a command line.
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
_attnc
printf '[%s]\n' "${COMPREPLY[@]}"
