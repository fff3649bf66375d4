// SPDX-License-Identifier: MIT
#include "crit/verb.h"

int main(int argc, char **argv)
{
	return cr_command_run(&cr_crit, argc, argv, stdout, stderr);
}
