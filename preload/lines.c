/* lines.c: see lines.h. The format is DWARF 5's section 6.2 and its predecessors'.
 *
 * A cursor walks over bytes and stays at the end once it would pass it: every loop ends, since a unit's cursor ends with the
 * unit and each step takes at least one byte. */
#include "preload/lines.h"

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
    struct cursor files; /* version 5: at the file entries' format; before: at the file names */
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
enum { CONTENT_path = 1 };

/* Reads one value; returns its text if it is one. */
static const char *form_value(struct cursor *cursor, uint64_t form, const struct unit *unit,
                              const struct rs_line_sections *sections) {
    switch (form) {
    case FORM_string:
        return string(cursor);
    case FORM_line_strp:
        return string_in(&sections->line_str, number(cursor, unit->offset_size));
    case FORM_strp:
        return string_in(&sections->str, number(cursor, unit->offset_size));
    case FORM_udata:
        uleb(cursor);
        return NULL;
    case FORM_data1:
    case FORM_data2:
    case FORM_data4:
    case FORM_data8:
    case FORM_data16:
        skip(cursor, form == FORM_data1   ? 1
                     : form == FORM_data2 ? 2
                     : form == FORM_data4 ? 4
                     : form == FORM_data8 ? 8
                                          : 16);
        return NULL;
    case FORM_block:
        skip(cursor, uleb(cursor));
        return NULL;
    default:
        cursor->bad = true;
        return NULL;
    }
}

/* Version 5: walks a list of entries (folders or files); returns the path of entry `wanted`, and leaves the cursor behind
 * the list when wanted is none of them. */
static const char *entry_path(struct cursor *cursor, const struct unit *unit, const struct rs_line_sections *sections,
                              uint64_t wanted) {
    uint64_t format_count = number(cursor, 1);
    struct cursor formats = *cursor;
    for (uint64_t i = 0; i < format_count && !cursor->bad; i++) uleb(cursor), uleb(cursor);
    uint64_t count = uleb(cursor);
    for (uint64_t entry = 0; entry < count && !cursor->bad; entry++) {
        struct cursor format = formats;
        const char *path = NULL;
        for (uint64_t i = 0; i < format_count && !cursor->bad; i++) {
            uint64_t content = uleb(&format), form = uleb(&format);
            const char *text = form_value(cursor, form, unit, sections);
            if (content == CONTENT_path) path = text;
        }
        if (entry == wanted && path) return path;
        if (!format_count) break;
    }
    return NULL;
}

static const char *file_name(const struct unit *unit, const struct rs_line_sections *sections, uint64_t file) {
    struct cursor cursor = unit->files;
    if (unit->version >= 5) return entry_path(&cursor, unit, sections, file);
    for (uint64_t i = 1; !cursor.bad; i++) {
        const char *name = string(&cursor);
        if (!*name) return NULL;
        if (i == file) return name;
        uleb(&cursor), uleb(&cursor), uleb(&cursor);
    }
    return NULL;
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
    if (unit->version >= 5) {
        entry_path(&cursor, unit, sections, ~0ull);
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

/* Does [last row, this address) hold the address looked for? */
static bool covers(const struct row *last, uint64_t end, uint64_t wanted) {
    return last->valid && wanted >= last->address && wanted < end;
}

/* Runs a unit's program until a row covers the address. */
static bool run(const struct unit *unit, uint64_t wanted, struct row *found) {
    struct cursor cursor = unit->program;
    const struct row start = {0, 1, 1, false};
    struct row now = start, last = start;
    while (left(&cursor) && !cursor.bad) {
        unsigned opcode = (unsigned)number(&cursor, 1);
        bool row = false, end = false;
        if (opcode >= unit->opcode_base) {
            unsigned adjusted = opcode - unit->opcode_base;
            now.address += (uint64_t)(adjusted / unit->line_range) * unit->minimum_length;
            now.line += unit->line_base + (int)(adjusted % unit->line_range);
            row = true;
        } else if (opcode == 0) {
            uint64_t length = uleb(&cursor);
            struct cursor operand = cursor;
            skip(&cursor, length);
            unsigned extended = length ? (unsigned)number(&operand, 1) : 0;
            end = extended == 1;
            if (extended == 2) now.address = number(&operand, length - 1 <= 8 ? (unsigned)length - 1 : 8);
        } else if (opcode == 1) {
            row = true;
        } else if (opcode == 2) {
            now.address += uleb(&cursor) * unit->minimum_length;
        } else if (opcode == 3) {
            now.line += sleb(&cursor);
        } else if (opcode == 4) {
            now.file = uleb(&cursor);
        } else if (opcode == 8) {
            now.address += (uint64_t)((255 - unit->opcode_base) / unit->line_range) * unit->minimum_length;
        } else if (opcode == 9) {
            now.address += number(&cursor, 2);
        } else {
            for (unsigned i = 0; i < unit->opcode_lengths[opcode - 1]; i++) uleb(&cursor);
        }
        if (!row && !end) continue;
        if (covers(&last, now.address, wanted)) {
            *found = last;
            return true;
        }
        last = now;
        last.valid = row;
        if (end) now = last = start;
    }
    return false;
}

bool rs_line_find(const struct rs_line_sections *sections, uint64_t address, struct rs_line *found) {
    if (sections->line.size > RS_LINES_MOST) return false;
    struct cursor table = cursor_over(sections->line.at, sections->line.size);
    struct unit unit = {0};
    while (left(&table) && next_unit(&table, &unit, sections)) {
        struct row row;
        if (!unit.version || !run(&unit, address, &row) || row.line <= 0) continue;
        found->file = file_name(&unit, sections, row.file);
        found->line = (uint32_t)row.line;
        return found->file;
    }
    return false;
}
