/* fuzz_request_resp.c: RESP's recogniser; see fuzz_request.h. */
#include "tests/fuzz/fuzz_request.h"

static const struct fuzz_part seeds[] = {
    FUZZ_CLIENT("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n"),
    FUZZ_SERVER("+OK\r\n"),
    FUZZ_CLIENT("*1\r\n$4\r\nPING\r\nget k\r\n\r\n*0\r\n*-1\r\n*1\r\n$0\r\n\r\n"),
    FUZZ_END,
    FUZZ_CLIENT("*1\r\n$34\r\n012345678901234567890123456789\xf0\x9f\x98\x80\r\n*1\r\n$4\r\nPING\r\n"),
    FUZZ_END,
    FUZZ_CLIENT("*1\r\n$4\r\nPING\r\nabcdefghijklmnopqrstuvwxyzabcdefgh i\r\n"),
    FUZZ_END,
};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    fuzz_write_seeds(*argc, *argv, seeds, sizeof seeds / sizeof *seeds);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_dialogue(data, size, RS_REQUEST_RESP, RS_REQUEST_NEW);
    return 0;
}
