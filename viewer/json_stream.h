/* json_stream.h: a JSON document that is written while it is made: what is written is not kept, however large the trace.
 *
 *   object(NULL) ──► text("name", ...), array("contexts") ──► object(NULL) ──► number("id", ...), end
 *                                                        end                                          end
 *
 * A key is NULL in an array and at the document's top. Keys are the caller's own words and are written as they are; texts may be any
 * bytes and come out as valid UTF-8. The caller checks the file for errors. */
#ifndef RS_VIEWER_JSON_STREAM_H
#define RS_VIEWER_JSON_STREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_stream {
    FILE *file;
    bool follows; /* something stands before in what is open: a comma is due */
};

void json_stream_object(struct json_stream *stream, const char *key);
void json_stream_end_object(struct json_stream *stream);
void json_stream_array(struct json_stream *stream, const char *key);
void json_stream_end_array(struct json_stream *stream);

void json_stream_text(struct json_stream *stream, const char *key, const char *text); /* NULL: null */
void json_stream_number(struct json_stream *stream, const char *key, uint64_t number);
void json_stream_signed(struct json_stream *stream, const char *key, int64_t number);
void json_stream_bool(struct json_stream *stream, const char *key, bool value);

/* Takes the value over. */
void json_stream_value(struct json_stream *stream, const char *key, json_t *value);

/* A value that printf makes: a number, or a text that needs no escapes, with its quotes. */
void json_stream_format(struct json_stream *stream, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What comes next begins a line. */
void json_stream_line(struct json_stream *stream);

#endif
