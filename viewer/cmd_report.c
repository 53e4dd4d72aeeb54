/* cmd_report.c: `reqscope report`: what was found, grouped, the worst first. */
#include "viewer/commands.h"
#include "viewer/report.h"

int cmd_report(const struct options *options, const struct model *model, bool usable) {
    struct report report = report_make(options, model);
    (void)usable;
    if (options->json)
        report_print_json(&report);
    else
        report_print_text(&report);
    report_close(&report);
    return EXIT_DONE;
}
