/* metadata.c: the TSDL text. The part that depends on the layout is put together by the preprocessor from events.def; what
 * differs from process to process is filled in at run time. No stdio: this runs inside the guarded process. */
#include "tracer/metadata.h"
#include "tracer/layout.h"
#include "tracer/text.h"

#define TEXT_U32(name) "    u32 " #name ";\n"
#define TEXT_I32(name) "    i32 " #name ";\n"
#define TEXT_U64(name) "    u64 " #name ";\n"
#define TEXT_STR(name) "    string " #name ";\n"
#define TEXT_SEQ(length, name) "    x64 " #name "[" #length "];\n"
#define TEXT_FIELDS(event) EVENT_FIELDS_##event(TEXT_U32, TEXT_I32, TEXT_U64, TEXT_STR, TEXT_SEQ)
#define TEXT_STRING(value) #value
#define TEXT_NUMBER(value) TEXT_STRING(value)

static const char types_text[] = "typealias integer { size = 8; align = 8; signed = false; } := u8;\n"
                                 "typealias integer { size = 32; align = 32; signed = false; } := u32;\n"
                                 "typealias integer { size = 32; align = 32; signed = true; } := i32;\n"
                                 "typealias integer { size = 64; align = 64; signed = false; } := u64;\n"
                                 "typealias integer { size = 64; align = 64; signed = false; base = hex; } := x64;\n\n";

static const char stream_text[] =
    "typealias integer { size = 64; align = 64; signed = false; map = clock.monotonic.value; } := time64;\n\n"
    "stream {\n"
    "  id = 0;\n"
    "  packet.context := struct {\n"
    "    time64 timestamp_begin;\n"
    "    u64 events_discarded;\n"
    "    u64 packet_seq_num;\n"
    "    u64 packet_size;\n"
    "    u64 content_size;\n"
    "    time64 timestamp_end;\n"
    "    u64 header_check;\n"
    "  };\n"
    "  event.header := struct { time64 timestamp; u32 id; };\n"
    "  event.context := struct { i32 fd; };\n"
    "};\n\n";

/* One text an event; an I/O call's number is EVENT_IO + its operation. */
static const char *const events_text[] = {
#define EVENT(number, name)                             \
    "event {\n  name = \"" #name "\";\n  id = " #number \
    ";\n  stream_id = 0;\n  fields := struct {\n" TEXT_FIELDS(name) "  };\n};\n\n",
#include "tracer/events.def"
#undef EVENT
};

static const struct {
    const char *name;
    unsigned number;
} io_events[] = {
#define OPERATION(number, name, verb) {#name, EVENT_IO + (number)},
#include "tracer/operations.def"
#undef OPERATION
};

static void add_uuid(struct rs_text *text, const uint8_t *uuid) {
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) rs_text_add(text, "-");
        rs_text_digits(text, uuid[i], 16, 2);
    }
}

/* A TSDL string literal: what could end or bend it is replaced. */
static void add_literal(struct rs_text *text, const char *string) {
    for (; *string; string++) {
        unsigned char byte = (unsigned char)*string;
        rs_text_character(text, byte < 32 || byte > 126 || byte == '"' || byte == '\\' ? '?' : *string);
    }
}

static void add_trace(struct rs_text *text, const struct rs_metadata *values) {
    rs_text_add(text, "trace {\n  major = 1;\n  minor = 8;\n  uuid = \"");
    add_uuid(text, values->trace_uuid);
    rs_text_add(
        text, "\";\n  byte_order = le;\n"
              "  packet.header := struct { u32 magic; u8 uuid[16]; u32 stream_id; u64 stream_instance_id; };\n};\n\n");
}

static void add_environment(struct rs_text *text, const struct rs_metadata *values) {
    rs_text_add(text, "env {\n  tracer_name = \"reqscope\";\n  reqscope_format = " TEXT_NUMBER(
                          RS_TRACE_FORMAT) ";\n  hostname = \"");
    add_literal(text, values->hostname);
    rs_text_add(text, "\";\n  procname = \"");
    add_literal(text, values->process);
    rs_text_add(text, "\";\n  vpid = ");
    rs_text_number(text, values->pid);
    rs_text_add(text, ";\n};\n\n");
}

static void add_clock(struct rs_text *text, const struct rs_metadata *values) {
    rs_text_add(text, "clock {\n  name = \"monotonic\";\n");
    if (values->clock_uuid) {
        rs_text_add(text, "  uuid = \"");
        rs_text_add(text, values->clock_uuid);
        rs_text_add(text, "\";\n");
    }
    rs_text_add(text, "  description = \"CLOCK_MONOTONIC\";\n  freq = 1000000000;\n  offset_s = ");
    rs_text_number(text, values->clock_offset / 1000000000u);
    rs_text_add(text, ";\n  offset = ");
    rs_text_number(text, values->clock_offset % 1000000000u);
    rs_text_add(text, ";\n};\n\n");
}

static void add_io_events(struct rs_text *text) {
    for (size_t i = 0; i < sizeof io_events / sizeof *io_events; i++) {
        rs_text_add(text, "event {\n  name = \"");
        rs_text_add(text, io_events[i].name);
        rs_text_add(text, "\";\n  id = ");
        rs_text_number(text, io_events[i].number);
        rs_text_add(text, ";\n  stream_id = 0;\n  fields := struct {\n" TEXT_FIELDS(io) "  };\n};\n\n");
    }
}

size_t rs_metadata_write(char *buffer, size_t size, const struct rs_metadata *values) {
    struct rs_text text = rs_text_in(buffer, size);
    rs_text_add(&text, "/* CTF 1.8 */\n\n");
    rs_text_add(&text, types_text);
    add_trace(&text, values);
    add_environment(&text, values);
    add_clock(&text, values);
    rs_text_add(&text, stream_text);
    for (size_t i = 0; i < sizeof events_text / sizeof *events_text; i++) rs_text_add(&text, events_text[i]);
    add_io_events(&text);
    if (text.full) return 0;
    uint64_t check = rs_text_check(buffer, text.length);
    rs_text_add(&text, "/* check: ");
    rs_text_digits(&text, check, 16, 16);
    rs_text_add(&text, " */\n");
    return text.full ? 0 : text.length;
}
