/* symbols.c: see symbols.h. A file's bytes are not trusted: every offset is checked against its size. */
#include "preload/symbols.h"
#include "preload/lines.h"
#include "preload/modules.h"
#include "tracer/sys.h"
#include "tracer/text.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A file mapped for reading. */
struct image {
    const char *bytes;
    uint64_t size;
    const ElfW(Shdr) * sections;
    uint32_t section_count;
    const char *names; /* of the sections */
    uint64_t names_size;
};

static const void *at(const struct image *image, uint64_t offset, uint64_t size) {
    return offset <= image->size && size <= image->size - offset ? image->bytes + offset : NULL;
}

static bool find_sections(struct image *image) {
    const ElfW(Ehdr) *header = at(image, 0, sizeof *header);
    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_ident[EI_CLASS] != ELFCLASS64) return false;
    if (header->e_shentsize != sizeof(ElfW(Shdr)) || header->e_shstrndx >= header->e_shnum) return false;
    image->section_count = header->e_shnum;
    image->sections = at(image, header->e_shoff, (uint64_t)header->e_shnum * sizeof(ElfW(Shdr)));
    if (!image->sections) return false;
    const ElfW(Shdr) *names = &image->sections[header->e_shstrndx];
    image->names = at(image, names->sh_offset, names->sh_size);
    image->names_size = names->sh_size;
    return image->names && names->sh_size && !image->names[names->sh_size - 1];
}

static bool open_image(const char *path, struct image *image) {
    struct stat status;
    long fd = rs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    if (!rs_sys(SYS_fstat, fd, &status) && status.st_size > 0) {
        image->size = (uint64_t)status.st_size;
        image->bytes = rs_sys_mmap(image->size, PROT_READ, MAP_PRIVATE, (int)fd);
    }
    rs_sys(SYS_close, fd);
    if (!image->bytes) return false;
    if (find_sections(image)) return true;
    rs_sys(SYS_munmap, image->bytes, image->size);
    return false;
}

static const ElfW(Shdr) * section_of_type(const struct image *image, uint32_t type) {
    for (uint32_t i = 0; i < image->section_count; i++) {
        if (image->sections[i].sh_type == type) return &image->sections[i];
    }
    return NULL;
}

/* The bytes of the section with this name; none when it is absent or compressed. */
static struct rs_bytes section_named(const struct image *image, const char *name) {
    struct rs_bytes none = {NULL, 0};
    for (uint32_t i = 0; i < image->section_count; i++) {
        const ElfW(Shdr) *section = &image->sections[i];
        if (section->sh_name >= image->names_size || strcmp(image->names + section->sh_name, name)) continue;
        if (section->sh_flags & SHF_COMPRESSED || section->sh_type == SHT_NOBITS) return none;
        struct rs_bytes bytes = {at(image, section->sh_offset, section->sh_size), section->sh_size};
        return bytes.at ? bytes : none;
    }
    return none;
}

/* The symbols that lie in one file, and their addresses there in order; a wanted one's tag is its symbol's index. */
struct wanted {
    struct rs_symbol *symbols;
    uint32_t symbol_count;
    struct rs_line_wanted *lines;
    uint32_t count;
};

static uint32_t first_from(const struct wanted *wanted, uint64_t address) {
    uint32_t low = 0, high = wanted->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wanted->lines[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void note_function(const struct wanted *wanted, uint64_t low, uint64_t size, const char *name) {
    for (uint32_t i = first_from(wanted, low); i < wanted->count; i++) {
        if (wanted->lines[i].address - low >= size) return;
        struct rs_symbol *symbol = &wanted->symbols[wanted->lines[i].tag];
        if (symbol->function[0]) continue;
        struct rs_text text = rs_text_in(symbol->function, sizeof symbol->function);
        rs_text_add_safe(&text, name);
    }
}

/* The functions whose [value, value + size) hold the addresses, from one symbol table. */
static void find_functions(const struct image *image, const ElfW(Shdr) * table, const struct wanted *wanted) {
    if (!table || table->sh_link >= image->section_count || table->sh_entsize != sizeof(ElfW(Sym))) return;
    const ElfW(Shdr) *string_section = &image->sections[table->sh_link];
    const ElfW(Sym) *symbols = at(image, table->sh_offset, table->sh_size);
    const char *strings = at(image, string_section->sh_offset, string_section->sh_size);
    if (!symbols || !strings || !string_section->sh_size || strings[string_section->sh_size - 1]) return;
    uint64_t lowest = wanted->lines[0].address, highest = wanted->lines[wanted->count - 1].address;
    for (uint64_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
        const ElfW(Sym) *candidate = &symbols[i];
        unsigned type = candidate->st_info & 0xf;
        if ((type != STT_FUNC && type != STT_GNU_IFUNC) || candidate->st_name >= string_section->sh_size) continue;
        if (candidate->st_value > highest || candidate->st_value + candidate->st_size <= lowest) continue;
        note_function(wanted, candidate->st_value, candidate->st_size, strings + candidate->st_name);
    }
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* `budget`: bytes of line tables that may still be read. */
static void find_lines(const struct image *image, const struct wanted *wanted, uint64_t *budget) {
    struct rs_line_sections sections = {
        .line = section_named(image, ".debug_line"),
        .line_str = section_named(image, ".debug_line_str"),
        .str = section_named(image, ".debug_str"),
    };
    if (!sections.line.at || sections.line.size > *budget) return;
    *budget -= sections.line.size;
    rs_lines_find(&sections, wanted->lines, wanted->count);
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct rs_symbol *symbol = &wanted->symbols[wanted->lines[i].tag];
        if (!wanted->lines[i].line.file) continue;
        struct rs_text text = rs_text_in(symbol->file, sizeof symbol->file);
        rs_text_add_safe(&text, last_part(wanted->lines[i].line.file));
        text = rs_text_in(symbol->path, sizeof symbol->path);
        if (wanted->lines[i].line.folder) {
            rs_text_add_safe(&text, wanted->lines[i].line.folder);
            rs_text_add(&text, "/");
        }
        rs_text_add_safe(&text, wanted->lines[i].line.file);
        symbol->line = wanted->lines[i].line.line;
    }
}

/* What can be said without the file. */
static void find_module(struct rs_symbol *symbol) {
    uint64_t address = symbol->address;
    memset(symbol, 0, sizeof *symbol);
    symbol->address = symbol->offset = address;
    const struct rs_module *module = rs_module_of(address);
    if (!module) return;
    symbol->offset = address - module->base;
    struct rs_text text = rs_text_in(symbol->module, sizeof symbol->module);
    rs_text_add_safe(&text, last_part(module->path));
    if (module->path[0] == '/') symbol->unread = module;
}

/* Takes all that lie in the module, from the symbol `first` on, in the order of their addresses. */
static void gather(struct wanted *wanted, uint32_t first, const struct rs_module *module) {
    wanted->count = 0;
    for (uint32_t i = first; i < wanted->symbol_count; i++) {
        if (wanted->symbols[i].unread != module) continue;
        wanted->symbols[i].unread = NULL;
        uint64_t call = wanted->symbols[i].offset - 1;
        uint32_t place = wanted->count++;
        for (; place && wanted->lines[place - 1].address > call; place--)
            wanted->lines[place] = wanted->lines[place - 1];
        wanted->lines[place] = (struct rs_line_wanted){.address = call, .tag = i};
    }
}

static void read_file_of(const struct rs_module *module, const struct wanted *wanted, uint64_t *budget) {
    struct image image = {0};
    if (!open_image(module->path, &image)) return;
    find_functions(&image, section_of_type(&image, SHT_SYMTAB), wanted);
    find_functions(&image, section_of_type(&image, SHT_DYNSYM), wanted);
    find_lines(&image, wanted, budget);
    rs_sys(SYS_munmap, image.bytes, image.size);
}

void rs_symbols_find(struct rs_symbol *symbols, uint32_t count) {
    uint64_t budget = RS_LINES_MOST;
    struct wanted wanted = {.symbols = symbols, .symbol_count = count};
    uint64_t size = count * sizeof *wanted.lines;
    for (uint32_t i = 0; i < count; i++) find_module(&symbols[i]);
    if (count) wanted.lines = rs_sys_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!wanted.lines) return;
    for (uint32_t i = 0; i < count; i++) {
        const struct rs_module *module = symbols[i].unread;
        if (!module) continue;
        gather(&wanted, i, module);
        read_file_of(module, &wanted, &budget);
    }
    rs_sys(SYS_munmap, wanted.lines, size);
}
