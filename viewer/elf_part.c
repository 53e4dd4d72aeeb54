/* elf_part.c: see elf_part.h. Written with libelf; bytes are taken over as they are, compressed ones, too. */
#include "viewer/elf_part.h"

#include <elf.h>
#include <gelf.h>
#include <stddef.h>
#include <string.h>

struct part {
    Elf *from, *to;
    size_t names; /* the section with the sections' names */
    uint64_t end; /* of what is laid out */
};

/* What a process has mapped of it, but for what names addresses. */
static bool is_left_out(const struct part *part, const GElf_Shdr *header) {
    const char *name = elf_strptr(part->from, part->names, header->sh_name);
    if (!(header->sh_flags & SHF_ALLOC)) return false;
    if (header->sh_type != SHT_PROGBITS && header->sh_type != SHT_INIT_ARRAY && header->sh_type != SHT_FINI_ARRAY)
        return false;
    return !name || (strncmp(name, ".eh_frame", 9) != 0 && strcmp(name, ".opd") != 0);
}

static bool add_data(Elf_Scn *section, Elf_Scn *copy, GElf_Shdr *header) {
    Elf_Data *bytes = elf_rawdata(section, NULL), *data = bytes ? elf_newdata(copy) : NULL;
    if (!data) return false;
    *data = (Elf_Data){
        .d_buf = bytes->d_buf, .d_size = bytes->d_size, .d_type = ELF_T_BYTE, .d_version = EV_CURRENT, .d_align = 1};
    header->sh_size = bytes->d_size;
    return true;
}

static bool add_section(struct part *part, Elf_Scn *section) {
    GElf_Shdr header;
    Elf_Scn *copy = elf_newscn(part->to);
    if (!copy || !gelf_getshdr(section, &header)) return false;
    if (is_left_out(part, &header)) header.sh_type = SHT_NOBITS;
    bool has_bytes = header.sh_type != SHT_NOBITS && header.sh_size;
    uint64_t align = header.sh_addralign && header.sh_addralign <= 4096 ? header.sh_addralign : 1;
    if (has_bytes) part->end = (part->end + align - 1) / align * align;
    header.sh_offset = part->end;
    if (has_bytes && !add_data(section, copy, &header)) return false;
    if (has_bytes) part->end += header.sh_size;
    return gelf_update_shdr(copy, &header);
}

/* Of the file's segments nothing can be loaded any more: their addresses are left. */
static bool add_segments(struct part *part, size_t count) {
    if (!count) return true;
    if (!gelf_newphdr(part->to, count)) return false;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(part->from, (int)i, &segment)) return false;
        segment.p_offset = segment.p_filesz = 0;
        if (!gelf_update_phdr(part->to, (int)i, &segment)) return false;
    }
    return true;
}

static bool write_part(struct part *part) {
    GElf_Ehdr header, fresh;
    size_t sections, segments;
    if (!gelf_getehdr(part->from, &header) || elf_getshdrnum(part->from, &sections) || sections < 2 ||
        sections >= SHN_LORESERVE || elf_getphdrnum(part->from, &segments) || segments >= PN_XNUM ||
        elf_getshdrstrndx(part->from, &part->names))
        return false;
    int class = gelf_getclass(part->from);
    if (!gelf_newehdr(part->to, class) || !gelf_getehdr(part->to, &fresh)) return false;
    elf_flagelf(part->to, ELF_C_SET, ELF_F_LAYOUT);
    fresh = header;
    fresh.e_phoff = segments ? header.e_ehsize : 0;
    part->end = header.e_ehsize + segments * header.e_phentsize;
    if (!gelf_update_ehdr(part->to, &fresh) || !add_segments(part, segments)) return false;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(part->from, section));)
        if (!add_section(part, section)) return false;
    if (!gelf_getehdr(part->to, &fresh)) return false;
    fresh.e_shoff = (part->end + 7) & ~(uint64_t)7;
    fresh.e_shstrndx = (GElf_Half)part->names;
    return gelf_update_ehdr(part->to, &fresh) && elf_update(part->to, ELF_C_WRITE) > 0;
}

bool elf_part_write(int from, int to) {
    elf_version(EV_CURRENT);
    struct part part = {.from = elf_begin(from, ELF_C_READ, NULL), .to = elf_begin(to, ELF_C_WRITE, NULL)};
    bool good = part.from && part.to && elf_kind(part.from) == ELF_K_ELF && write_part(&part);
    elf_end(part.to);
    elf_end(part.from);
    return good;
}
