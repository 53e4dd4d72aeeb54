/* cmd_completion.c: `reqscope completion`. */
#include "viewer/commands.h"

int cmd_completion(const struct options *options) {
    (void)options;
    return EXIT_UNUSABLE;
}
