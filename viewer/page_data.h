/* page_data.h: the data of an exported page, as one JSON document; viewer/page/data.js reads it.
 *
 *   {"summary", "processes", "notes", "findings", "frames", "excerpts", objects and short arrays, as said where they are written
 *    "contexts", "descriptions", "uses", "handovers", "sightings",     flat arrays of numbers, so many for each row
 *    "texts"}                                                          what numbers that stand for text are places in
 *
 * Times are nanoseconds after the model's first; null: not known, or not yet. Rows of contexts and descriptions are PAGE_NONE and
 * PAGE_ABSENT where there is none to name. */
#ifndef RS_VIEWER_PAGE_DATA_H
#define RS_VIEWER_PAGE_DATA_H

#include "viewer/page_tables.h"
#include "viewer/page_text.h"

/* The whole document. */
void page_data_write(const struct export *export, const struct page_limits *limits, FILE *stream);

/* Its findings, frames and excerpts of sources: three members, without a comma at the end. */
void page_findings_write(const struct page_tables *tables, struct page_texts *texts, FILE *stream);

/* A time of the model's as the page has it. */
void page_time_write(const struct model *model, uint64_t time, FILE *stream);

#endif
