/* fuzz_request_http.c: HTTP, TLS, and what is not recognised; see fuzz_request.h. */
#include "tests/fuzz/fuzz_request.h"

static const struct fuzz_part seeds[] = {
    /* bodies, and what is asked of headers */
    FUZZ_CLIENT("GET /a?b HTTP/1.1\r\nHost: h\r\ntraceparent: 00-1-2-01\r\nX-Request-Id: 7\r\n\r\n"),
    FUZZ_SERVER("HTTP/1.1 200 OK\r\n\r\n"),
    FUZZ_CLIENT("POST http://h/p HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\r\nPUT /a b HTTP/1.0\n\n"),
    FUZZ_CLIENT("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1a;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX: "
                "y\r\n\r\n"),
    FUZZ_END,
    /* what becomes something else */
    FUZZ_CLIENT("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
    FUZZ_SERVER("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\n\r\n"),
    FUZZ_CLIENT("frame"),
    FUZZ_END,
    FUZZ_CLIENT("CONNECT h:443 HTTP/1.1\r\n\r\n"),
    FUZZ_SERVER("HTTP/1.1 200 OK\r\n\r\n"),
    FUZZ_END,
    FUZZ_CLIENT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    FUZZ_END,
    /* what stands before it */
    FUZZ_CLIENT("PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
    FUZZ_END,
    FUZZ_CLIENT("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04....OPTIONS * HTTP/1.1\r\n\r\n"),
    FUZZ_END,
    /* TLS 1.2 and 1.3 */
    FUZZ_CLIENT("\x16\x03\x01\0\x05hello"),
    FUZZ_SERVER("\x16\x03\x03"),
    FUZZ_CLIENT("\x14\x03\x03\0\1\1\x16\x03\x03\0\4done\x17\x03\x03\0\4data"),
    FUZZ_END,
    FUZZ_CLIENT("\x16\x03\x01\0\x05hello"),
    FUZZ_SERVER("\x16\x03\x03"),
    FUZZ_CLIENT("\x14\x03\x03\0\1\1\x17\x03\x03\0\4done"),
    FUZZ_SERVER("\x17\x03\x03"),
    FUZZ_CLIENT("\x17\x03\x03\0\4data\x15\x03\x03\0\2xx"),
    FUZZ_END,
    /* turns */
    FUZZ_SERVER("220 here\r\n"),
    FUZZ_CLIENT("HELO me\r\n"),
    FUZZ_END,
};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    fuzz_write_seeds(*argc, *argv, seeds, sizeof seeds / sizeof *seeds);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_dialogue(data, size, RS_REQUEST_HTTP1, RS_REQUEST_TLS);
    return 0;
}
