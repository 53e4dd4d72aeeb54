/* cmd_list.c: `reqscope list`. */
#include "viewer/commands.h"

int cmd_list(const struct options *options) {
    (void)options;
    return EXIT_UNUSABLE;
}
