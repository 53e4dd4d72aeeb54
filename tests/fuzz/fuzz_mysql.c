/* fuzz_mysql.c: MySQL's recogniser; see fuzz.h. */
#include "tests/fuzz/fuzz.h"

/* A greeting whose capabilities are those that are looked at, or 4.1's protocol alone. */
#define GREETING(low, high) \
    "\x30\0\0\0\x0a"        \
    "8.0.36\0\1\0\0\0saltsalt\0" low "\x2d\2\0" high "\x15..........moresalt\0"
#define REPLY(capabilities) "\x20\0\0\1" capabilities "\0\0\0\1\x2d......................."
#define OK(sequence) "\7\0\0" sequence "\0\0\0\2\0\0\0"
#define END_OF(sequence) "\5\0\0" sequence "\xfe\0\0\2\0"
#define COLUMN(sequence) "\5\0\0" sequence "\3def\0"

static const struct fuzz_part seeds[] = {
    /* with EOF packets */
    FUZZ_SERVER(GREETING("\0\2", "\0\0")),
    FUZZ_CLIENT(REPLY("\0\2\0\0")),
    FUZZ_SERVER(OK("\2")),
    FUZZ_CLIENT("\2\0\0\0\3x"),
    FUZZ_SERVER("\1\0\0\1\1" COLUMN("\2") END_OF("\3") "\2\0\0\4\1x" END_OF("\5")),
    FUZZ_CLIENT("\2\0\0\0\x16x"),
    FUZZ_SERVER("\x0c\0\0\1\0\1\0\0\0\1\0\1\0\0\0\0" COLUMN("\2") END_OF("\3") COLUMN("\4") END_OF("\5")),
    FUZZ_CLIENT("\2\0\0\0\x17x"),
    FUZZ_SERVER("\1\0\0\1\1" COLUMN("\2") "\5\0\0\3\xfe\0\0\x42\0"),
    FUZZ_CLIENT("\2\0\0\0\x1cx"),
    FUZZ_SERVER("\2\0\0\1\0\0" END_OF("\2")),
    FUZZ_END,
    /* without; more results; a user's change */
    FUZZ_SERVER(GREETING("\0\2", "\0\1")),
    FUZZ_CLIENT(REPLY("\0\2\0\1")),
    FUZZ_SERVER("\1\0\0\2\xfe"),
    FUZZ_CLIENT("\1\0\0\3x"),
    FUZZ_SERVER(OK("\4")),
    FUZZ_CLIENT("\2\0\0\0\3x"),
    FUZZ_SERVER("\2\0\0\1\1\1" COLUMN("\2") "\2\0\0\3\1x\7\0\0\4\xfe\0\0\x0b\0\0\0\7\0\0\5\0\1\1\3\0\0\0"),
    FUZZ_CLIENT("\2\0\0\0\x11x"),
    FUZZ_SERVER("\1\0\0\1\1"),
    FUZZ_CLIENT("\0\0\0\2"),
    FUZZ_SERVER("\4\0\0\3\xff\1\2x"),
    FUZZ_CLIENT("\2\0\0\0\x19x\1\0\0\0\1"),
    FUZZ_END,
    /* a file; progress; lists */
    FUZZ_SERVER(GREETING("\0\2", "\0\0")),
    FUZZ_CLIENT(REPLY("\0\2\0\0")),
    FUZZ_SERVER(OK("\2")),
    FUZZ_CLIENT("\2\0\0\0\3x"),
    FUZZ_SERVER("\2\0\0\1\xfbx"),
    FUZZ_CLIENT("\2\0\0\2xx\0\0\0\3"),
    FUZZ_SERVER("\4\0\0\4\xff\xff\xff\1" OK("\5")),
    FUZZ_CLIENT("\2\0\0\0\4x"),
    FUZZ_SERVER(COLUMN("\1") END_OF("\2")),
    FUZZ_CLIENT("\1\0\0\0\x09"),
    FUZZ_SERVER("\1\0\0\1U"),
    FUZZ_END,
    /* encryption */
    FUZZ_SERVER(GREETING("\0\x0a", "\0\0")),
    FUZZ_CLIENT(REPLY("\0\x0a\0\0")),
    FUZZ_END,
};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    fuzz_write_seeds(*argc, *argv, seeds, sizeof seeds / sizeof *seeds);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_dialogue(data, size, RS_WIRE_MYSQL);
    return 0;
}
