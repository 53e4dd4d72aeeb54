/* lines.c: see lines.h. The format is DWARF 5's section 6.2 and its predecessors'.
 *
 * A cursor walks over bytes and stays at the end once it would pass it: every loop ends, since a unit's cursor ends with the
 * unit and each step takes at least one byte. */
#include "preload/lines.h"
#include "tracer/sys.h"

#include <string.h>

struct cursor {
    const unsigned char *at, *end;
    bool bad; /* something was not as it should be: stop */
};

static struct cursor cursor_over(const void *at, uint64_t size) {
    struct cursor cursor = {at, (const unsigned char *)at + size, false};
    return cursor;
}

static uint64_t left(const struct cursor *cursor) {
    return (uint64_t)(cursor->end - cursor->at);
}

static void skip(struct cursor *cursor, uint64_t size) {
    if (size > left(cursor)) {
        cursor->bad = true;
        size = left(cursor);
    }
    cursor->at += size;
}

/* Little-endian, size <= 8. */
static uint64_t number(struct cursor *cursor, unsigned size) {
    uint64_t value = 0;
    if (size > left(cursor)) {
        skip(cursor, size);
        return 0;
    }
    for (unsigned i = 0; i < size; i++) value |= (uint64_t)cursor->at[i] << (8 * i);
    cursor->at += size;
    return value;
}

static uint64_t uleb(struct cursor *cursor) {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned byte = (unsigned)number(cursor, 1);
        if (shift < 64) value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80) || cursor->bad) return value;
    }
}

static int64_t sleb(struct cursor *cursor) {
    uint64_t value = 0;
    unsigned shift = 0, byte;
    do {
        byte = (unsigned)number(cursor, 1);
        if (shift < 64) value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80 && !cursor->bad);
    if (shift < 64 && byte & 0x40) value |= ~0ull << shift;
    return (int64_t)value;
}

static const char *string(struct cursor *cursor) {
    const char *text = (const char *)cursor->at;
    const void *end = memchr(cursor->at, 0, left(cursor));
    if (!end) {
        cursor->bad = true;
        cursor->at = cursor->end;
        return "";
    }
    cursor->at = (const unsigned char *)end + 1;
    return text;
}

static const char *string_in(const struct rs_bytes *section, uint64_t offset) {
    if (!section->at || offset >= section->size) return "";
    return memchr(section->at + offset, 0, section->size - offset) ? section->at + offset : "";
}

/* One unit's header, as far as it is needed. */
struct unit {
    unsigned version, offset_size, minimum_length, maximum_operations, line_range, opcode_base;
    int line_base;
    const unsigned char *opcode_lengths;
    struct cursor folders, files; /* version 5: at the entries' format; before: at the names */
    struct cursor program;
};

/* The DWARF forms that a file entry may have. */
enum {
    FORM_block = 0x09,
    FORM_data1 = 0x0b,
    FORM_data2 = 0x05,
    FORM_data4 = 0x06,
    FORM_data8 = 0x07,
    FORM_data16 = 0x1e,
    FORM_string = 0x08,
    FORM_strp = 0x0e,
    FORM_line_strp = 0x1f,
    FORM_udata = 0x0f
};
enum { CONTENT_path = 1, CONTENT_folder = 2 };

/* Reads one value: its text if it is one, else a small number's value is put in *value. */
static const char *form_value(struct cursor *cursor, uint64_t form, const struct unit *unit,
                              const struct rs_line_sections *sections, uint64_t *value) {
    switch (form) {
    case FORM_string:
        return string(cursor);
    case FORM_line_strp:
        return string_in(&sections->line_str, number(cursor, unit->offset_size));
    case FORM_strp:
        return string_in(&sections->str, number(cursor, unit->offset_size));
    case FORM_udata:
        *value = uleb(cursor);
        return NULL;
    case FORM_data1:
        *value = number(cursor, 1);
        return NULL;
    case FORM_data2:
        *value = number(cursor, 2);
        return NULL;
    case FORM_data4:
        skip(cursor, 4);
        return NULL;
    case FORM_data8:
        skip(cursor, 8);
        return NULL;
    case FORM_data16:
        skip(cursor, 16);
        return NULL;
    case FORM_block:
        skip(cursor, uleb(cursor));
        return NULL;
    default:
        cursor->bad = true;
        return NULL;
    }
}

/* Version 5: walks a list of entries (folders or files); returns the path of entry `wanted` and the number of its folder, and
 * leaves the cursor behind the list when wanted is none of them. */
static const char *entry_path(struct cursor *cursor, const struct unit *unit, const struct rs_line_sections *sections,
                              uint64_t wanted, uint64_t *folder) {
    uint64_t format_count = number(cursor, 1);
    struct cursor formats = *cursor;
    for (uint64_t i = 0; i < format_count && !cursor->bad; i++) uleb(cursor), uleb(cursor);
    uint64_t count = uleb(cursor);
    for (uint64_t entry = 0; entry < count && !cursor->bad; entry++) {
        struct cursor format = formats;
        const char *path = NULL;
        for (uint64_t i = 0; i < format_count && !cursor->bad; i++) {
            uint64_t content = uleb(&format), form = uleb(&format);
            uint64_t value = 0;
            const char *text = form_value(cursor, form, unit, sections, &value);
            if (content == CONTENT_path) path = text;
            if (content == CONTENT_folder) *folder = value;
        }
        if (entry == wanted && path) return path;
        if (!format_count) break;
    }
    return NULL;
}

/* Before version 5: names one after the other, the first one's number being 1; files have three numbers each behind them, the
 * first of which is the folder's. */
static const char *name_in_list(struct cursor cursor, uint64_t wanted, uint64_t *folder) {
    for (uint64_t i = 1; !cursor.bad; i++) {
        const char *name = string(&cursor);
        if (!*name) return NULL;
        if (folder) {
            *folder = uleb(&cursor);
            uleb(&cursor), uleb(&cursor);
        }
        if (i == wanted) return name;
    }
    return NULL;
}

static void name_file(const struct unit *unit, const struct rs_line_sections *sections, uint64_t file,
                      struct rs_line *line) {
    uint64_t folder = 0, unused;
    struct cursor files = unit->files, folders = unit->folders;
    if (unit->version >= 5) {
        line->file = entry_path(&files, unit, sections, file, &folder);
        line->folder = entry_path(&folders, unit, sections, folder, &unused);
    } else {
        line->file = name_in_list(files, file, &folder);
        line->folder = folder ? name_in_list(folders, folder, NULL) : NULL;
    }
    if (line->file && line->file[0] == '/') line->folder = NULL;
}

/* Reads a unit's header from `table` and steps over the unit. */
static bool next_unit(struct cursor *table, struct unit *unit, const struct rs_line_sections *sections) {
    uint64_t length = number(table, 4);
    unit->offset_size = 4;
    if (length == 0xffffffffu) {
        length = number(table, 8);
        unit->offset_size = 8;
    }
    if (table->bad || length > left(table)) return false;
    struct cursor cursor = cursor_over(table->at, length);
    skip(table, length);
    unit->version = (unsigned)number(&cursor, 2);
    if (unit->version < 2 || unit->version > 5) return unit->version = 0, true;
    if (unit->version >= 5) skip(&cursor, 2); /* sizes of an address and of a segment selector */
    uint64_t header_length = number(&cursor, unit->offset_size);
    if (header_length > left(&cursor)) return unit->version = 0, true;
    unit->program = cursor_over(cursor.at + header_length, left(&cursor) - header_length);
    unit->minimum_length = (unsigned)number(&cursor, 1);
    unit->maximum_operations = unit->version >= 4 ? (unsigned)number(&cursor, 1) : 1;
    skip(&cursor, 1);                                                   /* default_is_stmt */
    unit->line_base = (int)((number(&cursor, 1) ^ 0x80) & 0xff) - 0x80; /* one signed byte */
    unit->line_range = (unsigned)number(&cursor, 1);
    unit->opcode_base = (unsigned)number(&cursor, 1);
    unit->opcode_lengths = cursor.at;
    if (!unit->opcode_base || !unit->line_range || cursor.bad) return unit->version = 0, true;
    skip(&cursor, unit->opcode_base - 1);
    unit->folders = cursor;
    if (unit->version >= 5) {
        uint64_t unused;
        entry_path(&cursor, unit, sections, ~0ull, &unused);
    } else {
        while (!cursor.bad && *string(&cursor)) {
        }
    }
    unit->files = cursor;
    if (cursor.bad) unit->version = 0;
    return true;
}

struct row {
    uint64_t address, file;
    int64_t line;
    bool valid; /* a row of the present sequence came before */
};

/* What is looked for in a table, in the order of addresses. */
struct search {
    const struct rs_line_sections *sections;
    struct rs_line_wanted *wanted;
    uint32_t count;
    uint32_t next; /* the first one at or after the last row */
    uint32_t left; /* not found yet */
};

static uint32_t first_from(const struct search *search, uint64_t address) {
    uint32_t low = 0, high = search->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (search->wanted[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Those that [last row, end) holds have their line. */
static RS_COLD void found(struct search *search, const struct unit *unit, const struct row *last, uint64_t end) {
    for (; search->next < search->count && search->wanted[search->next].address < end; search->next++) {
        struct rs_line_wanted *wanted = &search->wanted[search->next];
        if (wanted->line.file || last->line <= 0) continue;
        name_file(unit, search->sections, last->file, &wanted->line);
        wanted->line.line = (uint32_t)last->line;
        if (wanted->line.file) search->left--;
    }
}

enum step { STEP_ON, STEP_ROW, STEP_END };

/* Opcode 0: its length, its number, its operand. */
static enum step extended_step(struct cursor *cursor, struct row *now) {
    uint64_t length = uleb(cursor);
    struct cursor operand = *cursor;
    skip(cursor, length);
    unsigned opcode = length ? (unsigned)number(&operand, 1) : 0;
    if (opcode == 2) now->address = number(&operand, length - 1 <= 8 ? (unsigned)length - 1 : 8);
    return opcode == 1 ? STEP_END : STEP_ON;
}

/* One instruction of a unit's program. */
static inline enum step step(struct cursor *cursor, const struct unit *unit, struct row *now) {
    unsigned opcode = (unsigned)number(cursor, 1);
    if (opcode >= unit->opcode_base) {
        unsigned adjusted = opcode - unit->opcode_base;
        now->address += (uint64_t)(adjusted / unit->line_range) * unit->minimum_length;
        now->line += unit->line_base + (int)(adjusted % unit->line_range);
        return STEP_ROW;
    }
    switch (opcode) {
    case 0:
        return extended_step(cursor, now);
    case 1:
        return STEP_ROW;
    case 2:
        now->address += uleb(cursor) * unit->minimum_length;
        return STEP_ON;
    case 3:
        now->line += sleb(cursor);
        return STEP_ON;
    case 4:
        now->file = uleb(cursor);
        return STEP_ON;
    case 8:
        now->address += (uint64_t)((255 - unit->opcode_base) / unit->line_range) * unit->minimum_length;
        return STEP_ON;
    case 9:
        now->address += number(cursor, 2);
        return STEP_ON;
    default:
        for (unsigned i = 0; i < unit->opcode_lengths[opcode - 1]; i++) uleb(cursor);
        return STEP_ON;
    }
}

/* Runs a unit's program. In a sequence addresses only rise, so that each row is compared with the next wanted one alone. */
static void run(struct search *search, const struct unit *unit) {
    struct cursor cursor = unit->program;
    const struct row start = {0, 1, 1, false};
    struct row now = start, last = start;
    while (left(&cursor) && !cursor.bad) {
        enum step what = step(&cursor, unit, &now);
        if (what == STEP_ON) continue;
        if (!last.valid || now.address < last.address) {
            search->next = first_from(search, now.address);
        } else if (search->next < search->count && search->wanted[search->next].address < now.address) {
            found(search, unit, &last, now.address);
        }
        last = now;
        last.valid = what == STEP_ROW;
        if (what == STEP_END) now = last = start;
    }
}

void rs_lines_find(const struct rs_line_sections *sections, struct rs_line_wanted *wanted, uint32_t count) {
    struct search search = {sections, wanted, count, 0, count};
    for (uint32_t i = 0; i < count; i++) wanted[i].line = (struct rs_line){NULL, NULL, 0};
    if (sections->line.size > RS_LINES_MOST) return;
    struct cursor table = cursor_over(sections->line.at, sections->line.size);
    struct unit unit = {0};
    while (search.left && left(&table) && next_unit(&table, &unit, sections)) {
        if (unit.version) run(&search, &unit);
    }
}

bool rs_line_find(const struct rs_line_sections *sections, uint64_t address, struct rs_line *line) {
    struct rs_line_wanted wanted = {.address = address};
    rs_lines_find(sections, &wanted, 1);
    *line = wanted.line;
    return line->file;
}
