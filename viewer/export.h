/* export.h: a trace for other programs. One row a format in cmd_export.c's table, one file a format (export_*.c): each writes
 * what it is given to a stream, and knows nothing of the command line.
 *
 * Functions return false after a message when they could not; what was written then is not whole. The caller checks the stream. */
#ifndef RS_VIEWER_EXPORT_H
#define RS_VIEWER_EXPORT_H

#include "viewer/groups.h"
#include "viewer/symbols.h"

#include <stdio.h>

/* What there is to write. */
struct export {
    const struct model *model;
    const struct filter *filter; /* what was asked for; findings are chosen by it already */
    const struct groups *groups;
    struct symbols *symbols;
};

typedef bool export_writer(const struct export *export, FILE *stream);

export_writer export_json, export_chrome, export_dot, export_html, export_sarif, export_junit, export_otlp;

#endif
