/* fuzz_postgresql.c: PostgreSQL's recogniser; see fuzz.h. */
#include "tests/fuzz/fuzz.h"

#define STARTUP "\0\0\0\x10\0\x03\0\0user\0m\0\0"
#define READY "Z\0\0\0\5I"
#define RUN "P\0\0\0\x0d\0select\0\0B\0\0\0\x0c\0\0\0\0\0\0\0\0D\0\0\0\6P\0E\0\0\0\x09\0\0\0\0\0"
#define SYNC "S\0\0\0\4"

static const struct fuzz_part seeds[] = {
    /* queries, in a transaction and not */
    FUZZ_CLIENT(STARTUP),
    FUZZ_SERVER("R\0\0\0\x08\0\0\0\0S\0\0\0\x08"
                "a\0b\0K\0\0\0\x0c"
                "12345678" READY),
    FUZZ_CLIENT("Q\0\0\0\x0a"
                "begin\0"),
    FUZZ_SERVER("C\0\0\0\x0a"
                "BEGIN\0Z\0\0\0\5T"),
    FUZZ_CLIENT("Q\0\0\0\5\0"),
    FUZZ_SERVER("E\0\0\0\5\0Z\0\0\0\5E"),
    FUZZ_CLIENT("F\0\0\0\5xX\0\0\0\4"),
    FUZZ_END,
    /* encryption refused, then a pipeline */
    FUZZ_CLIENT("\0\0\0\x08\x04\xd2\x16\x30"),
    FUZZ_SERVER("N"),
    FUZZ_CLIENT("\0\0\0\x08\x04\xd2\x16\x2f"),
    FUZZ_SERVER("N"),
    FUZZ_CLIENT(STARTUP),
    FUZZ_SERVER(READY),
    FUZZ_CLIENT(RUN SYNC RUN "H\0\0\0\4" SYNC SYNC),
    FUZZ_SERVER("1\0\0\0\4"
                "2\0\0\0\4T\0\0\0\6\0\0D\0\0\0\6\0\0C\0\0\0\5\0" READY "3\0\0\0\4" READY READY),
    FUZZ_END,
    /* copying in and out */
    FUZZ_CLIENT(STARTUP),
    FUZZ_SERVER(READY),
    FUZZ_CLIENT(RUN SYNC),
    FUZZ_SERVER("G\0\0\0\7\0\0\0"),
    FUZZ_CLIENT("d\0\0\0\5xc\0\0\0\4" SYNC),
    FUZZ_SERVER("C\0\0\0\5\0" READY),
    FUZZ_CLIENT("Q\0\0\0\5\0"),
    FUZZ_SERVER("G\0\0\0\7\0\0\0"),
    FUZZ_CLIENT("f\0\0\0\5\0"),
    FUZZ_SERVER("E\0\0\0\5\0" READY "H\0\0\0\7\0\0\0d\0\0\0\5xc\0\0\0\4W\0\0\0\7\0\0\0"),
    FUZZ_END,
    /* encryption */
    FUZZ_CLIENT("\0\0\0\x08\x04\xd2\x16\x2f"),
    FUZZ_SERVER("S"),
    FUZZ_END,
};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    fuzz_write_seeds(*argc, *argv, seeds, sizeof seeds / sizeof *seeds);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_dialogue(data, size, RS_WIRE_POSTGRESQL);
    return 0;
}
