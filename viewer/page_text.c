/* page_text.c: see page_text.h. */
#include "viewer/page_text.h"
#include "viewer/ids.h"
#include "viewer/text.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    char *text;
    int64_t place;
    UT_hash_handle hh; /* keeps the order in which they came */
};

struct page_texts {
    struct entry *all;
    int64_t count;
};

struct page_texts *page_texts_new(void) {
    return memory_new(sizeof(struct page_texts));
}

int64_t page_text(struct page_texts *texts, const char *text) {
    struct entry *entry;
    if (!text) return -1;
    HASH_FIND_STR(texts->all, text, entry);
    if (entry) return entry->place;
    entry = memory_new(sizeof *entry);
    entry->text = memory_copy(text);
    entry->place = texts->count++;
    HASH_ADD_KEYPTR(hh, texts->all, entry->text, strlen(entry->text), entry);
    return entry->place;
}

int64_t page_text_take(struct page_texts *texts, char *text) {
    int64_t place = page_text(texts, text);
    free(text);
    return place;
}

void page_text_write(const char *text, FILE *stream) {
    char *escaped = text_escape(text);
    putc('"', stream);
    for (const char *at = escaped; *at; at++) {
        if (*at == '<') {
            fputs("\\u003c", stream);
            continue;
        }
        if (*at == '"' || *at == '\\') putc('\\', stream);
        putc(*at, stream);
    }
    putc('"', stream);
    free(escaped);
}

void page_texts_write(const struct page_texts *texts, FILE *stream) {
    putc('[', stream);
    for (const struct entry *entry = texts->all; entry; entry = entry->hh.next) {
        if (entry->place) fputs(",\n", stream);
        page_text_write(entry->text, stream);
    }
    putc(']', stream);
}

void page_texts_free(struct page_texts *texts) {
    struct entry *entry = texts->all, *next;
    HASH_CLEAR(hh, texts->all);
    for (; entry; entry = next) {
        next = entry->hh.next;
        free(entry->text);
        free(entry);
    }
    free(texts);
}
