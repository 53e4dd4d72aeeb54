/* cmd_diff.c: `reqscope diff`. */
#include "viewer/commands.h"

int cmd_diff(const struct options *options) {
    (void)options;
    return EXIT_UNUSABLE;
}
