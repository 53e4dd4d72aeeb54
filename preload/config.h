/* config.h: what the REQSCOPE_ variables say, read once, in the constructor (getenv is not safe later). */
#ifndef RS_PRELOAD_CONFIG_H
#define RS_PRELOAD_CONFIG_H

#include "tracer/layout.h"
#include "tracer/text.h"

#include <stdbool.h>
#include <stdint.h>

enum rs_log_target { RS_LOG_STDERR, RS_LOG_SYSLOG, RS_LOG_FILE };

struct rs_config {
    enum rs_mode mode;
    enum rs_policy policy;
    bool context_by_api_only;
    bool follow_exec;      /* REQSCOPE_FOLLOW_EXEC: into programs whose environment was cleaned, too */
    bool keep_deepbind;    /* REQSCOPE_DEEPBIND: leave that flag of dlopen's */
    uint32_t checks_named; /* those of them that REQSCOPE_CHECK names */
    uint32_t checks;       /* bit 1 << enum rs_finding_kind: look for it */
    uint32_t stack_depth;
    uint64_t trace_max; /* bytes, 0: no bound */
    const char *trace;  /* a folder, or NULL */
    const char *rules;  /* a file, or NULL */
    enum rs_log_target log;
    const char *log_path; /* for RS_LOG_FILE; %p not yet replaced */
};

extern struct rs_config rs_config;

/* Fills rs_config from variables as `get` (getenv) gives them. Each value that is not understood is left at its default and
 * adds one line to `complaints`: the variable, the value, and those that are understood. `get` may return NULL. */
void rs_config_read(struct rs_config *config, const char *(*get)(const char *name), struct rs_text *complaints);

#endif
