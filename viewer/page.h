/* page.h: the page that `export --format html` fills with data: made at build time from viewer/page/ by tools/page.sh. */
#ifndef RS_VIEWER_PAGE_H
#define RS_VIEWER_PAGE_H

/* What stands before the data, and what stands behind it. */
extern const char page_before[], page_behind[];

#endif
