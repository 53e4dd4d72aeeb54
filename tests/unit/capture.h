/* capture.h: what a part of a test program says on stdout and stderr, as text. */
#ifndef RS_TESTS_CAPTURE_H
#define RS_TESTS_CAPTURE_H

struct capture {
    int saved[2];
    char paths[2][32];
};

/* From here on nothing reaches stdout and stderr. */
void capture_begin(struct capture *capture);

/* What was said since then: the caller's to free; NULL: not asked for. */
void capture_end(struct capture *capture, char **output, char **errors);

#endif
