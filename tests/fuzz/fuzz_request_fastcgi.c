/* fuzz_request_fastcgi.c: FastCGI's recogniser; see fuzz_request.h. */
#include "tests/fuzz/fuzz_request.h"

static const struct fuzz_part seeds[] = {
    FUZZ_CLIENT("\1\1\0\1\0\x08\0\0\0\1\1\0\0\0\0\0"),
    FUZZ_CLIENT("\1\4\0\1\0\x35\3\0\x0b\x02SCRIPT_NAME/s\x0e\x03REQUEST_METHODGET\x0b\x04REQUEST_URI/a?bxxx"),
    FUZZ_CLIENT("\1\4\0\1\0\0\0\0\1\5\0\1\0\4\0\0body\1\5\0\1\0\0\0\0"),
    FUZZ_SERVER("\1\6"),
    FUZZ_CLIENT("\1\1\0\1\0\x08\0\0\0\1\1\0\0\0\0\0"),
    FUZZ_CLIENT("\1\4\0\1\0\x2b\0\0\x80\0\0\x10\x02HTTP_TRACEPARENTid\x11\x03HTTP_X_REQUEST_IDxyz"),
    FUZZ_CLIENT("\1\4\0\1\0\x1d\0\0\x0b\x10REQUEST_URIhttps://host/x?y\1\4\0\1\0\0\0\0"),
    FUZZ_END,
    FUZZ_CLIENT("\1\x09\0\0\0\5\0\0"
                "12345\1\1\0\1\0\x08\0\0\0\1\1\0\0\0\0\0\1\2\0\1\0\0\0\0"),
    FUZZ_END,
};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    fuzz_write_seeds(*argc, *argv, seeds, sizeof seeds / sizeof *seeds);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_dialogue(data, size, RS_REQUEST_FASTCGI, RS_REQUEST_NEW);
    return 0;
}
