/* stream.h: what a stdio stream's own words tell, without its lock and without a call: part of libc's ABI
 * (<bits/types/struct_FILE.h>). */
#ifndef RS_PRELOAD_STREAM_H
#define RS_PRELOAD_STREAM_H

#include <stdio.h>
#include <sys/types.h>

/* Negative for one that has no descriptor (memory, cookies). */
static inline int rs_stream_number(const FILE *file) {
    return file ? file->_fileno : -1;
}

/* Bytes read from the descriptor that the program has not got yet. */
static inline ssize_t rs_stream_unread(const FILE *file) {
    return file->_IO_read_end - file->_IO_read_ptr;
}

/* Bytes that the program has written and the descriptor has not got yet. */
static inline ssize_t rs_stream_waiting(const FILE *file) {
    return file->_IO_write_ptr > file->_IO_write_base ? file->_IO_write_ptr - file->_IO_write_base : 0;
}

#endif
