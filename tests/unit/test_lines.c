/* test_lines.c: the line table of a real file gives the right lines; of a damaged one it gives what it likes, but it
 * never reads beside it, and it ends. The sample is this file's own: built with -DSAMPLE, once for each version of
 * DWARF. */

int sample_square(int number);
int sample_sum(const int *numbers, int count);

enum { SQUARE_LINE = __LINE__ + 1 };
int sample_square(int number) {
    if (number < 0) number = -number;
    number *= number + 1;
    return number;
}

enum { SUM_LINE = __LINE__ + 1 };
int sample_sum(const int *numbers, int count) {
    int sum = 0;
    for (int i = 0; i < count; i++) {
        if (numbers[i] > 100) continue;
        sum += sample_square(numbers[i]);
    }
    return sum;
}

#ifndef SAMPLE
#include "preload/lines.h"
#include "preload/symbols.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <gelf.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* One sample, in memory: the sections, and two functions. */
struct sample {
    struct rs_line_sections sections;
    uint64_t square, sum, end;
};

static const char *folder; /* of this program */

static struct rs_bytes copy_of(Elf_Scn *section) {
    Elf_Data *data = elf_getdata(section, NULL);
    char *bytes = malloc(data->d_size);
    memcpy(bytes, data->d_buf, data->d_size);
    return (struct rs_bytes){bytes, data->d_size};
}

static void keep(struct rs_bytes *where, Elf_Scn *section) {
    free((char *)(uintptr_t)where->at);
    *where = copy_of(section);
}

static void read_symbols(struct sample *sample, Elf *elf, Elf_Scn *section, size_t strings) {
    Elf_Data *data = elf_getdata(section, NULL);
    for (size_t i = 0; i < data->d_size / sizeof(Elf64_Sym); i++) {
        GElf_Sym symbol;
        gelf_getsym(data, (int)i, &symbol);
        const char *name = elf_strptr(elf, strings, symbol.st_name);
        if (name && !strcmp(name, "sample_square")) sample->square = symbol.st_value;
        if (name && !strcmp(name, "sample_sum"))
            sample->sum = symbol.st_value, sample->end = symbol.st_value + symbol.st_size;
    }
}

static struct sample read_sample(const char *path) {
    struct sample sample = {0};
    elf_version(EV_CURRENT);
    int fd = open(path, O_RDONLY);
    if (fd < 0) fail_msg("%s is not there", path);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    size_t names;
    assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        gelf_getshdr(section, &header);
        const char *name = elf_strptr(elf, names, header.sh_name);
        if (!strcmp(name, ".debug_line")) keep(&sample.sections.line, section);
        if (!strcmp(name, ".debug_line_str")) keep(&sample.sections.line_str, section);
        if (!strcmp(name, ".debug_str")) keep(&sample.sections.str, section);
        if (header.sh_type == SHT_SYMTAB) read_symbols(&sample, elf, section, header.sh_link);
    }
    elf_end(elf);
    close(fd);
    assert_non_null(sample.sections.line.at);
    assert_int_not_equal(sample.square, 0);
    return sample;
}

static struct sample sample_of(int version) {
    char path[4096];
    snprintf(path, sizeof path, "%s/lines_dwarf%d.so", folder, version);
    return read_sample(path);
}

static void free_sample(struct sample *sample) {
    free((void *)(uintptr_t)sample->sections.line.at);
    free((void *)(uintptr_t)sample->sections.line_str.at);
    free((void *)(uintptr_t)sample->sections.str.at);
}

static void is_line(const struct sample *sample, uint64_t address, uint32_t expected) {
    struct rs_line line = {NULL, NULL, 0};
    assert_true(rs_line_find(&sample->sections, address, &line));
    assert_int_equal(line.line, expected);
    const char *slash = strrchr(line.file, '/');
    assert_string_equal(slash ? slash + 1 : line.file, "test_lines.c");
}

static void known_functions_have_their_lines(void **state) {
    (void)state;
    for (int version = 2; version <= 5; version++) {
        struct sample sample = sample_of(version);
        struct rs_line line;
        is_line(&sample, sample.square, SQUARE_LINE);
        is_line(&sample, sample.sum, SUM_LINE);
        for (uint64_t address = sample.sum; address < sample.end; address++) {
            assert_true(rs_line_find(&sample.sections, address, &line));
            assert_in_range(line.line, SUM_LINE, SUM_LINE + 7);
        }
        assert_false(rs_line_find(&sample.sections, 0, &line));
        assert_false(rs_line_find(&sample.sections, ~0ull, &line));
        free_sample(&sample);
    }
}

static void no_table_has_no_lines(void **state) {
    struct rs_line_sections none = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct rs_line line;
    (void)state;
    assert_false(rs_line_find(&none, 1, &line));
}

/* Whatever is found must lie in the sections. */
static void look_everywhere(const struct sample *sample) {
    const uint64_t addresses[] = {0, 1, sample->square, sample->sum + 5, sample->end, ~0ull};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct rs_line line = {NULL, NULL, 0};
        if (!rs_line_find(&sample->sections, addresses[i], &line)) continue;
        assert_non_null(line.file);
        assert_true(strlen(line.file) < 1 << 20);
    }
}

static void a_changed_byte_is_harmless(void **state) {
    (void)state;
    for (int version = 2; version <= 5; version++) {
        struct sample sample = sample_of(version);
        unsigned char *bytes = (unsigned char *)(uintptr_t)sample.sections.line.at;
        for (uint64_t i = 0; i < sample.sections.line.size; i++) {
            unsigned char good = bytes[i];
            for (unsigned change = 1; change < 256; change++) {
                bytes[i] = (unsigned char)(good ^ change);
                look_everywhere(&sample);
            }
            bytes[i] = good;
        }
        free_sample(&sample);
    }
}

/* Each length gets memory of its own, so that a sanitizer sees the first byte beside it. */
static void a_cut_table_is_harmless(void **state) {
    (void)state;
    for (int version = 2; version <= 5; version++) {
        struct sample whole = sample_of(version);
        for (uint64_t size = 0; size < whole.sections.line.size; size++) {
            struct sample cut = whole;
            char *copy = malloc(size ? size : 1);
            memcpy(copy, whole.sections.line.at, size);
            cut.sections.line = (struct rs_bytes){copy, size};
            look_everywhere(&cut);
            /* A unit that claims to be just as long as what is left: its own header's fields are cut, too. */
            if (size >= 4) {
                uint32_t length = (uint32_t)size - 4;
                memcpy(copy, &length, 4);
                look_everywhere(&cut);
            }
            free(copy);
        }
        free_sample(&whole);
    }
}

static void cut_strings_are_harmless(void **state) {
    (void)state;
    struct sample whole = sample_of(5);
    for (uint64_t size = 0; size <= whole.sections.line_str.size; size++) {
        struct sample cut = whole;
        char *copy = malloc(size ? size : 1);
        memcpy(copy, whole.sections.line_str.at, size);
        cut.sections.line_str = (struct rs_bytes){copy, size};
        look_everywhere(&cut);
        free(copy);
    }
    free_sample(&whole);
}

/* Random damage at several places at once. */
static void much_damage_is_harmless(void **state) {
    uint64_t random = 88172645463325252ull;
    (void)state;
    for (int version = 2; version <= 5; version++) {
        struct sample sample = sample_of(version);
        uint64_t size = sample.sections.line.size;
        unsigned char *bytes = (unsigned char *)(uintptr_t)sample.sections.line.at, *good = malloc(size);
        if (!good || !bytes) abort();
        memcpy(good, bytes, size);
        for (int round = 0; round < 20000; round++) {
            for (int i = 0; i < 6; i++) {
                random ^= random << 13, random ^= random >> 7, random ^= random << 17;
                bytes[random % size] = (unsigned char)(random >> 40);
            }
            look_everywhere(&sample);
            memcpy(bytes, good, size);
        }
        free(good);
        free_sample(&sample);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_functions_have_their_lines), cmocka_unit_test(no_table_has_no_lines),
        cmocka_unit_test(a_changed_byte_is_harmless),       cmocka_unit_test(a_cut_table_is_harmless),
        cmocka_unit_test(cut_strings_are_harmless),         cmocka_unit_test(much_damage_is_harmless),
    };
    char *program = strdup(argc > 0 ? argv[0] : "./");
    folder = dirname(program);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(program);
    return failed;
}
#endif
