/* cmd_pack.c: `reqscope pack`. */
#include "viewer/commands.h"

int cmd_pack(const struct options *options, const struct model *model, bool usable) {
    (void)options, (void)model, (void)usable;
    return EXIT_UNUSABLE;
}
