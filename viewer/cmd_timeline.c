/* cmd_timeline.c: `reqscope timeline`. */
#include "viewer/commands.h"

int cmd_timeline(const struct options *options, const struct model *model, bool usable) {
    (void)options, (void)model, (void)usable;
    return EXIT_UNUSABLE;
}
