/* fuzz_request_session.c: PostgreSQL's and MySQL's recognisers; see fuzz_request.h. */
#include "tests/fuzz/fuzz_request.h"

static const struct fuzz_part seeds[] = {
    /* PostgreSQL */
    FUZZ_CLIENT("\0\0\0\x08\x04\xd2\x16\x2f"),
    FUZZ_SERVER("N"),
    FUZZ_CLIENT("\0\0\0\x11\0\x03\0\0user\0me\0\0p\0\0\0\5xQ\0\0\0\6x\0"),
    FUZZ_CLIENT("P\0\0\0\4B\0\0\0\4D\0\0\0\4E\0\0\0\4C\0\0\0\4H\0\0\0\4S\0\0\0\4F\0\0\0\4d\0\0\0\4c\0\0\0\4f\0\0\0\4S\0"
                "\0\0\4X\0\0\0\4"),
    FUZZ_END,
    FUZZ_CLIENT("\0\0\0\x10\x04\xd2\x16\x2e"
                "12345678"),
    FUZZ_END,
    FUZZ_CLIENT("\0\0\0\x08\x04\xd2\x16\x30"),
    FUZZ_SERVER("G"),
    FUZZ_CLIENT("x"),
    FUZZ_END,
    FUZZ_CLIENT("\0\0\0\x08\x04\xd2\x16\x2f"),
    FUZZ_SERVER("S"),
    FUZZ_CLIENT("\x16\x03\x01\0\x05hello"),
    FUZZ_END,
    /* MySQL */
    FUZZ_SERVER("\x4a\0\0\0\x0a"),
    FUZZ_CLIENT("\x08\0\0\1\x85\xa2\x1e\0user"),
    FUZZ_CLIENT("\2\0\0\0\3x\1\0\0\0\1\1\0\0\0\xfa\1\0\0\0\x80\1\0\0\xfex\1\0\0\xffx\1\0\0\0x\0\0\0\1\1\0\0\0\x0e"),
    FUZZ_CLIENT("\xff\xff\xff\0\3"),
    FUZZ_END,
    FUZZ_SERVER("\x4a\0\0\0\x0a"),
    FUZZ_CLIENT("\x20\0\0\1\x85\xaa\x1e\0"
                "0123456789012345678901234567"),
    FUZZ_CLIENT("\x16\x03\x01\0\x05hello"),
    FUZZ_END,
};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    fuzz_write_seeds(*argc, *argv, seeds, sizeof seeds / sizeof *seeds);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_dialogue(data, size, RS_REQUEST_POSTGRESQL, RS_REQUEST_MYSQL);
    return 0;
}
