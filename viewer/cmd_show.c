/* cmd_show.c: `reqscope show`. */
#include "viewer/commands.h"

int cmd_show(const struct options *options, const struct model *model, bool usable) {
    (void)options, (void)model, (void)usable;
    return EXIT_UNUSABLE;
}
