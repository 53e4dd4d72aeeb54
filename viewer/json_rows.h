/* json_rows.h: a context, a description, a finding as one JSON object: the same in each document that has them. */
#ifndef RS_VIEWER_JSON_ROWS_H
#define RS_VIEWER_JSON_ROWS_H

#include "viewer/groups.h"
#include "viewer/json.h"

/* CONTRACT: of "contexts". */
json_t *json_from_context_row(const struct context *context);

/* CONTRACT: of "descriptions". */
json_t *json_from_description_row(struct symbols *symbols, const struct description *description);

/* CONTRACT: of "findings". It stands for the whole group: labels, stacks and times of its own are the earliest one's, counts those of
 * all, "findings" lists each. heading: what it stands under; NULL: nothing. */
json_t *json_from_group(struct symbols *symbols, const struct group *group, const char *heading);

/* The rules of all processes, each with its hits. */
json_t *json_from_rules(const struct model *model);

#endif
