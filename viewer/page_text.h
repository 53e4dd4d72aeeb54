/* page_text.h: text in the data of an exported page. Each text stands once, in one table; all else names it by its place in it.
 *
 *   "GET /a" ──► hash ──► 17 ──► ... ,17, ...      "texts": [..., "GET /a", ...]
 *
 * What must stay true: whatever a trace holds, what is written here is one JSON string, in which no `<` stands: nothing in it can
 * end the element that it lies in, or begin one. Control characters and bytes that are no UTF-8 are escaped as on a terminal. */
#ifndef RS_VIEWER_PAGE_TEXT_H
#define RS_VIEWER_PAGE_TEXT_H

#include <stdint.h>
#include <stdio.h>

struct page_texts;

struct page_texts *page_texts_new(void);

/* The text's place; -1 for NULL. */
int64_t page_text(struct page_texts *texts, const char *text);

/* The same for one made for this; frees it. */
int64_t page_text_take(struct page_texts *texts, char *text);

/* The table, as a JSON array. */
void page_texts_write(const struct page_texts *texts, FILE *stream);

/* One JSON string. */
void page_text_write(const char *text, FILE *stream);

void page_texts_free(struct page_texts *texts);

#endif
