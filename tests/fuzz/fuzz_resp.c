/* fuzz_resp.c: RESP's recogniser; see fuzz.h. */
#include "tests/fuzz/fuzz.h"

static const struct fuzz_part seeds[] = {
    /* commands and answers of each kind */
    FUZZ_CLIENT("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n"),
    FUZZ_SERVER("+OK\r\n"),
    FUZZ_CLIENT("*1\r\n$4\r\nPING\r\nget k\r\n\r\n*0\r\n"),
    FUZZ_SERVER("-ERR x\r\n:1\r\n$-1\r\n*-1\r\n$1\r\nx\r\n_\r\n#t\r\n,1.5\r\n(12\r\n!3\r\nERR\r\n=5\r\ntxt:x\r\n"),
    FUZZ_SERVER("*2\r\n*1\r\n:1\r\n~1\r\n+a\r\n%1\r\n+k\r\n*0\r\n|1\r\n+a\r\n:1\r\n:2\r\n>2\r\n+p\r\n:1\r\n"),
    FUZZ_END,
    /* transactions */
    FUZZ_CLIENT("*2\r\n$5\r\nWATCH\r\n$1\r\nk\r\n*1\r\n$7\r\nUNWATCH\r\n*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nEXEC\r\n"),
    FUZZ_SERVER("+OK\r\n+OK\r\n+OK\r\n*0\r\n"),
    FUZZ_CLIENT("multi\r\ndiscard\r\nreset\r\nCLIENT REPLY ON\r\n"),
    FUZZ_END,
    /* subscriptions */
    FUZZ_CLIENT("*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n"),
    FUZZ_SERVER("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n"),
    FUZZ_CLIENT("*1\r\n$11\r\nUNSUBSCRIBE\r\n"),
    FUZZ_END,
    FUZZ_CLIENT("*1\r\n$7\r\nMONITOR\r\n*1\r\n$4\r\nPING\r\n*1\r\n$5\r\nRESET\r\n"),
    FUZZ_END,
    FUZZ_CLIENT("*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n"),
    FUZZ_END,
};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    fuzz_write_seeds(*argc, *argv, seeds, sizeof seeds / sizeof *seeds);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_dialogue(data, size, RS_WIRE_RESP);
    return 0;
}
