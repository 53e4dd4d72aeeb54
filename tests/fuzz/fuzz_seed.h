/* fuzz_seed.h: the targets' dialogues as libFuzzer's first inputs. Who includes it has struct fuzz_part, FUZZ_NEW, FUZZ_PIECE (the most
 * bytes of a part) and FUZZ_FROM(part) (the bit that says from whom it is). */
#ifndef RS_TESTS_FUZZ_SEED_H
#define RS_TESTS_FUZZ_SEED_H

/* The dialogue as an input. Returns the part behind it. */
static const struct fuzz_part *fuzz_write_seed(const char *path, const struct fuzz_part *part) {
    FILE *file = fopen(path, "wb");
    if (!file) abort();
    putc(FUZZ_NEW | 2 << 2, file);
    for (; part->bytes; part++) {
        for (size_t at = 0; at < part->size; at += FUZZ_PIECE) {
            size_t count = part->size - at < FUZZ_PIECE ? part->size - at : FUZZ_PIECE;
            putc((int)(count | FUZZ_FROM(part)), file);
            fwrite(part->bytes + at, 1, count, file);
        }
    }
    if (fclose(file) != 0) abort();
    return part + 1;
}

/* Writes the dialogues into the first folder of the command line, libFuzzer's corpus. */
static void fuzz_write_seeds(int argc, char **argv, const struct fuzz_part *parts, size_t count) {
    const struct fuzz_part *end = parts + count;
    const char *folder = NULL;
    for (int i = 1; i < argc && !folder; i++) {
        if (argv[i][0] != '-') folder = argv[i];
    }
    for (unsigned number = 0; folder && parts < end; number++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/seed_%u", folder, number);
        parts = fuzz_write_seed(path, parts);
    }
}

#endif
