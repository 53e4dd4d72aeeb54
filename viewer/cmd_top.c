/* cmd_top.c: `reqscope top`. */
#include "viewer/commands.h"

int cmd_top(const struct options *options) {
    (void)options;
    return EXIT_UNUSABLE;
}
