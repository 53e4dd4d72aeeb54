/* main.c: the command `reqscope`. */
#include "viewer/commands.h"

int main(int count, char **arguments) {
    return commands_main(count, arguments);
}
