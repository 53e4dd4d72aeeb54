/* show.h: the parts of `reqscope show` (cmd_show.c): what stands above a story, and the story.
 *
 *   cmd_show ──► id_find ──► one thing ──► story_tell ──► show_head   what it is, in a few lines
 *                       └──► several: a list                 └──► show_story  all that happened, side by side
 */
#ifndef RS_VIEWER_SHOW_H
#define RS_VIEWER_SHOW_H

#include "viewer/columns.h"
#include "viewer/rows.h"
#include "viewer/story.h"
#include "viewer/symbols.h"

/* Above the story, which has been told. */
void show_head(const struct story *story, struct symbols *symbols);
json_t *show_head_json(const struct story *story, struct symbols *symbols);

/* The findings that a context or description has to do with. The array is the caller's to free. */
const struct finding **show_findings(const struct story *story, size_t *count);

/* The story in columns: of a finding by context, the owner left and the user right; of a context by thread; of a description by
 * context, or by thread when there are many. */
void show_story(const struct story *story, const struct rows *rows, const struct options *options);

#endif
