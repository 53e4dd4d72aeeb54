/* report_json.c: `reqscope report --json`: CONTRACT's document. An object of "findings" stands for a whole group: its labels, stacks
 * and times of its own are those of the earliest, its counts and lists those of all. */
#include "viewer/json_rows.h"
#include "viewer/report.h"

#include <stdlib.h>

void report_print_json(const struct report *report) {
    json_t *document = json_summary(report->model), *array = json_array();
    char *asked = filter_words(&report->filter, report->model);
    size_t shown = 0;
    for (size_t i = 0; i < report->heading_count; i++) {
        const struct report_heading *heading = &report->headings[i];
        for (size_t j = 0; j < heading->count && shown < report->shown; j++, shown++)
            json_add(array, json_from_group(report->symbols, heading->groups[j], heading->text));
    }
    json_put(document, "asked_for", json_from_text(asked));
    json_put(document, "by", json_from_text(report->options->by));
    json_put(document, "findings_in_trace", json_from_number(report->groups_in_trace));
    json_put(document, "findings_left_out", json_from_number(report->groups.count - report->shown));
    json_put(document, "findings", array);
    json_put(document, "rules", json_from_rules(report->model));
    json_print(document);
    free(asked);
}
