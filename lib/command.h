/* SPDX-License-Identifier: Apache-2.0 */
/* The prototypes of all commands: included by main.c and by every cmd_X.c. */
#ifndef LIB_COMMAND_H
#define LIB_COMMAND_H

#define COMMAND(name, sentence) int cmd_##name(int argc, char **argv);
#include "commands.def"
#undef COMMAND

#endif
