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

/* The function whose [value, value + size) holds the address, from one symbol table. */
static bool find_function(const struct image *image, const ElfW(Shdr) * table, uint64_t address,
                          struct rs_symbol *symbol) {
    if (!table || table->sh_link >= image->section_count || table->sh_entsize != sizeof(ElfW(Sym))) return false;
    const ElfW(Shdr) *string_section = &image->sections[table->sh_link];
    const ElfW(Sym) *symbols = at(image, table->sh_offset, table->sh_size);
    const char *strings = at(image, string_section->sh_offset, string_section->sh_size);
    if (!symbols || !strings || !string_section->sh_size || strings[string_section->sh_size - 1]) return false;
    for (uint64_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
        const ElfW(Sym) *candidate = &symbols[i];
        unsigned type = candidate->st_info & 0xf;
        if ((type != STT_FUNC && type != STT_GNU_IFUNC) || candidate->st_name >= string_section->sh_size) continue;
        if (address < candidate->st_value || address - candidate->st_value >= candidate->st_size) continue;
        struct rs_text text = rs_text_in(symbol->function, sizeof symbol->function);
        rs_text_add_safe(&text, strings + candidate->st_name);
        return true;
    }
    return false;
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void find_line(const struct image *image, uint64_t address, struct rs_symbol *symbol) {
    struct rs_line_sections sections = {
        .line = section_named(image, ".debug_line"),
        .line_str = section_named(image, ".debug_line_str"),
        .str = section_named(image, ".debug_str"),
    };
    struct rs_line line;
    if (!sections.line.at || !rs_line_find(&sections, address, &line)) return;
    struct rs_text text = rs_text_in(symbol->file, sizeof symbol->file);
    rs_text_add_safe(&text, last_part(line.file));
    symbol->line = line.line;
}

void rs_symbol_find(uint64_t address, struct rs_symbol *symbol) {
    struct image image = {0};
    memset(symbol, 0, sizeof *symbol);
    symbol->offset = address;
    const struct rs_module *module = rs_module_of(address);
    if (!module) return;
    symbol->offset = address - module->base;
    struct rs_text text = rs_text_in(symbol->module, sizeof symbol->module);
    rs_text_add_safe(&text, last_part(module->path));
    if (module->path[0] != '/' || !open_image(module->path, &image)) return;
    uint64_t call = symbol->offset - 1;
    if (!find_function(&image, section_of_type(&image, SHT_SYMTAB), call, symbol)) {
        find_function(&image, section_of_type(&image, SHT_DYNSYM), call, symbol);
    }
    find_line(&image, call, symbol);
    rs_sys(SYS_munmap, image.bytes, image.size);
}
