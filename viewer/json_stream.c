/* json_stream.c: see json_stream.h. */
#include "viewer/json_stream.h"
#include "viewer/memory.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

static void begin_value(struct json_stream *stream, const char *key) {
    if (stream->follows) fputc(',', stream->file);
    if (key) fprintf(stream->file, "\"%s\":", key);
    stream->follows = true;
}

static void open_with(struct json_stream *stream, const char *key, char bracket) {
    begin_value(stream, key);
    fputc(bracket, stream->file);
    stream->follows = false;
}

static void close_with(struct json_stream *stream, char bracket) {
    fputc(bracket, stream->file);
    stream->follows = true;
}

void json_stream_object(struct json_stream *stream, const char *key) {
    open_with(stream, key, '{');
}

void json_stream_end_object(struct json_stream *stream) {
    close_with(stream, '}');
}

void json_stream_array(struct json_stream *stream, const char *key) {
    open_with(stream, key, '[');
}

void json_stream_end_array(struct json_stream *stream) {
    close_with(stream, ']');
}

/* DEL and what is beyond ASCII may stand as it is. */
static void write_escaped(FILE *file, const char *text) {
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20)
            fprintf(file, "\\u%04x", byte);
        else if (byte == '"' || byte == '\\')
            fprintf(file, "\\%c", byte);
        else
            fputc(byte, file);
    }
}

void json_stream_text(struct json_stream *stream, const char *key, const char *text) {
    char *valid;
    if (!text) {
        json_stream_format(stream, key, "null");
        return;
    }
    valid = text_utf8(text);
    begin_value(stream, key);
    fputc('"', stream->file);
    write_escaped(stream->file, valid);
    fputc('"', stream->file);
    free(valid);
}

void json_stream_number(struct json_stream *stream, const char *key, uint64_t number) {
    json_stream_format(stream, key, "%" PRIu64, number);
}

void json_stream_signed(struct json_stream *stream, const char *key, int64_t number) {
    json_stream_format(stream, key, "%" PRId64, number);
}

void json_stream_bool(struct json_stream *stream, const char *key, bool value) {
    json_stream_format(stream, key, "%s", value ? "true" : "false");
}

void json_stream_value(struct json_stream *stream, const char *key, json_t *value) {
    if (!value) memory_exhausted();
    begin_value(stream, key);
    json_dumpf(value, stream->file, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
}

void json_stream_format(struct json_stream *stream, const char *key, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    begin_value(stream, key);
    vfprintf(stream->file, format, arguments);
    va_end(arguments);
}

void json_stream_line(struct json_stream *stream) {
    if (stream->follows) fputc(',', stream->file);
    fputc('\n', stream->file);
    stream->follows = false;
}
