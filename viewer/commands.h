/* commands.h: the subcommands, one file each (cmd_*.c), and the table of them (commands.c). */
#ifndef RS_VIEWER_COMMANDS_H
#define RS_VIEWER_COMMANDS_H

#include "viewer/model.h"
#include "viewer/options.h"

/* How reqscope ends. */
enum { EXIT_DONE = 0, EXIT_FINDINGS = 1, EXIT_UNUSABLE = 2 };

/* Runs the whole command line; returns its exit code. What main() calls. */
int commands_main(int count, char **arguments);

/* Each returns its exit code. Those that get a model are called with what could be read of it; `usable` is false when
 * some could not. Their output is flushed and checked by the caller. */
int cmd_run(const struct options *options);
int cmd_report(const struct options *options, const struct model *model, bool usable);
int cmd_contexts(const struct options *options, const struct model *model, bool usable);
int cmd_fds(const struct options *options, const struct model *model, bool usable);
int cmd_check(const struct options *options, const struct model *model, bool usable);
int cmd_timeline(const struct options *options, const struct model *model, bool usable);
int cmd_show(const struct options *options, const struct model *model, bool usable); /* operands[0] is the ID */
int cmd_export(const struct options *options, const struct model *model, bool usable);
int cmd_pack(const struct options *options, const struct model *model, bool usable);
int cmd_diff(const struct options *options); /* loads two */
int cmd_top(const struct options *options);
int cmd_list(const struct options *options);
int cmd_completion(const struct options *options);

#endif
